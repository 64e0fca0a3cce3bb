"""Which stays of a FHIR server are a hospital's, as the tenants file says it under `stays`."""

import re
from typing import Final

from config.marked_yaml import Entry
from service.domain.claims import StayFilter

_KINDS: Final = {"organizations": "Organization", "locations": "Location", "order_performers": "Organization"}


def read_stay_filter(entry: Entry) -> StayFilter:
    """The mapping under `stays`; raises ConfigurationError that names file, line and remedy."""
    found = entry.fields(tuple(_KINDS))
    if not found:
        raise entry.wrong("name organizations, locations or order_performers, or leave stays out")
    return StayFilter(**{name: _references(value, _KINDS[name]) for name, value in found.items()})


def _references(entry: Entry, kind: str) -> frozenset[str]:
    listed = entry.texts()
    if not listed or not all(
        re.fullmatch(rf"{kind}/[A-Za-z0-9.-]{{1,64}}", reference) for reference in listed
    ):
        raise entry.wrong(f"expected a list of literal references: [{kind}/id]")
    return frozenset(listed)
