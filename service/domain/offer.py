"""What a CDS Hooks call showed to a clinician, and what the EHR says became of it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

#: Suggestions that nobody answered are ours to write again after this; clinicians answer at once or not at all.
UNANSWERED: Final = timedelta(days=1)
#: How often what a clinician may just have ordered is looked for.
LOOKED_FOR: Final = timedelta(hours=1)
#: Screens open many times an hour; each time need not be written down.
SHOWN_LATELY: Final = timedelta(hours=1)


class OfferKind(StrEnum):
    """A whole card, or one suggestion on it."""

    CARD = "card"
    SUGGESTION = "suggestion"


class Answer(StrEnum):
    """What a clinician made of it, as the EHR's feedback tells."""

    OPEN = "open"
    ACCEPTED = "accepted"
    OVERRIDDEN = "overridden"


@dataclass(frozen=True, slots=True)
class Offer:
    """One card or suggestion as shown; the same stay and key always have the same id.

    key is the plan item's key for a suggestion ("referral:food-pantry"), "summary", "suggestions" or "blocker:…" for a
    card. shown_to is the user of the call that showed it last ("Practitioner/7"): feedback itself names nobody, so that
    is who answered as far as anyone can tell. reason is the code of an override, comment the user's own words.
    """

    id: UUID
    discharge: UUID
    kind: OfferKind
    key: str
    shown_to: str
    shown: datetime
    answer: Answer = Answer.OPEN
    reason: str = ""
    comment: str = ""
    answered: datetime | None = None
    #: When it was shown first; None where an earlier version kept only the last time.
    first_shown: datetime | None = None

    def is_news(self, before: "Offer | None") -> bool:
        """Whether this showing must be remembered: the first, to another user, or so late that the last grows old."""
        return before is None or before.shown_to != self.shown_to or self.shown - before.shown > SHOWN_LATELY

    def answers_anew(self, answer: Answer, at: datetime) -> bool:
        """Whether this says something new: not a repeat, and not older than what is known."""
        return answer is not self.answer and (self.answered is None or at >= self.answered)

    def answered_with(self, answer: Answer, at: datetime, *, reason: str = "", comment: str = "") -> "Offer":
        """The same offer with the clinician's answer."""
        return replace(self, answer=answer, answered=at, reason=reason, comment=comment)


def left_to_clinicians(offers: Iterable[Offer], at: datetime) -> frozenset[str]:
    """The keys of plan items that a clinician took over, or may still take over: not to be written by us."""
    return frozenset(
        offer.key
        for offer in offers
        if offer.kind is OfferKind.SUGGESTION
        and (
            offer.answer is Answer.ACCEPTED
            or (offer.answer is Answer.OPEN and abs(at - offer.shown) < UNANSWERED)
        )
    )
