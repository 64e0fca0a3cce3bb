"""The synthetic inpatients of the sandbox EHR: read from `patients/`, moved to today, written to a FHIR server.

All of them are invented by this project. `patients/index.yaml` tells their stories and what should be found.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import orjson
import requests
import yaml

from service.errors import EhrRejected
from service.sandbox.mode import INSIDE

PATIENTS: Final = Path(__file__).parent / "patients"
_DATE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(T.*)?")


@dataclass(frozen=True, slots=True)
class Inpatient:
    """One synthetic patient: the stay ("Encounter/id"), and the need codes a social worker would find or rule out."""

    id: str
    file: str
    encounter: str
    story: str
    needs: frozenset[str]
    absent: frozenset[str]


def inpatients() -> tuple[Inpatient, ...]:
    """All of them, in the order of the index; the first is the demo's."""
    return tuple(
        Inpatient(
            **{key: entry[key] for key in ("id", "file", "encounter", "story")},
            needs=frozenset(entry["needs"]),
            absent=frozenset(entry["absent"]),
        )
        for entry in _index()["patients"]
    )


def bundle_of(patient: Inpatient, today: date) -> dict[str, Any]:
    """The patient's transaction Bundle as it would read today."""
    return _moved(patient.file, today)


def load_inpatients(base_url: str, today: date) -> Iterator[Inpatient]:
    """Write the hospital and then each patient into the EHR, one transaction each; yields who is in.

    Every resource is a PUT with its own id, so loading twice changes nothing but the dates.
    """
    with requests.Session() as session:
        session.trust_env = False
        load_hospital(session, base_url, today)
        for patient in inpatients():
            write(session, base_url, bundle_of(patient, today))
            yield patient


def load_hospital(session: requests.Session, base_url: str, today: date) -> None:
    """Write what all patients share: the organization and its people."""
    write(session, base_url, _moved(_index()["hospital"], today))


def write(session: requests.Session, base_url: str, bundle: dict[str, Any]) -> None:
    """Have the EHR carry out a transaction of the hospital's own side; EhrRejected if it does not."""
    headers = {"Content-Type": "application/fhir+json", "Prefer": "return=minimal", **INSIDE}
    answer = session.post(base_url, data=orjson.dumps(bundle), headers=headers, timeout=60)
    if not answer.ok:
        raise EhrRejected(
            f"The EHR did not take the sample patients (HTTP {answer.status_code}).",
            status=answer.status_code,
        )


def moved_by(value: Any, days: timedelta) -> Any:
    """The same JSON with every whole date, alone or with a time, moved by that many days."""
    if isinstance(value, dict):
        return {key: moved_by(item, days) for key, item in value.items()}
    if isinstance(value, list):
        return [moved_by(item, days) for item in value]
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    return (date.fromisoformat(found[1]) + days).isoformat() + (found[2] or "")


def _moved(file: str, today: date) -> dict[str, Any]:
    bundle: dict[str, Any] = moved_by(
        orjson.loads((PATIENTS / file).read_bytes()), today - _index()["anchor"]
    )
    return bundle


def _index() -> dict[str, Any]:
    index: dict[str, Any] = yaml.safe_load((PATIENTS / "index.yaml").read_text(encoding="utf-8"))
    return index
