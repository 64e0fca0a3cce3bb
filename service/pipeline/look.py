"""Looking at one order or stay in the EHR, because we were told that it changed, and taking in what it asks for.

Whatever was told is a hint; what counts is how it stands in the EHR when we look.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from config.tenants import Tenant
from fhir_mappings.inbound.encounter import told_of_stay, zone_of
from fhir_mappings.inbound.patient import has_died, is_merged
from fhir_mappings.inbound.references import subject_of
from fhir_mappings.outbound.references import type_of
from service import metrics
from service.domain.absence import Shown, shown_by
from service.domain.discharge import Action, CallOff, Trigger
from service.ehr.client import Ehr
from service.errors import EhrError, EhrUnavailable
from service.pipeline.claimed_intake import take_read
from service.pipeline.doubt import DOOR, miss, see_again
from service.pipeline.orders import triggers_in
from service.pipeline.ports import Deps
from service.pipeline.publishing.signatures import heed_order
from service.pipeline.stay_of_order import with_stay


def look(reference: str, tenant: Tenant, deps: Deps) -> None:
    """Take in what an order or a stay asks for as it stands in the EHR now; one that is not shown is looked at again.

    A referral of ours that has become an order has been signed.
    """
    ehr = deps.ehr(tenant.id)
    try:
        resource = ehr.read(reference)
        shown = Shown.PRESENT if resource["resourceType"] == type_of(reference) else Shown.ABSENT
    except EhrError as error:
        resource, shown = {}, shown_by(error)
        if shown is Shown.UNANSWERED:
            raise
    if shown is not Shown.PRESENT:
        miss(reference, shown, tenant, deps)
        return
    see_again([reference], tenant, deps)
    if _waits_for_its_stay(reference, tenant, deps):
        return
    resource = with_stay(resource, tenant, deps)
    patient = _patient_of(resource, ehr) if reference.startswith("Encounter/") else None
    take_all(asked_by(resource, patient, tenant, deps.now(), door=DOOR), deps, seen=[resource])
    heed_order(resource, tenant, deps)


def _waits_for_its_stay(order: str, tenant: Tenant, deps: Deps) -> bool:
    """Whether this is the order of what was called off because something was gone, and the stay is not shown now.

    Such a stay is not planned because of its order alone.
    """
    known = deps.store.discharges.of_order(tenant.id, order)
    if known is None or known.call_off is not CallOff.ABSENCE:
        return False
    try:
        deps.ehr(tenant.id).read(known.encounter)
    except EhrUnavailable:
        raise
    except EhrError:
        return True
    return False


def asked_by(
    resource: dict[str, Any], patient: dict[str, Any] | None, tenant: Tenant, at: datetime, *, door: str
) -> Iterable[Trigger]:
    """What an order or a stay asks for; of a stay with the patient it names, who may have become another or have died.

    Without the patient nobody knows what the stay asks for, unless it was called off: that they live is not told by a
    Patient who was not shown.
    """
    is_stay = resource.get("resourceType") == "Encounter"
    for trigger in triggers_in([resource], tenant, door=door):
        if not is_stay or (patient is None and trigger.action is Action.CANCEL):
            yield trigger
        elif patient is not None:
            yield _with_patient(trigger, resource, patient, tenant, at)


def _with_patient(
    trigger: Trigger, stay: dict[str, Any], patient: dict[str, Any], tenant: Tenant, at: datetime
) -> Trigger:
    """The trigger with the same digest as that of a plan made now."""
    zone = tenant.conventions.zone or zone_of(stay)
    died = has_died(patient, at.astimezone(tenant.time_zone).date(), zone)
    return replace(trigger, told=told_of_stay(stay, merged=is_merged(patient), died=died), died=died)


def take_all(triggers: Iterable[Trigger], deps: Deps, *, seen: Sequence[Mapping[str, Any]] = ()) -> None:
    """Take in triggers one by one, and count them; seen are resources that were read for them."""
    for trigger in triggers:
        metrics.TRIGGERS.labels(trigger.tenant, trigger.door, trigger.action).inc()
        take_read(trigger, deps, seen=seen)


def _patient_of(stay: dict[str, Any], ehr: Ehr) -> dict[str, Any] | None:
    """The patient of a stay, None where the EHR does not give them."""
    patient = subject_of(stay)
    try:
        return ehr.read(patient) if patient.startswith("Patient/") else None
    except EhrUnavailable:
        raise
    except EhrError:
        return None
