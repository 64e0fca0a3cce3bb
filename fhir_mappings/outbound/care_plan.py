"""The plan → US Core CarePlan, a draft until a person has approved it: what a clinician reads, and the way to everything else."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from fhir_mappings import systems
from fhir_mappings.narrative import care_plan_narrative
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.elements import (
    Json,
    coding,
    concept,
    evidence_of,
    evidence_references,
    references,
    supporting_references,
)
from fhir_mappings.outbound.references import Names, type_of
from fhir_mappings.outbound.service_request import SOCIAL_WORK_KEY
from fhir_mappings.outbound.signing import person, refusal_notes, request_status
from service.domain.assessment import Outcome
from service.domain.decision import WHOLE_PLAN
from service.domain.plan import Education, FollowUp, Goal, PersonTask, Plan, Referral

#: Of the end of a UUID, so that no two activities of a plan share an id.
_ID_LENGTH: Final = 12
_Dated = Referral | Goal | FollowUp | PersonTask
_CATEGORY: Final = coding(
    systems.US_CORE_CAREPLAN_CATEGORY, "assess-plan", "Assessment and Plan of Treatment"
)
#: What R4 lets an activity point to, of the things a plan may rest on.
_ACTIVITIES = ("ServiceRequest", "DeviceRequest", "Appointment")


def care_plan_body(plan: Plan, *, author: Author, names: Names) -> Json:
    """The CarePlan in FHIR JSON without identifier. plan must be shareable."""
    present = [need.code for need in plan.present()] if plan.outcome is Outcome.GOING_HOME else []
    evidence = evidence_of(plan.needs, *present)
    approval = plan.approval_of(WHOLE_PLAN)
    goals = [goal.existing or names.full_url(goal.key) for goal in plan.goals]
    return {
        "resourceType": "CarePlan",
        "meta": {"profile": [f"{systems.US_CORE}us-core-careplan"]},
        # "additional": bedside questions, gaps and readiness have no element of their own.
        "text": {
            "status": "additional",
            "div": care_plan_narrative(plan, page=author.page),
        },
        "status": request_status(plan, WHOLE_PLAN),
        "intent": "plan",
        "category": [{"coding": [_CATEGORY]}],
        "title": "Discharge plan",
        "subject": {"reference": plan.patient.reference},
        "encounter": {"reference": plan.encounter.reference},
        "period": _period(plan.discharge_date, _last_day(plan)),
        "created": plan.today.isoformat(),
        "author": author.writer(),
        "contributor": [person(approval.by)] if approval else [],
        "note": refusal_notes(plan, WHOLE_PLAN),
        "addresses": evidence_references(evidence, "Condition"),
        "supportingInfo": supporting_references(evidence, "Condition"),
        "goal": references(goals),
        "activity": _activities(plan, names),
    }


def _activities(plan: Plan, names: Names) -> list[Json]:
    """R4 lets an activity be a reference or a detail, never both (cpl-3)."""
    requests = [referral.existing or names.full_url(referral.key) for referral in plan.referrals]
    requests += [names.full_url(SOCIAL_WORK_KEY)] if plan.asks_for_social_work() else []
    worded = [
        *((visit.key, _follow_up(visit)) for visit in plan.follow_ups),
        *((lesson.key, _lesson(lesson)) for lesson in plan.education),
        *((task.key, _task(task)) for task in plan.tasks),
    ]
    # The id tells the item from others when its words have changed, so that what people ticked stays ticked.
    return [
        *({"reference": reference} for reference in _activity_references(requests)),
        *({"id": names.full_url(key)[-_ID_LENGTH:], **activity} for key, activity in worded),
    ]


def _activity_references(literals: Iterable[str]) -> list[Json]:
    return references(x for x in literals if x.startswith("urn:uuid:") or type_of(x) in _ACTIVITIES)


def _follow_up(visit: FollowUp) -> Json:
    if type_of(visit.existing) in _ACTIVITIES:
        return {"reference": {"reference": visit.existing}}
    detail = {
        "kind": "Appointment",
        "code": concept(visit.text, visit.code),
        "status": "not-started",
        "scheduledPeriod": _period(visit.not_before, visit.due),
        "description": visit.text,
    }
    return {"detail": detail}


def _lesson(lesson: Education) -> Json:
    # Its topic is no code here: as the activity's code, or as its reason, "history of falling" would be said of the patient.
    detail = {
        "kind": "CommunicationRequest",
        "code": concept(lesson.text),
        "status": "not-started",
        "description": f"Teach before leaving: {lesson.text}",
    }
    return {"detail": detail}


def _task(task: PersonTask) -> Json:
    detail = {
        "kind": "Task",
        "status": "not-started",
        "scheduledPeriod": {"end": task.due.isoformat()},
        "description": f"For the {task.owner}: {task.text}",
    }
    return {"detail": detail}


def _last_day(plan: Plan) -> date:
    dated: Iterable[_Dated] = (*plan.referrals, *plan.goals, *plan.follow_ups, *plan.tasks)
    return max((item.due for item in dated), default=plan.discharge_date)


def _period(start: date, end: date) -> Json:
    """From start to end; an end before the start is the only day (per-1)."""
    return {"start": min(start, end).isoformat(), "end": end.isoformat()}
