"""Appointment → when and where it is, for the person who is to go there."""

from collections.abc import Iterator
from datetime import UTC, tzinfo

from fhir_mappings.inbound import dates
from fhir_mappings.inbound.elements import Json, first, items, text
from fhir_mappings.inbound.references import Shared, display, literal, target
from service.domain.record import Slot


def slot_of(appointment: Json, shared: Shared, *, zone: tzinfo = UTC) -> Slot | None:
    """Its point in time, and the first of its participants that is a place; None where it has neither."""
    at = dates.exact(appointment.get("start"), zone)
    actor = next(_places(appointment, shared), {})
    place = target(actor, appointment, shared)
    named = [display(actor, appointment, shared), *_address(place)]
    slot = Slot(at, ", ".join(dict.fromkeys(filter(None, named))), _phone(place))
    return None if slot == Slot() else slot


def _places(appointment: Json, shared: Shared) -> Iterator[Json]:
    for participant in items(appointment.get("participant")):
        actor = first(participant.get("actor"))
        found = target(actor, appointment, shared)
        kind = found.get("resourceType") or text(actor.get("type")) or literal(actor).rpartition("/")[0]
        if str(kind).endswith("Location"):
            yield actor


def _address(place: Json) -> list[str]:
    """Street and town; a place without them is known by its name alone."""
    address = first(place.get("address"))
    lines = address.get("line")
    street = [text(line) for line in lines] if isinstance(lines, list) else []
    return [*street, text(address.get("city"))]


def _phone(place: Json) -> str:
    numbers = (text(one.get("value")) for one in items(place.get("telecom")) if one.get("system") == "phone")
    return next(filter(None, numbers), "")
