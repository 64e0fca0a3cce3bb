"""The plan in words to the care team → Communication, for an EHR that takes neither CarePlan nor ServiceRequest."""

from datetime import datetime
from typing import Final

from fhir_mappings import systems
from fhir_mappings.narrative import generated
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.document import plain_text, titled
from fhir_mappings.outbound.elements import Json, coding
from service.domain.plan import Plan

MESSAGE_KEY: Final = "plan-message"
#: The same however the plan stands: a lost message is known by it.
_TOPIC: Final = "Discharge plan"


def message_body(plan: Plan, words: str, *, author: Author, recorded: datetime) -> Json:
    """The Communication in FHIR JSON without identifier. plan must be shareable; words is its narrative (XHTML div).

    It is `completed` because nobody else will send it. It goes to the care team of the record; where there is none, it
    is addressed in words.
    """
    return {
        "resourceType": "Communication",
        "text": generated(titled(plan)),
        "status": "completed",
        "category": [{"coding": [coding(systems.COMMUNICATION_CATEGORY, "notification", "Notification")]}],
        "priority": "routine",
        "subject": {"reference": plan.patient.reference},
        "topic": {"text": _TOPIC},
        "encounter": {"reference": plan.encounter.reference},
        "sent": recorded.isoformat(timespec="seconds"),
        "recipient": [{"reference": one} for one in plan.care_team] or [{"display": "Care team"}],
        "sender": author.writer(),
        "payload": [{"contentString": plain_text(words)}],
    }
