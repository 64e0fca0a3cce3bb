"""A need → US Core Condition, an unconfirmed health concern, where an EHR takes nothing that could ask for care.

A positive screen does not confirm a need, so nothing here is coded as a diagnosis: the words are the protocol's, and a
code is for the person who confirms it. R4 lets no Device record a Condition; the Provenance says who did.
"""

from collections.abc import Iterator
from datetime import datetime

from fhir_mappings import systems
from fhir_mappings.narrative import generated
from fhir_mappings.outbound.bindings import SDOH_DOMAINS
from fhir_mappings.outbound.elements import Json, coding, evidence_references, protocol_text
from fhir_mappings.outbound.references import type_of
from service.domain.need import Need
from service.domain.plan import Plan

_PREFIX = "concern:"
_EVIDENCE = ("Observation", "QuestionnaireResponse")


def concern_key(need: Need) -> str:
    """The key of the concern about a need."""
    return f"{_PREFIX}{need.code}"


def need_of_concern(key: str) -> str:
    """The need code in the key of a concern, "" for any other key."""
    return key.removeprefix(_PREFIX) if key.startswith(_PREFIX) else ""


def concerns(plan: Plan) -> Iterator[Need]:
    """The needs that are there and not yet in the chart as a Condition; plan must be shareable."""
    for need in plan.present():
        if all(type_of(item.reference) != "Condition" for item in need.evidence):
            yield need


def concern_body(need: Need, plan: Plan, *, recorded: datetime, reference: str = "") -> Json:
    """The Condition in FHIR JSON without identifier; plan must be shareable. reference is the line that its note ends with."""
    found = f"Found by {protocol_text(need.protocol)}. To be confirmed with the patient by a person."
    return {
        "resourceType": "Condition",
        "meta": {"profile": [f"{systems.US_CORE}us-core-condition-problems-health-concerns"]},
        "text": generated(f"Unconfirmed: {need.title}"),
        "clinicalStatus": {"coding": [coding(systems.CONDITION_CLINICAL, "active", "Active")]},
        "verificationStatus": {
            "coding": [coding(systems.CONDITION_VERIFICATION, "unconfirmed", "Unconfirmed")]
        },
        "category": list(_categories(need)),
        "code": {"text": need.title},
        "subject": {"reference": plan.patient.reference},
        "encounter": {"reference": plan.encounter.reference},
        "recordedDate": recorded.isoformat(timespec="seconds"),
        "evidence": [{"detail": evidence_references(need.evidence, *_EVIDENCE)}],
        "note": [{"text": f"{found} {reference}".strip()}],
    }


def _categories(need: Need) -> Iterator[Json]:
    yield {"coding": [coding(systems.US_CORE_CONDITION_CATEGORY, "health-concern", "Health Concern")]}
    if need.gravity_domain:
        yield {"coding": [coding(systems.US_CORE_CATEGORY, "sdoh", "SDOH")]}
        yield {"coding": [coding(systems.SDOHCC, need.gravity_domain, SDOH_DOMAINS[need.gravity_domain])]}
