"""Where the signed order and the stay send the patient: the one reader of dispositions, in any spelling of them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from service.domain.assessment import NamedPlace
from service.domain.codes import Code, System
from service.domain.content import Content
from service.domain.place_words import read_words, settle
from service.domain.places import DispositionCode, PlaceName, PlaceNames, names_of
from service.domain.record import Encounter
from service.domain.sensitivity import NONE, Label, Labels

_OTHER, _PSYCHIATRIC_HOSPITAL = "oth", "psy"
#: As much of a hospital's own words for a place as fits a line.
_LONGEST = 120
#: UB-04 codes with a planned readmission → the same place without (NUBC; from memory, review: pending).
_PLANNED_READMISSION = {
    **{str(81 + n): f"{1 + n:02}" for n in range(6)},
    "87": "21",
    "88": "43",
    "89": "61",
    "90": "62",
    "91": "63",
    "92": "64",
    "93": "65",
    "94": "66",
    "95": "70",
}
_HINTS = {
    code: re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for code, words in (
        ("psy", r"psych\w*|behaviou?ral health"),
        ("aadvice", r"against (?:medical )?advice|ama|eloped|elopement"),
        ("hosp", r"hospice"),
        ("rehab", r"(?:acute |inpatient )?rehab\w*|irf"),
        ("snf", r"skilled|snf|nursing (?:facility|home)"),
        ("long", r"long.?term care"),
        ("home", r"home"),
    )
}
#: Words by which a place is just not meant, or not yet: they leave no hint.
_NO_HINT = re.compile(
    r"\b(?:not|no|never|declin\w*|refus\w*|denie[ds]|cancel\w*|without|vs|versus)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one element says of the place: its names, contradicting each other where they are several; its codings."""

    names: tuple[PlaceName, ...] = ()
    codes: tuple[Code, ...] = ()
    unread: tuple[Code, ...] = ()

    @property
    def place(self) -> DispositionCode | None:
        """The place that is named; None where none is, or where two are."""
        return self.names[0].place if len(self.names) == 1 else None


@dataclass(frozen=True, slots=True)
class Destination:
    """What the signed order and the stay itself say of where the patient goes."""

    order: Reading = Reading()
    stay: Reading = Reading()

    @property
    def chosen(self) -> Reading:
        """The place that the signed order names, otherwise the one that the stay itself has."""
        return self.order if self.order.names else self.stay

    @property
    def by(self) -> str:
        """Who names the place."""
        return "order" if self.order.names else "stay"

    @property
    def place(self) -> DispositionCode | None:
        """The place that is named for certain."""
        return self.chosen.place

    def codes(self) -> frozenset[str]:
        """By what content may ask for the place: FHIR's code and that of UB-04."""
        found = self.place
        if found is None:
            return frozenset()
        billed = self.chosen.names[0].ub04
        return frozenset({found.code, billed, _PLANNED_READMISSION.get(billed, "")} - {""})

    def ends(self) -> str:
        """How the stay ends by it: "died" where order or stay say so, "transferred" where the place does."""
        if any(reading.place and reading.place.ends == "died" for reading in (self.order, self.stay)):
            return "died"
        return self.place.ends if self.place else ""


def read_destination(stay: Encounter, content: Content) -> Destination:
    """Both readings. An order's details may hold anything, so only what is understood of them counts."""
    names = content.place_names
    return Destination(_of_order(stay.ordered_disposition, names), _of_stay(stay.disposition, names))


def _of_stay(said: tuple[Code, ...], names: PlaceNames) -> Reading:
    read = {code: _read(code, names) for code in said}
    understood = [code for code in said if read[code]]
    ranked = sorted(understood, key=lambda code: _rank(code, names))
    found = settle(name for code in ranked for name in read[code])
    return Reading(found, said, tuple(code for code in said if not read[code]))


