"""What follows when something we planned from, or wrote, is not where it was.

A gateway that restarts, an index that is rebuilt and a token that has expired look like a deletion: for seconds or minutes
the EHR answers 404 for what stands. So one look proves nothing. That something is gone is concluded from two looks, apart
in time, each while the EHR gave another resource of that type to the same client; a refusal never proves it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from service.domain.watch import CLOCKS_DIFFER
from service.errors import EhrError, EhrNotFhir, EhrRefused, EhrRejected

#: HTTP: not found, gone.
_NOT_THERE: Final = frozenset({404, 410})
#: Between the first and the last look from which "gone" is concluded. Restarts, failovers and deployments of a FHIR server
#: take seconds to a few minutes; a plan that stands some minutes too long harms nobody.
APART: Final = timedelta(minutes=5)
#: When to look again: after ten seconds, two minutes, ten minutes; after that hourly, as known stays are looked after. By the
#: age of the doubt and not by the number of looks: a burst of notifications must not put the next look off for an hour.
_PAUSES: Final = (timedelta(seconds=10), timedelta(minutes=2), timedelta(minutes=10))
_HOURLY: Final = timedelta(hours=1)
#: So long something may seem gone without proof that the EHR is well before a person is asked.
UNPROVEN: Final = timedelta(hours=1)
#: So long the EHR may refuse us before a person is asked: a grant that lapsed overnight is mended by the next day.
REFUSED: Final = timedelta(days=1)
#: After so long without a look nobody knows what was between: the doubt begins anew.
_FORGOTTEN: Final = timedelta(hours=6)


class Shown(StrEnum):
    """What one look at a resource showed."""

    PRESENT = "present"
    ABSENT = "absent"  # 404, 410, an empty answer, an HTML page
    NOT_LET = "not-let"  # 401, 403, 422 and other refusals
    UNANSWERED = "unanswered"  # a timeout, 429 or 5xx: says nothing of the resource

    @classmethod
    def of(cls, code: str) -> "Shown":
        """What a stored code says; UNANSWERED, from which nothing follows, for one that only a later version knows."""
        return cls(code) if code in set(cls) else cls.UNANSWERED


class Subject(StrEnum):
    """What a doubt is about."""

    STAY = "stay"
    ORDER = "order"
    PATIENT = "patient"
    WRITTEN = "written"  # a resource of ours, one row of a ledger


class Conclusion(StrEnum):
    """What follows from the looks so far."""

    STANDS = "stands"
    LOOK_AGAIN = "look-again"
    GONE = "gone"
    ASK_A_PERSON = "ask-a-person"  # and look again: an answer to the question ends it


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a resource ("Encounter/12") of a tenant.

    is_healthy says that another resource of that type, read before, was given to the same client in the same moments.
    discharge is the one that the resource belongs to, None where several may.
    """

    tenant: str
    subject: Subject
    reference: str
    shown: Shown
    is_healthy: bool = False
    discharge: UUID | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """The looks so far that did not show a resource.

    shown is what they showed: absences and refusals are counted apart. proven is the first of the looks at which the EHR
    was well, due is when to look again, asked is when a person was first asked.
    """

    tenant: str
    subject: Subject
    reference: str
    shown: Shown
    discharge: UUID | None
    first: datetime
    last: datetime
    due: datetime
    looks: int = 1
    proven: datetime | None = None
    asked: datetime | None = None


def shown_by(error: EhrError) -> Shown:
    """What a reading by id that failed has shown of the resource."""
    if isinstance(error, EhrRefused) and error.status in _NOT_THERE:
        return Shown.ABSENT
    if isinstance(error, EhrRefused | EhrRejected):
        return Shown.NOT_LET
    if isinstance(error, EhrNotFhir):
        return Shown.ABSENT
    return Shown.UNANSWERED


def conclude(look: Look, kept: Doubt | None, at: datetime) -> tuple[Conclusion, Doubt | None]:
    """What follows from this look and the doubt kept of earlier ones that showed the same, and the doubt to keep from now on.

    A look that shows the resource ends every doubt. One that was not answered says nothing: what was kept is kept.
    """
    if look.shown is Shown.PRESENT:
        return Conclusion.STANDS, None
    if look.shown is Shown.UNANSWERED:
        return Conclusion.LOOK_AGAIN, kept
    doubt = _add_look(look, kept, at)
    if _is_gone(look, doubt, at):
        return Conclusion.GONE, doubt
    if at - doubt.first < _patience_with(look):
        return Conclusion.LOOK_AGAIN, doubt
    return Conclusion.ASK_A_PERSON, replace(doubt, asked=doubt.asked or at)


def _add_look(look: Look, kept: Doubt | None, at: datetime) -> Doubt:
    """The doubt with this look added."""
    proven = at if look.is_healthy else None
    if kept is None or at - kept.last > _FORGOTTEN or kept.last > at + CLOCKS_DIFFER:
        ids = look.tenant, look.subject, look.reference, look.shown, look.discharge
        return Doubt(*ids, first=at, last=at, due=at + _PAUSES[0], proven=proven)
    due = at + _pause_at(at - kept.first)
    return replace(kept, last=at, due=due, looks=kept.looks + 1, proven=kept.proven or proven)


def _pause_at(age: timedelta) -> timedelta:
    return next((pause for pause in _PAUSES if age < pause), _HOURLY)


def _is_gone(look: Look, doubt: Doubt, at: datetime) -> bool:
    is_proven = look.is_healthy and doubt.proven is not None and at - doubt.proven >= APART
    return look.shown is Shown.ABSENT and is_proven


def _patience_with(look: Look) -> timedelta:
    """A well EHR that no longer gives one resource needs no person: the next look concludes."""
    if look.shown is Shown.NOT_LET:
        return REFUSED
    return REFUSED if look.is_healthy else UNPROVEN
