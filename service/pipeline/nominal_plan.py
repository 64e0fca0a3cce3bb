"""A small plan about nobody, and its resources: what is shown to an EHR, or to its rules, before there is a patient."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Final

from config.tenants import Tenant
from fhir_mappings import systems
from fhir_mappings.inbound.record import build_record
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.plan import plan_resources
from service.domain.community_service import LoadedDirectory
from service.domain.content import Content
from service.domain.publication import Draft
from service.pipeline.assess import assess
from service.pipeline.draft import draft
from service.pipeline.match import match

#: Cannot exist in any EHR: nothing of a patient is named.
_PATIENT: Final = "Patient/homeward-preflight"
_STAY: Final = "Encounter/homeward-preflight"
_ANYBODY: Final = "Practitioner/homeward-preflight"
#: Answers of the AHC screening, by LOINC: food did not last, no steady place to live.
_ANSWERS: Final = (("88122-7", "LA28397-0"), ("71802-3", "LA31994-9"))


def nominal_drafts(tenant: Tenant, content: Content, today: date) -> Sequence[Draft]:
    """Each kind of resource that a plan may become, as it is before an EHR's rules shape it."""
    record = build_record(list(_resources(today)), encounter=_STAY, today=today, asked=content.questions)
    assessment = assess(record, content, today=today)
    matches = match(assessment, record.patient, LoadedDirectory(()), today=today)
    plan = draft(record, assessment, matches, tenant=tenant.id)
    author = Author(
        "Homeward",
        tenant.organization,
        tenant.organization_reference,
        tenant.id,
        # The record names nobody who looks after nobody.
        social_work_reference=tenant.social_work_reference or _ANYBODY,
    )
    recorded = datetime.combine(today, time(), UTC)
    native = plan_resources(plan, author=author, recorded=recorded)
    return (*native, *lower_resources(plan, author=author, recorded=recorded, zone=tenant.time_zone))


def _resources(today: date) -> Sequence[dict[str, Any]]:
    subject = {"subject": {"reference": _PATIENT}, "encounter": {"reference": _STAY}}
    patient = {"resourceType": "Patient", "id": _PATIENT.rpartition("/")[2], "name": [{"family": "Nobody"}]}
    stay = {
        "resourceType": "Encounter",
        "id": _STAY.rpartition("/")[2],
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": _PATIENT},
        "period": {"start": today.isoformat()},
    }
    answers = [
        {
            "resourceType": "Observation",
            "id": f"homeward-preflight-{question}",
            "status": "final",
            "category": [{"coding": [{"code": "survey"}]}],
            "code": {"coding": [{"system": systems.LOINC, "code": question}]},
            **subject,
            "effectiveDateTime": today.isoformat(),
            "valueCodeableConcept": {"coding": [{"system": systems.LOINC, "code": answer}]},
        }
        for question, answer in _ANSWERS
    ]
    return [patient, stay, *answers]