def _of_order(said: tuple[Code, ...], names: PlaceNames) -> Reading:
    """An order's details may hold anything, so a code without a system is no more than its words there, and a number nothing."""
    worded = (code if code.system else Code(System.TEXT, code.display or code.code) for code in said)
    found = _of_stay(
        tuple(code for code in worded if code.system != System.TEXT or not code.code.isdecimal()), names
    )
    return Reading(found.names, tuple(code for code in found.codes if code not in found.unread))


#: Systems of codes for places alone.
_CODED = frozenset({System.DISPOSITION.value, System.UB04.value})


def _rank(code: Code, names: PlaceNames) -> int:
    """Standard codes first, then a hospital's own, then words."""
    if names.of_code(code):
        return 0
    return 2 if code.system == System.TEXT else 1


def _read(code: Code, names: PlaceNames) -> tuple[PlaceName, ...]:
    """What one coding names; of a code that is known the code counts, of all others the words."""
    found = names.of_code(code) or next(filter(None, map(names.of_code, _as_known(code))), None)
    if found:
        return (found,)
    return read_words(code.display or code.code, names)


def _as_known(code: Code) -> Iterator[Code]:
    """The standard codes that one may be that was sent without a system, or with that of the other list.

    FHIR has no numbers, so a number is UB-04's; HL7 v2's table 0112 has the same. A hospital's own numbers are its own.
    """
    if code.code.isdecimal() and code.system in {"", System.TEXT, *_CODED}:
        yield Code(System.UB04, code.code.zfill(2))
    elif code.system in {"", *_CODED}:
        yield Code(System.DISPOSITION, code.code.lower())


def named_place(destination: Destination, table: Iterable[DispositionCode]) -> NamedPlace | None:
    """The place that order or stay name; "other" names none."""
    place = destination.place
    if place is None or place.display == names_of(tuple(table))[_OTHER]:
        return None
    return NamedPlace(place.code, place.display, destination.by, place.facility)


def unread_place(destination: Destination) -> str:
    """The words for a place that are not understood, in one short line; "" where the place is known or none is named."""
    chosen = destination.chosen
    vague = chosen.place is not None and chosen.place.code == _OTHER and not chosen.names[0].ub04
    if not chosen.unread or (chosen.names and not vague):
        return ""
    told = "; ".join(dict.fromkeys(code.display or code.code for code in chosen.unread))
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in told).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def may_mean(words: str) -> str:
    """The disposition that words hint at, the most telling first ("nursing home" is no home); "" if they are not clear."""
    return next((code for code, pattern in _HINTS.items() if pattern.search(words)), "")


def hint_of(words: str) -> str:
    """The same for a reader, who is not told that "Hospice declined" may mean hospice."""
    return "" if _NO_HINT.search(words) else may_mean(words)


def told_by_places(destination: Destination, meant: str) -> Labels:
    """Going to a psychiatric hospital says why, whoever says it and in whatever words."""
    named = {
        name.place.code
        for reading in (destination.order, destination.stay)
        for name in reading.names
        if name.place
    }
    return frozenset({Label.PSY}) if _PSYCHIATRIC_HOSPITAL in named | {meant} else NONE


def tells_of_psychiatry(said: tuple[Code, ...], content: Content) -> bool:
    """Whether codes or words for a place name a psychiatric hospital."""
    named = {name.place.code for code in said for name in _read(code, content.place_names) if name.place}
    words = "; ".join(code.display or code.code for code in said)
    return _PSYCHIATRIC_HOSPITAL in named | {may_mean(words)}


def disagreement(destination: Destination) -> str:
    """Where the order and the stay, or two codes of one of them, name two places, one of them is a mistake."""
    for reading, who in ((destination.order, "order"), (destination.stay, "stay itself")):
        places = [name.place.display.lower() for name in reading.names if name.place]
        if len(places) > 1:
            return f"The {who} names {' and '.join(places)}, which cannot both be right."
    ordered, noted = destination.order.place, destination.stay.place
    if not ordered or not noted or ordered.code == noted.code:
        return ""
    return f"The order says {ordered.display.lower()}; the stay itself says {noted.display.lower()}."
