"""Where the signed order and the stay send the patient: by a code that is known, or in words that are not."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from service.domain.assessment import NamedPlace
from service.domain.codes import Code
from service.domain.content import DispositionCode, names_of
from service.domain.record import Encounter
from service.domain.sensitivity import NONE, Label, Labels
from service.pipeline.assess.stay import by_system, going_to

_OTHER, _PSYCHIATRIC_HOSPITAL = "oth", "psy"
#: As much of a hospital's own words for a place as fits a line.
_LONGEST = 120
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


def disposition_of(said: Collection[Code], table: Iterable[DispositionCode]) -> str:
    """The disposition that codes of an order or a stay mean, UB-04 codes translated; "" if none."""
    place = _place_of(said, table)
    return place.code if place else ""


def _place_of(said: Collection[Code], table: Iterable[DispositionCode]) -> DispositionCode | None:
    """The row that codes mean: FHIR's goes before UB-04's, unless the latter says the same more exactly."""
    codes, billed = by_system(said)
    rows = list(table)
    direct = next((one for one in rows if one.code in codes), None)
    translated = [one for one in rows if billed & set(one.ub04) and (not direct or one.code == direct.code)]
    return next(iter(translated), direct)


def named_place(stay: Encounter, table: Sequence[DispositionCode]) -> NamedPlace | None:
    """The place that order or stay name; "other" names none."""
    place = _place_of(going_to(stay), table)
    if place is None or place.display == names_of(table)[_OTHER]:
        return None
    by = "order" if stay.ordered_disposition else "stay"
    return NamedPlace(place.code, place.display, by, place.facility)


def unread_place(stay: Encounter, table: Iterable[DispositionCode]) -> str:
    """The words for a place of which no code is known, in one short line; "" where the place is known or none is named."""
    said = going_to(stay)
    if not said or _place_of(said, table):
        return ""
    told = "; ".join(dict.fromkeys(code.display or code.code for code in said))
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in told).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def may_mean(words: str) -> str:
    """The disposition that words hint at, the most telling first ("nursing home" is no home); "" if they are not clear."""
    return next((code for code, pattern in _HINTS.items() if pattern.search(words)), "")


def told_by_places(stay: Encounter, table: Sequence[DispositionCode], meant: str) -> Labels:
    """Going to a psychiatric hospital says why, whoever says it and in whatever words."""
    named = {disposition_of(said, table) for said in (stay.ordered_disposition, stay.disposition)} | {meant}
    return frozenset({Label.PSY}) if _PSYCHIATRIC_HOSPITAL in named else NONE


def disagreement(stay: Encounter, table: Sequence[DispositionCode], names: Mapping[str, str]) -> str:
    """Where the order and the stay name two places, one of them is a mistake."""
    ordered, noted = (disposition_of(said, table) for said in (stay.ordered_disposition, stay.disposition))
    if not ordered or not noted or ordered == noted:
        return ""
    return f"The order says {names[ordered].lower()}; the stay itself says {names[noted].lower()}."
