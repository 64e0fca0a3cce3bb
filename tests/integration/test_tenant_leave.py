"""A hospital that leaves takes its drafts and Subscriptions along; what people approved stays, and nothing is planned."""

from contextlib import ExitStack
from datetime import UTC, datetime

import orjson
import pytest
from click.testing import CliRunner

from config.directory_file import load_directory
from config.settings import load_settings
from service.app import create_app
from service.bootstrap import build_deps
from service.cli import main
from service.domain.decision import Choice, Signer
from service.domain.discharge import Action, DischargeState, Trigger
from service.pipeline.intake import intake
from service.pipeline.sign import Act, sign
from service.sandbox.hospital import Hospital
from service.sandbox.inpatients import load_inpatients

_TENANT = """\
tenants:
  - id: leaving
    fhir_base_url: {url}
    organization: Hospital
    subscription_secret: env:SUBSCRIPTION_SECRET
    write_policy: full
"""


@pytest.fixture
def house(empty_sandbox, new_database, tmp_path, monkeypatch):
    """The deployment's settings in this process's environment, its adapters, the EHR and its patients."""
    (tmp_path / "tenants.yaml").write_text(_TENANT.format(url=empty_sandbox.base_url))
    environ = {
        "HOMEWARD_DATABASE_URL": new_database("template_for_tests"),
        "HOMEWARD_TENANTS_FILE": str(tmp_path / "tenants.yaml"),
        "SUBSCRIPTION_SECRET": "swordfish",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    hospital = Hospital(empty_sandbox.base_url)
    patients = list(load_inpatients(empty_sandbox.base_url, datetime.now(UTC).date()))[:2]
    with ExitStack() as stack:
        deps = build_deps(load_settings(environ))
        stack.callback(deps.store.close)
        stack.callback(deps.ehr("leaving").close)
        deps.store.directory.load("leaving", load_directory())
        yield deps, hospital, patients


def run(*words, code=0):
    result = CliRunner().invoke(main, ["tenant", *words])
    assert result.exit_code == code, result.output
    return result.output


def plan(deps, patient, order=""):
    found = intake(Trigger("leaving", patient.encounter, Action.PLAN, "rest", order), deps)
    deps.jobs.work(until_idle=True)
    return found


def statuses(hospital, patient, kind):
    return {f"{kind}/{resource['id']}": resource["status"] for resource in hospital.ours(patient, kind)}


def subscribed(hospital, house_url):
    """An R4 Subscription as this hospital made it: known by its endpoint."""
    endpoint = f"{house_url}/subscriptions/leaving"
    return hospital.create(
        {
            "resourceType": "Subscription",
            "status": "requested",
            "reason": "x",
            "criteria": "ServiceRequest?code=http://snomed.info/sct|58000006",
            "channel": {"type": "rest-hook", "endpoint": endpoint, "payload": "application/fhir+json"},
        }
    )


def test_a_hospital_leaves_and_comes_back(house):
    deps, hospital, patients = house
    approved, drafted = patients
    discharges = [plan(deps, patient) for patient in patients]
    sign(discharges[0].id, Act(choice=Choice.APPROVED, reason="seen"), Signer("Dana Example"), deps)
    deps.jobs.work(until_idle=True)
    active = {
        name for name, status in statuses(hospital, approved, "ServiceRequest").items() if status == "active"
    }
    drafts = {
        name for name, status in statuses(hospital, drafted, "ServiceRequest").items() if status == "draft"
    }
    assert active
    assert drafts
    subscription = subscribed(hospital, deps.settings.public_url)

    foreseen = orjson.loads(run("leave", "leaving", "--dry-run", "--format", "json"))
    assert foreseen["subscriptions"] == [subscription]
    assert active <= set(foreseen["approved"])
    assert hospital.read(subscription)["status"] != "off"
    assert {deps.store.discharges.get(discharge.id).state for discharge in discharges} == {
        DischargeState.PUBLISHED
    }

    done = orjson.loads(run("leave", "leaving", "--format", "json"))
    assert done["withdrawn"] == foreseen["withdrawn"] > 0
    assert done["approved"] == foreseen["approved"]
    assert hospital.read(subscription)["status"] == "off"
    assert {statuses(hospital, drafted, "ServiceRequest")[name] for name in drafts} == {"revoked"}
    assert {statuses(hospital, approved, "ServiceRequest")[name] for name in active} == {"active"}
    assert "draft" not in statuses(hospital, drafted, "CarePlan").values()
    assert {deps.store.discharges.get(discharge.id).state for discharge in discharges} == {
        DischargeState.CANCELLED
    }

    assert plan(deps, drafted, "ServiceRequest/another") is None
    again = orjson.loads(run("leave", "leaving", "--format", "json"))  # twice is as good as once
    assert (again["discharges"], again["withdrawn"], again["subscriptions"]) == (0, 0, [])
    assert "left" in run("list")

    assert "served again" in run("join", "leaving")
    assert "served already" in run("join", "leaving")
    assert plan(deps, drafted, "ServiceRequest/another").id == discharges[1].id
    assert deps.store.discharges.get(discharges[1].id).state is DischargeState.PUBLISHED


def test_a_hospital_that_is_not_in_the_file_cannot_leave(house):
    del house
    run("leave", "unknown", code=2)
    run("join", "unknown", code=2)


def test_the_list_names_a_hospital_that_only_the_database_knows(house):
    deps, _, _ = house
    deps.store.hospitals.register(["removed"], deps.now())
    listed = {row["tenant"]: row["state"] for row in orjson.loads(run("list", "--format", "json"))["tenants"]}
    assert listed == {"leaving": "served", "removed": "not configured"}


def test_a_notification_for_a_hospital_that_another_process_serves_is_asked_for_again(house):
    deps, _, _ = house
    deps.store.hospitals.register(["added"], deps.now())
    client = create_app(deps.settings, deps).test_client()
    answers = {name: client.post(f"/subscriptions/{name}") for name in ("added", "unheard-of", "leaving")}
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "added": 503,
        "unheard-of": 401,
        "leaving": 401,
    }
    assert answers["added"].headers["Retry-After"]
