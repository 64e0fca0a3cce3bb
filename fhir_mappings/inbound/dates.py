"""FHIR date, dateTime and instant → date and datetime. What cannot be read is None, never an error.

A value without a day is its first day (a year: 1 January), as the end of a period its last. A day alone stays the day
it is. A time is read off the hospital's clock (`zone`), whatever offset it was written with, so that one instant has one
date; a time without an offset was written by that clock.

Where nobody has named the zone, `zone` is the offset that the stay was written with (a `timezone`, no `ZoneInfo`). Its
summer time is not known then, so a time whose offset is an hour from it keeps its own.

A year that nobody alive was born in, or will be discharged in, is what a computer writes for "none": it cannot be read.
"""

from calendar import monthrange
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Final

from fhir_mappings.inbound.elements import Json

_DAY = len("2024-03-01")
#: How far summer time is from standard time (Lord Howe Island has half an hour).
_SUMMER_TIME: Final = timedelta(hours=1)
#: Nobody plans a discharge longer ahead: such a day is a placeholder or a mistake.
_HORIZON: Final = timedelta(days=90)
#: The first holds everybody alive, and is far from year 1 (.NET's null), from which no days can be taken away.
_FIRST_YEAR: Final = 1880
_LAST_YEAR: Final = 2200


def moment(value: object, zone: tzinfo) -> datetime | None:
    """A point in time on the hospital's clock; a date alone is its midnight there."""
    if not isinstance(value, str):
        return None
    if found := _read_time(value.strip(), zone):
        return found
    alone = written_day(value)
    return datetime(alone.year, alone.month, alone.day, tzinfo=zone) if alone else None


def exact(value: object, zone: tzinfo) -> datetime | None:
    """A point in time on the hospital's clock.

    None for a day alone, and for a time without an offset where nobody has named the zone: it may hold anywhere.
    """
    if not isinstance(value, str) or (found := _parse_time(value.strip())) is None:
        return None
    if isinstance(zone, timezone):
        return found if found.tzinfo else None
    return _on_clock(found, zone)


def day(value: object, zone: tzinfo) -> date | None:
    """The day of a date or a time on the hospital's calendar, the first one of a month or a year."""
    if isinstance(value, str) and len(value) > _DAY and (found := _read_time(value.strip(), zone)):
        return found.date()
    return written_day(value)


def written_day(value: object) -> date | None:
    """The day as it was written, in whatever zone: for what never moves with a zone, such as a birth date."""
    found = _written(value)
    return found if found and _can_be(found) else None


def written_zone(value: object) -> timezone | None:
    """The offset that a time was written with; None for a day alone or a time without one."""
    found = _parse_time(value.strip()) if isinstance(value, str) else None
    offset = found.utcoffset() if found else None
    return None if offset is None else timezone(offset)


def _parse_time(tidy: str) -> datetime | None:
    """A time of a year that can be, as it was written; None for a day alone."""
    if len(tidy) <= _DAY:
        return None
    try:
        found = datetime.fromisoformat(tidy)
    except ValueError:
        return None
    return found if _can_be(found) else None


def _read_time(tidy: str, zone: tzinfo) -> datetime | None:
    found = _parse_time(tidy)
    return _on_clock(found, zone) if found else None


def _on_clock(found: datetime, zone: tzinfo) -> datetime:
    written = found.utcoffset()
    if written is None:
        return found.replace(tzinfo=zone)
    if isinstance(zone, timezone) and abs(written - zone.utcoffset(None)) <= _SUMMER_TIME:
        return found
    return found.astimezone(zone)


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


def last_day(value: object, zone: tzinfo) -> date | None:
    """The day on which a period ends: the last one of a month or a year given alone.

    9999-12-31 is how many write that something never ends: it is read as the last day there is.
    """
    found = day(value, zone) or _written(value)
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


def began(value: object, zone: tzinfo) -> date | None:
    """The day a date or a Period begins (a Period with an end alone: that day)."""
    if isinstance(value, dict):
        return day(value.get("start"), zone) or last_day(value.get("end"), zone)
    return day(value, zone)


def ended(value: object, zone: tzinfo) -> date | None:
    """The day a date or a Period ends; an open Period has none."""
    return last_day(value.get("end"), zone) if isinstance(value, dict) else day(value, zone)


def begun_at(resource: Json, names: tuple[str, ...], zone: tzinfo) -> datetime | None:
    """The first readable time among these elements, a Period by its start, else its end."""
    for name in names:
        value = resource.get(name)
        if isinstance(value, dict):
            value = value.get("start") or value.get("end")
        if value is not None and (found := moment(value, zone)):
            return found
    return None


def is_ahead(found: date, today: date) -> bool:
    """Whether a day is today, or one on which a patient who is here now may be planned to leave."""
    return timedelta() <= found - today <= _HORIZON
