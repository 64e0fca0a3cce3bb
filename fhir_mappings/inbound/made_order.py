"""What an order in the EHR tells of where it came from, when it carries nothing of ours."""

from datetime import tzinfo
from typing import Final

from fhir_mappings.inbound import dates
from fhir_mappings.inbound.codes import bare_code
from fhir_mappings.inbound.elements import Json, first, items, text
from fhir_mappings.inbound.references import encounter_of, subject_of
from fhir_mappings.own_marks import is_own_name
from service.domain.preference_list import MadeOrder, SuggestedOrder

#: What was never meant, or is off again, answers nothing.
_NO_ORDER: Final = frozenset({"revoked", "entered-in-error"})


def made_order(order: Json, zone: tzinfo) -> MadeOrder:
    """Read codes, stay and time of a ServiceRequest; its codes as they stand there, of whatever system."""
    codings = items(first(order.get("code")).get("coding"))
    written = order.get("authoredOn")
    return MadeOrder(
        codes=tuple(code for coding in codings if (code := text(coding.get("code")))),
        encounter=encounter_of(order),
        authored=dates.exact(written, zone) or dates.day(written, zone),
    )


def may_answer(order: Json, suggestion: SuggestedOrder, *, patient: str, stay: str, zone: tzinfo) -> bool:
    """Tell whether a resource may be what a clinician made of a suggestion: no draft of ours, and of this patient and stay."""
    if order.get("resourceType") != "ServiceRequest" or bare_code(order.get("status")) in _NO_ORDER:
        return False
    if subject_of(order) != patient or any(map(is_own_name, items(order.get("identifier")))):
        return False
    return suggestion.is_answered_by(made_order(order, zone), stay=stay, zone=zone)
