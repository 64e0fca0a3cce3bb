"""Records of any size: a sandbox inpatient with as many more resources as asked for, as a long-known patient has."""

from datetime import date, timedelta
from typing import Any

import orjson
import requests

from fhir_mappings import systems
from service.sandbox.inpatients import bundle_of, inpatients, write

Json = dict[str, Any]

TODAY = date(2026, 3, 2)
_AT_ONCE = 500
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
#: Three in ten are asked for by a protocol or a score; of the 2,061 Observations in fifteen published synthetic records
#: it were 29 %. The rest is what every ward measures. Blood pressure is a panel of two.
_MEASURED = (
    ("laboratory", "718-7", "g/dL", 12.5),
    ("vital-signs", "8867-4", "/min", 72.0),
    ("vital-signs", "85354-9", "mm[Hg]", 121.0),
    ("laboratory", "2951-2", "mmol/L", 139.0),
    ("laboratory", "2823-3", "mmol/L", 4.1),
    ("laboratory", "2160-0", "mg/dL", 0.9),
    ("vital-signs", "59408-5", "%", 96.0),
    ("vital-signs", "29463-7", "kg", 71.0),
    ("laboratory", "2345-7", "mg/dL", 98.0),
    ("vital-signs", "9279-1", "/min", 14.0),
)
_PARTS = {"85354-9": ("8480-6", "8462-4")}
_DIAGNOSES = ("I10", "E78.5", "M54.50", "J06.9", "K21.9", "H61.20", "R05.9")


def record_of(size: int, today: date = TODAY) -> tuple[list[Json], str]:
    """(resources of the demo's patient and as many more as make `size`, the stay's reference)."""
    patient = inpatients()[0]
    own = [entry["resource"] for entry in bundle_of(patient, today)["entry"]]
    more = [_more(number, patient.id, today) for number in range(max(0, size - len(own)))]
    return own + more, _literal(patient.encounter)


def admit(base_url: str, size: int, number: int, today: date) -> str:
    """Write a record of this size into an EHR, under ids that no other number has; its stay's reference."""
    resources, stay = record_of(size, today)
    template = inpatients()[0].id
    name = f"{template}-{size}-{number}"
    with requests.Session() as session:
        session.trust_env = False
        for first in range(0, len(resources), _AT_ONCE):
            entries = [_put(one) for one in resources[first : first + _AT_ONCE]]
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
            write(session, base_url, renamed(bundle, template, name))
    return stay.replace(template, name)


def renamed(bundle: Json, old: str, new: str) -> Json:
    """A patient's resources under other ids: every one begins with the patient's."""
    another: Json = orjson.loads(orjson.dumps(bundle).replace(old.encode(), new.encode()))
    return another


def _put(resource: Json) -> Json:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": url}}


def _literal(encounter: str) -> str:
    return encounter if "/" in encounter else f"Encounter/{encounter}"


def _more(number: int, patient: str, today: date) -> Json:
    """Mostly measurements, some diagnoses, some visits, as records are; all of the last year, so that all is read."""
    day = (today - timedelta(days=1 + number % 380)).isoformat()
    made = (_diagnosis, _visit, *([_measurement] * 8))[number % 10](number, day)
    return made | {"id": f"{patient}-more-{number}", "subject": {"reference": f"Patient/{patient}"}}


def _measurement(number: int, day: str) -> Json:
    # number // 10: a record counts in tens, of which eight are measurements
    category, code, unit, value = _MEASURED[(number + number // 10) % len(_MEASURED)]
    amount = {"value": value + number % 7, "unit": unit, "system": systems.UCUM, "code": unit}
    parts = [{"code": _loinc(part), "valueQuantity": amount} for part in _PARTS.get(code, ())]
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": _CATEGORY, "code": category}]}],
        "code": _loinc(code),
        "effectiveDateTime": f"{day}T08:00:00Z",
        **({"component": parts} if parts else {"valueQuantity": amount}),
    }


def _loinc(code: str) -> Json:
    return {"coding": [{"system": systems.LOINC, "code": code}]}


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
