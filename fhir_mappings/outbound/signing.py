"""What a person's decision does to a resource: its status, who signed it, why it was refused."""

from typing import Final

from fhir_mappings.outbound.elements import Json
from fhir_mappings.outbound.references import type_of
from service.domain.decision import Choice, Decision, Signer
from service.domain.plan import Plan

_NO_REASON: Final = "no reason given"


def person(by: Signer) -> Json:
    """A reference to the person, by name alone where the EHR's own entry for them is not known."""
    return {
        "reference": by.reference,
        "type": type_of(by.reference) or "Practitioner",
        "display": by.name,
    }


def request_status(plan: Plan, key: str) -> str:
    """Draft until a person has decided, then active or revoked."""
    verdict = plan.decision_on(key)
    if verdict is None:
        return "draft"
    return "active" if verdict.choice is Choice.APPROVED else "revoked"


def refusal_of(plan: Plan, key: str) -> Decision | None:
    """The decision by which an item was declined, None while it is not."""
    verdict = plan.decision_on(key)
    return verdict if verdict and verdict.choice is Choice.DECLINED else None


def refusal_notes(plan: Plan, key: str) -> list[Json]:
    """The reason for which a person declined an item, as their note; none where nobody did."""
    refusal = refusal_of(plan, key)
    if refusal is None:
        return []
    by = refusal.by
    signed = {"authorReference": person(by)} if by.reference else {"authorString": by.name}
    return [{**signed, "time": refusal.at.isoformat(timespec="seconds"), "text": refusal_text(refusal)}]


def refusal_text(refusal: Decision) -> str:
    """Why it was declined, in one line."""
    return f"Declined: {refusal.reason or _NO_REASON}"


def word_for(plan: Plan, key: str) -> str:
    """How an item stands, as the first word of its narrative."""
    verdict = plan.decision_on(key)
    return f"{verdict.choice.value.capitalize()} by {verdict.by.name}" if verdict else "Proposed"
