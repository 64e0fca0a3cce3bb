import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from service.domain.audit import Event
from service.domain.discharge import Action, DischargeState, StayStatus, Trigger
from service.jobs import Jobs
from service.pipeline.intake import intake
from service.store import Store

_PROCESS = Path(__file__).with_name("intake_process.py")
_BEGAN = datetime(2024, 3, 5, 8, 0, tzinfo=UTC)


def _no_steps():
    raise AssertionError("nothing runs here")


@dataclass
class Deps:
    """What intake uses of the deployment."""

    store: Store
    jobs: Jobs
    minutes: int = 0
    tenants: dict[str, object] = field(default_factory=dict)

    def now(self):
        self.minutes += 1
        return _BEGAN + timedelta(minutes=self.minutes)


@pytest.fixture
def deps(store, database_url):
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, discharges CASCADE")
    return Deps(store, Jobs(database_url, _no_steps))


def plan(order="ServiceRequest/1", *, door="subscription", encounter="Encounter/1", tenant="one"):
    return Trigger(tenant, encounter, Action.PLAN, door, order)


def cancel(order="", *, door="subscription", encounter="Encounter/1"):
    return Trigger("one", encounter, Action.CANCEL, door, order)


def take(trigger, deps):
    """The discharge, for a trigger that has one."""
    discharge = intake(trigger, deps)
    assert discharge is not None
    return discharge


def waiting(database_url):
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT task_name FROM procrastinate_jobs ORDER BY id").fetchall()
    return [name for (name,) in rows]


def stand(deps, discharge, state):
    """Put the discharge where its jobs would have brought it, with nothing left to do."""
    with deps.store.begin() as unit:
        unit.discharges.save(_in(discharge, state))
        unit.driver_connection.execute("DELETE FROM procrastinate_jobs")


def _in(discharge, state):
    return replace(discharge, state=state)


def events(deps, discharge):
    return [entry.event for entry in deps.store.audit.of(discharge.id)]


def test_a_first_order_is_received_and_its_planning_enqueued(deps, database_url):
    discharge = take(plan(), deps)
    assert deps.store.discharges.get(discharge.id) == discharge
    assert (discharge.state, discharge.round) == (DischargeState.RECEIVED, 1)
    assert waiting(database_url) == ["plan"]
    assert events(deps, discharge) == [Event.RECEIVED]


def test_a_stay_of_the_same_name_in_another_hospital_is_another_discharge(deps):
    assert take(plan(), deps).id != take(plan(tenant="two"), deps).id


@pytest.mark.parametrize("state", list(DischargeState))
def test_the_same_order_again_starts_nothing_whatever_became_of_it(deps, database_url, state):
    first = take(plan(), deps)
    stand(deps, first, state)
    again = take(plan(), deps)
    assert (again.id, again.state, again.round) == (first.id, state, 1)
    assert waiting(database_url) == []


def test_the_same_order_from_ten_processes_at_once_is_one_discharge_with_one_job(deps, database_url):
    command = [sys.executable, str(_PROCESS), database_url]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True) for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda process: process.communicate("go\n", timeout=60), processes))
    assert [process.returncode for process in processes] == [0] * 10
    assert len(deps.store.discharges.latest("one")) == 1
    assert waiting(database_url) == ["plan"]


def test_a_new_order_plans_a_published_stay_anew(deps, database_url):
    first = take(plan(), deps)
    stand(deps, first, DischargeState.PUBLISHED)
    again = take(plan("ServiceRequest/2"), deps)
    assert (again.id, again.state, again.round) == (first.id, DischargeState.RECEIVED, 2)
    assert again.order == "ServiceRequest/2"
    assert waiting(database_url) == ["plan"]


def test_an_order_that_was_replaced_does_not_come_back(deps):
    first = take(plan(), deps)
    take(plan("ServiceRequest/2"), deps)
    late = take(plan("ServiceRequest/1"), deps)
    assert (late.id, late.order, late.round) == (first.id, "ServiceRequest/2", 2)


def test_an_order_that_arrives_while_its_stay_is_being_planned_wins_over_that_planning(deps, database_url):
    take(plan("", door="rest"), deps)
    again = take(plan("ServiceRequest/9"), deps)
    assert (again.state, again.round, again.order) == (DischargeState.RECEIVED, 2, "ServiceRequest/9")
    assert waiting(database_url) == ["plan"]


@pytest.mark.parametrize(
    "state",
    [DischargeState.RECEIVED, DischargeState.PLANNED, DischargeState.PUBLISHED, DischargeState.FAILED],
)
def test_a_cancel_withdraws_what_was_begun(deps, database_url, state):
    first = take(plan(), deps)
    stand(deps, first, state)
    assert take(cancel("ServiceRequest/1"), deps).state is DischargeState.CANCELLING
    assert waiting(database_url) == ["withdraw"]
    assert events(deps, first)[-1] is Event.CANCEL_REQUESTED


