"""Orders that are being signed (CDS Hooks draftOrders): which of them discharges the patient, and from which stay."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from fhir_mappings.inbound.codes import bare_code
from fhir_mappings.inbound.elements import first
from fhir_mappings.inbound.references import subject_of
from fhir_mappings.order_codes import is_coded_so
from fhir_mappings.references import is_id, literal

#: An order that no longer stands, or has been carried out, discharges nobody.
_GONE: Final = frozenset({"revoked", "entered-in-error", "completed", "on-hold"})
_STAY: Final = "Encounter/"


def discharges(order: Mapping[str, Any], order_codes: Collection[str]) -> bool:
    """Whether this is an order to discharge, signed or about to be. order_codes are "system|code", in any spelling of the system."""
    if order.get("resourceType") != "ServiceRequest" or order_status(order) in _GONE or forbids(order):
        return False
    return is_coded_so(order.get("code"), order_codes)


def order_status(order: Mapping[str, Any]) -> str:
    """The status of an order, "" if none."""
    return bare_code(order.get("status"))


def is_of_another(order: Mapping[str, Any], patient: str) -> bool:
    """Whether it is for another patient than this one. An order about a device or a group mixes up no charts."""
    about = subject_of(dict(order))
    return about.startswith("Patient/") and about != patient


def forbids(order: Mapping[str, Any]) -> bool:
    """Whether this orders that it be *not* done: doNotPerform turns a request's meaning round (R4, isModifier)."""
    return order.get("doNotPerform") is True


def stay_of(order: Mapping[str, Any]) -> str:
    """The order's "Encounter/12"; "" when it names none or something else."""
    named = literal(named_stay(order))
    return named if named.startswith(_STAY) and is_id(named.removeprefix(_STAY)) else ""


def named_stay(order: Mapping[str, Any]) -> str:
    """How the order names its stay, as it was sent; "" when it names none."""
    return str(first(order.get("encounter")).get("reference", ""))
