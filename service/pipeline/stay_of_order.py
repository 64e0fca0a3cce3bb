"""The stay of a discharge order that names none: R4 leaves ServiceRequest.encounter open, and hospitals do, too."""

from typing import Any, Final

import structlog

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from fhir_mappings.inbound.elements import first
from fhir_mappings.inbound.encounter import goes_on, part_of
from fhir_mappings.inbound.encounter_class import is_stay
from fhir_mappings.inbound.logical import names_in, tokens_of, with_literals
from fhir_mappings.inbound.references import subject_of
from fhir_mappings.inbound.trigger import names_no_stay
from fhir_mappings.references import own_reference
from service import metrics
from service.ehr.client import Ehr
from service.ehr.search import Lack
from service.errors import EhrUnavailable
from service.pipeline.ports import Deps

#: What is asked for: R4's and R5's words for a stay that goes on, and OpenMRS's only one.
_OPEN: Final = ("in-progress", "onleave", "unknown")
_log = structlog.stdlib.get_logger(__name__)


def with_stay(order: dict[str, Any], tenant: Tenant, deps: Deps) -> dict[str, Any]:
    """The order with the stay that it is planned for, else its patient's only open one, as its encounter.

    As it came where it names a stay, or is no discharge order, or where nobody can tell which stay is meant: then a warning
    and a metric say so, as where the EHR does not let us ask. Raises EhrUnavailable when it does not answer whole now.
    """
    if not names_no_stay(order, tenant):
        return order
    known = deps.store.discharges.of_order(tenant.id, own_reference(order))
    found = [known.encounter] if known else _stays_of(order, deps.ehr(tenant.id), tenant)
    if len(found) == 1:
        return order | {"encounter": {"reference": found[0]}}
    metrics.ORDERS_WITHOUT_STAY.labels(tenant.id).inc()
    reason = "several open stays" if found else "no open stay"
    _log.warning(
        "a discharge order names no stay, and it cannot be told which", tenant=tenant.id, reason=reason
    )
    return order


def _stays_of(order: dict[str, Any], ehr: Ehr, tenant: Tenant) -> list[str]:
    """The stay that the order names by an identifier, else the open stays of its patient."""
    token = next(tokens_of(first(order.get("encounter")).get("identifier")), None)
    if token is not None and ehr.capability().searches("Encounter", "identifier"):
        [result] = ehr.batch([Search("Encounter", (("identifier", "|".join(token)),))])
        if result.lack is Lack.PASSING:
            raise EhrUnavailable("The stay that an order names could not be looked for.")
        stay = with_literals(order, names_in(result.resources))["encounter"].get("reference")
        if stay:
            return [stay]
    return _open_stays(subject_of(order), ehr, tenant)


def _open_stays(patient: str, ehr: Ehr, tenant: Tenant) -> list[str]:
    if not patient.startswith("Patient/"):
        return []
    parameters = [("patient", patient.removeprefix("Patient/"))]
    if ehr.capability().searches("Encounter", "status"):
        parameters.append(("status", ",".join(_OPEN)))
    [result] = ehr.batch([Search("Encounter", tuple(parameters))])
    if result.lack is Lack.PASSING:  # one of two stays may be what is missing
        raise EhrUnavailable("The stays of a patient could not be read whole.")
    found = {
        reference: part_of(stay)
        for stay in result.resources
        if subject_of(stay) == patient
        and goes_on(stay)
        and is_stay(stay, tenant.conventions)
        and (reference := own_reference(stay))
    }
    return [reference for reference, whole in found.items() if whole not in found]
