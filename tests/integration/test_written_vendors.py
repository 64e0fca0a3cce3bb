"""A signed plan in EHRs that enforce their written rules, over HTTP: what stands in the chart is what the ledger says."""

import base64
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from config.ehr_quirks import load_quirks
from config.tenants import Tenant
from fhir_mappings.inbound.bundle_file import read_bundle
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.further import called_off_resources
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.plan import plan_resources
from service.commands.plan_file import plan_of
from service.domain.decision import WHOLE_PLAN
from service.domain.plan import Plan
from service.domain.publication import Landing, WriteState
from service.domain.write_shape import ProblemList
from service.ehr.client import Ehr
from service.pipeline.decide import decide
from service.pipeline.publishing.publish import Way, publish, withdraw
from service.sandbox.ehr import Sandbox, start_sandbox
from service.sandbox.inpatients import load_inpatients
from service.sandbox.mode import INSIDE, mode_of
from tests.builders import MemoryLedger, decision

TODAY = datetime.now(UTC).date()
RECORDED = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)
AUTHOR = Author("Homeward", "Example Hospital", tenant="t", social_work_reference="Practitioner/sarah")
SAMPLE = Path(__file__).parents[2] / "service" / "sandbox" / "patients" / "01-agnes-sampleford.json"


def signed_plan(today: date) -> Plan:
    plan = plan_of(read_bundle(SAMPLE.read_bytes()), encounter=None, today=today)
    return replace(decide(plan, [decision(WHOLE_PLAN)]), tenant="t", care_team=())


def held(sandbox: Sandbox, address: str) -> list[dict[str, Any]]:
    """What the hospital's own side finds."""
    answer = requests.get(f"{sandbox.base_url}/{address}", headers=dict(INSIDE), timeout=30)
    answer.raise_for_status()
    return [entry["resource"] for entry in answer.json().get("entry", [])]


def words_of(document: dict[str, Any]) -> str:
    [part] = document["content"]
    return " ".join(base64.b64decode(part["attachment"]["data"]).decode().split())


@pytest.mark.parametrize(
    ("vendor", "kinds"),
    [
        ("epic-like", {"DocumentReference"}),
        ("oracle-like", {"DocumentReference", "Communication", "Condition", "Provenance"}),
    ],
)
def test_a_signed_plan_lands_once_in_the_vendors_own_form(vendor, kinds, tmp_path):
    plan = signed_plan(TODAY)
    with start_sandbox(tmp_path, mode=mode_of(vendor)) as sandbox:
        list(load_inpatients(sandbox.base_url, TODAY))
        tenant = Tenant(
            id="t",
            fhir_base_url=sandbox.base_url,
            organization="Example Hospital",
            author_practitioner="Practitioner/sarah",
            social_work_reference="Practitioner/sarah",
            problems=ProblemList.ENCOUNTER_DIAGNOSIS,
        )
        ledger = MemoryLedger(*plan_resources(plan, author=AUTHOR, recorded=RECORDED))
        lower = partial(lower_resources, plan, author=AUTHOR, recorded=RECORDED)
        with Ehr(tenant, quirks=load_quirks(), sleep=lambda _: None) as ehr:
            for run in range(2):
                at = RECORDED + timedelta(hours=run)
                way = Way(author=AUTHOR, recorded=RECORDED, at=at, lower=lower, is_signed=lambda _: True)
                publish(ledger, ehr, way=way)
        landed = [entry for entry in ledger.entries() if entry.reference]
        assert {entry.draft.resource_type for entry in landed} == kinds
        assert {entry.state for entry in landed} == {WriteState.LANDED}
        notes = [
            document
            for document in held(sandbox, f"DocumentReference?patient={plan.patient.reference}")
            if document["type"]["coding"][0]["code"] == "18776-5"
        ]
    [note] = notes
    assert note["docStatus"] == "final"
    words = words_of(note)
    for referral in plan.shareable().referrals:
        assert " ".join(referral.title.split()) in words
    asked = [entry for entry in ledger.entries() if entry.draft.resource_type == "ServiceRequest"]
    assert {entry.rung for entry in asked} == {Landing.DOCUMENT}


def test_whoever_got_the_plan_as_a_message_is_told_in_one_that_it_was_called_off(tmp_path):
    plan = signed_plan(TODAY)
    with start_sandbox(tmp_path, mode=mode_of("oracle-like")) as sandbox:
        list(load_inpatients(sandbox.base_url, TODAY))
        tenant = Tenant(
            id="t",
            fhir_base_url=sandbox.base_url,
            organization="Example Hospital",
            author_practitioner="Practitioner/sarah",
            social_work_reference="Practitioner/sarah",
        )
        ledger = MemoryLedger(*plan_resources(plan, author=AUTHOR, recorded=RECORDED))
        lower = partial(lower_resources, plan, author=AUTHOR, recorded=RECORDED)
        off = partial(called_off_resources, plan, "The patient stays.", author=AUTHOR, recorded=RECORDED)
        with Ehr(tenant, quirks=load_quirks(), sleep=lambda _: None) as ehr:
            way = Way(author=AUTHOR, recorded=RECORDED, at=RECORDED, lower=lower, is_signed=lambda _: True)
            publish(ledger, ehr, way=way)
            for hour in (1, 2):
                at = RECORDED + timedelta(hours=hour)
                withdraw(ledger, ehr, author=AUTHOR, recorded=RECORDED, at=at, called_off=off)
        told = [entry for entry in ledger.entries() if entry.draft.resource_type == "Communication"]
        texts = [message_in(sandbox, entry.reference) for entry in told if entry.reference]
    assert len(texts) == 2
    assert "no longer holds" not in texts[0]
    assert "no longer holds" in texts[1]
    assert "The patient stays." in texts[1]


def message_in(sandbox: Sandbox, reference: str) -> str:
    """The text of a message as the hospital's own side reads it."""
    answer = requests.get(f"{sandbox.base_url}/{reference}", headers=dict(INSIDE), timeout=30)
    [part] = answer.json()["payload"]
    return " ".join(base64.b64decode(part["contentAttachment"]["data"]).decode().split())
