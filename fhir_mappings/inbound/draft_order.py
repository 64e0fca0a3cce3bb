"""Orders that are being signed (CDS Hooks draftOrders): which of them discharges the patient, and from which stay."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from fhir_mappings.inbound.elements import first, items
from fhir_mappings.references import literal

#: An order that no longer stands, or has been carried out, discharges nobody.
_GONE: Final = frozenset({"revoked", "entered-in-error", "completed", "on-hold"})
_STAY: Final = re.compile(r"Encounter/[A-Za-z0-9.\-]{1,64}")


def discharges(order: Mapping[str, Any], order_codes: Collection[str]) -> bool:
    """Whether this is an order to discharge, signed or about to be. order_codes are "system|code"."""
    if order.get("resourceType") != "ServiceRequest" or order.get("status") in _GONE or forbids(order):
        return False
    return any(code in order_codes for code in _codes(order))


def forbids(order: Mapping[str, Any]) -> bool:
    """Whether this orders that it be *not* done: doNotPerform turns a request's meaning round (R4, isModifier)."""
    return order.get("doNotPerform") is True


def stay_of(order: Mapping[str, Any]) -> str:
    """The order's "Encounter/12"; "" when it names none or something else."""
    named = literal(named_stay(order))
    return named if _STAY.fullmatch(named) else ""


def named_stay(order: Mapping[str, Any]) -> str:
    """How the order names its stay, as it was sent; "" when it names none."""
    return str(first(order.get("encounter")).get("reference", ""))


def _codes(order: Mapping[str, Any]) -> Iterator[str]:
    for coding in items(first(order.get("code")).get("coding")):
        yield f"{coding.get('system', '')}|{coding.get('code', '')}"
