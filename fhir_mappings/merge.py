"""Three-way merge of a resource: what we last sent, what is wanted now, and what the EHR holds, element by element.

What nobody but us has touched follows us. What a person has changed stands, and the change of ours that it keeps out is
named. What a person has added stays beside ours. An item of a list is told by what it is about, not by its place in it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fhir_mappings.merge_apart import (
    has_labels,
    merge_contained,
    merge_meta,
    merge_text,
    types_of_contained,
)
from fhir_mappings.merge_values import (
    LEFT_OUT,
    MADE_ON,
    MARKS,
    MISSING,
    Findings,
    fold_choices,
    fold_name,
    merge_part,
    sides_of,
    unfold_choices,
)
from fhir_mappings.references import references_in
from fhir_mappings.sameness import still_says

Json = dict[str, Any]

#: Elements merged by rules of their own, or by none.
_APART: Final = frozenset({"resourceType", "id", "meta", "text", "contained", "implicitRules", "language"})
#: Elements that are true only together, by the one that leads: where that is a person's, so are the others.
_TOGETHER: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "Condition": ("clinicalStatus", frozenset({"verificationStatus"})),
    "DocumentReference": ("status", frozenset({"docStatus"})),
    "Goal": ("lifecycleStatus", frozenset({"expressedBy", "statusDate", "statusReason"})),
    "ServiceRequest": ("status", frozenset({"intent", "requester", "authoredOn"})),
    "Task": ("status", frozenset({"statusReason"})),
}
_ALONE: Final[tuple[str, frozenset[str]]] = ("status", frozenset())


@dataclass(frozen=True, slots=True)
class Merged:
    """What to put, and whose words stand.

    body is the whole resource to put. said is what counts as sent by us once it has arrived, and is the base of the next
    merge: never the body itself, in which the words of others would be taken for ours. persons are the elements in which a
    person has changed what we sent; kept_out are those of them in which we want something else than what we last said
    there, which theirs keeps out of the EHR. is_needed is False when the EHR already holds all that may be put.
    """

    body: Json
    said: Json
    persons: frozenset[str]
    kept_out: frozenset[str]
    is_needed: bool


def merge(base: Json | None, ours: Json, theirs: Json, *, is_untouched: bool = False) -> Merged:
    """Merge what we want now into what the EHR holds, so that nothing of anybody's is lost.

    base is what we last said, None where it is not known: what differs from ours is then a person's. References to
    other drafts must be resolved as far as they are known. is_untouched: the EHR's version is that of our last receipt,
    so that whatever differs from what we sent is the server's own doing.
    """
    sent = base or {}
    contained, rewritten = types_of_contained(sent, ours)
    found = Findings(contained, rewritten, is_untouched)
    body = {
        **{name: part for name, part in theirs.items() if name in _APART},
        **_merge_elements(sent, ours, theirs, found),
        **merge_text(sent, ours, theirs, found),
        **merge_meta(sent, ours, theirs, found),
    }
    body = merge_contained(body, sent, ours, theirs, found)
    said = _what_is_said(sent, ours, found)
    return Merged(body, said, frozenset(found.persons), frozenset(found.kept_out), found.is_needed)


def has_arrived(before: Json, said: Json, current: Json) -> bool:
    """Return True if the EHR shows something that an update of ours said and what stood there before did not.

    before is what we said until then. An update that changed nothing that can be seen counts as not arrived.
    """
    # That something which a server may not keep is not there tells nothing.
    unkept = (LEFT_OUT - {"extension"}) - said.keys()
    names = {*before, *said} - (_APART - {"text"}) - unkept
    return any(_shows(*sides_of(name, before, said, current)) for name in names)


def _shows(before: Any, said: Any, current: Any) -> bool:
    """Return True if an element stands as said and not as before, where the two differ."""
    if before == said:
        return False
    if said is MISSING or current is MISSING:
        return said is current
    return still_says(said, current) and not (still_says(said, before) and still_says(before, current))


def _what_is_said(base: Json, ours: Json, found: Findings) -> Json:
    """What we want, and what we last said where that is kept out: so that it is known as kept out the next time too."""
    said: Json = {}
    for name in dict.fromkeys((*ours, *base)):
        is_kept_out = name in found.kept_out or fold_name(name) in found.kept_out
        part = found.said_lists.get(name, base.get(name)) if is_kept_out else ours.get(name)
        if part is not None and part != []:
            said[name] = part
    kept = [base.get(name) for name in found.kept_out]
    if "contained" in base and any(reference.startswith("#") for reference in references_in(kept)):
        said["contained"] = base["contained"]
    return said


def _merge_elements(base: Json, ours: Json, theirs: Json, found: Findings) -> Json:
    """All elements that have no rule of their own; the one that leads others comes first."""
    leader, followers = _TOGETHER.get(ours["resourceType"], _ALONE)
    before, wanted, current = (
        fold_choices({name: part for name, part in side.items() if name not in _APART})
        for side in (base, ours, theirs)
    )
    merged: Json = {}
    for name in sorted(dict.fromkeys((*current, *wanted)), key=lambda name: name != leader):
        found.element = name
        follows = name in followers and leader in found.persons
        sides = sides_of(name, before, wanted, current)
        part = current.get(name, MISSING) if follows else merge_part(name, *sides, found)
        if name in found.kept_out and isinstance(wanted.get(name), list):
            found.said_lists[name] = found.said_items
        if part is not MISSING:
            merged[name] = part
    return unfold_choices(merged)


def is_all_there(said: Json, current: Json) -> bool:
    """Return True if all that we said stands there in the server's spelling, whatever else stands beside it.

    Where a person has worked on it, as by ticking an activity, it does not; what servers leave out by themselves tells
    nothing, a security label that is missing does.
    """
    return has_labels(said, current) and all(
        _stands(name, part, current) for name, part in said.items() if name not in MADE_ON | MARKS | {"meta"}
    )


def _stands(name: str, part: Any, current: Json) -> bool:
    if name == "text" and isinstance(part, dict) and part.get("status") == "generated":
        return True  # it says no more than the elements, and may be the server's own
    return still_says(part, current[name]) if name in current else name in LEFT_OUT


def same_version(one: str, other: str) -> bool:
    """Whether two ETags name one version, weak ('W/"3"') or strong ('"3"'); an unknown one ("") is no version."""
    return bool(one) and _bare(one) == _bare(other)


def without(body: Json, names: Collection[str]) -> Json:
    """The same resource without these elements."""
    return {name: part for name, part in body.items() if name not in names}


def pruned(value: Any, missing: Collection[str]) -> Any:
    """The same JSON without references to what is missing, and without the elements that this leaves empty."""
    if isinstance(value, dict):
        parts = {
            name: pruned(part, missing)
            for name, part in value.items()
            if not (name == "reference" and isinstance(part, str) and part in missing)
        }
        return {name: part for name, part in parts.items() if part not in ({}, [])}
    if isinstance(value, list):
        return [
            part
            for item in value
            if (part := pruned(item, missing)) not in ({}, []) and not _lost_its_value(item, part)
        ]
    return value


def _lost_its_value(before: Any, now: Any) -> bool:
    """An extension of which only its url is left says nothing (ext-1)."""
    return isinstance(now, dict) and now.keys() == {"url"} and now != before


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')
