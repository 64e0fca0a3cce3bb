"""A goal of the plan → US Core Goal, proposed until a person has accepted it."""

from fhir_mappings import systems
from fhir_mappings.narrative import generated
from fhir_mappings.outbound.bindings import SDOH_DOMAINS
from fhir_mappings.outbound.elements import (
    Json,
    coding,
    concept,
    evidence_of,
    evidence_references,
)
from fhir_mappings.outbound.signing import person, refusal_text, word_for
from service.domain.decision import Choice
from service.domain.need import Need
from service.domain.plan import Goal, Plan
from service.domain.protocol import NeedKind


def goal_body(goal: Goal, plan: Plan) -> Json:
    """The Goal, in FHIR JSON without identifier; plan must be shareable."""
    need = next((need for need in plan.needs if need.code == goal.need), None)
    return {
        "resourceType": "Goal",
        "meta": {"profile": [f"{systems.US_CORE}us-core-goal"]},
        "text": generated(f"{word_for(plan, goal.key)}: goal {goal.text}, by {goal.due}"),
        **_standing(plan, goal.key),
        "category": _categories(need),
        "description": concept(goal.text),
        "subject": {"reference": plan.patient.reference},
        "startDate": goal.start.isoformat(),
        "target": [_target(goal)],
        "addresses": evidence_references(evidence_of(plan.needs, goal.need), "Condition", "Observation"),
    }


def _standing(plan: Plan, key: str) -> Json:
    """Its lifecycle, and who has accepted or rejected it."""
    verdict = plan.decision_on(key)
    if verdict is None:
        return {"lifecycleStatus": "proposed"}
    if verdict.choice is Choice.APPROVED:
        return {"lifecycleStatus": "accepted", "expressedBy": person(verdict.by)}
    return {
        "lifecycleStatus": "rejected",
        "statusDate": verdict.at.date().isoformat(),
        "statusReason": refusal_text(verdict),
    }


def _target(goal: Goal) -> Json:
    """When it is to be reached and how that is seen. A detail needs a measure (gol-1)."""
    due = {"dueDate": goal.due.isoformat()}
    if not goal.target and not goal.measure:
        return due
    measured = goal.measure.display if goal.measure else ""
    return {"measure": concept(measured or goal.text, goal.measure), "detailString": goal.target, **due}


def _categories(need: Need | None) -> list[Json]:
    if need is None:
        return []
    if need.gravity_domain:
        display = SDOH_DOMAINS[need.gravity_domain]
        return [{"coding": [coding(systems.SDOHCC, need.gravity_domain, display)]}]
    if need.kind is NeedKind.SAFETY:
        return [{"coding": [coding(systems.GOAL_CATEGORY, "safety", "Safety")]}]
    return []
