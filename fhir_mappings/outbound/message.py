"""The plan in words to the care team → Communication, for an EHR that takes neither CarePlan nor ServiceRequest."""

from datetime import datetime
from typing import Final

from fhir_mappings import systems
from fhir_mappings.narrative import generated
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.document import plain_text, titled
from fhir_mappings.outbound.elements import Json, coding, references
from service.domain.plan import Plan

MESSAGE_KEY: Final = "plan-message"
#: The same however the plan stands: a lost message is known by it.
_TOPIC: Final = "Discharge plan"


def message_body(
    plan: Plan, words: str, *, author: Author, recorded: datetime, reference: str = ""
) -> Json | None:
    """The Communication in FHIR JSON without identifier. plan must be shareable; words is its narrative (XHTML div).

    reference is the line that it ends with.

    It is `completed` because nobody else will send it. It goes to those of the record who look after the patient, else to
    the hospital's social workers; None where neither is known, for a message to nobody reaches nobody.
    """
    recipients = plan.care_team or tuple(filter(None, [author.social_work_reference]))
    if not recipients:
        return None
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
        "recipient": references(recipients),
        "sender": author.writer(),
        "payload": [{"contentString": "\n".join(filter(None, [plain_text(words), reference]))}],
    }
