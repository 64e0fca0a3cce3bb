"""From the hook that a discharge calls to the order that a clinician signs, in an EHR that takes orders by their key alone."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import requests
import yaml

from config.directory_file import load_directory
from config.settings import load_settings
from service.app import create_app
from service.bootstrap import build_deps
from service.domain.discharge import DischargeState
from service.domain.preference_list import service_of
from service.domain.publication import WriteState
from service.domain.write_reason import WriteReason
from service.doors import cds_hooks
from service.pipeline import run
from service.presentation.landing import landing
from service.sandbox.ehr import start_sandbox
from service.sandbox.epic_hooks import KEYS, EpicHooks
from service.sandbox.hospital import Hospital
from service.sandbox.inpatients import bundle_of, inpatients, load_inpatients, write
from service.sandbox.mode import mode_of
from tests import hooks

TODAY = datetime.now(UTC).date()
SIGNER = "Practitioner/arthur-attending"
#: What the hospital has named, of what the first sample patients need; the neutral request is in every plan.
TABLE: dict[str, Any] = {
    "social-work-follow-up": {"code": "SOCWORK", "read_as": ["70001"]},
    "medication-management": {"code": "MEDREV", "read_as": ["70002"]},
}


@pytest.fixture(scope="module", autouse=True)
def _time_enough() -> Iterator[None]:
    """A busy machine is not what these are about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cds_hooks, "ANSWER_SECONDS", 20)
        yield


@pytest.fixture(scope="module")
def house(tmp_path_factory, database_url) -> Iterator[tuple[str, Any, Any]]:
    """An EHR like Epic's, and Homeward's settings and adapters for it."""
    folder = tmp_path_factory.mktemp("epic")
    with start_sandbox(folder, mode=mode_of("epic-like")) as sandbox:
        next(iter(load_inpatients(sandbox.base_url, TODAY)))
        tenant = {"id": "one", "fhir_base_url": sandbox.base_url, "organization": "Example Hospital"}
        (folder / "tenants.yaml").write_text(
            yaml.safe_dump({"tenants": [{**tenant, "preference_list": TABLE}]})
        )
        settings = load_settings(
            {
                "HOMEWARD_DATABASE_URL": database_url,
                "HOMEWARD_TENANTS_FILE": str(folder / "tenants.yaml"),
                "HOMEWARD_OPEN_ACCESS": "on",
            }
        )
        deps = build_deps(settings)
        deps.store.directory.load("one", load_directory())
        yield sandbox.base_url, settings, deps
        deps.store.close()


class Ward:
    """A patient of one test, whose discharge is prepared in the EHR."""

    def __init__(self, url: str, settings: Any, deps: Any) -> None:
        self.deps, self.hospital, self.database = deps, Hospital(url), settings.database_url
        self.client = create_app(settings, deps).test_client()
        self.epic = EpicHooks({row["code"]: row["read_as"][0] for row in TABLE.values()})
        sample = inpatients()[0]
        self.patient = f"{sample.id}-{uuid4().hex[:8]}"
        self.stay = sample.encounter.replace(sample.id, self.patient)
        bundle = json.loads(json.dumps(bundle_of(sample, TODAY)).replace(sample.id, self.patient))
        self.resources = [entry["resource"] for entry in bundle["entry"]]
        with requests.Session() as session:
            session.trust_env = False
            write(session, url, bundle)

    def cards(self) -> list[dict[str, Any]]:
        prefetch = hooks.prefetch_of(self.resources, self.stay)
        encounter = self.stay.partition("/")[2]
        body = self.epic.call(prefetch, self.patient, encounter, "encounter-discharge")
        answer = self.client.post("/cds-services/patient-view", json=body)
        assert answer.status_code == 200, answer.text
        return list((answer.json or {})["cards"])

    def tell(self, *entries: dict[str, Any]) -> None:
        answer = self.client.post("/cds-services/patient-view/feedback", json={"feedback": list(entries)})
        assert answer.status_code == 200, answer.text

    @property
    def discharge(self) -> Any:
        return self.deps.store.discharges.of_stay("one", self.stay)

    def work(self) -> None:
        """What the worker does with what is due."""
        if self.discharge.state is DischargeState.RECEIVED:
            run.plan_discharge(self.discharge.id, self.deps)
        if self.discharge.state is DischargeState.PLANNED:
            run.publish_discharge(self.discharge.id, self.deps)

    def jobs_left_behind(self, ahead: timedelta) -> int:
        """How many jobs about this discharge wait and come by then, of those that cards left behind."""
        with psycopg.connect(self.database) as connection:
            # What was deferred before is done: the steps are run by hand here.
            connection.execute(
                "DELETE FROM procrastinate_jobs WHERE args->>'discharge' = %s", [str(self.discharge.id)]
            )
        self.cards()
        query = """
            SELECT count(*) FROM procrastinate_jobs WHERE task_name LIKE '%%publish' AND status = 'todo'
            AND args->>'discharge' = %s AND scheduled_at <= now() + %s
        """
        with psycopg.connect(self.database) as connection:
            row = connection.execute(query, [str(self.discharge.id), ahead]).fetchone()
        return int(row[0]) if row else 0

    def look_again(self) -> None:
        """What the worker does when the job comes that a showing has left behind."""
        run.publish_discharge(self.discharge.id, self.deps)

    def entries(self) -> dict[str, Any]:
        found = self.deps.store.publications.entries(self.discharge.id)
        return {entry.draft.key: entry for entry in found if entry.draft.resource_type == "ServiceRequest"}

    def sign(self, suggestion: dict[str, Any], *, later: int = 1) -> str:
        """A clinician signs what the hospital's defaults made of a suggestion; the order's reference."""
        at = datetime.now(UTC) + timedelta(seconds=later)
        order = self.epic.signed_order(suggestion, self.stay, at, signer=SIGNER)
        return self.hospital.create(order)

    def standing(self, key: str) -> Any:
        plan = self.deps.store.plans.latest(self.discharge.id).plan
        rows = landing(plan, self.deps.store.publications.entries(self.discharge.id))
        return next(row for row in rows if row.item == key)


