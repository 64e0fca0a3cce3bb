"""A service in the community (HSDS 3.0, as far as matching needs it), and how well it fits."""

from dataclasses import dataclass
from datetime import date

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

    def of(self, service: str) -> tuple[Match, ...]:
        """Ranked matches of one referral key, () when none was found or none was asked for."""
        return dict(self.by_service).get(service, ())
