"""A sensitive referral in an EHR that enforces security labels: there with the patient's consent, and only with it."""

import json
from datetime import UTC, datetime

import pytest
import yaml

from config.directory_file import load_directory
from config.settings import load_settings
from service.bootstrap import build_deps
from service.domain.discharge import Action, DischargeState, Trigger
from service.pipeline.intake import intake
from service.sandbox.inpatients import load_inpatients
from tests.builders import resource
from tests.ehr_fixtures import in_ehr, put

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
    tenants = tmp_path / "tenants.yaml"
    tenants.write_text(yaml.safe_dump({"tenants": [hospital]}), encoding="utf-8")
    made = build_deps(
        load_settings({"HOMEWARD_DATABASE_URL": database_url, "HOMEWARD_TENANTS_FILE": str(tenants)})
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
