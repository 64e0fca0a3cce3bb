"""A hook door with doubles behind it: calls about Zelda Testperson's stay, answered as the real one does."""

from typing import Any
from uuid import UUID

from tests import builders, hooks

STAY = "Encounter/e1"
RESOURCES = (
    builders.patient(),
    builders.encounter(),
    builders.condition("c1", "Z59.41"),
    builders.observation("o1", "718-7", 12.5, unit="g/dL"),
)
ORDER = {
    "resourceType": "ServiceRequest",
    "id": "draft-1",
    "status": "draft",
    "intent": "order",
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "58000006"}]},
    "subject": {"reference": "Patient/p1"},
    "encounter": {"reference": STAY},
}


def call(**more: Any) -> dict[str, Any]:
    """A good call of encounter-discharge; members given replace its own, None takes one away."""
    return hooks.call_for(RESOURCES, STAY, **{"hookInstance": "7d4b8e0e-5d6a-4c55-9a3e-0c2f1c7a9b11", **more})


def signing(*orders: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A good call of order-sign with these orders, the discharge if none is given."""
    context = call()["context"] | {"draftOrders": builders.bundle(*(orders or (ORDER,)))}
    return call(hook="order-sign", **{"context": context, **more})


def context(**more: Any) -> dict[str, Any]:
    """The good context with these members replaced, or taken away by None."""
    return {name: value for name, value in (call()["context"] | more).items() if value is not None}


def prefetch(**more: Any) -> dict[str, Any]:
    """The good prefetch with these answers replaced."""
    return {**call()["prefetch"], **more}


def without(key: str) -> dict[str, Any]:
    """The good prefetch without one answer."""
    return {name: value for name, value in call()["prefetch"].items() if name != key}


UNKNOWN_CARD = str(UUID(int=7))