def test_a_cancel_that_comes_twice_is_one(deps, database_url):
    take(plan(), deps)
    take(cancel(), deps)
    take(cancel(), deps)
    assert waiting(database_url) == ["plan", "withdraw"]


def test_a_cancel_of_an_unknown_stay_does_nothing_and_is_recorded(deps, database_url):
    assert intake(cancel(encounter="Encounter/404"), deps) is None
    assert waiting(database_url) == []
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT event FROM audit WHERE reference = 'Encounter/404'").fetchall()
    assert found == [(Event.CANCEL_OF_UNKNOWN.value,)]


def test_a_cancel_of_another_order_is_ignored_and_recorded(deps, database_url):
    first = take(plan("ServiceRequest/2"), deps)
    assert take(cancel("ServiceRequest/1"), deps).state is DischargeState.RECEIVED
    assert waiting(database_url) == ["plan"]
    assert events(deps, first)[-1] is Event.CANCEL_OF_OTHER_ORDER


@pytest.mark.parametrize("state", [DischargeState.CANCELLING, DischargeState.CANCELLED])
class TestAfterACancel:
    @pytest.fixture
    def called_off(self, deps, state):
        first = take(plan(), deps)
        cancelled = take(cancel(door="rest"), deps)
        stand(deps, cancelled, state)
        return first

    @pytest.mark.usefixtures("called_off")
    def test_the_old_order_starts_nothing(self, deps, database_url):
        for door in ("subscription", "rest"):
            assert take(plan(door=door), deps).round == 1
        assert waiting(database_url) == []

    def test_a_new_order_resumes(self, deps, called_off, database_url):
        again = take(plan("ServiceRequest/2"), deps)
        assert (again.id, again.state, again.round) == (called_off.id, DischargeState.RECEIVED, 2)
        assert waiting(database_url) == ["plan"]

    @pytest.mark.usefixtures("called_off")
    def test_a_request_by_rest_without_an_order_resumes(self, deps):
        again = take(plan("", door="rest"), deps)
        assert (again.state, again.round, again.order) == (DischargeState.RECEIVED, 2, "ServiceRequest/1")

    @pytest.mark.usefixtures("called_off")
    def test_a_hook_without_an_order_does_not_resume(self, deps):
        assert take(plan("", door="cds-hooks"), deps).round == 1


def test_what_failed_is_tried_again_when_a_person_asks(deps):
    first = take(plan(), deps)
    for asked in (plan("", door="rest"), plan(door="rest")):
        stand(deps, deps.store.discharges.get(first.id), DischargeState.FAILED)
        assert take(asked, deps).state is DischargeState.RECEIVED
    assert deps.store.discharges.get(first.id).round == 3


# --- one discharge, told of in many ways: docs/triggers.md ---------------------------------------
def stay(status="in-progress", digest="1", *, encounter="Encounter/1", door="subscription"):
    action = Action.CANCEL if status in {"cancelled", "entered-in-error"} else Action.REFRESH
    return Trigger("one", encounter, action, door, told=f"{status} {digest}", stay=StayStatus(status))


def seen_in_ehr(trigger):
    return replace(trigger, in_ehr=True)


def test_an_order_that_rest_and_a_subscription_tell_of_had_not_been_called_off(deps, database_url):
    first = take(plan(door="rest"), deps)
    stand(deps, first, DischargeState.PUBLISHED)
    take(replace(plan(), told="active 2024-03-05", hint=True), deps)
    assert waiting(database_url) == ["look"]
    assert events(deps, first) == [Event.RECEIVED, Event.LOOKED_AT]


class TestAnOrderThatWasPaused:
    @pytest.fixture
    def paused(self, deps):
        first = take(plan(), deps)
        stand(deps, take(cancel("ServiceRequest/1"), deps), DischargeState.CANCELLED)
        return first

    def test_is_looked_at_in_the_ehr_when_told_of_again(self, deps, paused, database_url):
        assert take(plan(), deps).state is DischargeState.CANCELLED
        assert waiting(database_url) == ["look"]
        assert events(deps, paused)[-1] is Event.TO_BE_CHECKED

    def test_resumes_when_it_stands_in_the_ehr(self, deps, paused, database_url):
        again = take(seen_in_ehr(plan()), deps)
        assert (again.id, again.state, again.round) == (paused.id, DischargeState.RECEIVED, 2)
        assert waiting(database_url) == ["plan"]
        stand(deps, again, DischargeState.PUBLISHED)
        assert take(seen_in_ehr(plan()), deps).round == 2

    @pytest.mark.usefixtures("paused")
    def test_stays_called_off_when_it_is_so_in_the_ehr(self, deps):
        assert take(seen_in_ehr(cancel("ServiceRequest/1")), deps).state is DischargeState.CANCELLED

    @pytest.mark.usefixtures("paused")
    def test_does_not_resume_what_a_person_called_off_since(self, deps, database_url):
        take(cancel(door="rest"), deps)
        assert take(seen_in_ehr(plan()), deps).state is DischargeState.CANCELLED
        assert waiting(database_url) == []


