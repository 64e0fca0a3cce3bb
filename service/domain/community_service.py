"""A service in the community (HSDS 3.0, as far as matching needs it), and how well it fits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from service.domain.sensitivity import NONE, Labels


@dataclass(frozen=True, slots=True)
class CommunityService:
    """One service at one location.

    services are the referral keys it answers ("food-pantry"); postal_codes is its service area, empty for everywhere;
    verified is HSDS assured_date: when a person last checked the entry, None if never.
    """

    id: str
    name: str
    organization: str
    services: frozenset[str]
    phone: str = ""
    url: str = ""
    address: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    latitude: float | None = None
    longitude: float | None = None
    postal_codes: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    minimum_age: int | None = None
    maximum_age: int | None = None
    eligibility: str = ""
    fees: str = ""
    application: str = ""
    hours: str = ""
    wait: str = ""
    accepting: bool = True
    verified: date | None = None
    labels: Labels = NONE

    def serves(self, postal_code: str) -> bool:
        """Whether the postal code is in its service area; a person without one is not turned away."""
        return not postal_code or not self.postal_codes or postal_code in self.postal_codes


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for in a directory by hand: a referral key, a ZIP code, words of a name; labelled ones or not."""

    service: str = ""
    postal_code: str = ""
    words: str = ""
    labelled: bool = True


@dataclass(frozen=True, slots=True)
class Match:
    """A service offered for a referral: why it fits, how far it is (None when a place is unknown)."""

    service: CommunityService
    reasons: tuple[str, ...]
    distance_km: float | None = None


@dataclass(frozen=True, slots=True)
class Matches:
    """Ranked services for each referral key, best first; a key with no services was asked for and nothing was found."""

    by_service: tuple[tuple[str, tuple[Match, ...]], ...] = ()
    #: Those of the assessment for everybody, whose needs may be fewer; None where there is no such assessment.
    for_everybody: "Matches | None" = None

    def of(self, service: str) -> tuple[Match, ...]:
        """Ranked matches of one referral key, () when none was found or none was asked for."""
        return dict(self.by_service).get(service, ())


class Directory(Protocol):
    """Where community services are looked up: the database, or files already read."""

    def candidates(self, services: Collection[str], postal_code: str) -> Sequence[CommunityService]:
        """Every service that answers one of the referral keys and serves that postal code.

        "" (a person without an address) asks for the directory's whole area, which is the hospital's.
        """
        ...


@dataclass(frozen=True, slots=True)
class LoadedDirectory:
    """A Directory in memory."""

    listed: tuple[CommunityService, ...]

    def candidates(self, services: Collection[str], postal_code: str) -> Sequence[CommunityService]:
        """See Directory."""
        wanted = frozenset(services)
        return tuple(
            service for service in self.listed if service.services & wanted and service.serves(postal_code)
        )
