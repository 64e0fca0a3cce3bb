"""CDS Hooks calls as an EHR makes them: a body with its prefetch, and a JWT over it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from fhir_mappings.inbound.references import reference_of, subject_of

Json = dict[str, Any]

#: Which of our templates a type answers; observations are told apart by their category.
_KEYS = {
    "Condition": "conditions",
    "Encounter": "encounters",
    "QuestionnaireResponse": "questionnaireResponses",
    "Coverage": "coverages",
    "RelatedPerson": "relatedPersons",
    "MedicationRequest": "medications",
    "DeviceRequest": "devices",
    "Procedure": "procedures",
    "ServiceRequest": "orders",
    "Appointment": "appointments",
    "CareTeam": "careTeams",
    "AllergyIntolerance": "allergies",
    "Consent": "consents",
    "DocumentReference": "directives",
    "Goal": "goals",
    "CarePlan": "carePlans",
}
_OBSERVATIONS = {"survey": "screenings", "social-history": "socialHistory", "vital-signs": "vitalSigns"}


def searchset(resources: Iterable[Json] = (), **more: Any) -> Json:
    """A searchset Bundle of these."""
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": one, "search": {"mode": "match"}} for one in resources],
        **more,
    }


def prefetch_of(resources: Iterable[Json], encounter: str) -> Json:
    """All our templates answered with what there is among these resources, the others with empty searchsets."""
    sorted_out: defaultdict[str, list[Json]] = defaultdict(list)
    answers: Json = {}
    for one in resources:
        kind = one["resourceType"]
        if reference_of(one) == encounter:
            answers["encounter"] = one
        elif kind == "Patient":
            answers["patient"] = one
        elif kind == "Observation":
            sorted_out[_observations(one)].append(one)
        elif kind in _KEYS:
            sorted_out[_KEYS[kind]].append(one)
    keys = (*_KEYS.values(), *_OBSERVATIONS.values(), "statuses", "laboratory", "directivesByType")
    return answers | {key: searchset(sorted_out[key]) for key in keys}


def call_for(
    resources: Iterable[Json], encounter: str, hook: str = "encounter-discharge", **more: Any
) -> Json:
    """A call for the stay among these resources, with all of them prefetched; `None` takes a member away."""
    listed = list(resources)
    stay = next(one for one in listed if reference_of(one) == encounter)
    context = {
        "userId": "Practitioner/arthur-attending",
        "patientId": subject_of(stay).removeprefix("Patient/"),
        "encounterId": encounter.removeprefix("Encounter/"),
    }
    given = {
        "hook": hook,
        "hookInstance": str(uuid4()),
        "context": context,
        "prefetch": prefetch_of(listed, encounter),
    }
    return {name: value for name, value in (given | more).items() if value is not None}


def _observations(observation: Json) -> str:
    codes = {
        coding.get("code")
        for category in observation.get("category", [])
        for coding in category.get("coding", [])
    }
    return next((key for code, key in _OBSERVATIONS.items() if code in codes), "laboratory")
