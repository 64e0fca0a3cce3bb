"""A search as one server takes it: with the parameters that it always wants, and dates as ranges where it takes no others."""

from datetime import date, timedelta
from typing import Final

from fhir_mappings.bundle import Search
from service.ehr.capability import Capability

#: Before anything that a stay rests on was recorded.
_FIRST: Final = "1900-01-01"
#: How far ahead a range ends that had no end: appointments and end dates lie in the future.
_AHEAD: Final = timedelta(days=731)
_LOWER, _UPPER = frozenset({"ge", "gt"}), frozenset({"le", "lt"})
_MIDNIGHT: Final = "T00:00:00Z"


def fit_search(search: Search, capability: Capability, today: date) -> Search:
    """The same search in this server's form; one by id, and one of a server without such rules, is left as it is."""
    kind = search.resource_type
    added = capability.always_with.get(kind, {})
    closed = {
        name: ends
        for key, ends in capability.closed_dates.items()
        for type_, name in [key.split("?")]
        if type_ == kind
    }
    if search.id or not (added or closed):
        return search
    parameters = [pair for pair in search.parameters if pair[0] not in closed]
    parameters += [pair for pair in added.items() if pair[0] not in dict(parameters)]
    for name, ends in closed.items():
        values = [value for asked, value in search.parameters if asked == name]
        parameters += [(name, value) for value in _close(values, ends, today)]
    return Search(kind, tuple(parameters))


def _close(values: list[str], ends: tuple[str, str], today: date) -> list[str]:
    """Both ends of a range, with times; a date without prefix, and no date, stay what they are."""
    lower = next((value[2:] for value in values if value[:2] in _LOWER), "")
    upper = next((value[2:] for value in values if value[:2] in _UPPER), "")
    if not (lower or upper):
        return values
    last = upper or (today + _AHEAD).isoformat()
    return [f"{ends[0]}{_timed(lower or _FIRST)}", f"{ends[1]}{_timed(last)}"]


def _timed(day: str) -> str:
    return day if "T" in day else f"{day}{_MIDNIGHT}"
