"""The stay being planned: its length, its urgency, how it ends."""

from datetime import date

from service.domain.assessment import Outcome
from service.domain.codes import Code, System
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


def going_to(stay: Encounter) -> tuple[Code, ...]:
    """The place the signed order names, otherwise the one the stay itself has."""
    return stay.ordered_disposition or stay.disposition


def outcome_of(record: Record) -> Outcome:
    """Whether the patient goes home (or anywhere after hospital), to another acute hospital, or died."""
    stay = record.encounter
    fhir, billed = _by_system(stay.disposition)
    if record.patient.deceased or "exp" in fhir or billed & _DIED:
        return Outcome.DIED
    fhir, billed = _by_system(going_to(stay))
    if billed & _ACUTE_TRANSFER or ("other-hcf" in fhir and not billed):
        return Outcome.TRANSFERRED
    return Outcome.GOING_HOME


def _by_system(codes: tuple[Code, ...]) -> tuple[set[str], set[str]]:
    """FHIR's codes for a disposition, and those of UB-04."""
    billed = {code.code for code in codes if code.system == System.UB04}
    return {code.code for code in codes if code.system != System.UB04}, billed


def cite_stay(stay: Encounter, text: str) -> Evidence:
    """The stay itself as evidence."""
    return Evidence(stay.reference, None, stay.start and stay.start.date(), text, labels=stay.labels)
