"""What the EHR holds of ours after a run, read from inside the EHR and not from our ledger."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.faults.stays import Stay
from fhir_mappings.inbound.record import subject_of
from fhir_mappings.own_marks import is_own_name
from fhir_mappings.references import reference_of
from service.sandbox.chart import WRITTEN_TYPES, Chart, read_chart
from service.sandbox.hospital import Hospital

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Census:
    """By "Patient/id" what is ours in the EHR."""

    by_subject: Mapping[str, tuple[dict[str, Any], ...]]

    def of(self, stay: Stay) -> tuple[dict[str, Any], ...]:
        """What is ours about the patient of a stay."""
        return self.by_subject.get(stay.subject, ())

    def kinds(self, stay: Stay) -> Counter[str]:
        """How many of each type."""
        return Counter(str(one["resourceType"]) for one in self.of(stay))

    def references(self) -> dict[str, dict[str, Any]]:
        """Everything, by literal reference."""
        return {reference_of(one): one for found in self.by_subject.values() for one in found}

    def duplicates(self) -> int:
        """Copies beyond the first of what carries the same identifier or, without one, says the same of a patient."""
        seen = Counter(_name(one) for found in self.by_subject.values() for one in found)
        return sum(count - 1 for count in seen.values())


def taken(hospital: Hospital, stays: Iterable[Stay]) -> Census:
    """Read everything; ours is whatever neither the admission nor the hospital's people wrote."""
    theirs = tuple(stay.patient.id for stay in stays)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    of_target: dict[str, str] = {}
    for kind in WRITTEN_TYPES:
        for resource in _all(hospital, kind):
            subject = _subject(resource, of_target)
            of_target[reference_of(resource)] = subject
            if not str(resource["id"]).startswith(subject.partition("/")[2] or theirs):
                found[subject].append(resource)
    return Census({subject: tuple(each) for subject, each in found.items()})


def chart_of(hospital: Hospital, resources: Iterable[dict[str, Any]]) -> Chart:
    """These resources as a clinician reads them, each with the instant it was made."""
    return read_chart((resource, hospital.made(resource)) for resource in resources)


def _all(hospital: Hospital, kind: str) -> Iterator[dict[str, Any]]:
    offset = 0
    while page := hospital.search(kind, _count=str(_PAGE), _offset=str(offset), _sort="_id"):
        yield from page
        offset += _PAGE


def _subject(resource: Mapping[str, Any], of_target: Mapping[str, str]) -> str:
    """Whose it is; a Provenance is about what it names."""
    named = [target.get("reference", "") for target in resource.get("target", [])]
    about = next((of_target[reference] for reference in named if reference in of_target), "")
    return about or subject_of(dict(resource))


def _name(resource: Mapping[str, Any]) -> str:
    names = [
        identifier.get("value", "")
        for identifier in resource.get("identifier", [])
        if is_own_name(identifier)
    ]
    names += [tag.get("code", "") for tag in resource.get("meta", {}).get("tag", []) if is_own_name(tag)]
    said = {name: part for name, part in resource.items() if name not in {"id", "meta"}}
    return f"{resource['resourceType']} {names[0] if names else json.dumps(said, sort_keys=True)}"
