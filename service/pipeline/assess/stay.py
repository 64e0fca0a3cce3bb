"""The stay being planned: its length, its last day, the stay as evidence."""

from datetime import date

from service.domain.evidence import Evidence
from service.domain.record import Encounter


def discharge_day(stay: Encounter, today: date) -> date:
    """The day of leaving: the end of the stay once it is over, otherwise today."""
    return stay.end.date() if stay.end else today


def days_in_hospital(stay: Encounter, today: date) -> int | None:
    """Whole days, counted as discharge date minus admission date; None without an admission date."""
    if stay.start is None:
        return None
    return max((discharge_day(stay, today) - stay.start.date()).days, 0)


def cite_stay(stay: Encounter, text: str) -> Evidence:
    """The stay itself as evidence."""
    return Evidence(stay.reference, None, stay.start and stay.start.date(), text, labels=stay.labels)
