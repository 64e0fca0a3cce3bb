"""Looking for discharge orders in an EHR that only says that something has changed."""

from datetime import datetime
from typing import Final

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from fhir_mappings.inbound.trigger import trigger_from
from service.domain.discharge import Trigger
from service.ehr.client import Ehr
from service.errors import EhrRefused

_ORDER: Final = "ServiceRequest"


def find_orders(ehr: Ehr, tenant: Tenant, since: datetime, *, door: str = "subscription") -> list[Trigger]:
    """What the discharge orders changed since then ask for, in the EHR's order.

    Raises EhrRefused when the EHR cannot search orders by code, EhrError when it does not answer. The search is as
    narrow as the EHR allows; taking in a trigger twice is harmless.
    """
    if not ehr.capability().searches(_ORDER, "code"):
        raise EhrRefused("The EHR cannot search orders by code; let its notifications carry the resource.")
    [result] = ehr.batch([Search(_ORDER, _parameters(ehr, tenant, since))])
    if result.gaps and not result.resources:
        raise EhrRefused(f"The search for discharge orders failed: {result.gaps[0].reason}.")
    found = (
        trigger_from(resource, tenant=tenant.id, order_codes=tenant.order_codes, door=door)
        for resource in result.resources
    )
    return [trigger for trigger in found if trigger is not None]


def _parameters(ehr: Ehr, tenant: Tenant, since: datetime) -> tuple[tuple[str, str], ...]:
    code = ("code", ",".join(sorted(tenant.order_codes)))
    offered = ehr.capability()
    if offered.searches(_ORDER, "_lastUpdated"):
        return code, ("_lastUpdated", f"ge{since.isoformat(timespec='seconds')}")
    if offered.searches(_ORDER, "authored"):
        # The day, not the moment: an order may be signed long before its discharge is near, but rarely days before.
        return code, ("authored", f"ge{since.date().isoformat()}")
    return (code,)
