"""Reads `then: hooks:` of a vendor's rule: how its CDS Hooks differ from the specification."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from config.marked_yaml import Entry
from service.domain.hook_shape import HookShape, HookTrigger, OrderCodes


def read_hook_shape(entry: Entry) -> HookShape:
    """Read how orders are suggested; ConfigurationError names file and line."""
    found = entry.fields(tuple(_READERS))
    if not found:
        raise entry.wrong(f"this says nothing of its hooks; known are {', '.join(_READERS)}")
    shape = HookShape(**{key: _READERS[key](value) for key, value in found.items()})
    if shape.orders_by_key != bool(shape.order_system):
        raise entry.wrong(
            f"order_codes: {OrderCodes.PREFERENCE_LIST} and order_system, the code system of the keys, go together"
        )
    return shape


def read_discharge_trigger(entry: Entry) -> tuple[HookTrigger, ...]:
    """Read the extension, and its values, that say that a patient is being discharged."""
    found = entry.fields(("extension", "values"), ("extension", "values"))
    name = found["extension"].text()
    return tuple(HookTrigger(name, value) for value in found["values"].texts())


_READERS: Final[Mapping[str, Callable[[Entry], Any]]] = {
    "order_codes": lambda given: given.choice(OrderCodes),
    "order_system": Entry.text,
}
