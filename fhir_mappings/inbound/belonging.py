"""What a stay, a discharge order, an organization and a location say of whose they are, as references on one server."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fhir_mappings.inbound.codes import bare_code
from fhir_mappings.inbound.elements import Json, first, items, text
from fhir_mappings.inbound.references import literal
from fhir_mappings.servers import reference_at

#: By which element a resource names what it is a part of, or who it works for.
_ABOVE: Final[Mapping[str, tuple[str, ...]]] = {
    "Organization": ("partOf",),
    "Location": ("partOf", "managingOrganization"),
    "PractitionerRole": ("organization",),
    "CareTeam": ("managingOrganization",),
    "HealthcareService": ("providedBy",),
}
#: A bed that is only booked says nothing of where the patient is.
_AHEAD: Final = frozenset({"planned", "reserved"})
_LEFT: Final = "completed"


def names_provider(stay: Mapping[str, Any]) -> bool:
    """Whether the stay names an organization, however it does."""
    return bool(first(stay.get("serviceProvider")))


def provider_of(stay: Mapping[str, Any], base: str) -> str:
    """The organization that the stay names ("Organization/1"), "" where there is no reference to one of this server."""
    return _of_kind(stay.get("serviceProvider"), "Organization", base)


def locations_of(stay: Mapping[str, Any], base: str) -> tuple[str, ...]:
    """Where the patient is; after they have left, where they were last."""
    there = [place for place in items(stay.get("location")) if bare_code(place.get("status")) not in _AHEAD]
    now = [place for place in there if not _is_left(place)]
    last = max(there, key=lambda place: text(first(place.get("period")).get("end")), default=None)
    places = now or ([last] if last else [])
    found = (_of_kind(place.get("location"), "Location", base) for place in places)
    return tuple(dict.fromkeys(filter(None, found)))


def asked_of(order: Mapping[str, Any], base: str) -> tuple[str, ...]:
    """Who performs the order and who asked for it, as far as they are of an organization or are one."""
    named = [*items(order.get("performer")), *items(order.get("requester"))]
    found = (reference_at(literal(who), base) for who in named)
    return tuple(dict.fromkeys(who for who in found if who.partition("/")[0] in _ABOVE))


def above(resource: Json, base: str) -> Iterator[str]:
    """What a resource is a part of, or works for."""
    for name in _ABOVE.get(str(resource.get("resourceType")), ()):
        for value in items(resource.get(name)):
            if found := reference_at(literal(value), base):
                yield found


def _is_left(place: Json) -> bool:
    status = bare_code(place.get("status"))
    return status == _LEFT or (not status and bool(first(place.get("period")).get("end")))


def _of_kind(value: object, kind: str, base: str) -> str:
    found = reference_at(literal(value), base)
    return found if found.startswith(f"{kind}/") else ""
