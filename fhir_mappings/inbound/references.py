"""Whom a resource is about, and what its references point to."""

from collections.abc import Iterator, Mapping

from fhir_mappings.inbound.codes import concept_text
from fhir_mappings.inbound.elements import Json, first, items, text
from fhir_mappings.inbound.people import human_name

#: Resources without a patient (practitioners, places, medicines …) by their literal reference, for display.
Shared = Mapping[str, Json]
NOTHING_SHARED: Shared = {}

_SUBJECT_ELEMENTS = ("subject", "patient", "beneficiary", "for")


def reference_of(resource: Json) -> str:
    """Its own literal reference ("Condition/12"), "" without type or id."""
    kind, number = resource.get("resourceType"), resource.get("id")
    number = number.strip() if isinstance(number, str) else text(number)
    return f"{kind}/{number}" if number and isinstance(kind, str) and kind else ""


def literal(value: object) -> str:
    """The text of a Reference without a version ("Patient/1/_history/2" → "Patient/1"); "" where there is none.

    An absolute reference stays absolute: whose server it names is for the reader of the Bundle or the EHR to judge.
    """
    if isinstance(value, dict):
        value = value.get("reference")
    found = value if isinstance(value, str) else ""
    return found.partition("/_history/")[0] if "/_history/" in found else found


def subject_of(resource: Json) -> str:
    """The literal reference of the patient it is about ("Patient/1"), "" when it names nobody.

    A Patient is about itself; an Appointment about the first patient among its participants.
    """
    if resource.get("resourceType") == "Patient":
        return reference_of(resource)
    for name in _SUBJECT_ELEMENTS:
        value = resource.get(name)
        found = literal(value if isinstance(value, dict) else first(value) or value) if value else ""
        if found and not found.startswith("#"):  # a contained copy is nobody until its identifier is known
            return found
    return next((actor for actor in _actors(resource) if actor.startswith("Patient/")), "")


def is_theirs(resource: Json, patient: str) -> bool:
    """Whether it is about this patient: also a visit booked for a mother and her newborn together."""
    if subject_of(resource) == patient:
        return True
    return resource.get("resourceType") == "Appointment" and patient in _actors(resource)


def _actors(resource: Json) -> Iterator[str]:
    return (literal(first(one.get("actor"))) for one in items(resource.get("participant")))


def encounter_of(resource: Json) -> str:
    """The stay or visit it belongs to, "" if none is named; also as R4 context.encounter and STU3 context."""
    value = resource.get("encounter") or resource.get("context")
    if not value:
        return ""
    holder = first(value)
    return literal(first(holder["encounter"]) if "encounter" in holder else holder or value)


def target(value: object, resource: Json, shared: Shared) -> Json:
    """The resource a Reference in `resource` points to: contained, or among the shared ones; {} when it is not here."""
    found = literal(value)
    if not found.startswith("#"):
        return shared.get(found, {})
    return next((one for one in items(resource.get("contained")) if text(one.get("id")) == found[1:]), {})


def display(value: object, resource: Json, shared: Shared) -> str:
    """How a Reference is called: its display, else the name of what it points to, else ""."""
    shown = text(value.get("display")) if isinstance(value, dict) else ""
    if shown:
        return shown
    found = target(value, resource, shared)
    name = found.get("name")
    return (name.strip() if isinstance(name, str) else human_name(name)) or concept_text(found.get("code"))
