"""How one hospital's EHR tells us of discharges, and how far we have looked ourselves."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

#: However often it failed, an EHR is looked at again at least this often, and a subscribed one no more often.
LONGEST_PAUSE: Final = timedelta(hours=1)
#: Hosts that keep their clocks differ by less; a moment further ahead was written by a clock that was wrong.
CLOCKS_DIFFER: Final = timedelta(minutes=5)


class Way(StrEnum):
    """The ways to hear of a discharge order without being called by a hook."""

    BACKPORT = "backport"  # topic-based subscription of the R5 backport
    REST_HOOK = "rest-hook"  # FHIR R4 Subscription with search criteria
    POLL = "poll"  # we search, for the whole hospital or patient by patient over its census
    NONE = "none"  # CDS Hooks or REST only


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched of one tenant.

    since is the moment up to which all changes are known (None: never looked); due is when to look next; stays_seen is
    when known stays and the Subscriptions were last looked after; failures counts the looks that failed in a row.
    """

    tenant: str
    way: Way
    due: datetime
    since: datetime | None = None
    stays_seen: datetime | None = None
    failures: int = 0

    def begun(self, at: datetime, interval: timedelta) -> "Watch":
        """The same, with a look on its way: the next one is due later, and later still while looks keep failing."""
        pause = interval * 2 ** min(self.failures, 10)
        return replace(self, due=at + max(interval, min(pause, LONGEST_PAUSE)))

    def lies_ahead(self, at: datetime, interval: timedelta) -> bool:
        """Whether it names a moment that no right clock can have written: the clock was ahead, and was put back."""
        seen = (self.since, self.stays_seen)
        ahead = any(moment is not None and moment > at + CLOCKS_DIFFER for moment in seen)
        return ahead or self.due > at + max(interval, LONGEST_PAUSE) + CLOCKS_DIFFER

    def brought_back(self, at: datetime) -> "Watch":
        """The same, to be looked at now: nothing is taken for known or seen that lies ahead."""
        known, seen = (
            moment if moment is not None and moment <= at + CLOCKS_DIFFER else None
            for moment in (self.since, self.stays_seen)
        )
        return replace(self, due=min(self.due, at), since=known, stays_seen=seen)

    def succeeded(self, began: datetime) -> "Watch":
        """The same, after all that changed before this moment was taken in."""
        return replace(self, since=max(began, self.since or began), failures=0)

    def failed(self) -> "Watch":
        """The same, after a look that failed: what was missed is looked for from the same moment on."""
        return replace(self, failures=self.failures + 1)

    def stays_due(self, at: datetime) -> bool:
        """Whether it is time to look after known stays and the Subscriptions."""
        return self.stays_seen is None or at - self.stays_seen >= LONGEST_PAUSE
