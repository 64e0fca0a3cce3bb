"""The stay being planned: its length, its urgency, how it ends."""

import re
from collections.abc import Collection
from datetime import date
from typing import Final

from service.domain.assessment import Outcome
from service.domain.codes import Code, System
from service.domain.evidence import Evidence
from service.domain.record import Encounter, Record

#: NUBC patient discharge status (UB-04 form locator 17); from 82 on with a planned readmission (from memory, review: pending).
_DIED: Final = frozenset({"20", "40", "41", "42"})
_ACUTE_TRANSFER: Final = frozenset({"02", "05", "43", "66", "82", "85", "88", "94"})
#: How hospitals name both in words, where they send no code that we know.
_SAID_DEAD: Final = re.compile(r"\b(expired|deceased|died)\b", re.IGNORECASE)
_SAID_ACUTE: Final = re.compile(r"\b(short.term (general )?hospital|acute (care )?hospital)\b", re.IGNORECASE)
_SAID_LONG: Final = re.compile(r"\blong\b", re.IGNORECASE)
_KNOWN: Final = frozenset({System.DISPOSITION.value, System.UB04.value})


def discharge_day(stay: Encounter, today: date) -> date:
    """The day of leaving: the end of the stay once it is over, otherwise today."""
    return stay.end.date() if stay.end else today


def days_in_hospital(stay: Encounter, today: date) -> int | None:
    """Whole days, counted as discharge date minus admission date; None without an admission date."""
    if stay.start is None:
        return None
    return max((discharge_day(stay, today) - stay.start.date()).days, 0)


def going_to(stay: Encounter) -> tuple[Code, ...]:
    """The place the signed order names, otherwise the one the stay itself has."""
    return stay.ordered_disposition or stay.disposition


def outcome_of(record: Record) -> Outcome:
    """Whether the patient goes home (or anywhere after hospital), to another acute hospital, or died."""
    stay = record.encounter
    fhir, billed = by_system(stay.disposition)
    if record.patient.deceased or "exp" in fhir or billed & _DIED or _says(stay.disposition, _SAID_DEAD):
        return Outcome.DIED
    place = going_to(stay)
    fhir, billed = by_system(place)
    if billed & _ACUTE_TRANSFER or ("other-hcf" in fhir and not billed):
        return Outcome.TRANSFERRED
    in_words = _says(place, _SAID_ACUTE) and not _says(place, _SAID_LONG)
    return Outcome.TRANSFERRED if in_words else Outcome.GOING_HOME


def by_system(places: Collection[Code]) -> tuple[set[str], set[str]]:
    """FHIR's codes for places to go, and those of UB-04.

    A number without a system is taken for UB-04's: HL7 v2's table 0112 has the same, and FHIR has no numbers.
    """
    billed = {code for code in places if code.system == System.UB04 or _is_bare_number(code)}
    return {code.code for code in places if code not in billed}, {code.code.zfill(2) for code in billed}


def _is_bare_number(code: Code) -> bool:
    return not code.system and code.code.isdecimal()


def _says(places: Collection[Code], words: re.Pattern[str]) -> bool:
    """Whether a place is named by such words; of a code that we know the code counts."""
    unknown = [code for code in places if code.system not in _KNOWN]
    return any(words.search(code.display or code.code) for code in unknown)


def cite_stay(stay: Encounter, text: str) -> Evidence:
    """The stay itself as evidence."""
    return Evidence(stay.reference, None, stay.start and stay.start.date(), text, labels=stay.labels)
