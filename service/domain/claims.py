"""Whose a stay is, where several hospitals share one FHIR server: one pure decision, taken before anything is planned.

A tenant's filter names organizations, locations, and performers of orders. What the stay itself names comes first: its
organization with those that this is part of, its locations with those that they are in. Only a stay of which this says
nothing goes by its order. A stay that no filter claims, or several do, is planned by nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_NONE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class StayFilter:
    """Which stays are a hospital's: those that name any of these, all literal references ("Organization/1").

    order_performers are organizations that the discharge order names as performer or requester.
    """

    organizations: frozenset[str] = _NONE
    locations: frozenset[str] = _NONE
    order_performers: frozenset[str] = _NONE

    def common_with(self, other: "StayFilter") -> frozenset[str]:
        """What both name in the same place, so that a stay that names it would be both hospitals'."""
        return (
            (self.organizations & other.organizations)
            | (self.locations & other.locations)
            | (self.order_performers & other.order_performers)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """What a stay and its order say of whose it is, as literal references, each with all that it is a part of.

    organizations come from the stay's own, or, where it names none, from those that manage its locations. complete says
    that all that is named could be read.
    """

    organizations: frozenset[str] = _NONE
    locations: frozenset[str] = _NONE
    order_performers: frozenset[str] = _NONE
    complete: bool = True

    @property
    def names_something(self) -> bool:
        """Whether the stay or its order names an organization or a location at all."""
        return bool(self.organizations or self.locations or self.order_performers)


class UnclaimedReason(StrEnum):
    """Why no single hospital plans a stay."""

    ANOTHER_ORGANIZATION = "another-organization"  # it names what no filter names
    NAMES_NOTHING = "names-nothing"  # neither organization nor location
    UNREADABLE = "unreadable"  # what it names could not be read, and what could be says nothing
    CONTESTED = "contested"  # several filters name it


#: One PHI-free sentence each, for people.
SENTENCES: Final[Mapping[UnclaimedReason, str]] = {
    UnclaimedReason.ANOTHER_ORGANIZATION: "The stay names an organization that no hospital served here claims; correct `stays` "
    "in the tenants file if it is one of them.",
    UnclaimedReason.NAMES_NOTHING: "The stay names neither an organization nor a location, so nobody can tell whose it is; "
    "correct it in the EHR.",
    UnclaimedReason.UNREADABLE: "The EHR did not let us read what the stay names, so nobody can tell whose it is; grant "
    "Organization and Location, or name in `stays` what the stay itself names.",
    UnclaimedReason.CONTESTED: "Several hospitals of the tenants file claim this stay; let `stays` name it for one of them.",
}


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """No hospital plans the stay; tenants are those that all claim it, where they do."""

    reason: UnclaimedReason
    tenants: tuple[str, ...] = field(default=())


def claims(stay: Belonging, filters: Mapping[str, StayFilter]) -> str | Unclaimed:
    """The id of the one tenant whose filter names the stay, or why none or several do.

    filters are those of all tenants that share the server. What could not be read never speaks against a hospital, and an
    order decides only where all of the stay was read, so that who reads less never comes to another hospital than who
    reads more.
    """
    named = [
        tenant
        for tenant, its in sorted(filters.items())
        if its.organizations & stay.organizations or its.locations & stay.locations
    ]
    if not named and stay.complete:
        named = [
            tenant for tenant, its in sorted(filters.items()) if its.order_performers & stay.order_performers
        ]
    if len(named) == 1:
        return named[0]
    if named:
        return Unclaimed(UnclaimedReason.CONTESTED, tuple(named))
    if not stay.complete:
        return Unclaimed(UnclaimedReason.UNREADABLE)
    something = stay.names_something
    return Unclaimed(UnclaimedReason.ANOTHER_ORGANIZATION if something else UnclaimedReason.NAMES_NOTHING)
