"""What of a record could not be read although it may be readable soon, and when it is asked for again."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from service.domain.record import Gap, GapReason, Lasting, Record

#: Pauses between the first askings. Most faults are a gateway's restart, over in seconds or minutes; the five together are less than
#: an hour, so that a fault that has passed leaves no gap for longer than that.
FIRST_PAUSES: Final = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
)
#: Afterwards: an outage lasts hours; a refusal that lasted an hour is a missing permission, which people grant in days.
_LATER: Final = {Lasting.PASSING: timedelta(hours=1), Lasting.PERHAPS: timedelta(days=1)}
#: A plan is looked after until its last follow-up, thirty days after leaving; then nobody reads it any more.
ASKED_FOR: Final = timedelta(days=31)
#: What the record of an inpatient practically always holds: why the patient is in, and what was measured or asked.
_USUAL: Final = frozenset({"Condition", "Observation"})
#: What a stay may name as its diagnosis or reason.
_NAMED: Final = frozenset({"Condition", "Observation", "Procedure"})
#: An empty answer is believed once it has come again at each of the first pauses and for a day: one that comes twice may be two faults,
#: and an index of a whole hospital is rebuilt within hours.
SILENT_FOR: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Unread:
    """One resource type that a discharge's plan lacks because of a fault.

    searches is how many of its searches failed, since when it was first found lacking, tries how often it was asked for again,
    due when it is asked for next.
    """

    resource_type: str
    reason: GapReason
    lasting: Lasting
    since: datetime
    due: datetime
    tries: int = 0
    searches: int = 1

    def asked(self, at: datetime) -> "Unread":
        """The same after one more asking at this moment."""
        return replace(self, tries=self.tries + 1, due=at + pause_after(self.tries + 1, self.lasting))

    def is_settled(self) -> bool:
        """Whether it was refused, or nothing of it was found, for so long that it is no fault of the moment."""
        may_stay = self.lasting is Lasting.PERHAPS or self.reason is GapReason.UNCERTAIN
        return may_stay and self.tries >= len(FIRST_PAUSES)

    def is_believed(self, at: datetime) -> bool:
        """Whether a search has found nothing for so long that there is nothing."""
        is_silence = self.reason is GapReason.UNCERTAIN and self.tries >= len(FIRST_PAUSES)
        return is_silence and at - self.since >= SILENT_FOR


def pause_after(tries: int, lasting: Lasting) -> timedelta:
    """How long to wait before the next asking, after so many."""
    return FIRST_PAUSES[tries] if tries < len(FIRST_PAUSES) else _LATER[lasting]


def find_unread(gaps: Iterable[Gap], at: datetime) -> tuple[Unread, ...]:
    """One entry for each resource type that a fault kept from us; one that passes counts before one that only may."""
    found: dict[str, Unread] = {}
    for gap in gaps:
        if not gap.is_asked_again():
            continue
        due = at + pause_after(0, gap.lasting)
        lack = Unread(gap.about, gap.reason, gap.lasting, since=at, due=due, searches=gap.count)
        if known := found.get(gap.about):
            first = lack if known.lasting is Lasting.PERHAPS else known
            lack = replace(first, searches=known.searches + lack.searches)
        found[gap.about] = lack
    return tuple(found.values())


def find_silent(record: Record) -> frozenset[str]:
    """The types of which nothing was found and no gap tells, although a stay has some as a rule, or names one."""
    named = {reference.partition("/")[0] for reference, _ in record.encounter.diagnoses} & _NAMED
    told = {gap.about for gap in record.gaps if gap.reason is not GapReason.UNCERTAIN or gap.is_asked_again()}
    return (_USUAL | named) - record.types_read - told


def doubt_silence(
    silent: Iterable[str], before: Iterable[Unread], at: datetime, *, is_first: bool
) -> tuple[Unread, ...]:
    """An entry for each type of which a first plan found nothing, or a later one of what lacked before."""
    doubted = {lack.resource_type for lack in before if not lack.is_believed(at)}
    due = at + pause_after(0, Lasting.PASSING)
    return tuple(
        Unread(kind, GapReason.UNCERTAIN, Lasting.PASSING, since=at, due=due)
        for kind in sorted(silent)
        if is_first or kind in doubted
    )
