"""One failed look takes nothing from a patient: each sample inpatient, each resource type, as a first plan and as a later one."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import pytest

from config.content import load_content
from fhir_mappings.inbound.record import build_record
from fhir_mappings.narrative import care_plan_narrative
from service.domain.assessment import Outcome, Readiness, Verdict
from service.domain.community_service import Matches
from service.domain.decision import Choice
from service.domain.need import NeedState
from service.domain.plan import ITEM_LISTS, Plan
from service.domain.record import Gap, GapReason, Lasting
from service.pipeline.assess import assess
from service.pipeline.carry_over import carry_over
from service.pipeline.decide import decide
from service.pipeline.draft import draft
from service.sandbox.inpatients import bundle_of, inpatients
from tests.builders import Json, decision, interventions, need, planned

TODAY = date(2026, 3, 5)
PEOPLE = {patient.id: patient for patient in inpatients()}
TYPES = (
    "AllergyIntolerance",
    "Appointment",
    "CarePlan",
    "CareTeam",
    "Condition",
    "Consent",
    "Coverage",
    "DeviceRequest",
    "DocumentReference",
    "Encounter",
    "Goal",
    "MedicationRequest",
    "Observation",
    "Procedure",
    "QuestionnaireResponse",
    "RelatedPerson",
    "ServiceRequest",
)
_RANK = {Verdict.READY: 0, Verdict.WITH_CAVEATS: 1, Verdict.NOT_READY: 2}
CONTENT = load_content()
PROTOCOLS = CONTENT.protocols


@cache
def resources_of(name: str) -> tuple[Json, ...]:
    return tuple(entry["resource"] for entry in bundle_of(PEOPLE[name], TODAY)["entry"])


#: Each inpatient with each type of which their record holds something.
PAIRS = [
    (name, kind)
    for name in PEOPLE
    for kind in sorted({resource["resourceType"] for resource in resources_of(name)} & {*TYPES})
]


@cache
def plan_of(name: str, unread: str = "", lasting: Lasting = Lasting.PASSING) -> Plan:
    """The plan for an inpatient, without what stands in resources of one type."""
    stay = PEOPLE[name].encounter
    given = [
        one
        for one in resources_of(name)
        if one["resourceType"] != unread or f"{one['resourceType']}/{one['id']}" == stay
    ]
    gaps = [Gap(unread, GapReason.INCOMPLETE, "It was not answered.", lasting=lasting)] if unread else []
    record = build_record(given, encounter=stay, gaps=gaps, today=TODAY, asked=CONTENT.questions)
    return draft(record, assess(record, CONTENT, today=TODAY), Matches(), tenant="t")


def codes(plan: Plan, state: NeedState) -> set[str]:
    return {need.code for need in plan.needs if need.state is state}


def keys(plan: Plan) -> set[str]:
    return {item.key for item in plan.items() if not item.key.startswith("task:referral:")}


def ordered(plan: Plan) -> dict[str, str]:
    return {
        item.key: str(getattr(item, "existing", "")) for item in plan.items() if getattr(item, "existing", "")
    }


def rank(readiness: Readiness | None) -> int:
    assert readiness is not None
    assert readiness.verdict is not None
    return _RANK[readiness.verdict]


def each(plan: Plan) -> Iterable[Plan]:
    """The whole plan, and the one that everybody reads."""
    yield plan
    if plan.for_everybody:
        yield plan.for_everybody


@pytest.mark.parametrize(("name", "unread"), PAIRS)
def test_a_first_plan_concludes_nothing_from_what_was_not_read(name, unread):
    whole, partial = plan_of(name), plan_of(name, unread)
    assert codes(partial, NeedState.ABSENT) <= codes(whole, NeedState.ABSENT)
    if partial.outcome is Outcome.GOING_HOME:
        assert partial.readiness is not None
        assert partial.readiness.verdict is Verdict.NOT_READY
        assert "record-provisional" in {blocker.key for blocker in partial.readiness.blockers}
    assert "this plan will be completed" in care_plan_narrative(partial.shareable())


@pytest.mark.parametrize(("name", "unread"), PAIRS)
def test_a_later_plan_takes_nothing_because_of_what_was_not_read(name, unread):
    before = plan_of(name)
    merged = carry_over(plan_of(name, unread), before, PROTOCOLS)
    for now, then in zip(each(merged), each(before), strict=True):
        assert codes(then, NeedState.PRESENT) <= codes(now, NeedState.PRESENT)
        assert codes(then, NeedState.ABSENT) <= codes(now, NeedState.ABSENT) | codes(now, NeedState.PRESENT)
        assert keys(then) <= keys(now)
        assert ordered(then).items() <= ordered(now).items()
        if now.outcome is Outcome.GOING_HOME:
            assert rank(now.readiness) >= rank(then.readiness)
    assert merged.outcome is before.outcome
    assert any(gap.about == unread and gap.is_asked_again() for gap in merged.gaps)


@pytest.mark.parametrize(("name", "unread"), PAIRS)
def test_nothing_is_there_twice_while_something_is_unread(name, unread):
    merged = carry_over(plan_of(name, unread), plan_of(name), PROTOCOLS)
    for plan in each(merged):
        for listed in ITEM_LISTS:
            found = [item.key for item in getattr(plan, listed)]
            assert len(found) == len(set(found))
    assert {referral.service for referral in merged.referrals} <= {
        referral.service for referral in plan_of(name).referrals
    }
    assert len(merged.referrals) == len(plan_of(name).referrals)


@pytest.mark.parametrize("lasting", list(Lasting))
def test_a_refusal_that_may_pass_takes_as_little_and_one_that_stays_is_believed(lasting):
    before = plan_of("agnes-sampleford")
    merged = carry_over(plan_of("agnes-sampleford", "Observation", lasting), before, PROTOCOLS)
    kept = codes(before, NeedState.PRESENT) <= codes(merged, NeedState.PRESENT)
    assert kept is (lasting is not Lasting.LASTING)


def test_once_all_is_read_the_new_plan_stands_as_it_is():
    before = carry_over(plan_of("agnes-sampleford", "Observation"), plan_of("agnes-sampleford"), PROTOCOLS)
    assert carry_over(plan_of("agnes-sampleford"), before, PROTOCOLS) == plan_of("agnes-sampleford")


def test_what_people_decided_stands_while_something_is_unread():
    before = plan_of("agnes-sampleford")
    signed, refused = before.referrals[0].key, before.goals[0].key
    decisions = [decision(signed), decision(refused, Choice.DECLINED)]
    decided = decide(before, decisions)
    partial = carry_over(plan_of("agnes-sampleford", "Observation"), decided, PROTOCOLS)
    after = decide(partial, decisions, before=decided)
    assert signed in keys(after)
    assert refused not in keys(after)
    assert refused in {goal.key for goal in after.declined.goals}


def test_what_is_carried_over_moves_with_the_day_of_leaving():
    before = plan_of("agnes-sampleford")
    partial = plan_of("agnes-sampleford", "Observation")
    later = replace(partial, discharge_date=partial.discharge_date + timedelta(days=2))
    merged = carry_over(later, before, PROTOCOLS)
    then = {goal.key: goal for goal in before.goals}
    moved = [goal for goal in merged.goals if goal.key not in keys(partial)]
    assert moved
    assert all(goal.due - then[goal.key].due == timedelta(days=2) for goal in moved)


def test_another_patient_gets_nothing_of_the_plan_before():
    before = planned(need(interventions=interventions()))
    gap = Gap("Condition", GapReason.INCOMPLETE, "It was not answered.", lasting=Lasting.PASSING)
    other = replace(planned(), patient=replace(before.patient, reference="Patient/p2"), gaps=(gap,))
    assert carry_over(other, before, PROTOCOLS) == other
