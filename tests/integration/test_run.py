"""Each step of a discharge: when it is due, what it commits, and that it does nothing twice or too late."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from config.tenants import Tenant
from service.bootstrap import steps
from service.domain.audit import Event
from service.domain.discharge import Action, Discharge, DischargeState, Trigger
from service.domain.publication import Receipt, WriteState
from service.errors import ConfigurationError, EhrUnavailable
from service.jobs import Jobs, Task
from service.pipeline import run
from service.pipeline.intake import intake
from service.pipeline.waking import Waker
from service.store import Store
from tests.builders import ENCOUNTER, interventions, need, planned, record, stay
from tests.marks import mark_landed, mark_sending

_BEGAN = datetime(2024, 3, 5, 8, 0, tzinfo=UTC)
HOSPITAL = Tenant(id="one", fhir_base_url="http://127.0.0.1:9/fhir", organization="Example Hospital")


@dataclass
class Deps:
    """A deployment whose steps into the EHR are scripted by the test."""

    store: Store
    jobs: Any
    tenants: dict[str, Tenant] = field(default_factory=lambda: {"one": HOSPITAL})
    content: Any = None
    settings: Any = field(default_factory=lambda: SimpleNamespace(linked_url=""))
    waker: Waker = field(default_factory=lambda: Waker(lambda _: 0))
    minutes: int = 0
    told: list[str] = field(default_factory=list)

    def now(self):
        self.minutes += 1
        return _BEGAN + timedelta(minutes=self.minutes)

    def ehr(self, tenant):
        return f"the EHR of {tenant}"

    def directory(self, tenant):
        return f"the directory of {tenant}"


@pytest.fixture
def deps(store, database_url):
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, discharges CASCADE")
    made: Any = Deps(store, None)
    made.jobs = Jobs(database_url, lambda: steps(made))
    return made


@dataclass
class Script:
    """Stands for what needs an EHR: the reading that ends in a plan, publishing, withdrawing, resuming."""

    told: list[str]
    plan: Any = field(default_factory=lambda: planned(need(interventions=interventions())))
    meanwhile: Any = None

    def propose(self, *_, **__):
        return self._then("propose", self.plan)

    def publish(self, _, ledger, *__):
        entries = ledger.entries()
        mark_sending(ledger, [entry.draft.key for entry in entries if entry.state is WriteState.WAITING])
        self._then("publish", None)
        receipts = [Receipt(entry.draft.key, f"Any/{n}", "") for n, entry in enumerate(entries)]
        mark_landed(ledger, receipts)

    def withdraw(self, *_, **__):
        self._then("withdraw", None)

    def _then(self, name, result):
        self.told.append(name)
        if self.meanwhile:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return result


@pytest.fixture
def script(monkeypatch, deps):
    made = Script(deps.told)
    monkeypatch.setattr(run, "propose", made.propose)
    monkeypatch.setattr(run, "publish_resources", made.publish)
    monkeypatch.setattr(run, "withdraw_resources", made.withdraw)
    monkeypatch.setattr(run, "establish_parties", lambda *_: False)
    return made


def ask(
    deps, order="ServiceRequest/1", action=Action.PLAN, door="subscription", *, stay=ENCOUNTER
) -> Discharge:
    discharge = intake(Trigger("one", stay, action, door, order), deps)
    assert discharge is not None
    return discharge


def now(deps, discharge):
    return deps.store.discharges.get(discharge.id)


def waiting(database_url):
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT task_name FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id"
        ).fetchall()
    return [name for (name,) in found]


@pytest.mark.usefixtures("script")
def test_an_order_goes_all_the_way_to_published_and_the_trail_tells_it(deps):
    discharge = ask(deps)
    deps.jobs.work(until_idle=True)
    assert now(deps, discharge).state is DischargeState.PUBLISHED
    trail = [entry.event for entry in deps.store.audit.of(discharge.id)]
    assert trail == [Event.RECEIVED, Event.PLANNED, Event.PUBLISHED]
    entries = deps.store.publications.entries(discharge.id)
    assert {entry.state for entry in entries} == {WriteState.LANDED}
    assert {"CarePlan", "ServiceRequest", "Provenance"} <= {entry.draft.resource_type for entry in entries}


def test_planning_commits_the_plan_its_drafts_and_the_next_job_together(deps, script, database_url):
    discharge = ask(deps)
    run.plan_discharge(discharge.id, deps)
    version = deps.store.plans.latest(discharge.id)
    assert (version.number, version.round, version.plan) == (1, 1, script.plan)
    assert now(deps, discharge).state is DischargeState.PLANNED
    assert waiting(database_url) == ["plan", "publish"]


@pytest.mark.usefixtures("script")
def test_a_repeated_planning_does_nothing(deps):
    discharge = ask(deps)
    run.plan_discharge(discharge.id, deps)
    run.plan_discharge(discharge.id, deps)
    assert deps.told == ["propose"]


def test_a_planning_that_was_overtaken_by_a_new_order_commits_nothing(deps, script):
    discharge = ask(deps)
    script.meanwhile = lambda: ask(deps, "ServiceRequest/2")
    run.plan_discharge(discharge.id, deps)
    assert (now(deps, discharge).state, now(deps, discharge).round) == (DischargeState.RECEIVED, 2)
    assert deps.store.plans.latest(discharge.id) is None
    assert deps.store.publications.entries(discharge.id) == ()


def test_a_planning_that_was_overtaken_by_a_cancel_commits_nothing(deps, script):
    discharge = ask(deps)
    script.meanwhile = lambda: ask(deps, "", Action.CANCEL)
    run.plan_discharge(discharge.id, deps)
    assert now(deps, discharge).state is DischargeState.CANCELLING
    assert deps.store.plans.latest(discharge.id) is None


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_stay_that_did_not_take_place_is_not_planned_but_called_off(deps, script, status):
    script.plan = planned(need(interventions=interventions()), about=record(encounter=stay(status=status)))
    made = ask(deps)
    run.plan_discharge(made.id, deps)
    assert now(deps, made).state is DischargeState.CANCELLING
    assert deps.store.plans.latest(made.id) is None
    run.withdraw_discharge(made.id, deps)
    assert now(deps, made).state is DischargeState.CANCELLED


@pytest.mark.usefixtures("script")
def test_planning_anew_from_the_same_facts_leaves_nothing_to_write(deps):
    discharge = _published(deps)
    ask(deps, "ServiceRequest/2")
    run.plan_discharge(discharge.id, deps)
    assert deps.store.plans.latest(discharge.id).number == 1
    entries = deps.store.publications.entries(discharge.id)
    assert {entry.state for entry in entries} == {WriteState.LANDED}


def test_planning_anew_from_new_facts_is_a_new_version(deps, script):
    discharge = _published(deps)
    script.plan = planned(need(), need("transportation-insecurity"))
    ask(deps, "ServiceRequest/2")
    run.plan_discharge(discharge.id, deps)
    version = deps.store.plans.latest(discharge.id)
    assert (version.number, version.round) == (2, 2)
    assert WriteState.WAITING in {entry.state for entry in deps.store.publications.entries(discharge.id)}


@pytest.mark.usefixtures("script")
def test_publishing_that_is_not_due_writes_nothing(deps):
    discharge = ask(deps)
    run.publish_discharge(discharge.id, deps)
    assert deps.told == []


def test_a_cancel_during_publishing_is_not_undone_by_its_end(deps, script, database_url):
    discharge = ask(deps)
    run.plan_discharge(discharge.id, deps)
    script.meanwhile = lambda: ask(deps, "", Action.CANCEL)
    run.publish_discharge(discharge.id, deps)
    assert now(deps, discharge).state is DischargeState.CANCELLING
    assert "withdraw" in waiting(database_url)


def test_a_publishing_that_broke_off_is_due_again(deps, script):
    def away():
        raise EhrUnavailable

    discharge = ask(deps)
    run.plan_discharge(discharge.id, deps)
    script.meanwhile = away
    with pytest.raises(EhrUnavailable):
        run.publish_discharge(discharge.id, deps)
    sent = {entry.state for entry in deps.store.publications.entries(discharge.id)}
    assert sent == {WriteState.SENDING}
    run.publish_discharge(discharge.id, deps)
    assert now(deps, discharge).state is DischargeState.PUBLISHED


@pytest.mark.usefixtures("script")
def test_a_cancel_withdraws_and_a_new_order_plans_and_publishes_anew(deps):
    discharge = _published(deps)
    ask(deps, "", Action.CANCEL)
    deps.jobs.work(until_idle=True)
    assert now(deps, discharge).state is DischargeState.CANCELLED
    ask(deps, "ServiceRequest/2")
    deps.jobs.work(until_idle=True)
    assert now(deps, discharge).state is DischargeState.PUBLISHED
    assert deps.told[-3:] == ["withdraw", "propose", "publish"]


@pytest.mark.usefixtures("script")
def test_giving_up_says_why_and_a_person_can_ask_again(deps):
    discharge = ask(deps)
    run.give_up(discharge.id, Task.PLAN, "The EHR refused this.", deps)
    failed = now(deps, discharge)
    assert (failed.state, failed.problem) == (DischargeState.FAILED, "The EHR refused this.")
    assert ask(deps, "", door="rest").problem == ""


def test_what_holds_a_discharge_up_stands_in_its_history(deps):
    discharge = ask(deps)
    run.held_up(discharge.id, Task.PLAN, "The EHR is not reachable.", deps)
    run.held_up(discharge.id, Task.PUBLISH, "Too late: it is not due.", deps)
    told = [(entry.event, entry.reference) for entry in deps.store.audit.of(discharge.id)]
    assert told[1:] == [(Event.HELD_UP, "The EHR is not reachable.")]
    assert now(deps, discharge).state is DischargeState.RECEIVED


@pytest.mark.usefixtures("script")
def test_giving_up_too_late_changes_nothing(deps):
    discharge = ask(deps)
    ask(deps, "", Action.CANCEL)
    run.give_up(discharge.id, Task.PLAN, "The EHR refused this.", deps)
    assert now(deps, discharge).state is DischargeState.CANCELLING


WARD, THEATRE = "Encounter/ward", "Encounter/theatre"


@pytest.mark.usefixtures("script")
def test_a_contact_that_an_order_names_becomes_the_discharge_of_its_stay(deps):
    discharge = ask(deps, stay=WARD)
    run.plan_discharge(discharge.id, deps)
    assert now(deps, discharge).encounter == ENCOUNTER
    assert now(deps, discharge).state is DischargeState.PLANNED
    assert deps.store.discharges.of_stay("one", WARD) is None


@pytest.mark.usefixtures("script")
def test_a_stay_has_one_plan_however_many_of_its_contacts_are_named(deps):
    whole = ask(deps)
    deps.jobs.work(until_idle=True)
    part = whole
    for number, contact in enumerate((WARD, THEATRE), start=2):
        part = ask(deps, f"ServiceRequest/{number}", stay=contact)
        deps.jobs.work(until_idle=True)
        assert now(deps, part).state is DischargeState.CANCELLED
        assert now(deps, whole).state is DischargeState.PUBLISHED
        assert (now(deps, whole).order, now(deps, whole).round) == (f"ServiceRequest/{number}", number)
    events = [entry.event for entry in deps.store.audit.of(part.id)]
    assert Event.PART_OF_STAY in events
    again = ask(deps, "ServiceRequest/3", stay=THEATRE)
    deps.jobs.work(until_idle=True)
    assert now(deps, again).state is DischargeState.CANCELLED
    assert now(deps, whole).round == 3


@pytest.mark.usefixtures("script")
def test_an_order_that_names_a_contact_calls_off_the_plan_of_the_stay(deps):
    first = ask(deps, stay=WARD)
    deps.jobs.work(until_idle=True)
    assert now(deps, first).state is DischargeState.PUBLISHED
    ask(deps, action=Action.CANCEL, stay=WARD)
    deps.jobs.work(until_idle=True)
    assert now(deps, first).state is DischargeState.CANCELLED


@pytest.mark.usefixtures("script")
def test_an_order_of_a_second_contact_calls_off_what_it_had_planned(deps):
    whole = ask(deps)
    ask(deps, "ServiceRequest/2", stay=WARD)
    deps.jobs.work(until_idle=True)
    assert now(deps, whole).order == "ServiceRequest/2"
    ask(deps, "ServiceRequest/2", Action.CANCEL, stay=WARD)
    deps.jobs.work(until_idle=True)
    assert now(deps, whole).state is DischargeState.CANCELLED


def test_a_hospital_that_is_no_longer_served_is_said_so(deps):
    discharge = ask(deps)
    deps.tenants = {}
    with pytest.raises(ConfigurationError, match="HOMEWARD_TENANTS_FILE"):
        run.plan_discharge(discharge.id, deps)


def test_today_is_the_hospitals_today(deps, monkeypatch):
    asked = []

    def gather(*_, today, **_told):
        asked.append(today)
        return SimpleNamespace(patient=SimpleNamespace(merged=False))

    deps.content = lambda _: SimpleNamespace(questions=frozenset())
    monkeypatch.setattr(run, "gather", gather)
    for name in ("assess", "match", "draft"):
        monkeypatch.setattr(run, name, lambda *_, **__: None)
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        run.propose("Encounter/1", replace(HOSPITAL, time_zone=ZoneInfo(zone)), deps)
    assert (asked[0] - asked[1]).days == 1


def _published(deps) -> Discharge:
    discharge = ask(deps)
    deps.jobs.work(until_idle=True)
    assert now(deps, discharge).state is DischargeState.PUBLISHED
    return discharge
