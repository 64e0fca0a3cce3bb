"""FHIR date, dateTime and instant → date and datetime. What cannot be read is None, never an error.

A value without a day is its first day (a year: 1 January), as the end of a period its last. A time without a zone is
taken as UTC; a time with one keeps it, so that its date stays the one that was written down.

A year that nobody alive was born in, or will be discharged in, is what a computer writes for "none": it cannot be read.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Final

from fhir_mappings.inbound.elements import Json

_DAY = len("2024-03-01")
#: Nobody plans a discharge longer ahead: such a day is a placeholder or a mistake.
_HORIZON: Final = timedelta(days=90)
#: The first holds everybody alive, and is far from year 1 (.NET's null), from which no days can be taken away.
_FIRST_YEAR: Final = 1880
_LAST_YEAR: Final = 2200


def moment(value: object) -> datetime | None:
    """A point in time; a date alone is its midnight, UTC."""
    if not isinstance(value, str):
        return None
    tidy = value.strip()
    try:
        found = datetime.fromisoformat(tidy) if len(tidy) > _DAY else None
    except ValueError:
        found = None
    if found:
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found if _can_be(found) else None
    alone = day(tidy)
    return datetime(alone.year, alone.month, alone.day, tzinfo=UTC) if alone else None


def exact(value: object) -> datetime | None:
    """A point in time that names its zone; None for a day alone, or a time of which nobody knows where it holds."""
    if not isinstance(value, str) or len(value.strip()) <= _DAY:
        return None
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return found if found.tzinfo and _can_be(found) else None


def day(value: object) -> date | None:
    """The day as it was written, the first one of a month or a year."""
    found = _written(value)
    return found if found and _can_be(found) else None


def _can_be(found: date) -> bool:
    return _FIRST_YEAR <= found.year <= _LAST_YEAR


def _written(value: object) -> date | None:
    if not isinstance(value, str):
        return None
    tidy = value.strip()
    try:
        if len(tidy) >= _DAY and tidy[_DAY:][:1] in {"", "T", " "}:
            return date.fromisoformat(tidy[:_DAY])
        year, _, month = tidy.partition("-")
        return date(int(year), int(month or 1), 1) if len(year) == len("2024") else None
    except ValueError:
        return None


def last_day(value: object) -> date | None:
    """The day on which a period ends: the last one of a month or a year given alone.

    9999-12-31 is how many write that something never ends: it is read as the last day there is.
    """
    found = _written(value)
    if found is None or not isinstance(value, str) or found.year < _FIRST_YEAR:
        return None
    if found.year > _LAST_YEAR:
        return date(_LAST_YEAR, 12, 31)
    match len(value.strip()):
        case 4:
            return found.replace(month=12, day=31)
        case 7:
            return found.replace(day=monthrange(found.year, found.month)[1])
        case _:
            return found


def began(value: object) -> date | None:
    """The day a date or a Period begins (a Period with an end alone: that day)."""
    if isinstance(value, dict):
        return day(value.get("start")) or last_day(value.get("end"))
    return day(value)


def ended(value: object) -> date | None:
    """The day a date or a Period ends; an open Period has none."""
    return last_day(value.get("end")) if isinstance(value, dict) else day(value)


def begun_at(resource: Json, names: tuple[str, ...]) -> datetime | None:
    """The first readable time among these elements, a Period by its start, else its end."""
    for name in names:
        value = resource.get(name)
        if isinstance(value, dict):
            value = value.get("start") or value.get("end")
        if value is not None and (found := moment(value)):
            return found
    return None


def is_ahead(found: date, today: date) -> bool:
    """Whether a day is today, or one on which a patient who is here now may be planned to leave."""
    return timedelta() <= found - today <= _HORIZON
