"""Where people and services are, and how far apart."""

import re
from dataclasses import dataclass
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from typing import Final

import zipcodes

from service.domain.record import Address

_EARTH_KM: Final = 6371.0
_ZIP: Final = re.compile(r"\d{5}")
_ANY: Final = "00501"


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the earth, WGS 84 degrees."""

    latitude: float
    longitude: float


def kilometres(here: Place, there: Place) -> float:
    """Great-circle distance by the haversine formula."""
    south, north = radians(here.latitude), radians(there.latitude)
    height = sin((north - south) / 2) ** 2
    width = sin(radians(there.longitude - here.longitude) / 2) ** 2
    return 2 * _EARTH_KM * asin(sqrt(min(1.0, height + cos(south) * cos(north) * width)))


def place_of(address: Address | None) -> Place | None:
    """The address's own coordinates, else the centre of its ZIP code, else None."""
    if address is None:
        return None
    if address.latitude is not None and address.longitude is not None:
        return Place(address.latitude, address.longitude)
    return centre_of(address.postal_code.partition("-")[0].strip())


def load_places() -> None:
    """Read the table of ZIP codes now rather than for the first address (0.2 s)."""
    zipcodes.is_real(_ANY)


@lru_cache(maxsize=4096)
def centre_of(postal_code: str) -> Place | None:
    """The centre of a US ZIP code by the table bundled with zipcodes; None for one that does not exist."""
    if not _ZIP.fullmatch(postal_code):
        return None
    found = zipcodes.matching(postal_code)
    return Place(float(found[0]["lat"]), float(found[0]["long"])) if found else None
