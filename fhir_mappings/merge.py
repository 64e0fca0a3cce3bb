"""Three-way merge of a resource: what we last sent, what is wanted now, and what the EHR holds, element by element.

What nobody but us has touched follows us. What a person has changed stands, and the change of ours that it keeps out is
named. What a person has added stays beside ours. An item of a list is told by what it is about, not by its place in it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fhir_mappings.merge_apart import merge_contained, merge_meta, merge_text, types_of_contained
from fhir_mappings.merge_values import (
    LEFT_OUT,
    MISSING,
    Findings,
    fold_choices,
    fold_name,
    merge_part,
    sides_of,
    unfold_choices,
)
from fhir_mappings.outbound.author import CONTAINED
from fhir_mappings.own_marks import is_own_name, is_own_tag, with_tag
from fhir_mappings.references import references_in
from fhir_mappings.sameness import still_says
from fhir_mappings.withdrawal import without_reason

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


#: Optional elements of ours by resource type: one that a new draft no longer has is taken away. All others stay.
_OURS: Final[Mapping[str, frozenset[str]]] = {
    "CarePlan": frozenset(
        {"contributor", "activity", "addresses", "goal", "period", "supportingInfo", "description"}
    ),
    "Goal": frozenset({"addresses", "target", "startDate", "statusDate", "statusReason"}),
    "Task": frozenset({"owner", "restriction", "statusReason"}),
    "ServiceRequest": frozenset(
        {
            "occurrenceDateTime",
            "occurrencePeriod",
            "performer",
            "reasonCode",
            "reasonReference",
            "patientInstruction",
        }
    ),
}
#: To these others add, and overlaid keeps it.
_KEPT: Final = frozenset({"identifier", "contained", "meta", "text"})
_SIGNED: Final = frozenset({"authorReference", "authorString", "time"})


def overlaid(current: Json, body: Json) -> Json:
    """The EHR's resource with our draft's elements in place of its own; its id, meta and unknown elements stay.

    Security labels of ours are added to those it has. Why we once withdrew it is taken out: it no longer is.
    """
    current = without_reason(current)
    ours = _OURS.get(str(current.get("resourceType")), frozenset()) | {"contained"}
    kept = {name: part for name, part in current.items() if name in body or name not in ours}
    return {
        **kept,
        **body,
        **_shared(body, current),
        **_contained(body, current),
        **({"id": current["id"]} if "id" in current else {}),
        **_meta(body, current),
    }


def agrees(body: Any, current: Any) -> bool:
    """Whether everything our draft says stands in the EHR's resource, whatever else stands there.

    A link to another draft (urn:uuid) has another name in the EHR, so any name agrees with it. An identifier of ours is
    the same in the system of an earlier release. A narrative that says no
    more than the elements may be the server's own, and an attachment may have moved behind a url.
    """
    if isinstance(body, dict):
        if is_own_name(body) and is_own_name(current):
            return bool(body.get("value") == current.get("value"))
        return isinstance(current, dict) and all(
            name in current and (_is_link(name, part, current[name]) or agrees(part, current[name]))
            for name, part in body.items()
            if not _is_the_servers(name, part, current)
        )
    if isinstance(body, list):
        return (
            isinstance(current, list)
            and len(current) >= len(body)
            and all(agrees(ours, theirs) for ours, theirs in zip(body, current, strict=False))
        )
    return bool(body == current)


def only_added(sent: Json, current: Json) -> bool:
    """Whether all that we sent stands there unchanged, and whatever others have added would stay under `overlaid`.

    Then putting a new draft over it takes nothing away from anybody. A list of ours that has grown is somebody's change, and
    so is an element that we would take away.
    """
    ours = _OURS.get(str(current.get("resourceType")), frozenset())
    if not agrees(sent, current) or ours & (current.keys() - sent.keys()):
        return False
    return not any(
        _has_grown(part, _without_kept(name, current.get(name)))
        for name, part in sent.items()
        if name not in _KEPT
    )


def _has_grown(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(theirs) > len(ours) or any(map(_has_grown, ours, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return any(_has_grown(part, theirs.get(name)) for name, part in ours.items())
    return False


def _without_kept(name: str, theirs: Any) -> Any:
    """Without the notes that say who wrote them: `overlaid` keeps those."""
    return [note for note in _objects(theirs) if not _SIGNED & note.keys()] if name == "note" else theirs


def same_version(one: str, other: str) -> bool:
    """Whether two ETags name one version, weak ('W/"3"') or strong ('"3"'); an unknown one ("") is no version."""
    return bool(one) and _bare(one) == _bare(other)


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


def _is_link(name: str, ours: Any, theirs: Any) -> bool:
    """Whether it is a link to another draft, which the EHR names otherwise."""
    links = name == "reference" and isinstance(ours, str) and ours.startswith("urn:uuid:")
    return links and isinstance(theirs, str)


def _is_the_servers(name: str, part: Any, current: Json) -> bool:
    generated = name == "text" and isinstance(part, dict) and part.get("status") == "generated"
    ours = _labels({"meta": part}) if name == "meta" else []
    labelled = all(label in _labels(current) for label in ours)
    return (name == "meta" and labelled) or generated or (name == "data" and "url" in current)


def _shared(body: Json, current: Json) -> Json:
    """The lists to which others add: identifiers of the EHR, and notes that say who wrote them, which ours do not."""
    kept = {
        "identifier": _objects(current.get("identifier")),
        "note": [note for note in _objects(current.get("note")) if _SIGNED & note.keys()],
    }
    return {
        name: [*body[name], *_others(body[name], theirs)] for name, theirs in kept.items() if body.get(name)
    }


def _meta(body: Json, current: Json) -> Json:
    """The EHR's own, with our tag and security labels: what has become sensitive must not stay as open as it was."""
    meta: Json = current.get("meta") or body.get("meta") or {}
    missing = [label for label in _labels(body) if label not in _labels({"meta": meta})]
    if missing:
        meta = meta | {"security": [*_objects(meta.get("security")), *missing]}
    if any(map(is_own_tag, _objects((body.get("meta") or {}).get("tag")))):
        meta = with_tag({"meta": meta})["meta"]
    return {"meta": meta} if meta else {}


def _labels(resource: Json) -> list[Json]:
    """The codings of meta.security by what tells them apart: an EHR may drop or change their displays."""
    meta = resource.get("meta")
    marked = _objects(meta.get("security")) if isinstance(meta, dict) else []
    return [{name: part for name, part in one.items() if name in {"system", "code"}} for one in marked]


def _contained(body: Json, current: Json) -> Json:
    """Ours as the draft has them, for an unused one may not stay (dom-3), and those of others."""
    theirs = [part for part in _objects(current.get("contained")) if part.get("id") not in CONTAINED]
    contained = [*body.get("contained", ()), *theirs]
    return {"contained": contained} if contained else {}


def _others(ours: list[Json], theirs: list[Json]) -> list[Json]:
    # The identifier of an earlier release stays beside the new one: somebody may know the resource by it.
    return [
        item
        for item in theirs
        if not any(agrees(own, item) and own.get("system") == item.get("system") for own in ours)
    ]


def _objects(value: Any) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')
