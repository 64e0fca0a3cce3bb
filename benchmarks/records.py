"""Records of any size: a sandbox inpatient with as many more resources as asked for, as a long-known patient has."""

from datetime import date, timedelta
from typing import Any

from fhir_mappings import systems
from service.sandbox.inpatients import bundle_of, inpatients

Json = dict[str, Any]

TODAY = date(2026, 3, 2)
_LABS = (
    ("718-7", "g/dL", 12.5),
    ("2951-2", "mmol/L", 139.0),
    ("59408-5", "%", 96.0),
    ("29463-7", "kg", 71.0),
)
_DIAGNOSES = ("I10", "E78.5", "M54.50", "J06.9", "K21.9", "H61.20", "R05.9")


def record_of(size: int) -> tuple[list[Json], str]:
    """(resources of the demo's patient and as many more as make `size`, the stay's reference)."""
    patient = inpatients()[0]
    own = [entry["resource"] for entry in bundle_of(patient, TODAY)["entry"]]
    subject = next(f"Patient/{item['id']}" for item in own if item["resourceType"] == "Patient")
    more = [_more(number, subject) for number in range(max(0, size - len(own)))]
    return own + more, _literal(patient.encounter)


def _literal(encounter: str) -> str:
    return encounter if "/" in encounter else f"Encounter/{encounter}"


def _more(number: int, subject: str) -> Json:
    """Mostly measurements, some old diagnoses, some old visits, as records are."""
    day = (TODAY - timedelta(days=400 + number % 3000)).isoformat()
    made = (_diagnosis, _visit, *([_measurement] * 8))[number % 10](number, day)
    return made | {"id": f"more-{number}", "subject": {"reference": subject}}


def _measurement(number: int, day: str) -> Json:
    code, unit, value = _LABS[number % len(_LABS)]
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": systems.LOINC, "code": code}]},
        "effectiveDateTime": f"{day}T08:00:00Z",
        "valueQuantity": {"value": value + number % 7, "unit": unit, "system": systems.UCUM, "code": unit},
    }


def _diagnosis(number: int, day: str) -> Json:
    code = _DIAGNOSES[number % len(_DIAGNOSES)]
    return {
        "resourceType": "Condition",
        "clinicalStatus": {"coding": [{"code": "resolved" if number % 3 else "active"}]},
        "code": {"coding": [{"system": systems.ICD10CM, "code": code}]},
        "onsetDateTime": day,
    }


def _visit(number: int, day: str) -> Json:
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": systems.ACT_CODE, "code": "EMER" if number % 4 == 1 else "AMB"},
        "period": {"start": f"{day}T09:00:00Z", "end": f"{day}T10:00:00Z"},
    }
