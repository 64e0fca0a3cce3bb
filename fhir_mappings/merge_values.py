"""The three-way merge of one element: a value, an object of parts, or a list whose items are told by what they are about."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from fhir_mappings.merge_items import pair_items
from fhir_mappings.sameness import codings_of, is_ours_elsewhere, still_says

Json = dict[str, Any]

#: Where a side has no such element.
MISSING: Final = object()
#: The days on which something was drafted: by themselves they are no reason to write, and no one's edit.
MADE_ON: Final = frozenset({"authoredOn", "created", "date", "recorded", "recordedDate", "sent", "startDate"})
#: By these we find our own again; a release that writes others is no reason to write anything anew.
MARKS: Final = frozenset({"identifier"})
#: Servers are known to leave these out, so that their absence is nobody's edit.
LEFT_OUT: Final = frozenset({"description", "extension", "identifier", "note", "statusDate", "statusReason"})
#: Elements whose parts are merged one by one; every other object is one value.
_OF_PARTS: Final = frozenset(
    {"activity", "agent", "content", "context", "detail", "entity", "evidence", "restriction", "target"}
)
#: Where a person's work on what we asked for shows: what was done is kept, and is no edit of what we said.
_PROGRESS: Final = frozenset(
    {"status", "statusReason", "progress", "outcomeCodeableConcept", "outcomeReference"}
)
#: Why a status was given: words that may outlive it, and keep nothing out.
_REASONS: Final = frozenset({"statusReason", "statusDate"})
#: Elements of which one form stands at a time (occurrenceDateTime or occurrencePeriod), by how their names begin.
_CHOICES: Final = ("abatement", "asNeeded", "due", "effective", "occurrence", "onset", "scheduled", "value")


@dataclass(slots=True)
class Findings:
    """What a merge has found so far.

    element is the one that it is at; times_kept_out counts, so that it is seen at which item of a list; said_items is what
    counts as said of the items of the list that was merged last, said_lists that of the elements that are kept out in part.
    """

    contained: Mapping[str, str]
    rewritten: frozenset[str]
    is_untouched: bool
    element: str = ""
    persons: set[str] = field(default_factory=set)
    kept_out: set[str] = field(default_factory=set)
    times_kept_out: int = 0
    said_items: list[Any] = field(default_factory=list)
    said_lists: dict[str, list[Any]] = field(default_factory=dict)
    is_needed: bool = False

    def record_change(self) -> None:
        """Note that the element at hand must be written."""
        self.is_needed = self.is_needed or self.element not in MADE_ON | MARKS

    def record_person(self, *, keeps_out: bool = False) -> None:
        """Note that the element at hand is a person's."""
        if self.element not in MADE_ON:
            self.persons.add(self.element)
            if keeps_out:
                self.kept_out.add(self.element)
                self.times_kept_out += 1

    def says(self, said: Any, current: Any) -> bool:
        """Return True if what we said still stands there, what we had contained perhaps as a resource of its own."""
        if still_says(said, current):
            return True
        if not isinstance(said, dict) or not isinstance(current, dict):
            return False
        return is_ours_elsewhere(str(said.get("reference")), str(current.get("reference")), self.contained)

    def has_changed(self, base: Any, ours: Any) -> bool:
        """Return True if we now say something else, be it in what we contain."""
        reference = ours.get("reference") if isinstance(ours, dict) else None
        return base != ours or (isinstance(reference, str) and reference in self.rewritten)


def fold_choices(resource: Json) -> Json:
    """The same object with each choice of forms under one name: "occurrence[x]": {"occurrenceDateTime": …}."""
    folded: Json = {}
    for name, part in resource.items():
        choice = fold_name(name)
        if choice == name:
            folded[name] = part
        else:
            folded.setdefault(choice, {})[name] = part
    return folded


def fold_name(name: str) -> str:
    """The name of a choice of forms ("occurrence[x]") for that of one form; the same for what is none."""
    stem = next((stem for stem in _CHOICES if name.startswith(stem) and name[len(stem) :][:1].isupper()), "")
    return f"{stem}[x]" if stem else name


def unfold_choices(folded: Json) -> Json:
    """The object that `fold_choices` was given."""
    unfolded: Json = {}
    for name, part in folded.items():
        unfolded |= part if name.endswith("[x]") else {name: part}
    return unfolded


