"""What a plan is made of: items that a person can decide about, and what is told beside them.

Every item has a stable key, unique within the plan and the same on every re-planning of the same discharge
("referral:food-pantry"): edits, receipts and resources hang on it.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from service.domain.codes import Code
from service.domain.community_service import CommunityService, Match
from service.domain.evidence import Evidence
from service.domain.protocol import ProtocolRef, Review, Urgency
from service.domain.record import Slot
from service.domain.sensitivity import NONE, Labels


@dataclass(frozen=True, slots=True)
class Superseded:
    """A proposal of ours for an earlier stay that nobody has signed, and that the plan proposes anew."""

    encounter: str
    key: str


@dataclass(frozen=True, slots=True)
class Referral:
    """A service asked for because of a need.

    need is the first need that asks for it, also_for the codes of the others. existing is the literal reference of
    an active order that already covers it in the EHR, "" if there is none: with one, nothing new is ordered. existing_words are
    the words of an order that perhaps covers it: nothing is ordered then either, unless a person approves the referral.
    """

    key: str
    need: str
    service: str
    title: str
    category: str
    priority: Urgency
    due: date
    protocol: ProtocolRef
    code: Code | None = None
    community_services: tuple[Match, ...] = ()
    #: Whether the directory was asked; with no community_services, nothing suitable was found and a task says so.
    community: bool = True
    evidence: tuple[Evidence, ...] = ()
    existing: str = ""
    existing_words: str = ""
    patient_text: str = ""
    labels: Labels = NONE
    also_for: tuple[str, ...] = ()
    #: The service a person chose among those offered, or found themselves.
    chosen: CommunityService | None = None
    #: What the service is, in plain words for patients.
    service_title: str = ""
    #: Since when the order stands that covers it, and by whom: a literal reference or a name.
    existing_on: date | None = None
    existing_by: str = ""

    def is_ordered(self) -> bool:
        """Whether an order in the EHR surely covers it."""
        return bool(self.existing) and not self.existing_words


@dataclass(frozen=True, slots=True)
class Goal:
    """A measurable goal with its date. existing is the EHR's own Goal that says the same, "" if there is none."""

    key: str
    need: str
    text: str
    start: date
    due: date
    protocol: ProtocolRef
    measure: Code | None = None
    target: str = ""
    patient_text: str = ""
    labels: Labels = NONE
    existing: str = ""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A visit or call between two dates. existing is a booked Appointment that covers it, booked its day, slot the rest."""

    key: str
    need: str
    text: str
    not_before: date
    due: date
    protocol: ProtocolRef
    code: Code | None = None
    existing: str = ""
    patient_text: str = ""
    labels: Labels = NONE
    booked: date | None = None
    slot: Slot | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """A booked Appointment of the record, on the day of leaving or later."""

    reference: str
    on: date
    labels: Labels = NONE
    slot: Slot | None = None


@dataclass(frozen=True, slots=True)
class Education:
    """What is taught before leaving; link is a MedlinePlus Connect URL built from the code, "" without one.

    warns: it says when to call for help.
    """

    key: str
    need: str
    text: str
    protocol: ProtocolRef
    topic: Code | None = None
    link: str = ""
    patient_text: str = ""
    labels: Labels = NONE
    warns: bool = False


@dataclass(frozen=True, slots=True)
class PersonTask:
    """Work for a named role: the social worker's list."""

    key: str
    need: str
    text: str
    owner: str
    due: date
    labels: Labels = NONE


@dataclass(frozen=True, slots=True)
class Programme:
    """A public programme for which the patient may qualify, to be verified; never more than that.

    rules and figures are those in force on the day of planning since effective; "" where none are on file for it.
    need is the first need that it may help with, also_for the codes of the others.
    """

    key: str
    need: str
    title: str
    authority: str
    rules: str
    effective: date | None
    review: Review
    also_for: tuple[str, ...] = ()
    labels: Labels = NONE


@dataclass(frozen=True, slots=True)
class BedsideQuestion:
    """What nobody has asked yet."""

    need: str
    question: str
    labels: Labels = NONE


@dataclass(frozen=True, slots=True)
class Declined:
    """What people said no to: kept to be shown and reopened, and asked for nowhere."""

    referrals: tuple[Referral, ...] = ()
    goals: tuple[Goal, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    education: tuple[Education, ...] = ()
    tasks: tuple[PersonTask, ...] = ()

    def items(self) -> "tuple[Item, ...]":
        """All of them."""
        return (*self.referrals, *self.goals, *self.follow_ups, *self.education, *self.tasks)


#: Anything of a plan that a person can decide about.
Item = Referral | Goal | FollowUp | Education | PersonTask
#: The lists of a plan that hold items.
ITEM_LISTS: Final = ("referrals", "goals", "follow_ups", "education", "tasks")
