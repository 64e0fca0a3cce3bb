"""What a fault kept from a plan is read again by itself, from a real EHR behind a gateway that fails for a while."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from service.domain.discharge import Action, Discharge, DischargeState, Trigger
from service.domain.need import NeedState
from service.domain.plan import Plan
from service.domain.record import Lasting
from service.domain.unread import FIRST_PAUSES
from service.pipeline.intake import intake
from service.pipeline.run import propose
from service.sandbox.ehr import start_sandbox
from service.sandbox.inpatients import inpatients, load_inpatients
from service.sandbox.mode import mode_of
from tests.faulty_ehr import Failure
from tests.planning_deployment import Deps, deployment

PATIENT = inpatients()[0]
MODES = ("full", "epic-like", "oracle-like", "singles")
SECOND = timedelta(seconds=1)
#: For what is the same in every kind of EHR.
ONE_MODE = pytest.mark.parametrize("mode", ["full"], indirect=True)


@pytest.fixture(scope="module", params=MODES)
def mode(request) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def hospital(mode, tmp_path_factory) -> Iterator[str]:
    """The base URL of an EHR with its inpatients."""
    played = mode_of("full" if mode == "singles" else mode)
    with start_sandbox(tmp_path_factory.mktemp("sandbox"), mode=played) as running:
        list(load_inpatients(running.base_url, datetime.now(UTC).date()))
        yield running.base_url


@pytest.fixture
def deps(mode, hospital, store, database_url) -> Iterator[Deps]:
    with deployment(mode, hospital, store, database_url) as made:
        yield made


def ask(deps: Deps, *, door: str = "rest", order: str = "") -> Discharge:
    found = intake(Trigger("t", PATIENT.encounter, Action.PLAN, door, order), deps)
    assert found is not None
    return found


def plan_of(deps: Deps, discharge: Discharge) -> Plan:
    latest = deps.store.plans.latest(discharge.id)
    assert latest is not None
    plan: Plan = latest.plan
    return plan


def healthy(deps: Deps) -> Plan:
    """The plan as it is without any fault."""
    failing, deps.gateway.failing = deps.gateway.failing, {}
    try:
        return propose(PATIENT.encounter, deps.tenants["t"], cast("Any", deps))
    finally:
        deps.gateway.failing = failing


def needs_of(plan: Plan) -> frozenset[str]:
    return frozenset(need.code for need in plan.needs if need.state is NeedState.PRESENT)


def keys_of(plan: Plan) -> frozenset[str]:
    return frozenset(item.key for item in plan.items())


def test_what_a_fault_kept_from_the_first_plan_is_read_by_itself_within_a_minute(deps):
    deps.gateway.failing["Observation"] = Failure.UNAVAILABLE
    discharge = ask(deps)
    deps.work()
    partial = plan_of(deps, discharge)
    assert needs_of(partial) < needs_of(healthy(deps))
    # Where each search goes by itself, an EHR that fails so often in a row is left alone: then other types lack as well.
    assert "Observation" in {gap.about for gap in partial.gaps if gap.is_asked_again()}
    deps.gateway.failing.clear()
    deps.work(later=FIRST_PAUSES[0])
    whole = plan_of(deps, discharge)
    assert needs_of(whole) == needs_of(healthy(deps))
    assert not any(gap.is_asked_again() for gap in whole.gaps)
    assert deps.store.unread.of(discharge.id) == ()
    assert deps.store.discharges.get(discharge.id).state is DischargeState.PUBLISHED


@pytest.mark.parametrize("kind", ["Condition", "Observation"])
@ONE_MODE  # an empty answer is the same in every mode
def test_what_a_falsely_empty_answer_kept_from_the_first_plan_is_read_by_itself(deps, kind):
    deps.gateway.failing[kind] = Failure.EMPTY
    discharge = ask(deps)
    deps.work()
    partial = plan_of(deps, discharge)
    assert needs_of(partial) != needs_of(healthy(deps))
    assert not any(gap.is_asked_again() for gap in partial.gaps)
    deps.work(later=FIRST_PAUSES[0])
    assert plan_of(deps, discharge) == partial
    deps.gateway.failing.clear()
    deps.work(later=FIRST_PAUSES[1])
    assert needs_of(plan_of(deps, discharge)) == needs_of(healthy(deps))
    assert deps.store.unread.of(discharge.id) == ()


@ONE_MODE  # an empty answer is the same in every mode
def test_two_empty_answers_hours_apart_are_two_faults_perhaps(deps):
    deps.gateway.failing["Condition"] = Failure.EMPTY
    discharge = ask(deps)
    deps.work()
    deps.work(later=timedelta(hours=5))
    deps.gateway.failing.clear()
    deps.work(later=FIRST_PAUSES[1])
    assert needs_of(plan_of(deps, discharge)) == needs_of(healthy(deps))


@ONE_MODE  # an empty answer is the same in every mode
def test_a_patient_of_whom_there_is_truly_nothing_is_asked_for_a_day_and_no_longer(deps):
    deps.gateway.failing["Condition"] = Failure.EMPTY
    discharge = ask(deps)
    deps.work()
    for pause in (*FIRST_PAUSES, *[timedelta(hours=1)] * 24):
        deps.gateway.asked.clear()
        deps.work(later=pause)
        assert "Condition" in deps.gateway.asked
        assert set(deps.gateway.asked) <= {"Encounter", "Patient", "Condition", "metadata"}
    assert deps.store.unread.of(discharge.id) == ()
    deps.gateway.asked.clear()
    deps.work(later=timedelta(days=1))
    assert deps.gateway.asked == []
    assert ask(deps).round == 2
    deps.work()
    assert deps.store.unread.of(discharge.id) == ()


def test_asking_again_reads_at_once_what_a_fault_kept_from_the_plan(deps):
    deps.gateway.failing["Observation"] = Failure.UNAVAILABLE
    discharge = ask(deps)
    deps.work()
    deps.gateway.failing.clear()
    assert ask(deps).round == 2
    deps.work()
    assert needs_of(plan_of(deps, discharge)) == needs_of(healthy(deps))


def test_asking_again_at_once_for_a_whole_plan_is_a_duplicate(deps):
    discharge = ask(deps)
    deps.work()
    assert (ask(deps).state, discharge.round) == (DischargeState.PUBLISHED, 1)
    assert ask(deps, door="subscription").state is DischargeState.PUBLISHED


@ONE_MODE  # the pauses are the same in every mode
def test_while_a_fault_lasts_only_what_is_lacking_is_asked_for_and_ever_less_often(deps):
    deps.gateway.failing["Observation"] = Failure.FORBIDDEN
    discharge = ask(deps)
    deps.work()
    for pause in FIRST_PAUSES:
        deps.gateway.asked.clear()
        deps.work(later=pause)
        assert set(deps.gateway.asked) <= {"Encounter", "Patient", "Observation", "metadata"}
        assert "Observation" in deps.gateway.asked
    [lack] = deps.store.unread.of(discharge.id)
    assert (lack.lasting, lack.tries) == (Lasting.PERHAPS, len(FIRST_PAUSES))
    deps.gateway.asked.clear()
    deps.work(later=23 * timedelta(hours=1))
    assert deps.gateway.asked == []
    deps.gateway.failing.clear()
    deps.work(later=timedelta(hours=1))
    assert needs_of(plan_of(deps, discharge)) == needs_of(healthy(deps))


@ONE_MODE  # the pauses are the same in every mode
def test_a_type_that_a_hospital_never_gives_is_not_asked_for_every_few_minutes(deps):
    deps.gateway.failing["Goal"] = Failure.FORBIDDEN
    first = ask(deps)
    deps.work()
    for pause in FIRST_PAUSES:
        deps.work(later=pause)
    other = replace(first, encounter=inpatients()[1].encounter).encounter
    second = intake(Trigger("t", other, Action.PLAN, "rest"), deps)
    assert second is not None
    deps.work()
    [lack] = deps.store.unread.of(second.id)
    assert lack.due - deps.at > timedelta(hours=23)


@pytest.mark.parametrize("failure", [Failure.NOT_FOUND, Failure.FORBIDDEN, Failure.UNAUTHORIZED])
@ONE_MODE  # a stay is read in the same way in every mode
def test_a_stay_that_is_refused_for_a_moment_is_planned_once_it_can_be_read(deps, failure):
    deps.gateway.failing["Encounter"] = failure
    discharge = ask(deps)
    deps.work()
    # It is tried again, or waits to be read again; nothing is concluded and nothing called off.
    assert deps.store.discharges.get(discharge.id).state in {DischargeState.RECEIVED, DischargeState.FAILED}
    deps.gateway.failing.clear()
    deps.work(later=FIRST_PAUSES[0])
    assert deps.store.discharges.get(discharge.id).state is DischargeState.PUBLISHED
    assert needs_of(plan_of(deps, discharge)) == needs_of(healthy(deps))


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Failure.UNAVAILABLE, "Observation"),
        (Failure.HTML, "Observation"),
        (Failure.FORBIDDEN, "Condition"),
        (Failure.NOT_FOUND, "Condition"),
        (Failure.INCOMPLETE, "Observation"),
        (Failure.EMPTY, "Condition"),
        (Failure.EMPTY, "Observation"),
    ],
)
def test_a_plan_made_anew_during_a_fault_keeps_needs_and_orders(deps, failure, kind):
    discharge = ask(deps)
    deps.work()
    before = plan_of(deps, discharge)
    deps.gateway.failing[kind] = failure
    for _ in range(2):
        deps.at += timedelta(minutes=6)
        ask(deps)
        deps.work()
    assert deps.store.discharges.get(discharge.id).round > 1
    during = plan_of(deps, discharge)
    assert needs_of(during) == needs_of(before)
    assert keys_of(before) <= keys_of(during)
    assert all(entry.wanted for entry in deps.store.publications.entries(discharge.id))
    assert kind in {gap.about for gap in during.gaps if gap.is_asked_again()}
    deps.gateway.failing.clear()
    deps.work(later=FIRST_PAUSES[-1])
    after = plan_of(deps, discharge)
    assert (needs_of(after), keys_of(after)) == (needs_of(before), keys_of(before))
    assert not any(gap.is_asked_again() for gap in after.gaps)
