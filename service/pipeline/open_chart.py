"""Which discharge is meant when an EHR opens our page on a patient's chart."""

from dataclasses import dataclass

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from fhir_mappings.inbound.references import reference_of, subject_of
from fhir_mappings.shared_server import neighbours_of
from service.domain.discharge import Discharge
from service.errors import NotFound
from service.pipeline.ports import Deps

_NONE = (
    "No discharge is being planned for this stay. The plan begins with the discharge order in the EHR, or when "
    "somebody asks for one."
)
_UNNAMED = "The EHR has opened Homeward without a patient or stay; open it from a patient's chart."
_ANOTHER = (
    "The card that was followed is not about the patient whose chart is open; open Homeward from the chart."
)


@dataclass(frozen=True, slots=True)
class OpenChart:
    """What the EHR has open: "Patient/7" and "Encounter/12", "" where it does not say; discharge is that of our card."""

    patient: str
    encounter: str
    discharge: str = ""


def discharge_of(chart: OpenChart, tenant: Tenant, deps: Deps) -> Discharge:
    """The discharge of this tenant, or of one that shares its EHR and its launch, that the chart is about; NotFound where there is none, or where chart and card differ.

    Nothing of any other tenant is ever found. A chart without a stay is looked up in the tenant's EHR.
    """
    if not (chart.patient or chart.encounter):
        raise NotFound(_UNNAMED)
    found = [
        discharge
        for hospital in _opened_alike(tenant, deps)
        for discharge in _of_stays(chart, hospital, deps)
    ]
    if not found:
        raise NotFound(_NONE)
    if not chart.discharge:
        return max(found, key=lambda one: (not one.is_called_off(), one.changed))
    meant = next((one for one in found if str(one.id) == chart.discharge), None)
    if meant is None:
        raise NotFound(_ANOTHER)
    return meant


def _opened_alike(tenant: Tenant, deps: Deps) -> list[Tenant]:
    return [
        tenant,
        *(neighbour for neighbour in neighbours_of(tenant, deps.tenants.values()) if neighbour.launch),
    ]


def _of_stays(chart: OpenChart, tenant: Tenant, deps: Deps) -> list[Discharge]:
    stays = [chart.encounter] if chart.encounter else _stays(chart.patient, tenant, deps)
    found = [one for stay in stays if (one := deps.store.discharges.of_stay(tenant.id, stay))]
    return [one for one in found if not chart.encounter or _is_of(one, chart.patient, deps)]


def _stays(patient: str, tenant: Tenant, deps: Deps) -> list[str]:
    number = patient.partition("/")[2]
    [result] = deps.ehr(tenant.id).batch([Search("Encounter", (("patient", number),))])
    return [reference_of(stay) for stay in result.resources if subject_of(stay) == patient]


def _is_of(discharge: Discharge, patient: str, deps: Deps) -> bool:
    """Whether the stay is this patient's, as far as both are known."""
    version = deps.store.plans.latest(discharge.id) if patient else None
    return version is None or version.plan.patient.reference == patient
