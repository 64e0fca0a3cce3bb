"""As many stays as wanted: the sandbox's inpatients, admitted again and again under other ids."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import requests

from benchmarks.records import renamed
from service.sandbox.inpatients import Inpatient, bundle_of, inpatients, load_hospital, write


@dataclass(frozen=True, slots=True)
class Stay:
    """One admission; two of the same template have the same record but for their ids."""

    patient: Inpatient
    template: str

    @property
    def subject(self) -> str:
        """The patient's literal reference."""
        return f"Patient/{self.patient.id}"


def admit(base_url: str, count: int, today: date, *, first: int = 0) -> Iterator[Stay]:
    """Write this many stays into an EHR, one transaction each, numbered from first."""
    templates = inpatients()
    with requests.Session() as session:
        session.trust_env = False
        load_hospital(session, base_url, today)
        for number in range(count):
            template = templates[number % len(templates)]
            name = f"{template.id}-{first + number:04}"
            write(session, base_url, renamed(bundle_of(template, today), template.id, name))
            encounter = template.encounter.replace(template.id, name)
            yield Stay(replace(template, id=name, encounter=encounter), template.id)
