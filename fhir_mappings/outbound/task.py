"""An approved social referral → Gravity's Task for referral management: someone is asked to fulfil the ServiceRequest."""

from typing import Final

from fhir_mappings import systems
from fhir_mappings.narrative import generated
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.bindings import SDOH_DOMAINS
from fhir_mappings.outbound.elements import Json, coding
from fhir_mappings.outbound.references import Names, type_of
from fhir_mappings.outbound.signing import person, refusal_of, refusal_text
from service.domain.decision import Choice, Decision
from service.domain.plan import Plan, Referral

_PREFIX: Final = "fulfil:"


def wants_task(referral: Referral) -> bool:
    """Whether Gravity's loop is for it: it meets a social need."""
    return referral.category in SDOH_DOMAINS


def task_key(referral: str, plan: Plan) -> str:
    """One for each time the referral of this key was approved: a Task that was called off is never taken up again."""
    times = sum(one.item == referral and one.choice is Choice.APPROVED for one in plan.decisions)
    return f"{_PREFIX}{referral}:{times}"


def task_body(referral: Referral, plan: Plan, *, approval: Decision, author: Author, names: Names) -> Json:
    """The Task in FHIR JSON without identifier; plan must be shareable. Until a provider is chosen, it is the social workers'."""
    refusal = refusal_of(plan, referral.key)
    called_off = {"statusReason": {"text": refusal_text(refusal)}} if refusal else {}
    chosen = referral.chosen
    return {
        "resourceType": "Task",
        "meta": {"profile": [f"{systems.GRAVITY}SDOHCC-TaskForReferralManagement"]},
        "text": generated(f"To fulfil: {referral.title}, by {referral.due}"),
        "status": "cancelled" if refusal else "requested",
        **called_off,
        "intent": "order",
        "priority": str(referral.priority),
        "code": {"coding": [coding(systems.TASK_CODE, "fulfill", "Fulfill the focal request")]},
        "description": referral.title,
        "focus": {"reference": names.full_url(referral.key)},
        "for": {"reference": plan.patient.reference},
        "encounter": {"reference": plan.encounter.reference},
        "authoredOn": approval.at.isoformat(timespec="seconds"),
        "requester": _requester(approval, author),
        "owner": author.partner(chosen) if chosen else author.social_work(),
        "restriction": {"period": {"end": referral.due.isoformat()}},
    }


def _requester(approval: Decision, author: Author) -> Json:
    """Gravity takes a role or an organization here, no person: who signed stands in the ServiceRequest."""
    signed_in_role = type_of(approval.by.reference) == "PractitionerRole"
    return person(approval.by) if signed_in_role else author.on_behalf_of()
