"""What a changed order or encounter asks of us. The resource is a hint: the record itself is read from the EHR later."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from config.tenants import Tenant
from fhir_mappings.inbound.codes import bare_code
from fhir_mappings.inbound.draft_order import forbids, order_status
from fhir_mappings.inbound.encounter import digest, goes_on, part_of, status_of, told_of_stay
from fhir_mappings.inbound.encounter_class import is_stay
from fhir_mappings.order_codes import is_coded_so
from fhir_mappings.references import is_id, literal
from fhir_mappings.servers import relative_to
from service.domain.discharge import Action, StayStatus, Trigger
from service.errors import NotAllowed

#: Request status → what it asks for. A draft is not signed yet; a completed order has nothing left to plan.
_ORDER: Final = {
    "active": Action.PLAN,
    "revoked": Action.CANCEL,
    "entered-in-error": Action.CANCEL,
    "on-hold": Action.CANCEL,
}
#: Encounter status → what it asks for. A stay that goes on or has ended is planned anew if it is being planned.
_STAY: Final = {
    "in-progress": Action.REFRESH,
    "onleave": Action.REFRESH,
    "finished": Action.REFRESH,
    "unknown": Action.REFRESH,
    "cancelled": Action.CANCEL,
    "entered-in-error": Action.CANCEL,
}
#: A proposal or plan is somebody's wish (ours, too), not an order.
WISHES: Final = frozenset({"proposal", "plan", "directive", "option"})
#: Where an order says when the patient is to leave.
_WHEN: Final = ("occurrenceDateTime", "occurrencePeriod", "occurrenceTiming")
_FOREIGN: Final = (
    "This names a stay on another FHIR server; notify that hospital's own address with its own secret."
)


def trigger_from(
    resource: Mapping[str, Any], *, tenant: Tenant, door: str, in_ehr: bool = False
) -> Trigger | None:
    """The trigger in a ServiceRequest or Encounter, None when it is nothing to us.

    in_ehr says that it was read from the EHR just now; else it is a hint, which may be late. NotAllowed for an order whose stay is on another server than the
    tenant's.
    """
    if resource.get("resourceType") == "ServiceRequest":
        found = _from_order(resource, tenant, door)
    elif resource.get("resourceType") == "Encounter":
        found = _from_encounter(resource, tenant, door)
    else:
        return None
    return replace(found, in_ehr=in_ehr, hint=not in_ehr) if found else None


def _from_order(order: Mapping[str, Any], tenant: Tenant, door: str) -> Trigger | None:
    action = _ORDER.get(order_status(order))
    if action is Action.PLAN and forbids(order):
        action = Action.CANCEL  # an order that now says "do not discharge" no longer stands as one to do it
    encounter = _encounter(order)
    if action is None or not encounter or not _is_discharge(order, tenant):
        return None
    check_home(_named(order.get("encounter")), tenant.fhir_base_url)
    return Trigger(tenant.id, encounter, action, door, _own(order), _moment(order), replaces=_replaced(order))


def names_no_stay(order: Mapping[str, Any], tenant: Tenant) -> bool:
    """Whether this is a discharge order without a reference to a stay: R4 asks for none, or it has an identifier only."""
    return _is_discharge(order, tenant) and not _named(order.get("encounter")) and bool(_own(order))


def _is_discharge(order: Mapping[str, Any], tenant: Tenant) -> bool:
    if order.get("resourceType") != "ServiceRequest" or order_status(order) not in _ORDER:
        return False
    is_wish = bare_code(order.get("intent")) in WISHES
    return not is_wish and is_coded_so(order.get("code"), tenant.order_codes)


def _from_encounter(encounter: Mapping[str, Any], tenant: Tenant, door: str) -> Trigger | None:
    action, reference = _STAY.get(status_of(encounter)), _own(encounter)
    if action is None or not reference:
        return None
    is_of_kind = is_stay(encounter, tenant.conventions)
    if action is Action.REFRESH and not (is_of_kind or part_of(encounter)):
        return None
    # What was merged into another stay may have lost its class; if it is being planned, it is looked at anew.
    if tenant.plan_at_admission and action is Action.REFRESH and is_of_kind and goes_on(encounter):
        action = Action.PLAN
    told, stay = told_of_stay(encounter), StayStatus.of(status_of(encounter))
    return Trigger(tenant.id, reference, action, door, told=told, stay=stay)


def check_home(reference: str, base_url: str) -> None:
    """NotAllowed for an absolute reference that leads to another server than the tenant's own."""
    if base_url and "://" in relative_to(reference, base_url):
        raise NotAllowed(_FOREIGN)


def _moment(order: Mapping[str, Any]) -> str:
    return digest(*(order.get(name) for name in _WHEN))


def _replaced(order: Mapping[str, Any]) -> tuple[str, ...]:
    listed = order.get("replaces")
    references = (_literal(_named(one)) for one in listed) if isinstance(listed, list) else ()
    return tuple(one for one in references if one.startswith("ServiceRequest/"))


def _named(reference: Any) -> str:
    return str(reference.get("reference", "")) if isinstance(reference, dict) else ""


def _own(resource: Mapping[str, Any]) -> str:
    return _literal(f"{resource.get('resourceType')}/{resource.get('id', '')}")


def _literal(reference: str) -> str:
    """The "Type/id" of a reference, "" where it is not one that FHIR allows."""
    found = literal(reference)
    kind, _, identity = found.partition("/")
    return found if re.fullmatch(r"[A-Za-z]+", kind) and is_id(identity) else ""


def _encounter(order: Mapping[str, Any]) -> str:
    """The order's "Encounter/12"; "" when it names none or something else."""
    reference = _literal(_named(order.get("encounter")))
    return reference if reference.startswith("Encounter/") else ""
