"""A sensitive referral in an EHR that enforces security labels: there with the patient's consent, and only with it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
import yaml

from config.directory_file import load_directory
from config.settings import load_settings
from service.app import create_app
from service.bootstrap import build_deps
from service.domain.discharge import Action, DischargeState, Trigger
from service.domain.publication import Landing, WriteState
from service.domain.write_reason import WriteReason
from service.doors.caller import Caller
from service.pipeline import run
from service.pipeline.intake import intake
from service.sandbox.inpatients import load_inpatients
from tests.builders import resource
from tests.ehr_fixtures import LimitedEhr, in_ehr, put
from tests.marks import mark

LABELS = ("SDV", "VIO", "BH", "MH", "SSP", "EMOTDIS", "PSY")
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
PRIVACY = {"coding": [{"system": SCOPE, "code": "patient-privacy"}]}


@pytest.fixture
def deps(sandbox, database_url, tmp_path):
    hospital = {
        "id": "one",
        "fhir_base_url": sandbox.base_url,
        "organization": "Example Hospital",
        "attestations": {"enforces_security_labels": "yes"},
    }
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, discharges CASCADE")
    tenants = tmp_path / "tenants.yaml"
    tenants.write_text(yaml.safe_dump({"tenants": [hospital]}), encoding="utf-8")
    made = build_deps(
        load_settings(
            {
                "HOMEWARD_DATABASE_URL": database_url,
                "HOMEWARD_TENANTS_FILE": str(tenants),
                "HOMEWARD_OPEN_ACCESS": "on",
            }
        )
    )
    made.store.directory.load("one", load_directory())
    yield made
    made.store.close()


@pytest.fixture
def lucia(sandbox):
    people = load_inpatients(sandbox.base_url, datetime.now(UTC).date())
    return next(one for one in people if one.id.startswith("lucia"))


def discharged(deps, lucia, order):
    """Her stay planned, or planned anew, and published; what of ours the EHR then holds."""
    intake(Trigger("one", lucia.encounter, Action.PLAN, "subscription", f"ServiceRequest/{order}"), deps)
    deps.jobs.work(until_idle=True)
    [found] = deps.store.discharges.latest("one")
    assert found.state is DischargeState.PUBLISHED
    return in_ehr(deps.ehr("one"), f"Patient/{lucia.id}")


def consent(lucia, status):
    labels = [{"system": ACT_CODE, "code": label} for label in LABELS]
    return resource(
        "Consent",
        f"{lucia.id}-agrees",
        patient=f"Patient/{lucia.id}",
        status=status,
        scope=PRIVACY,
        category=[{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        provision={"type": "permit", "securityLabel": labels},
    )


def restricted(found):
    return [one for one in found["ServiceRequest"] if one["meta"].get("security")]


def test_with_consent_it_is_there_with_its_labels_and_without_it_is_taken_back(deps, lucia, sandbox):
    assert restricted(discharged(deps, lucia, "first")) == []

    put(sandbox.base_url, consent(lucia, "active"))
    found = discharged(deps, lucia, "second")
    asked = restricted(found)
    assert asked
    assert all({"R", "SDV"} <= {label["code"] for label in one["meta"]["security"]} for one in asked)
    assert {(one["status"], one["intent"]) for one in asked} == {("draft", "proposal")}
    [plan] = found["CarePlan"]
    told = json.dumps(plan)
    assert not [one for one in asked if f"ServiceRequest/{one['id']}" in told or one["code"]["text"] in told]
    assert "Social work follow-up" in told

    put(sandbox.base_url, consent(lucia, "inactive"))
    after = restricted(discharged(deps, lucia, "third"))
    assert {one["id"] for one in after} == {one["id"] for one in asked}
    assert {one["status"] for one in after} == {"revoked"}


@pytest.fixture
def page(deps):
    return create_app(deps.settings, deps).test_client()


def everything_told(page, discharge, lucia):
    """What every door says of her discharge to a caller."""
    asked = {
        "hook": "encounter-discharge",
        "hookInstance": str(uuid4()),
        "context": {
            "userId": "Practitioner/example",
            "patientId": lucia.id,
            "encounterId": lucia.encounter.partition("/")[2],
        },
    }
    answers = [
        page.get(f"/api/v1/discharges/{discharge}"),
        page.get(f"/discharges/{discharge}"),
        page.get("/api/v1/caseload?tenant=one"),
        page.post("/cds-services/encounter-discharge", json=asked),
    ]
    assert {answer.status_code for answer in answers} == {200}
    return "".join(answer.text for answer in answers)


def test_who_may_not_see_it_is_told_of_it_by_no_door(deps, lucia, sandbox, page, monkeypatch):
    put(sandbox.base_url, consent(lucia, "active"))
    discharged(deps, lucia, "fourth")
    [found] = deps.store.discharges.latest("one")
    entries = deps.store.publications.entries(found.id)
    hidden = [entry.draft for entry in entries if entry.wanted and entry.draft.is_restricted]
    words = {word for one in hidden for word in (one.key, one.identifier, _title(one)) if word}
    assert any(word in everything_told(page, found.id, lucia) for word in words)
    monkeypatch.setattr(Caller, "sees_sensitive_items", lambda _self: False)
    told = everything_told(page, found.id, lucia)
    assert [word for word in words if word in told] == []


def test_a_caseload_counts_none_of_it_for_who_may_not_see_it(deps, lucia, sandbox, page, monkeypatch):
    put(sandbox.base_url, consent(lucia, "active"))
    discharged(deps, lucia, "sixth")
    [found] = deps.store.discharges.latest("one")
    entries = deps.store.publications.entries(found.id)
    secret = next(entry.draft.key for entry in entries if entry.wanted and entry.draft.is_restricted)
    with deps.store.hold(found.id) as ledger:
        mark(ledger, secret, WriteState.THEIRS, reason=WriteReason.CHANGED_BY_PERSON)

    def conflicts():
        [line] = page.get("/api/v1/caseload?tenant=one").json["cases"]
        return line["waits"].get("conflicts", 0)

    assert conflicts() == 1
    monkeypatch.setattr(Caller, "sees_sensitive_items", lambda _self: False)
    assert conflicts() == 0


def test_an_ehr_that_takes_no_orders_is_offered_none_of_it(deps, lucia, sandbox, page):
    put(sandbox.base_url, consent(lucia, "active"))
    discharge = intake(Trigger("one", lucia.encounter, Action.PLAN, "rest", "ServiceRequest/fifth"), deps)
    assert discharge is not None
    with LimitedEhr(deps.tenants["one"], no_create=("ServiceRequest", "Goal")) as limited:
        less = replace(deps, ehr=lambda _tenant: limited)
        run.plan_discharge(discharge.id, less)
        run.publish_discharge(discharge.id, less)
    entries = deps.store.publications.entries(discharge.id)
    hidden = [
        entry for entry in entries if entry.wanted and entry.draft.is_restricted and not entry.reference
    ]
    assert {entry.rung for entry in hidden if entry.draft.resource_type == "ServiceRequest"} == {Landing.PAGE}
    asked = {"userId": "Practitioner/example", "patientId": lucia.id}
    context = asked | {"encounterId": lucia.encounter.partition("/")[2]}
    body = {"hook": "encounter-discharge", "hookInstance": str(uuid4()), "context": context}
    cards = page.post("/cds-services/encounter-discharge", json=body).json["cards"]
    assert [card for card in cards if "suggestions" in card]
    told = json.dumps(cards)
    assert not [entry for entry in hidden if _title(entry.draft) in told or entry.draft.identifier in told]


def _title(draft):
    body = draft.body
    return (body.get("code") or body.get("description") or {}).get("text", "none has this")