@pytest.fixture
def ward(house) -> Ward:
    made = Ward(*house)
    assert made.cards()  # the first look, while the plan is made behind it
    made.work()
    assert made.discharge.state is DischargeState.PUBLISHED
    return made


def key_of(suggestion: dict[str, Any]) -> Any:
    [coding] = suggestion["actions"][0]["resource"]["code"]["coding"]
    assert coding["system"] == KEYS
    return coding["code"]


def accepted(ward: Ward, card: dict[str, Any], *suggestions: dict[str, Any]) -> None:
    ward.tell(ward.epic.accepted(card, suggestions, datetime.now(UTC)))


def test_only_what_the_hospital_has_named_is_suggested_and_nothing_of_it_is_dropped(ward):
    cards = ward.cards()
    shown = [suggestion for card in cards for suggestion in card.get("suggestions", [])]
    assert [suggestion for _, suggestion in ward.epic.taken(cards)] == shown
    named = {key for key in ward.entries() if service_of(key) in TABLE}
    assert {key_of(suggestion) for suggestion in shown} == {TABLE[service_of(key)]["code"] for key in named}
    assert named
    others = {key: entry for key, entry in ward.entries().items() if key not in named}
    assert {entry.reason for entry in others.values()} == {WriteReason.NO_ORDER_CODE}
    assert {ward.standing(key).code for key in others} == {"no-order-code"}


def test_what_was_taken_and_signed_is_the_clinicians_and_no_second_order(ward):
    card, taken = next(ward.epic.taken(ward.cards()))
    before = len(ward.hospital.search("ServiceRequest", patient=ward.patient))
    reference = ward.sign(taken)
    accepted(ward, card, taken)
    ward.work()
    [(key, entry)] = [found for found in ward.entries().items() if found[1].reference]
    assert (entry.state, entry.reference) == (WriteState.THEIRS, reference)
    assert ward.standing(key).standing == "theirs"
    assert (ward.standing(key).reference, ward.standing(key).code) == (reference, "signed-there")
    # Who signed it has approved it.
    plan = ward.deps.store.plans.latest(ward.discharge.id).plan
    approval = plan.approval_of(key)
    assert approval is not None
    assert approval.by.reference == SIGNER
    assert len(ward.hospital.search("ServiceRequest", patient=ward.patient)) == before + 1
    again = [key_of(suggestion) for _, suggestion in ward.epic.taken(ward.cards())]
    assert key_of(taken) not in again


def test_it_is_found_without_feedback_and_not_before_it_was_shown(ward):
    assert ward.jobs_left_behind(timedelta(hours=1)) == 1
    _, taken = next(ward.epic.taken(ward.cards()))
    ward.sign(taken, later=-3600)
    ward.look_again()
    assert not any(entry.reference for entry in ward.entries().values())
    reference = ward.sign(taken)
    ward.look_again()
    assert [entry.reference for entry in ward.entries().values() if entry.reference] == [reference]


def test_of_two_orders_none_is_named(ward):
    card, taken = next(ward.epic.taken(ward.cards()))
    ward.sign(taken)
    ward.sign(taken, later=2)
    accepted(ward, card, taken)
    ward.work()
    reasons = {entry.reason for entry in ward.entries().values()}
    assert WriteReason.WHICH_ORDER in reasons
    assert not any(entry.reference for entry in ward.entries().values())


def test_what_was_set_aside_is_declined_with_all_its_reasons(ward):
    card, _ = next(ward.epic.taken(ward.cards()))
    ward.tell(
        ward.epic.overridden(card, ["already-arranged", "handled-later"], "by phone", datetime.now(UTC))
    )
    ward.work()
    assert not any("suggestions" in shown for shown in ward.cards())
    declined = ward.deps.store.decisions.of(ward.discharge.id)
    assert {decision.reason for decision in declined} == {"already-arranged, handled-later: by phone"}
