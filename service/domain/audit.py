"""Who did what, and when: ids only, so that the trail can be read by people who may not read the record."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Event(StrEnum):
    """What can happen to a discharge."""

    RECEIVED = "received"
    ASKED_AGAIN = "asked again"
    DUPLICATE = "duplicate ignored"
    PLANNED = "planned"
    PART_OF_STAY = "part of a stay, which is planned instead"
    PUBLISHED = "published"
    CANCEL_REQUESTED = "cancel requested"
    CANCELLED = "cancelled"
    SETTLED = "a person said of a write without an answer:"  # the reference is what they said
    HELD_UP = "held up:"  # the reference is the sentence that says by what
    FAILED = "failed"
    APPROVED = "approved"
    DECLINED = "declined"
    EDITED = "edited"
    REOPENED = "reopened"
    CARD_ACCEPTED = "card accepted"
    CARD_OVERRIDDEN = "card overridden"
    CANCEL_OF_UNKNOWN = "cancel of an unknown encounter ignored"
    CANCEL_OF_OTHER_ORDER = "cancel of another order ignored"
    TO_BE_CHECKED = "an order that had been called off is looked at in the EHR"
    LOOKED_AT = "told of again, and looked at in the EHR"
    UNCLAIMED = "planned by no hospital:"  # the reference is the reason's code and the stay
    HANDED_OVER = "handed over to the hospital:"  # the reference is its id
    LEFT = "the hospital left; nothing is planned for it"
    JOINED = "the hospital is served again"
    HELD = "taking back held by the brake"
    SEEN_AGAIN = "seen again in the EHR"
    FOREIGN = "of another hospital, refused"
    OPENED = "opened from the EHR"
    SERVICE_KEPT = "community service kept"
    SERVICE_REMOVED = "community service removed"
    DIRECTORY_LOADED = "directory replaced"


def event_of(code: str) -> Event | str:
    """The event of a stored code; the code itself where only a later version knows it."""
    return Event(code) if code in set(Event) else code


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that happened.

    actor is the door it came in by, the step that did it, or the person who decided; reference is the literal FHIR reference or the plan
    version it is about, or a PHI-free sentence of ours, "" if none; discharge is None when the encounter is not known here.
    An event is a plain word where only a later version knows it, as during a rolling update.
    """

    at: datetime
    tenant: str
    actor: str
    event: Event | str
    discharge: UUID | None = None
    reference: str = ""
