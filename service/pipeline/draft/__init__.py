"""What is proposed: an assessment and what was found for it become a plan. Pure and deterministic."""

from dataclasses import replace
from datetime import date

from service.domain.assessment import Assessment, Outcome
from service.domain.community_service import Matches
from service.domain.decision import SOCIAL_WORK
from service.domain.need import Need, NeedState
from service.domain.plan import BedsideQuestion, PersonTask, Plan
from service.domain.preference_list import NOTHING_KNOWN, KnownOrders
from service.domain.record import Encounter, Record
from service.domain.unread import find_silent
from service.pipeline.draft.care_team import care_team
from service.pipeline.draft.compliance import marked, settled
from service.pipeline.draft.facility import handover, without_home
from service.pipeline.draft.interventions import bookings, education, follow_ups, goals, programmes, tasks
from service.pipeline.draft.referrals import referrals, searches_for_services, with_hidden_places
from service.pipeline.draft.standing import standing

__all__ = ["draft"]


def draft(
    record: Record,
    assessment: Assessment,
    matches: Matches,
    *,
    tenant: str,
    orders: KnownOrders = NOTHING_KNOWN,
) -> Plan:
    """The plan for one discharge: items only for needs that are present, questions for those nobody asked about.

    Days count from the day of leaving: the one the stay ended on, the one it is planned for, or today where nobody has said.
    Who died or goes to another hospital gets no verdict, no place to go to, no referrals, goals, follow-ups or teaching: for the
    first, the family is offered support; the second is planned there. orders is what is known of those in the EHR beside the record.
    """
    shared = assessment.for_everybody
    if shared is None:
        return _drafted(record, assessment, matches, tenant, orders)
    told_matches = matches.for_everybody or matches
    told = _drafted(shared.record, shared.assessment, told_matches, tenant, orders)
    whole = _drafted(record, assessment, matches, tenant, orders)
    return replace(whole, for_everybody=told, compliance=marked(whole.compliance, told, whole))


def _drafted(
    record: Record, assessment: Assessment, matches: Matches, tenant: str, orders: KnownOrders
) -> Plan:
    plan = _frame(record, assessment, tenant)
    if assessment.outcome is Outcome.GOING_HOME:
        return _filled(plan, record, assessment, matches, orders)
    tasks = (_bereavement(assessment.today),) if assessment.outcome is Outcome.DIED else ()
    return replace(plan, disposition=None, readiness=None, tasks=tasks)


def _frame(record: Record, assessment: Assessment, tenant: str) -> Plan:
    """The plan before anything is proposed."""
    return Plan(
        tenant=tenant,
        patient=record.patient,
        encounter=record.encounter,
        today=assessment.today,
        discharge_date=_discharge_date(record.encounter, assessment.today),
        outcome=assessment.outcome,
        needs=assessment.needs,
        risk_scores=assessment.risk_scores,
        disposition=assessment.disposition,
        readiness=assessment.readiness,
        gaps=tuple(dict.fromkeys((*record.gaps, *assessment.gaps))),
        silent=find_silent(record),
        consented=record.consented,
        care_team=care_team(record, assessment.standing_labels, today=assessment.today),
        explanations=assessment.explanations,
        content=assessment.content,
    )


def _filled(
    plan: Plan, record: Record, assessment: Assessment, matches: Matches, orders: KnownOrders
) -> Plan:
    day, place = plan.discharge_date, assessment.disposition
    goes_to = place.named if place.is_for_a_facility() else None
    present = without_home(assessment.present()) if goes_to else assessment.present()
    there = standing(record, assessment, tenant=plan.tenant, orders=orders)
    found = referrals(present, matches, there, discharge=day)
    asked_for = with_hidden_places(found)
    filled = replace(
        plan,
        referrals=asked_for,
        goals=goals(present, there, start=plan.today, discharge=day),
        follow_ups=follow_ups(present, there, discharge=day),
        education=education(present, record.patient),
        tasks=(
            *(handover(present, goes_to, place.labels, due=day) if goes_to else ()),
            *((_against_advice(assessment.today),) if place.is_against_advice() else ()),
            *tasks(present, today=plan.today, discharge=day),
            *searches_for_services(asked_for, discharge=day),
        ),
        bedside_questions=_questions(assessment.needs),
        bookings=bookings(there, discharge=day),
        programmes=programmes(present, today=plan.today),
        boost=assessment.boost,
        supersedes=tuple(
            there.unsigned[key]
            for key in (*(referral.key for referral in asked_for if not referral.existing), SOCIAL_WORK)
            if key in there.unsigned
        ),
    )
    return replace(filled, compliance=settled(assessment.compliance, filled, record))


def _discharge_date(stay: Encounter, today: date) -> date:
    """A day of leaving that has passed while the patient is still there is no day of leaving."""
    if stay.end and stay.end.date() <= today:
        return stay.end.date()
    return max(today, stay.planned_end or today)


def _questions(needs: tuple[Need, ...]) -> tuple[BedsideQuestion, ...]:
    return tuple(
        BedsideQuestion(need.code, need.question, need.labels)
        for need in needs
        if need.state is NeedState.NOT_ASSESSED and need.question
    )


def _against_advice(today: date) -> PersonTask:
    """Who left without medicines and teaching needs them most, and is not told off for coming back."""
    text = (
        "Reach the patient, who goes against advice: medicines and prescriptions, warning signs, the next visit; "
        "say that coming back is welcome at any time."
    )
    return PersonTask("task:against-advice", "", text, "social worker", today)


def _bereavement(today: date) -> PersonTask:
    text = "Offer bereavement support to the family."
    return PersonTask("task:bereavement-support", "", text, "social worker", today)
