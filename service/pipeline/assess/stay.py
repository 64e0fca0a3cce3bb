"""The stay being planned: its length, its urgency, how it ends."""

from datetime import date

from service.domain.assessment import Outcome
from service.domain.codes import System
from service.domain.evidence import Evidence
from service.domain.record import Encounter, Record

_DIED = frozenset({"20", "40", "41", "42"})
_ACUTE_TRANSFER = frozenset({"02", "05", "43", "66"})


def discharge_day(stay: Encounter, today: date) -> date:
    """The day of leaving: the end of the stay once it is over, otherwise today."""
    return stay.end.date() if stay.end else today


def days_in_hospital(stay: Encounter, today: date) -> int | None:
    """Whole days, counted as discharge date minus admission date; None without an admission date."""
    if stay.start is None:
        return None
    return max((discharge_day(stay, today) - stay.start.date()).days, 0)


def outcome_of(record: Record) -> Outcome:
    """Whether the patient goes home (or anywhere after hospital), to another acute hospital, or died."""
    stay = record.encounter
    fhir = {code.code for code in stay.disposition if code.system != System.UB04}
    billed = {code.code for code in stay.disposition if code.system == System.UB04}
    if record.patient.deceased or "exp" in fhir or billed & _DIED:
        return Outcome.DIED
    if billed & _ACUTE_TRANSFER or ("other-hcf" in fhir and not billed):
        return Outcome.TRANSFERRED
    return Outcome.GOING_HOME


def cite_stay(stay: Encounter, text: str) -> Evidence:
    """The stay itself as evidence."""
    return Evidence(stay.reference, None, stay.start and stay.start.date(), text, labels=stay.labels)
