"""Who did, ordered, said or answered what a resource tells: its actor, by reference or by name."""

from typing import Final

from fhir_mappings.inbound.elements import Json, at, items, text
from fhir_mappings.inbound.references import literal

Path = tuple[str, ...]

#: Where a resource type names its actor, R4's elements first, then what R5 and STU3 call them.
_ELEMENTS: Final[dict[str, tuple[Path, ...]]] = {
    "Condition": (("asserter",), ("recorder",), ("participant", "actor")),
    "AllergyIntolerance": (("asserter",), ("recorder",), ("participant", "actor")),
    "Procedure": (("performer", "actor"), ("asserter",), ("recorder",)),
    "MedicationRequest": (("requester",), ("requester", "agent"), ("recorder",)),
    "ServiceRequest": (("requester",), ("requester", "agent")),
    "DeviceRequest": (("requester",), ("requester", "agent")),
    "Appointment": (("participant", "actor"),),
    "DocumentReference": (("author",), ("authenticator",)),
    "Consent": (("performer",), ("consentingParty",), ("grantor",), ("organization",)),
    "Goal": (("expressedBy",), ("source",)),
    "CarePlan": (("author",), ("contributor",), ("custodian",)),
    "Observation": (("performer",),),
    "QuestionnaireResponse": (("author",), ("source",)),
}


def actor_of(resource: Json) -> str:
    """The literal reference of the actor ("Practitioner/7"), their name where it has no more, "" where it names none.

    Of a visit it is whom the patient is to meet, never the patient.
    """
    is_visit = resource.get("resourceType") == "Appointment"
    for path in _ELEMENTS.get(str(resource.get("resourceType")), ()):
        for who in _named(resource, path):
            if who and not (is_visit and who.startswith("Patient/")):
                return who
    return ""


def _named(resource: Json, path: Path) -> list[str]:
    """Everybody an element names; a list on the way holds several."""
    first, *rest = path
    found = resource.get(first)
    if not found:
        return []
    holders = items(found) if isinstance(found, list) else [found]
    values = [at(one, tuple(rest)) if rest else one for one in holders if isinstance(one, dict)]
    return [literal(one) or text(one.get("display")) for one in values if isinstance(one, dict)]
