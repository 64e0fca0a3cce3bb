"""The merge of what has rules of its own: the narrative, the labels and tags of meta, what a resource contains."""

from collections.abc import Mapping
from typing import Any, Final

from fhir_mappings.merge_values import MISSING, Findings, merge_part, sides_of
from fhir_mappings.outbound.author import CONTAINED
from fhir_mappings.references import references_in
from fhir_mappings.sameness import words_of

Json = dict[str, Any]

_LABELS: Final = ("security", "tag")


def types_of_contained(base: Json, ours: Json) -> tuple[Mapping[str, str], frozenset[str]]:
    """The types of the resources that we contain, by id, and the references ("#performer") to those that now say something else."""
    before, now = (_contained_in(side) for side in (base, ours))
    types = {name: str(part.get("resourceType")) for name, part in (before | now).items()}
    rewritten = {f"#{name}" for name, part in now.items() if name in before and before[name] != part}
    return types, frozenset(rewritten)


def merge_text(base: Json, ours: Json, theirs: Json, found: Findings) -> Json:
    """The narrative. One that says no more than the elements ("generated") is nobody's words, and stays where it stands."""
    found.element = "text"
    before, wanted, current = (words_of(side.get("text")) for side in (base, ours, theirs))
    if "text" not in ours or wanted == current:
        return {}
    if not current or current == before or found.is_untouched:
        if before != wanted:
            found.record_change()
        return {"text": ours["text"]}
    if not _is_generated(theirs) or not _is_generated(ours):
        found.record_person(keeps_out=before != wanted)
    return {}


def merge_meta(base: Json, ours: Json, theirs: Json, found: Findings) -> Json:
    """The EHR's own, with our labels and tags: what has become sensitive must not stay as open as it was."""
    found.element = "meta"
    meta: Json = theirs.get("meta") or ours.get("meta") or {}
    for name in _LABELS:
        there = _codings(theirs, name)
        missing = [coding for coding in _codings(ours, name) if coding not in there]
        if missing:
            meta = meta | {name: [*_listed(meta.get(name)), *missing]} if there else meta | {name: missing}
        if name == "security" and any(label not in _codings(base, name) for label in missing):
            found.record_change()
    return {"meta": meta} if meta else {}


def has_labels(said: Json, current: Json) -> bool:
    """Return True if each security label that we said stands there."""
    there = _codings(current, "security")
    return all(label in there for label in _codings(said, "security"))


def merge_contained(body: Json, base: Json, ours: Json, theirs: Json, found: Findings) -> Json:
    """What others contain, and of ours what is still pointed to: what is not may not stay (dom-3)."""
    found.element = "contained"
    sent, wanted, current = (_contained_in(side) for side in (base, ours, theirs))
    merged: list[Any] = []
    used = set(references_in(body))
    for name in dict.fromkeys((*current, *wanted)):
        is_ours = name in CONTAINED or name in sent or name in wanted
        if is_ours and f"#{name}" not in used:
            continue
        sides = sides_of(name, sent, wanted, current)
        part = merge_part("contained", *sides, found) if name in wanted else current[name]
        # Something points to it: what we pointed to and the server left out comes back with it.
        merged.append(wanted[name] if part is MISSING else part)
    rest = {name: part for name, part in body.items() if name != "contained"}
    return rest | ({"contained": merged} if merged else {})


def _is_generated(resource: Json) -> bool:
    text = resource.get("text")
    return isinstance(text, dict) and text.get("status") == "generated"


def _codings(resource: Json, name: str) -> list[Json]:
    """The codings of meta.security or meta.tag by what tells them apart: an EHR may drop or change their displays."""
    meta = resource.get("meta")
    marked = _listed(meta.get(name)) if isinstance(meta, dict) else []
    return [{part: coding[part] for part in ("system", "code") if part in coding} for coding in marked]


def _contained_in(resource: Json) -> dict[str, Json]:
    return {str(part.get("id")): part for part in _listed(resource.get("contained"))}


def _listed(value: Any) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
