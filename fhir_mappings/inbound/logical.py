"""References by identifier: a patient or a stay that is named without saying where it is kept, or by a contained copy.

Resolved only to a resource that is here, has the same identifier in the same system, and is the only one that has it. An
identifier without a system is a number that may be anybody's.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from fhir_mappings.inbound.elements import Json, first, items, text
from fhir_mappings.inbound.references import reference_of

#: (resource type, system, value) → literal reference.
Names = Mapping[tuple[str, str, str], str]

_PATIENT, _STAY = "Patient", "Encounter"
_NAMED: Final = frozenset({_PATIENT, _STAY})
#: Elements that name a patient or a stay, with what they name where the reference gives no type.
_ELEMENTS: Final = {
    "subject": _PATIENT,
    "patient": _PATIENT,
    "beneficiary": _PATIENT,
    "for": _PATIENT,
    "encounter": _STAY,
    "context": _STAY,
    "partOf": _STAY,
}


def names_in(resources: Iterable[Json]) -> Names:
    """The patients and stays among these by their identifiers, those left out that two of them share."""
    found: dict[tuple[str, str, str], str] = {}
    for resource in resources:
        kind, reference = resource.get("resourceType"), reference_of(resource)
        if kind in _NAMED and reference:
            for system, value in tokens_of(resource.get("identifier")):
                known = found.setdefault((str(kind), system, value), reference)
                found[str(kind), system, value] = reference if known == reference else ""
    return {name: reference for name, reference in found.items() if reference}


def with_literals(resource: Json, names: Names) -> Json:
    """The resource with each of its references by identifier made literal where its target is known; itself where none is."""
    changed: Json = {}
    for element, value in resource.items():
        if element in _ELEMENTS and isinstance(value, dict) and not _is_literal(value.get("reference")):
            known = _known(value, _ELEMENTS[element], resource, names)
            if known:
                changed[element] = {**value, "reference": known}
    return {**resource, **changed} if changed else resource


def tokens_of(identifiers: object) -> Iterator[tuple[str, str]]:
    """The system and value of each Identifier that has both."""
    for identifier in items(identifiers):
        system, value = text(identifier.get("system")).strip(), text(identifier.get("value")).strip()
        if system and value:
            yield system, value


def _is_literal(reference: object) -> bool:
    return isinstance(reference, str) and reference[:1] not in {"", "#"}


def _known(value: Json, kind: str, resource: Json, names: Names) -> str:
    reference = value.get("reference")
    said = text(value.get("type")).rpartition("/")[2] or kind
    if said != kind:
        return ""
    tokens = list(tokens_of(first(value.get("identifier"))))
    if isinstance(reference, str):
        copies = (held for held in items(resource.get("contained")) if f"#{held.get('id')}" == reference)
        tokens += [
            token
            for held in copies
            if held.get("resourceType") == kind
            for token in tokens_of(held.get("identifier"))
        ]
    targets = {found for system, identifier in tokens if (found := names.get((kind, system, identifier)))}
    return targets.pop() if len(targets) == 1 else ""
