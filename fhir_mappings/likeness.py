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
from fhir_mappings.outbound.reference_line import (
    attachments_of,
    reference_of,
    references_in_text,
    texts_of,
    with_text,
)
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
#: Whose it is and of which stay, of the types that carry a reference in their text.
_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "Communication": ("subject", "encounter"),
    "Condition": ("subject", "encounter"),
    "DocumentReference": ("subject", "context.encounter"),
}
#: Many requests of ours carry this code, so that it tells none from another: their words do.
_SHARED: Final = frozenset({f"{systems.SNOMED}|{systems.SOCIAL_SERVICE}"})


def likeness(found: Json, draft: Draft) -> Likeness:
    """Whose `found` is, which the EHR holds for the same patient."""
    if carries(found, draft.identifier):
        return Likeness.OURS
    if _carries_another(found) or found.get("resourceType") != draft.resource_type:
        return Likeness.OTHER
    if draft.resource_type not in _ELEMENTS:
        return _of_same_making(found, draft)
    if (told := _by_reference(found, draft)) is not None:
        return told
    names, made = _ELEMENTS[draft.resource_type]
    kin = [_alike(_at(draft.body, name), _at(found, name)) for name in names]
    if False in kin:
        return Likeness.OTHER
    same = all(kin) and _same_time(draft.body.get(made), found.get(made))
    return Likeness.OURS if same else Likeness.PERHAPS


def _of_same_making(found: Json, draft: Draft) -> Likeness:
    """Whose a Provenance is: it speaks of the same, and was recorded in the same second. Of other types nobody knows."""
    spoken = _alike(draft.body.get("target"), found.get("target"))
    if spoken is None or "recorded" not in found:
        return Likeness.PERHAPS
    is_same = spoken and _same_time(draft.body.get("recorded"), found["recorded"])
    return Likeness.OURS if is_same else Likeness.OTHER


def hidden_texts(found: Json, draft: Draft) -> list[Json]:
    """The attachments whose text stands behind a URL and would tell whose this is; [] where it is another's already."""
    if likeness(found, draft) is not Likeness.PERHAPS or not references_told(draft.body):
        return []
    return [part for part in attachments_of(dict(found)) if part.get("url") and not part.get("data")]


def with_texts(found: Json, texts: Mapping[str, str]) -> Json:
    """The resource with the texts that stand behind these URLs in it."""
    changed = dict(found)
    for element, name in (("content", "attachment"), ("payload", "contentAttachment")):
        if isinstance(found.get(element), list):
            changed[element] = [_with_text_of(part, name, texts) for part in found[element]]
    return changed


def _with_text_of(part: Any, name: str, texts: Mapping[str, str]) -> Any:
    attachment = part.get(name) if isinstance(part, dict) else None
    if not isinstance(attachment, dict) or attachment.get("url") not in texts:
        return part
    return {**part, name: with_text(attachment, texts[attachment["url"]])}


def references_told(body: Json) -> frozenset[str]:
    """The references that stand in the texts of a resource."""
    return frozenset().union(*map(references_in_text, texts_of(dict(body))))


def _by_reference(found: Json, draft: Draft) -> Likeness | None:
    """Whose it is by the reference that stands in its text; None where ours has none, or its text is not shown."""
    if not references_told(draft.body):
        return None
    told = references_told(found)
    if reference_of(draft.identifier) in told:
        # A text that was copied into another stay or another chart is for a person to look at.
        places = _PLACES.get(draft.resource_type, ())
        is_elsewhere = False in [_alike(_at(draft.body, name), _at(found, name)) for name in places]
        return Likeness.PERHAPS if is_elsewhere else Likeness.OURS
    is_shown = bool(list(texts_of(dict(found)))) and not any(
        part.get("url") and not part.get("data") for part in attachments_of(dict(found))
    )
    # An earlier release gave its texts no reference: what was made in the same moment is compared further.
    is_of_then = not told and _same_time(draft.body.get(_made_on(draft)), found.get(_made_on(draft)))
    return Likeness.OTHER if told or (is_shown and not is_of_then) else None


def _made_on(draft: Draft) -> str:
    return _ELEMENTS[draft.resource_type][1]


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
