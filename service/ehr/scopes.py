"""SMART scopes: what we need of an EHR, how it is asked for, and what of it was granted."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from config.tenants import Tenant
from fhir_mappings.searches import BROUGHT_ALONG, READ_TYPES

#: What may be written, as far down the ladder as it goes.
WRITTEN_TYPES: Final = (
    "CarePlan",
    "Goal",
    "ServiceRequest",
    "Task",
    "Provenance",
    "DocumentReference",
    "Communication",
    "Condition",
)
#: What a scope's letters are called in /metadata.
INTERACTIONS: Final = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search-type"}
_V1: Final = {"read": "rs", "write": "cud", "*": "cruds"}
_SCOPE: Final = re.compile(r"system/(\*|[A-Za-z]+)\.(\*|read|write|c?r?u?d?s?)")


class ScopeSyntax(StrEnum):
    """The two ways to write a scope."""

    V1 = "v1"  # system/Patient.read
    V2 = "v2"  # system/Patient.rs


@dataclass(frozen=True, slots=True)
class Access:
    """What is done with a resource type: letters of "cruds" in that order."""

    resource_type: str
    letters: str

    def scopes(self, syntax: ScopeSyntax) -> Iterator[str]:
        """The scopes that allow it."""
        if syntax is ScopeSyntax.V2:
            yield f"system/{self.resource_type}.{self.letters}"
            return
        if set(self.letters) & set("rs"):
            yield f"system/{self.resource_type}.read"
        if set(self.letters) & set("cud"):
            yield f"system/{self.resource_type}.write"


def needed_access(tenant: Tenant) -> tuple[Access, ...]:
    """All that a tenant's policy may lead us to do, one entry for each resource type; nothing is written where it writes not."""
    letters: dict[str, set[str]] = {kind: set("rs") for kind in (*READ_TYPES, *BROUGHT_ALONG)}
    letters["Subscription"] = set("crus")
    if tenant.census_list.startswith(("List/", "Group/")):
        letters[tenant.census_list.partition("/")[0]] = set("r")
    for kind in WRITTEN_TYPES if tenant.write_policy.writes else ():
        letters.setdefault(kind, set()).update("crus")
    return tuple(Access(kind, _ordered(found)) for kind, found in sorted(letters.items()))


def asked_scopes(tenant: Tenant, syntax: ScopeSyntax) -> str:
    """The `scope` of a token request: the tenant's own list, else one for each thing we may do."""
    if tenant.auth.scopes:
        return " ".join(tenant.auth.scopes)
    return " ".join(scope for access in needed_access(tenant) for scope in access.scopes(syntax))


def not_granted(needed: Iterable[Access], granted: str) -> tuple[Access, ...]:
    """What of the needed a granted `scope` does not allow. A scope for a part of a type ("?category=…") allows none of it."""
    allowed: dict[str, set[str]] = {}
    for scope in granted.split():
        if match := _SCOPE.fullmatch(scope):
            allowed.setdefault(match[1], set()).update(_V1.get(match[2], match[2]))
    everywhere = allowed.get("*", set())
    left = (
        Access(
            one.resource_type, _ordered(set(one.letters) - allowed.get(one.resource_type, set()) - everywhere)
        )
        for one in needed
    )
    return tuple(one for one in left if one.letters)


def _ordered(letters: Iterable[str]) -> str:
    return "".join(sorted(letters, key="cruds".index))
