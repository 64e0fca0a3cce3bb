"""Stays that are one episode: a transfer to another hospital or unit, sent as a stay of its own, is no new admission.

HOSPITAL and LACE count admissions and visits before the patient came in; the scores' authors do not say how a transfer
counts. review: pending.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from service.domain.codes import Code, System
from service.domain.record import Encounter

#: Where an admission comes from that another hospital has ended: FHIR's admit-source, NUBC point of origin 4.
_FROM_HOSPITAL: Final = frozenset({"hosp-trans", "4"})
#: Who was sent here has left hospital, and comes in anew if on the same day: home, against advice, hospice, long-term care.
_LEFT: Final = frozenset(
    {
        (System.DISPOSITION, code)
        for code in ("home", "alt-home", "aadvice", "hosp", "snf", "long", "psy", "rehab")
    }
    | {(System.UB04, code) for code in ("01", "03", "04", "06", "07", "50", "51", "62", "63", "64", "65")}
)
_NEXT_DAY: Final = timedelta(days=1)


def episode_of(stay: Encounter, others: Iterable[Encounter]) -> tuple[Encounter, ...]:
    """The stay, and the stays from which the patient was transferred until it began, from the last to the first."""
    waiting, found = [stay], [stay]
    known = list(others)
    while waiting:
        later = waiting.pop()
        before = [stay for stay in known if stay not in found and goes_over(stay, later)]
        found += before
        waiting += before
    return tuple(found)


def first_stays(stays: Sequence[Encounter]) -> tuple[Encounter, ...]:
    """The first stay of each episode."""
    by_end: dict[date, list[Encounter]] = defaultdict(list)
    for stay in stays:
        if stay.end:
            by_end[stay.end.date()].append(stay)
    return tuple(
        later for later in stays if not any(goes_over(before, later) for before in _near(later, by_end))
    )


def _near(later: Encounter, by_end: Mapping[date, Sequence[Encounter]]) -> Iterator[Encounter]:
    """The stays that ended on the day on which this one began, or on the day before."""
    if later.start:
        began = later.start.date()
        yield from by_end.get(began, ())
        yield from by_end.get(began - _NEXT_DAY, ())


def goes_over(before: Encounter, later: Encounter) -> bool:
    """Whether a stay goes over into a later one: that begins on the day on which this ends, in hospital.

    After midnight a transfer counts only where the later stay says that it is one.
    """
    if before.end is None or before.start is None or later.start is None or before.start >= later.start:
        return False
    between = later.start.date() - before.end.date()
    if _comes_from_hospital(later):
        return timedelta(0) <= between <= _NEXT_DAY
    return between == timedelta(0) and not _has_left(before)


def _comes_from_hospital(stay: Encounter) -> bool:
    return any(code.code.casefold() in _FROM_HOSPITAL for code in stay.admit_source)


def _has_left(stay: Encounter) -> bool:
    return any(_is_away(code) for code in stay.disposition)


def _is_away(code: Code) -> bool:
    return (code.system, code.code) in _LEFT
