"""Every card we emit keeps the rules of CDS Hooks 2.0: for all sample patients, through the real application."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from config.directory_file import load_directory
from config.settings import load_settings
from fhir_mappings.outbound.validate import validate
from fhir_mappings.prefetch import FULL, SHORT
from service.app import create_app
from service.bootstrap import build_deps
from service.domain.discharge import DischargeState
from service.domain.plan import Plan
from service.domain.publication import WriteState
from service.doors import cds_hooks
from service.pipeline import run
from service.sandbox.inpatients import bundle_of, inpatients
from tests import hooks
from tests.ehr_fixtures import LimitedEhr

SCHEMA = json.loads(Path(__file__).parents[2].joinpath("docs", "cds-hooks-cards.schema.json").read_text())
TODAY = datetime.now(UTC).date()
EACH = pytest.mark.parametrize("patient", inpatients(), ids=lambda patient: patient.id)


class Stage:
    """The application, its database, and an EHR that takes no ServiceRequest from us."""

    def __init__(self, client: Any, deps: Any) -> None:
        self.client = client
        self.deps = deps

    def cards(self, patient: Any, hook: str = "encounter-discharge", **more: Any) -> Any:
        resources = [entry["resource"] for entry in bundle_of(patient, TODAY)["entry"]]
        body = hooks.call_for(resources, patient.encounter, hook, **more)
        answer = self.client.post(f"/cds-services/{hook}", json=body)
        assert answer.status_code == 200, answer.text
        jsonschema.validate(answer.json, SCHEMA)
        return answer.json["cards"]

    def planned(self, patient: Any) -> tuple[Any, Plan]:
        """The discharge of a patient once it is planned and published, and its plan."""
        known = self.deps.store.discharges.of_stay("one", patient.encounter)
        if known.state is DischargeState.RECEIVED:
            run.plan_discharge(known.id, self.deps)
            run.publish_discharge(known.id, self.deps)
        return known, self.deps.store.plans.latest(known.id).plan


@pytest.fixture(scope="module", autouse=True)
def _time_enough() -> Iterator[None]:
    """A busy machine is not what these are about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cds_hooks, "ANSWER_SECONDS", 20)
        yield


@pytest.fixture(scope="module")
def stage(sandbox, database_url, tmp_path_factory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("cards")
    tenant = {"id": "one", "fhir_base_url": sandbox.base_url, "organization": "Example Hospital"}
    (folder / "tenants.yaml").write_text(yaml.safe_dump({"tenants": [tenant]}))
    settings = load_settings(
        {
            "HOMEWARD_DATABASE_URL": database_url,
            "HOMEWARD_TENANTS_FILE": str(folder / "tenants.yaml"),
            "HOMEWARD_OPEN_ACCESS": "on",
        }
    )
    deps = build_deps(settings)
    # It is all about reading: nothing of the shared sandbox is changed.
    ehr = LimitedEhr(
        deps.tenants["one"],
        transaction=False,
        batch=True,
        no_create=(
            "ServiceRequest",
            "CarePlan",
            "Goal",
            "Provenance",
            "DocumentReference",
            "Communication",
            "Condition",
            "Task",
        ),
    )
    deps = replace(deps, ehr=lambda _tenant: ehr)
    deps.store.directory.load("one", load_directory())
    yield Stage(create_app(settings, deps).test_client(), deps)
    ehr.close()
    deps.store.close()


@EACH
def test_the_first_answer_is_made_from_the_prefetch_and_keeps_the_rules(stage, patient):
    cards = stage.cards(patient)
    assert cards
    assert "being prepared" in cards[0]["detail"]
    assert not any("suggestions" in card for card in cards)


@EACH
def test_the_answer_from_the_plan_keeps_the_rules(stage, patient):
    stage.cards(patient)
    _, plan = stage.planned(patient)
    cards = stage.cards(patient)
    shared = plan.shareable()
    blocking = [one for one in shared.readiness.blockers if one.blocks] if shared.readiness else []
    assert [card["indicator"] for card in cards].count("critical") == len(blocking)
    assert "being prepared" not in cards[0]["detail"]


@EACH
def test_what_the_ehr_lacks_is_suggested_whole_and_valid(stage, patient):
    stage.cards(patient)
    known, _ = stage.planned(patient)
    lacking = [
        entry
        for entry in stage.deps.store.publications.entries(known.id)
        if entry.draft.resource_type == "ServiceRequest" and entry.wanted and not entry.reference
    ]
    assert all(entry.state in {WriteState.IMPOSSIBLE, WriteState.REFUSED} for entry in lacking)
    suggested = [one for card in stage.cards(patient) for one in card.get("suggestions", [])]
    assert len(suggested) == len(lacking)
    for suggestion in suggested:
        [action] = suggestion["actions"]
        validate(action["resource"])
        assert '"reference": "urn:uuid:' not in json.dumps(action["resource"])
        assert action["resource"]["subject"]["reference"] == f"Patient/{patient.id}"


@EACH
def test_the_same_plan_gives_the_same_cards(stage, patient):
    stage.cards(patient)
    stage.planned(patient)
    assert stage.cards(patient) == stage.cards(patient)


@EACH
def test_signing_the_discharge_shows_the_same(stage, patient):
    stage.cards(patient)
    stage.planned(patient)
    context = {
        "userId": "Practitioner/arthur-attending",
        "patientId": patient.id,
        "encounterId": patient.encounter.removeprefix("Encounter/"),
        "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": _order(patient)}]},
    }
    assert stage.cards(patient, "order-sign", context=context) == stage.cards(patient)


@pytest.mark.parametrize("name", ["lucia-ejemplo", "tyler-dummyson"])
def test_nothing_sensitive_stands_on_a_card(stage, name):
    patient = next(one for one in inpatients() if one.id == name)
    told = json.dumps(stage.cards(patient)).lower()
    stage.planned(patient)
    told += json.dumps(stage.cards(patient)).lower()
    for word in ("violence", "abuse", "harbor", "shelter", "overdose", "opioid", "naloxone", "suicid"):
        assert word not in told


def test_the_schema_says_no_to_what_the_specification_forbids(stage):
    patient = inpatients()[0]
    card = stage.cards(patient)[0]
    forbidden: tuple[dict[str, Any], ...] = (
        {"summary": "x" * 140},
        {"summary": ""},
        {"detail": None},
        {"indicator": "hard-stop"},
        {"suggestions": []},
        {"selectionBehavior": "any"},
        {"links": [{"label": "x", "url": "https://x.example", "type": "absolute", "appContext": "y"}]},
        {"overrideReasons": [{"code": "x", "system": "https://x.example"}]},
        {"source": {"label": "x", "url": "https://x.example"}},
    )
    for wrong in forbidden:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"cards": [card | wrong]}, SCHEMA)


@pytest.mark.parametrize("templates", [FULL, SHORT], ids=["encounter-discharge", "order-sign"])
def test_discovery_names_its_prefetch(stage, templates):
    services = stage.client.get("/cds-services").json["services"]
    assert templates in [service["prefetch"] for service in services]
    for service in services:
        assert all(service[name] for name in ("hook", "id", "title", "description", "prefetch"))


def _order(patient: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "58000006"}]},
        "subject": {"reference": f"Patient/{patient.id}"},
    }