@pytest.mark.parametrize("order", ["", "ServiceRequest/1"])
def test_what_a_person_called_off_no_round_brings_back(deps, database_url, order):
    take(plan(), deps)
    stand(deps, take(cancel(order, door="rest"), deps), DischargeState.CANCELLED)
    assert take(seen_in_ehr(plan(door="poll")), deps).state is DischargeState.CANCELLED
    assert waiting(database_url) == []


def test_a_plan_begun_on_request_is_refreshed_by_the_order(deps):
    first = take(plan("", door="rest"), deps)
    stand(deps, first, DischargeState.PUBLISHED)
    again = take(plan(), deps)
    assert (again.id, again.round, again.order) == (first.id, 2, "ServiceRequest/1")


def test_a_plan_begun_at_admission_is_refreshed_by_the_order(deps, database_url):
    admission = replace(stay(), action=Action.PLAN)
    first = take(admission, deps)
    assert take(admission, deps) == first
    assert take(plan(), deps).round == 2
    assert waiting(database_url) == ["plan"]


def test_hook_notification_and_poll_in_the_same_second_are_one_plan(deps, database_url):
    doors = [plan("", door="cds-hooks"), plan(door="subscription"), seen_in_ehr(plan(door="poll"))]
    assert len({take(trigger, deps).id for trigger in doors}) == 1
    assert waiting(database_url) == ["plan"]


def test_an_order_that_replaces_another_makes_it_tell_nothing_more(deps, database_url):
    new = replace(plan("ServiceRequest/2"), replaces=("ServiceRequest/1",))
    first = take(new, deps)
    for late in (plan("ServiceRequest/1"), cancel("ServiceRequest/1"), seen_in_ehr(plan("ServiceRequest/1"))):
        known = take(late, deps)
        assert (known.id, known.state, known.order) == (first.id, DischargeState.RECEIVED, "ServiceRequest/2")
    assert waiting(database_url) == ["plan"]


def test_an_order_that_is_called_off_and_replaced_leaves_one_plan(deps, database_url):
    first = take(plan("ServiceRequest/1"), deps)
    take(cancel("ServiceRequest/1"), deps)
    again = take(replace(plan("ServiceRequest/2"), replaces=("ServiceRequest/1",)), deps)
    assert (again.id, again.state, again.round) == (first.id, DischargeState.RECEIVED, 2)
    assert take(plan("ServiceRequest/1"), deps).order == "ServiceRequest/2"
    assert "look" not in waiting(database_url)


def test_an_order_whose_date_has_moved_plans_anew_once(deps):
    take(replace(plan(), told="monday"), deps)
    moved = replace(plan(), told="friday")
    assert take(moved, deps).round == 2
    assert take(moved, deps).round == 2


def test_a_stay_whose_end_has_moved_is_planned_anew_once(deps, database_url):
    first = take(plan(), deps)
    stand(deps, first, DischargeState.PUBLISHED)
    take(stay(digest="thursday"), deps)
    stand(deps, deps.store.discharges.get(first.id), DischargeState.PUBLISHED)
    assert take(stay(digest="thursday"), deps).round == 2
    assert waiting(database_url) == []
    assert take(stay("finished", "friday"), deps).round == 3
    assert take(stay("in-progress", "open"), deps).round == 4
    assert waiting(database_url) == ["plan"]


def test_a_stay_that_nobody_asked_to_plan_is_left_alone(deps, database_url):
    assert intake(stay(), deps) is None
    assert waiting(database_url) == []


def test_a_stay_called_off_by_mistake_has_its_order_looked_at(deps, database_url):
    take(plan(), deps)
    stand(deps, take(stay("cancelled"), deps), DischargeState.CANCELLED)
    take(stay("in-progress"), deps)
    assert waiting(database_url) == ["look"]
    assert take(seen_in_ehr(plan()), deps).state is DischargeState.RECEIVED


def test_a_stay_that_goes_on_does_not_bring_back_what_a_person_called_off(deps, database_url):
    take(plan(), deps)
    stand(deps, take(cancel(door="rest"), deps), DischargeState.CANCELLED)
    assert take(stay("in-progress"), deps).state is DischargeState.CANCELLED
    assert waiting(database_url) == []


def test_a_stay_that_moved_to_another_patient_takes_up_a_plan_that_waited_for_a_person(deps):
    first = take(plan(), deps)
    stand(deps, first, DischargeState.FAILED)
    assert take(stay(digest="other patient"), deps).state is DischargeState.RECEIVED


def test_the_status_that_an_older_version_did_not_keep_is_learnt_without_planning_anew(deps):
    first = take(plan(), deps)
    older = replace(deps.store.discharges.get(first.id), told=stay("finished").told)
    deps.store.discharges.save(replace(older, state=DischargeState.PUBLISHED))
    known = take(stay("finished"), deps)
    assert (known.state, known.round, known.stay) == (DischargeState.PUBLISHED, 1, StayStatus.FINISHED)
    assert deps.store.discharges.get(first.id) == known
