"""What people do in the EHR while Homeward works: they change what was proposed, and learn more about the patient."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.faults.stays import Stay
from fhir_mappings import systems
from fhir_mappings.references import reference_of
from service.sandbox.hospital import Hospital

_WORDS: Final = " (as discussed with the family)"
#: By type, the element whose words a clinician changes: one that Homeward writes too. Best first.
_ELEMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "CarePlan": ("title",),
    "ServiceRequest": ("code", "text"),
    "Goal": ("description", "text"),
    "DocumentReference": ("description",),
    "Condition": ("code", "text"),
}


@dataclass(frozen=True, slots=True)
class Edit:
    """A clinician's words in one resource ("CarePlan/7") of a stay."""

    reference: str
    path: tuple[str, ...]
    words: str

    def stands_in(self, resource: Mapping[str, Any]) -> bool:
        """Whether the EHR still has these words there."""
        return _read(resource, self.path) == self.words


def edit(hospital: Hospital, ours: Iterable[Mapping[str, Any]], number: int) -> Edit | None:
    """Change the words of one of these resources, another type for each number; None where there is none to change."""
    found = {str(one["resourceType"]): one for one in ours}
    kinds = [kind for kind in _ELEMENTS if kind in found and _read(found[kind], _ELEMENTS[kind])]
    if not kinds:
        return None
    kind = kinds[number % len(kinds)]
    path = _ELEMENTS[kind]
    current = hospital.read(reference_of(dict(found[kind])))
    words = f"{_read(current, path)}{_WORDS}"
    hospital.put(_written(current, path, words))
    return Edit(reference_of(current), path, words)


def finding(hospital: Hospital, stay: Stay) -> None:
    """A need that nobody had recorded before stands in the record now, so that the plan must change."""
    code = {"system": systems.ICD10CM, "code": "Z59.41", "display": "Food insecurity"}
    other = {"system": systems.ICD10CM, "code": "Z59.82", "display": "Transportation insecurity"}
    known = "food-insecurity" in stay.patient.needs
    hospital.put(
        {
            "resourceType": "Condition",
            "id": f"{stay.patient.id}-finding",
            "clinicalStatus": {"coding": [{"system": systems.CONDITION_CLINICAL, "code": "active"}]},
            "verificationStatus": {
                "coding": [{"system": systems.CONDITION_VERIFICATION, "code": "confirmed"}]
            },
            "category": [{"coding": [{"system": systems.CONDITION_CATEGORY, "code": "problem-list-item"}]}],
            "code": {"coding": [other if known else code]},
            "subject": {"reference": stay.subject},
            "encounter": {"reference": stay.patient.encounter},
        }
    )


def _read(resource: Mapping[str, Any], path: tuple[str, ...]) -> str:
    value: Any = resource
    for name in path:
        value = value.get(name, {})
    return value if isinstance(value, str) else ""


def _written(resource: Mapping[str, Any], path: tuple[str, ...], words: str) -> dict[str, Any]:
    name, *rest = path
    changed = _written(resource[name], tuple(rest), words) if rest else words
    return {**resource, name: changed}
