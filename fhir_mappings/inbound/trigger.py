"""What a changed order or encounter asks of us. The resource is a hint: the record itself is read from the EHR later."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from fhir_mappings.references import literal
from service.domain.discharge import Action, Trigger

#: Request status → what it asks for. A draft is not signed yet; a completed order has nothing left to plan.
_ORDER: Final = {
    "active": Action.PLAN,
    "revoked": Action.CANCEL,
    "entered-in-error": Action.CANCEL,
    "on-hold": Action.CANCEL,
}
_STAY: Final = {"cancelled": Action.CANCEL, "entered-in-error": Action.CANCEL}
#: A proposal or plan is somebody's wish (ours, too), not an order.
_WISHES: Final = frozenset({"proposal", "plan", "directive", "option"})


def trigger_from(
    resource: Mapping[str, Any], *, tenant: str, order_codes: Collection[str], door: str
) -> Trigger | None:
    """The trigger in a ServiceRequest or Encounter, None when it is nothing to us. order_codes are "system|code"."""
    if resource.get("resourceType") == "ServiceRequest":
        return _from_order(resource, tenant, order_codes, door)
    if resource.get("resourceType") == "Encounter":
        return _from_encounter(resource, tenant, door)
    return None


def _from_order(
    order: Mapping[str, Any], tenant: str, order_codes: Collection[str], door: str
) -> Trigger | None:
    action = _ORDER.get(str(order.get("status")))
    encounter = _encounter(order)
    if action is None or not encounter or order.get("intent") in _WISHES:
        return None
    if not any(code in order_codes for code in _codes(order)):
        return None
    return Trigger(tenant, encounter, action, door, _own(order))


def _from_encounter(encounter: Mapping[str, Any], tenant: str, door: str) -> Trigger | None:
    action = _STAY.get(str(encounter.get("status")))
    reference = _own(encounter)
    return Trigger(tenant, reference, action, door) if action and reference else None


def _own(resource: Mapping[str, Any]) -> str:
    return literal(f"{resource.get('resourceType')}/{resource.get('id', '')}")


def _encounter(order: Mapping[str, Any]) -> str:
    """The order's "Encounter/12"; "" when it names none or something else."""
    named = order.get("encounter")
    reference = literal(str(named.get("reference", ""))) if isinstance(named, dict) else ""
    return reference if re.fullmatch(r"Encounter/[A-Za-z0-9.-]{1,64}", reference) else ""


def _codes(order: Mapping[str, Any]) -> Iterator[str]:
    concept = order.get("code")
    codings = concept.get("coding") if isinstance(concept, dict) else None
    for coding in codings if isinstance(codings, list) else ():
        if isinstance(coding, dict):
            yield f"{coding.get('system', '')}|{coding.get('code', '')}"