def sides_of(
    name: str, base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> tuple[Any, Any, Any]:
    """The element of this name as each of the three has it, MISSING where one has none."""
    return base.get(name, MISSING), ours.get(name, MISSING), theirs.get(name, MISSING)


def merge_part(name: str, base: Any, ours: Any, theirs: Any, found: Findings) -> Any:
    """One element, or one part of one; MISSING where nothing is to stand."""
    if base is MISSING and ours is MISSING:
        return theirs
    if _are(list, base, ours, theirs) and not (theirs is MISSING and _may_be_dropped(name, found)):
        before, wanted, current = ([] if side is MISSING else side for side in (base, ours, theirs))
        return _merge_list(name, before, wanted, current, found) or MISSING
    if theirs is MISSING:
        return _merge_absent(name, base, ours, found)
    if name in _OF_PARTS and _are(dict, base, ours, theirs) and not _is_reference(theirs):
        before, wanted = ({} if side is MISSING else side for side in (base, ours))
        return _merge_parts(before, wanted, theirs, found) or MISSING
    return _merge_value(name, base, ours, theirs, found)


def _merge_absent(name: str, base: Any, ours: Any, found: Findings) -> Any:
    """What does not stand in the EHR: it is new, or the server left it out, or a person took it away."""
    if ours is MISSING:
        return MISSING
    dropped = _may_be_dropped(name, found)
    if base is not MISSING and not found.has_changed(base, ours):
        if not dropped:
            found.record_person()
        return MISSING
    if base is MISSING or dropped:
        found.record_change()
        return ours
    found.record_person(keeps_out=True)
    return MISSING


def _merge_value(name: str, base: Any, ours: Any, theirs: Any, found: Findings) -> Any:
    """A value as a whole: ours where they left it as we sent it, else theirs."""
    is_changed = ours is MISSING or found.has_changed(base, ours)
    is_persons = base is MISSING or not (found.is_untouched or found.says(base, theirs))
    if not is_persons and not is_changed:
        return theirs
    if is_persons:
        is_progress = found.element == "activity" and name in _PROGRESS
        if not is_progress and (ours is MISSING or not found.says(ours, theirs)):
            found.record_person(keeps_out=is_changed and not (ours is MISSING and name in _REASONS))
        return theirs
    if ours is MISSING:
        found.record_change()
        return MISSING
    if not (still_says(ours, theirs) and still_says(base, ours)):
        found.record_change()
    return _with_additions(base, ours, theirs)


def _with_additions(base: Any, ours: Any, theirs: Any) -> Any:
    """Our new value with what was added to the old one, as far as that can still be true."""
    if not (_are(dict, base, ours, theirs)) or _is_reference(ours) or ours.keys() & {"data", "div"}:
        return ours
    if "coding" not in ours:
        return {name: part for name, part in theirs.items() if name not in base} | ours
    old, new = set(codings_of(base)), set(codings_of(ours))
    if not old & new:
        return ours  # another concept: what translated the old one does not translate it
    added = [
        coding
        for coding in theirs.get("coding", ())
        if not set(codings_of({"coding": [coding]})) & (old | new)
    ]
    return ours | {"coding": [*ours["coding"], *added]}


def _merge_parts(base: Json, ours: Json, theirs: Json, found: Findings) -> Json:
    merged: Json = {}
    before, wanted, current = (fold_choices(side) for side in (base, ours, theirs))
    for name in dict.fromkeys((*current, *wanted)):
        # An element's id is a name for us and for the server alike: either may change it, and nobody reads it.
        sides = sides_of(name, before, wanted, current)
        part = current.get(name, wanted.get(name)) if name == "id" else merge_part(name, *sides, found)
        if part is not MISSING:
            merged[name] = part
    return unfold_choices(merged)


def _merge_list(name: str, base: list[Any], ours: list[Any], theirs: list[Any], found: Findings) -> list[Any]:
    """What stands there in its order, each item merged with its counterpart, then what is new from us."""
    merged: list[tuple[int, Any]] = []
    said: list[Any] = []
    for trio in _trios(base, ours, theirs, found):
        times = found.times_kept_out
        item = _merge_item(name, trio.base, trio.ours, trio.theirs, found)
        merged += [] if item is MISSING else [(trio.place, item)]
        stands = trio.base if found.times_kept_out > times else trio.ours
        said += [] if stands is MISSING else [stands]
    found.said_items = said
    return [item for _, item in sorted(merged, key=lambda placed: placed[0])]


class _Trio(NamedTuple):
    """One item as the three sides have it, and its place in the EHR's list; new ones come last."""

    place: int
    base: Any
    ours: Any
    theirs: Any


def _trios(base: list[Any], ours: list[Any], theirs: list[Any], found: Findings) -> Iterator[_Trio]:
    """First all of our items, then what only others have."""
    sent_as = pair_items(base, ours, found.says)
    found_as = pair_items(base, theirs, found.says)
    direct = pair_items(ours, theirs, found.says, but=sent_as.values(), but_found=found_as.values())
    origin = {mine: sent for sent, mine in sent_as.items()}
    place_of = direct | {mine: found_as[sent] for mine, sent in origin.items() if sent in found_as}
    for number, item in enumerate(ours):
        before = base[origin[number]] if number in origin else MISSING
        place = place_of.get(number, len(theirs))
        yield _Trio(place, before, item, theirs[place] if number in place_of else MISSING)
    dropped = {place: base[sent] for sent, place in found_as.items() if sent not in sent_as}
    for place, item in enumerate(theirs):
        if place not in place_of.values():
            yield _Trio(place, dropped.get(place, MISSING), MISSING, item)


def _merge_item(name: str, base: Any, ours: Any, theirs: Any, found: Findings) -> Any:
    if ours is MISSING and base is not MISSING:
        return _merge_dropped(name, base, theirs, found)
    return merge_part(name, base, ours, theirs, found)


def _merge_dropped(name: str, base: Any, theirs: Any, found: Findings) -> Any:
    """An item that we no longer want: it goes, unless a person has worked on it or changed it. An identifier stays."""
    if name == "identifier":
        return theirs
    if found.is_untouched or (found.says(base, theirs) and not _has_grown(name, base, theirs)):
        found.record_change()
        return MISSING
    said, current = _without_progress(base), _without_progress(theirs)
    is_edited = not found.says(said, current) or _has_grown(name, said, current)
    found.record_person(keeps_out=is_edited)
    return theirs


def _has_grown(name: str, base: Any, theirs: Any) -> bool:
    return name in _OF_PARTS and isinstance(theirs, dict) and bool(theirs.keys() - base.keys() - {"id"})


def _without_progress(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    return {name: _without_progress(part) for name, part in item.items() if name not in _PROGRESS}


def _may_be_dropped(name: str, found: Findings) -> bool:
    return name in LEFT_OUT or found.is_untouched


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("reference"), str)


def _are(kind: type, *sides: Any) -> bool:
    """Return True if each side that has the element has it in this shape."""
    return all(side is MISSING or isinstance(side, kind) for side in sides)
