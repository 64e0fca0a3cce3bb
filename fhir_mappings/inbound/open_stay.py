"""Which stay a hook call is about that names none: the patient's one stay in hospital among what was sent along."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from config.conventions import Conventions
from fhir_mappings.bundle import resources_in
from fhir_mappings.inbound.encounter import status_of
from fhir_mappings.inbound.encounter_class import class_code
from fhir_mappings.inbound.references import reference_of, subject_of
from service.domain.record import INPATIENT_CLASSES
from service.errors import BadInput, ClassNotUnderstood, NotAnInpatientStay

_OPEN: Final = frozenset({"arrived", "in-progress", "onleave"})
#: Under these names prefetch has the patient's stays.
_KEYS: Final = ("encounter", "encounters")


def open_stay(prefetch: Mapping[str, Any], patient: str, conventions: Conventions) -> dict[str, Any] | None:
    """Find the one stay of this patient that is going on; None for none, and for several."""
    found = {
        reference_of(stay): stay
        for stay in _stays(prefetch)
        if subject_of(stay) == patient and status_of(stay) in _OPEN and _is_inpatient(stay, conventions)
    }
    return next(iter(found.values())) if len(found) == 1 else None


def _stays(prefetch: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for key in _KEYS:
        value = prefetch.get(key)
        if not isinstance(value, dict):
            continue
        resources = resources_in(value) if value.get("resourceType") == "Bundle" else [value]
        yield from (resource for resource in resources if resource.get("resourceType") == "Encounter")


def _is_inpatient(stay: dict[str, Any], conventions: Conventions) -> bool:
    try:
        return class_code(stay, conventions) in INPATIENT_CLASSES
    except (BadInput, ClassNotUnderstood, NotAnInpatientStay):
        return False
