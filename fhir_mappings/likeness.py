"""Whether a resource found in the EHR is the one we may have written, where it cannot be searched by our identifier.

Three answers, because the two wrong ones cost differently: taking another's resource for ours, or writing ours twice.
What is neither surely ours nor surely another's is for a person to decide.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from fhir_mappings import systems
from fhir_mappings.bundle import carries
from fhir_mappings.own_marks import is_own_name
from fhir_mappings.references import literal
from service.domain.publication import Draft

Json = Mapping[str, Any]


class Likeness(StrEnum):
    """Whose a resource is."""

    OURS = "ours"
    PERHAPS = "perhaps"
    OTHER = "other"


#: Resource types that can be told apart by their content: elements of which a difference makes it another's, and the
#: day or instant of making, of which sameness makes it ours.
_ELEMENTS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "CarePlan": (("subject", "encounter", "title"), "created"),
    "Communication": (("subject", "encounter", "category", "topic"), "sent"),
    "Condition": (("subject", "encounter", "code"), "recordedDate"),
    "DocumentReference": (("subject", "context.encounter", "type"), "date"),
    "Goal": (("subject", "description"), "startDate"),
    "ServiceRequest": (("subject", "encounter", "code"), "authoredOn"),
    "Task": (("for", "focus", "code"), "authoredOn"),
}
COMPARABLE: Final = frozenset(_ELEMENTS)
#: Many requests of ours carry this code, so that it tells none from another: their words do.
_SHARED: Final = frozenset({f"{systems.SNOMED}|{systems.SOCIAL_SERVICE}"})


def likeness(found: Json, draft: Draft) -> Likeness:
    """Whose `found` is, which the EHR holds for the same patient."""
    if carries(found, draft.identifier):
        return Likeness.OURS
    if _carries_another(found) or found.get("resourceType") != draft.resource_type:
        return Likeness.OTHER
    if draft.resource_type not in _ELEMENTS:
        return Likeness.PERHAPS
    names, made = _ELEMENTS[draft.resource_type]
    kin = [_alike(_at(draft.body, name), _at(found, name)) for name in names]
    if False in kin:
        return Likeness.OTHER
    same = all(kin) and _same_time(draft.body.get(made), found.get(made))
    return Likeness.OURS if same else Likeness.PERHAPS


def _carries_another(found: Json) -> bool:
    """Whether it has an identifier of the kind that ours are, and so is another of ours or a third party's."""
    identifiers = found.get("identifier")
    return isinstance(identifiers, list) and any(map(is_own_name, identifiers))


def _at(resource: Any, path: str) -> Any:
    for name in path.split("."):
        resource = resource.get(name) if isinstance(resource, dict) else None
    return resource


def _alike(ours: Any, theirs: Any) -> bool | None:
    """Whether two elements name the same thing; None where one of them says nothing."""
    one, other = set(_names(ours)) - _SHARED, set(_names(theirs)) - _SHARED
    return bool(one & other) if one and other else None


def _names(value: Any) -> Iterator[str]:
    """By what a reference, a concept or a text is told from others: "Patient/7", "system|code", its words."""
    if isinstance(value, str):
        yield value.strip().casefold()
    elif isinstance(value, list):
        for part in value:
            yield from _names(part)
    elif isinstance(value, dict):
        reference, text = value.get("reference"), value.get("text")
        if isinstance(reference, str):
            yield literal(reference) or reference
        if isinstance(text, str):
            yield text.strip().casefold()
        if "code" in value:
            yield f"{value.get('system', '')}|{value['code']}"
        yield from _names(value.get("coding"))


def _same_time(ours: Any, theirs: Any) -> bool:
    """The same second, or the same day where one of them gives no more; a server may keep the same instant otherwise."""
    one, other = _time(ours), _time(theirs)
    if isinstance(one, datetime) and isinstance(other, datetime):
        return abs((one - other).total_seconds()) < 1
    return one is not None and other is not None and str(ours)[:10] == str(theirs)[:10]


def _time(value: Any) -> date | None:
    """An aware datetime, or a date."""
    try:
        if len(str(value)) <= len("2024-03-05"):
            return date.fromisoformat(str(value))
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.date()
