"""Notifications of topic-based Subscriptions in R4: a history Bundle that begins with its status as Parameters.

Source: HL7 Subscriptions R5 Backport 1.1, backport-subscription-notification-r4. Read tolerantly: numbers may be strings
or numbers, names kebab or camel case, and the status may be R4B's SubscriptionStatus.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from fhir_mappings.references import is_id, literal, reference_of
from service.errors import BadInput

_REMEDY: Final = "A notification is a history Bundle whose first entry is Parameters (or SubscriptionStatus)."
_SUBSCRIPTION: Final = "Subscription/"
#: The values of a parameter that we read.
_VALUES: Final = (
    "valueString",
    "valueCode",
    "valueInteger",
    "valueUnsignedInt",
    "valueInteger64",
    "valueUri",
    "valueCanonical",
)


class NotificationType(StrEnum):
    """Why it was sent."""

    HANDSHAKE = "handshake"
    HEARTBEAT = "heartbeat"
    EVENT = "event-notification"
    QUERY_STATUS = "query-status"
    QUERY_EVENT = "query-event"


@dataclass(frozen=True, slots=True)
class Happening:
    """One event. focus is what changed ("ServiceRequest/7"), "" where the payload is empty; address as it was sent."""

    number: int
    focus: str = ""
    address: str = ""
    resource: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """What was sent. subscription is "Subscription/7", address as it was sent; count the events sent so far, or None."""

    type: NotificationType
    subscription: str
    address: str
    status: str
    count: int | None
    happenings: tuple[Happening, ...] = ()


def notification_in(bundle: Mapping[str, Any]) -> Notification | None:
    """The notification in a Bundle; None for any other resource. BadInput for a history Bundle that is none."""
    if bundle.get("resourceType") != "Bundle":
        return None
    resources = [entry.get("resource") for entry in _objects(bundle.get("entry"))]
    status = _status(resources[0] if resources else None)
    subscription = literal(_text(status, "subscription"))
    if bundle.get("type") != "history" or not _is_subscription(subscription):
        raise BadInput(_REMEDY)
    try:
        kind = NotificationType(_text(status, "type"))
    except ValueError:
        raise BadInput(f"The notification's type must be one of {', '.join(NotificationType)}.") from None
    return Notification(
        kind,
        subscription,
        _text(status, "subscription"),
        _text(status, "status"),
        _number(_text(status, "events-since-subscription-start")),
        tuple(_happenings(status, [one for one in resources[1:] if isinstance(one, dict)])),
    )


def _status(resource: Any) -> dict[str, list[Any]]:
    """The status as parameters: name → values; those of a notification-event are objects of the same kind."""
    if not isinstance(resource, dict):
        raise BadInput(_REMEDY)
    if resource.get("resourceType") == "Parameters":
        return _parameters(resource.get("parameter"))
    if resource.get("resourceType") == "SubscriptionStatus":
        return _elements(resource)
    raise BadInput(_REMEDY)


def _parameters(listed: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for one in _objects(listed):
        value = _parameters(one["part"]) if "part" in one else _value(one)
        found.setdefault(_kebab(str(one.get("name"))), []).append(value)
    return found


def _elements(element: Mapping[str, Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, value in element.items():
        for one in value if isinstance(value, list) else [value]:
            is_event = name == "notificationEvent" and isinstance(one, dict)
            found.setdefault(_kebab(name), []).append(_elements(one) if is_event else _plain(one))
    return found


def _value(parameter: Mapping[str, Any]) -> Any:
    reference = parameter.get("valueReference")
    if isinstance(reference, dict):
        return _plain(reference)
    return next((_plain(parameter[name]) for name in _VALUES if name in parameter), "")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("reference") or "")
    return str(value)


def _happenings(status: Mapping[str, list[Any]], resources: list[dict[str, Any]]) -> Iterator[Happening]:
    sent = {reference_of(resource): resource for resource in resources}
    for event in status.get("notification-event", []):
        number = _number(_text(event, "event-number")) if isinstance(event, dict) else None
        if number is None:
            raise BadInput("An event of the notification has no event-number.")
        address = _text(event, "focus")
        yield Happening(number, literal(address), address, sent.get(literal(address)))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None  # noqa: PLR2004  a bigint


def _text(status: Mapping[str, list[Any]], name: str) -> str:
    value = next(iter(status.get(name, [])), "")
    return value if isinstance(value, str) else ""


def _kebab(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)


def _is_subscription(reference: str) -> bool:
    """Whether it can be kept, and asked for."""
    return reference.startswith(_SUBSCRIPTION) and is_id(reference.removeprefix(_SUBSCRIPTION))


def _objects(value: Any) -> list[dict[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
