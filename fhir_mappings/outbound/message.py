"""The plan in words to the care team → Communication, for an EHR that takes neither CarePlan nor ServiceRequest."""

from datetime import datetime
from typing import Final

from fhir_mappings import systems
from fhir_mappings.narrative import generated
from fhir_mappings.outbound.author import AUTHOR, Author
from fhir_mappings.outbound.document import plain_text
from fhir_mappings.outbound.elements import Json, coding
from service.domain.plan import Plan

MESSAGE_KEY: Final = "plan-message"
_TOPIC: Final = "Discharge plan, a draft for review by the care team"


def message_body(plan: Plan, words: str, *, author: Author, recorded: datetime) -> Json:
    """The Communication in FHIR JSON without identifier. plan must be shareable; words is its narrative (XHTML div).

    It is `completed` because nobody else will send it, and addressed by name: which CareTeam it is, the EHR knows.
    """
    return {
        "resourceType": "Communication",
        "text": generated(_TOPIC),
        "contained": [author.device()],
        "status": "completed",
        "category": [{"coding": [coding(systems.COMMUNICATION_CATEGORY, "notification", "Notification")]}],
        "priority": "routine",
        "subject": {"reference": plan.patient.reference},
        "topic": {"text": _TOPIC},
        "encounter": {"reference": plan.encounter.reference},
        "sent": recorded.isoformat(timespec="seconds"),
        "recipient": [{"display": "Care team"}],
        "sender": AUTHOR,
        "payload": [{"contentString": plain_text(words)}],
    }
