"""Plans in EHRs that play Epic and Oracle Health by their written rules: each signed change once, and nothing is lost or twice."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from config.ehr_quirks import load_quirks
from config.tenants import Tenant
from fhir_mappings.outbound.further import called_off_resources
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.plan import plan_resources
from fhir_mappings.outbound.reference_line import references_in_text
from service.domain.publication import WriteStanding, WriteState
from service.ehr.client import Ehr, Written
from service.errors import WriteUnknown
from service.pipeline.publishing.publish import Way, publish, withdraw
from service.sandbox.ehr import start_sandbox
from service.sandbox.mode import INSIDE, mode_of
from tests.builders import MemoryLedger, interventions, need, planned
from tests.ehr_fixtures import AUTHOR

RECORDED = datetime.now(UTC).replace(microsecond=0)


class ForgetfulEhr(Ehr):
    """Loses the answers to the next creates."""

    losing = 0

    def create(self, resource: dict[str, Any], *, if_none_exist: str = "") -> Written:
        written = super().create(resource, if_none_exist=if_none_exist)
        if self.losing:
            self.losing -= 1
            raise WriteUnknown("POST: sent, and no answer came.")
        return written


@dataclass
class Chart:
    """A stay in the EHR, its plan as it stands, and what was written of it."""

    ehr: ForgetfulEhr
    plan: Any
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    signed: bool = False
    dropped: dict[str, frozenset[str]] = field(default_factory=dict)
    at: datetime = RECORDED

    def write(self, *, off: bool = False) -> None:
        """What a job does, some minutes after the one before."""
        self.at += timedelta(minutes=10)
        plan = self.plan

        def called_off() -> Any:
            return called_off_resources(plan, "The patient stays.", author=AUTHOR, recorded=RECORDED)

        try:
            if off:
                withdraw(
                    self.ledger,
                    self.ehr,
                    author=AUTHOR,
                    recorded=RECORDED,
                    at=self.at,
                    called_off=called_off,
                )
            else:
                self.ledger.want(plan_resources(plan, author=AUTHOR, recorded=RECORDED))
                publish(self.ledger, self.ehr, way=self.way())
        except WriteUnknown:
            return

    def way(self) -> Way:
        return Way(
            author=AUTHOR,
            recorded=RECORDED,
            at=self.at,
            lower=lambda: lower_resources(self.plan, author=AUTHOR, recorded=RECORDED),
            is_signed=lambda _: self.signed,
            vanished=lambda: self.dropped,
            tell_vanished=lambda kind, names: self.dropped.update({kind: frozenset(names)}),
        )

    def notes(self) -> list[str]:
        """The texts of our documents as the EHR holds them, by the order of their making."""
        found = inside(self.ehr.tenant.fhir_base_url, "GET", "DocumentReference?_count=100")
        documents = [entry["resource"] for entry in found.get("entry", ())]
        texts = [text_of(self.ehr.tenant.fhir_base_url, document) for document in documents]
        return [text for text in texts if references_in_text(text)]

    def newest(self) -> Any:
        rows = [row for row in self.ledger.entries() if row.draft.resource_type == "DocumentReference"]
        return max(rows, key=lambda row: row.draft.key)


def text_of(base: str, document: dict[str, Any]) -> str:
    [part] = [content["attachment"] for content in document["content"]]
    if "data" in part:
        return base64.b64decode(part["data"]).decode()
    binary = inside(base, "GET", part["url"].removeprefix(f"{base}/"))
    return base64.b64decode(binary["data"]).decode()


def inside(base: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    headers = {"Accept": "application/fhir+json", **dict(INSIDE)}
    answer = requests.request(method, f"{base}/{path}", json=body, headers=headers, timeout=30)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture(params=["epic-like", "oracle-like"])
def chart(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Chart]:
    with start_sandbox(tmp_path, mode=mode_of(request.param)) as running:
        base = running.base_url
        patient = inside(base, "POST", "Patient", {"resourceType": "Patient"})["id"]
        stay = {
            "resourceType": "Encounter",
            "status": "in-progress",
            "class": {"code": "IMP"},
            "subject": {"reference": f"Patient/{patient}"},
        }
        encounter = inside(base, "POST", "Encounter", stay)["id"]
        made = planned(need(evidence=(), interventions=interventions()))
        plan = replace(
            made,
            tenant="general",
            patient=replace(made.patient, reference=f"Patient/{patient}"),
            encounter=replace(made.encounter, reference=f"Encounter/{encounter}", end=None),
        )
        tenant = Tenant(id="general", fhir_base_url=base, organization="Example", requests_per_second=1e6)
        with ForgetfulEhr(tenant, quirks=load_quirks(), sleep=lambda _: None) as ehr:
            yield Chart(ehr, plan)


def test_each_signed_change_is_told_once_and_what_is_off_is_told_to_be_off(chart):
    chart.write()
    assert chart.notes() == []
    assert chart.newest().standing is WriteStanding.UNSIGNED
    chart.signed = True
    for _ in range(2):
        chart.write()
    assert len(chart.notes()) == 1
    assert chart.newest().standing is WriteStanding.LANDED

    chart.plan = replace(chart.plan, goals=())
    for _ in range(2):
        chart.write()
    assert len(chart.notes()) == 2
    assert sum("Replaces the discharge plan of" in text for text in chart.notes()) == 1

    for _ in range(2):
        chart.write(off=True)
    assert len(chart.notes()) == 3
    assert sum("no longer holds" in text for text in chart.notes()) == 1
    for row in chart.ledger.entries():
        assert row.state is not WriteState.REFUSED, row.detail


def test_a_note_whose_answer_was_lost_is_found_again_without_an_identifier(chart):
    chart.signed, chart.ehr.losing = True, 1
    chart.write()
    assert chart.newest().state is WriteState.SENDING
    for _ in range(3):
        chart.write()
    assert len(chart.notes()) == 1
    assert chart.newest().standing is WriteStanding.LANDED
    assert chart.newest().reference
