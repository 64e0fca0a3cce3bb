"""Who did, ordered, said or answered what a resource tells: its actor, by reference or by name."""

import re
from typing import Final

from fhir_mappings.inbound.elements import Json, at, items, text
from fhir_mappings.inbound.references import literal

Path = tuple[str, ...]

#: Who or what a reference may name that does no act of the care team: the patient and those around them say what is so of
#: themselves, software and rooms do nothing.
_NO_STAFF: Final = frozenset({"Patient", "RelatedPerson", "Group", "Device", "Location"})
_TYPED: Final = re.compile(r"(?:^|/)([A-Za-z]+)/[^/]+(?:/_history/[^/]+)?$")

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

    It is somebody who works there or for them, the first that is named: never the patient, the family or a device. Of a visit
    it is whom the patient is to meet.
    """
    for path in _ELEMENTS.get(str(resource.get("resourceType")), ()):
        for reference in _references(resource, path):
            who = literal(reference) or text(reference.get("display"))
            if who and _kind_of(reference, who, resource) not in _NO_STAFF:
                return who
    return ""


def _kind_of(reference: Json, who: str, resource: Json) -> str:
    """The type of what a reference names, "" where it does not say; a contained resource says it itself."""
    if (said := text(reference.get("reference"))).startswith("#"):
        held = (
            contained for contained in items(resource.get("contained")) if f"#{contained.get('id')}" == said
        )
        return next((text(actor.get("resourceType")) for actor in held), "")
    address = _TYPED.search(who)
    return text(reference.get("type")).rpartition("/")[2] or (address[1] if address else "")


def _references(resource: Json, path: Path) -> list[Json]:
    """Everybody an element names, but for who declined to come; a list on the way holds several."""
    first, *rest = path
    found = resource.get(first)
    if not found:
        return []
    holders = items(found) if isinstance(found, list) else [found]
    coming = [holder for holder in holders if isinstance(holder, dict) and holder.get("status") != "declined"]
    values = [at(holder, tuple(rest)) if rest else holder for holder in coming]
    return [value for value in values if isinstance(value, dict)]
