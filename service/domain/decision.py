"""What people decide about a plan: who, when, what, why. Decisions are added and read, never changed."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from service.domain.community_service import CommunityService

#: The plan as a whole, where an item's key stands otherwise.
WHOLE_PLAN: Final = "care-plan"
#: The neutral request that stands in the EHR for all care that is withheld from shared resources.
SOCIAL_WORK: Final = "social-work-follow-up"


class Choice(StrEnum):
    """What a person can decide about one item."""

    APPROVED = "approved"
    DECLINED = "declined"
    EDITED = "edited"
    REOPENED = "reopened"  # a declined item may be proposed again


@dataclass(frozen=True, slots=True)
class Signer:
    """The person who decides: the name others read, and who that is to the one who let them in.

    reference is the literal reference of a Practitioner or PractitionerRole in the tenant's EHR, "" when not known.
    """

    name: str
    subject: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person changed in an item; what is empty stays as it was. service is the one they chose."""

    text: str = ""
    due: date | None = None
    service: CommunityService | None = None


UNCHANGED: Final = Edit()


@dataclass(frozen=True, slots=True)
class Decision:
    """One choice about one item. What was signed in one act, such as a whole plan, shares its id."""

    act: UUID
    item: str
    choice: Choice
    by: Signer
    at: datetime
    reason: str = ""
    edit: Edit = UNCHANGED
