"""HumanName, ContactPoint and Address, as patients, relatives and practitioners have them."""

from fhir_mappings.inbound.elements import Json, items, number, text
from fhir_mappings.systems import GEOLOCATION
from service.domain.record import Address

_NAME_USES = ("official", "usual", "", "nickname", "temp", "anonymous", "maiden", "old")
_ADDRESS_USES = ("home", "", "temp", "work", "billing", "old")


def human_name(value: object) -> str:
    """The name in use, given names first; names and uses of the past come last."""
    names = sorted(items(value), key=lambda one: _rank(one, _NAME_USES))
    return next(filter(None, map(_spoken, names)), "") if names else ""


def contact(value: object, system: str) -> str:
    """The first contact point of a system ("phone", "email") that is still in use."""
    points = (one for one in items(value) if one.get("system") == system and not _is_past(one))
    return next(filter(None, (text(one.get("value")) for one in points)), "")


def home(value: object) -> Address | None:
    """Where the person lives now: the home address, else the first that is not of the past; None without any."""
    found = sorted(items(value), key=lambda one: _rank(one, _ADDRESS_USES))
    return _address(found[0]) if found else None


def _rank(one: Json, uses: tuple[str, ...]) -> tuple[bool, int]:
    use = text(one.get("use"))
    return _is_past(one), uses.index(use) if use in uses else len(uses)


def _is_past(one: Json) -> bool:
    period = one.get("period")
    return one.get("use") == "old" or (isinstance(period, dict) and bool(period.get("end")))


def _spoken(name: Json) -> str:
    given = name.get("given")
    parts = [*(given if isinstance(given, list) else [given]), name.get("family")]
    return " ".join(filter(None, map(text, parts))) or text(name.get("text"))


def _address(one: Json) -> Address:
    lines = one.get("line")
    latitude, longitude = _place(one)
    return Address(
        line=", ".join(filter(None, map(text, lines if isinstance(lines, list) else [lines]))),
        city=text(one.get("city")),
        district=text(one.get("district")),
        state=text(one.get("state")),
        postal_code=text(one.get("postalCode")),
        country=text(one.get("country")),
        use=text(one.get("use")),
        latitude=latitude,
        longitude=longitude,
    )


def _place(one: Json) -> tuple[float | None, float | None]:
    """Latitude and longitude in degrees, both or neither."""
    given = (each for each in items(one.get("extension")) if each.get("url") == GEOLOCATION)
    parts = {
        text(part.get("url")): number(part.get("valueDecimal"))
        for each in given
        for part in items(each.get("extension"))
    }
    latitude, longitude = parts.get("latitude"), parts.get("longitude")
    return (None, None) if latitude is None or longitude is None else (latitude, longitude)
