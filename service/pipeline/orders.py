"""Looking for discharge orders, and for stays, in an EHR that only says that something has changed, or not even that."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from fhir_mappings.inbound.encounter_class import searched_classes
from fhir_mappings.inbound.trigger import names_no_stay, trigger_from
from fhir_mappings.order_codes import searched_codes
from fhir_mappings.references import own_reference
from service.domain.discharge import Trigger
from service.ehr.capability import Capability
from service.ehr.client import Ehr
from service.ehr.search import Lack, SearchResult
from service.errors import EhrError, EhrRefused, EhrUnavailable, NotAllowed
from service.pipeline.census import census

_ORDER, _STAY = "ServiceRequest", "Encounter"
#: An order may be signed long before its discharge is near, and `authored` stays what it was when it is called off.
_SIGNED_BEFORE: Final = timedelta(days=7)
#: Searches that go out together: as many as fit one batch that an EHR takes.
_TOGETHER: Final = 50
_log = structlog.stdlib.get_logger(__name__)

Parameters = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What was found; lacking is the error that stands for what was not, None where nothing is missing.

    without_stay are the discharge orders that name no stay: each must be looked at.
    """

    triggers: tuple[Trigger, ...]
    lacking: EhrError | None = None
    without_stay: tuple[str, ...] = ()


def searchable(capability: Capability, tenant: Tenant) -> bool:
    """Whether discharge orders can be searched for at all: by code for the whole hospital, or over its census.

    A search for all orders of all patients is none; where each must name a patient, the tenant must name a census_list.
    """
    if not capability.searches(_ORDER, "code"):
        return False
    if not _by_patient(capability, tenant):
        return True
    return bool(tenant.census_list) and capability.searches(_ORDER, "patient")


def find_orders(ehr: Ehr, tenant: Tenant, since: datetime, *, door: str) -> Changes:
    """What discharge orders changed since then ask for, in the EHR's order; stays too where an admission starts a plan.

    Raises EhrRefused when the EHR cannot be searched so, EhrUnavailable when it does not answer. The searches are as
    narrow as the EHR allows; taking in a trigger twice is harmless.
    """
    capability = ehr.capability()
    if not searchable(capability, tenant):
        raise EhrRefused("The EHR cannot be searched for discharge orders; use hooks, notifications or REST.")
    searches = [Search(_ORDER, _orders(tenant, since, capability))]
    if tenant.plan_at_admission and (stays := _stays(tenant, since, capability)):
        searches.append(Search(_STAY, stays))
    if _by_patient(capability, tenant):
        searches = [_of(patient, search) for patient in census(ehr, tenant) for search in searches]
    results = _answers(ehr, searches)
    found = [resource for result in results for resource in result.resources]
    told = sorted(
        {str(gap.reason) for result in results if result.lack is Lack.NOTHING for gap in result.gaps}
    )
    if told:  # no error, or looking for orders would fail for ever
        _log.warning(
            "the search for discharge orders was answered with a warning",
            tenant=tenant.id,
            reason=" and ".join(told),
        )
    lacking = next((error for result in results if (error := _lack(result))), None)
    without_stay = tuple(own_reference(one) for one in found if names_no_stay(one, tenant))
    return Changes(tuple(triggers_in(found, tenant, door=door)), lacking, without_stay)


def triggers_in(
    resources: Iterable[dict[str, Any]], tenant: Tenant, *, door: str, in_ehr: bool = True
) -> Iterator[Trigger]:
    """What resources ask for that were read from the tenant's EHR just now; one that leads elsewhere is left out."""
    for resource in resources:
        try:
            trigger = trigger_from(resource, tenant=tenant, door=door, in_ehr=in_ehr)
        except NotAllowed as error:
            _log.warning("an order of another hospital is left out", tenant=tenant.id, exc_info=error)
            continue
        if trigger is not None:
            yield trigger


def _answers(ehr: Ehr, searches: Sequence[Search]) -> list[SearchResult]:
    starts = range(0, len(searches), _TOGETHER)
    return [result for start in starts for result in ehr.batch(searches[start : start + _TOGETHER])]


def _lack(result: SearchResult) -> EhrError | None:
    """The error for a search without an answer, or without a page of it.

    What a server found in doubt is looked at itself; what it says to be incomplete would be so at the next try, too.
    """
    if result.lack is Lack.NOTHING:
        return None
    reasons = ", ".join(sorted({str(gap.reason) for gap in result.gaps}))
    said = f"The search for discharge orders gave no whole answer: {reasons}."
    return EhrUnavailable(said) if result.lack is Lack.PASSING else EhrRefused(said)


def _by_patient(capability: Capability, tenant: Tenant) -> bool:
    """A hospital that names its census wants it used."""
    required = capability.left_out(_ORDER, ("code", "_lastUpdated", "authored"))
    return "patient" in required or bool(tenant.census_list)


def _orders(tenant: Tenant, since: datetime, capability: Capability) -> Parameters:
    code = ("code", searched_codes(tenant.order_codes))
    if capability.searches(_ORDER, "_lastUpdated"):
        return code, ("_lastUpdated", f"ge{since.isoformat(timespec='seconds')}")
    if capability.searches(_ORDER, "authored"):
        return code, ("authored", f"ge{(since - _SIGNED_BEFORE).date().isoformat()}")
    return (code,)


def _stays(tenant: Tenant, since: datetime, capability: Capability) -> Parameters:
    """Open stays changed since then; () where they cannot be narrowed to those."""
    if not (capability.searches(_STAY, "status") and capability.searches(_STAY, "class")):
        return ()
    narrow = ("status", "in-progress,onleave"), ("class", searched_classes(tenant.encounter_classes))
    if capability.searches(_STAY, "_lastUpdated"):
        return *narrow, ("_lastUpdated", f"ge{since.isoformat(timespec='seconds')}")
    if capability.searches(_STAY, "date"):
        return *narrow, ("date", f"ge{since.date().isoformat()}")
    return narrow


def _of(patient: str, search: Search) -> Search:
    return Search(
        search.resource_type, (("patient", patient.rpartition("/")[2]), *search.parameters), search.id
    )
