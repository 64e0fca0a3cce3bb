"""Reads `preference_list:` of the tenants file: which order of the hospital stands for which service of ours."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import yaml

from config.marked_yaml import Entry
from service.domain.content import Content
from service.domain.preference_list import OTHER_ITEMS, ListedOrder, PreferenceList
from service.errors import ConfigurationError

#: As the services of referral_services.csv are named.
_SERVICE: Final = re.compile(r"[a-z][a-z0-9-]*")
#: The key of an order, as whoever built the preference list has given it.
_CODE: Final = re.compile(r"[^\s|]{1,100}")


def read_preference_list(entry: Entry) -> PreferenceList:
    """Read the table; ConfigurationError names file, line and remedy."""
    table: dict[str, ListedOrder] = {}
    owners: dict[str, str] = {}
    for service, given in entry.fields(()).items():
        if not _SERVICE.fullmatch(service):
            raise given.wrong(
                f"{service!r} is no service; name one of config/terminology/referral_services.csv: food-pantry"
            )
        order = _read_order(given)
        for code in sorted(order.codes):
            if code in owners:
                raise given.wrong(
                    f"the code {code!r} stands for {owners[code]} already; an order must tell which of them it is for, "
                    "so give each service an order of its own, or leave one out"
                )
            owners[code] = service
        table[service] = order
    if not table:
        raise entry.wrong("expected a table of service: code; leave preference_list out where there is none")
    return MappingProxyType(table)


def _read_order(entry: Entry) -> ListedOrder:
    if not isinstance(entry.node, yaml.MappingNode):
        return ListedOrder(_read_code(entry))
    found = entry.fields(("code", "read_as"), ("code",))
    listed = found["read_as"].items() if "read_as" in found else ()
    return ListedOrder(_read_code(found["code"]), frozenset(_read_code(code).casefold() for code in listed))


def _read_code(entry: Entry) -> str:
    if not _CODE.fullmatch(entry.text()):
        raise entry.wrong(
            "expected the key of an order on the preference list, without its system: no space, no |, at most 100 characters"
        )
    return entry.text()


def check_services(tables: Mapping[str, PreferenceList], contents: Mapping[str, Content], file: str) -> None:
    """Refuse a table that names a service which the hospital's content does not know.

    tables and contents are by the hospitals' ids. ConfigurationError names the hospital and the service.
    """
    for tenant, table in tables.items():
        known = contents[tenant].services.keys() | OTHER_ITEMS
        if unknown := sorted(table.keys() - known):
            raise ConfigurationError(
                f"{file}: preference_list of {tenant} names {', '.join(unknown)}, which the hospital's content does not "
                f"know; name services of config/terminology/referral_services.csv, or {', '.join(sorted(OTHER_ITEMS))}."
            )
