"""How far an EHR's clock is off from ours, by the Date of its answers."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from service.domain.watch import CLOCKS_DIFFER

#: Off by more is said. A signed call whose iat lies a minute ahead is refused by us (service.doors.tokens), and ours lives
#: for minutes; polling looks ten minutes back.
BOUND_SECONDS: Final = 60.0
#: A change keeps the time stamp of its hour: after a clock was put right, windows go on looking back for what it stamped before.
_REMEMBERED: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class EhrClock:
    """One EHR's clock: by how many seconds it is ahead of ours (negative: behind), and by how few it was within two hours."""

    tenant: str
    ahead: float
    lowest: float
    lowest_at: datetime
    measured: datetime

    @property
    def is_off(self) -> bool:
        """Whether signatures may be refused for it."""
        return abs(self.ahead) > BOUND_SECONDS

    @property
    def behind(self) -> timedelta:
        """By how much a change may be stamped too early, as far as is known."""
        return timedelta(seconds=max(0.0, -self.lowest))

    def measured_again(self, ahead: float, at: datetime) -> "EhrClock":
        """The same clock, as it was found now."""
        remembered = at - self.lowest_at < _REMEMBERED and self.lowest_at <= at + CLOCKS_DIFFER
        again = replace(self, ahead=ahead, measured=at)
        if remembered and self.lowest < ahead:
            return again
        return replace(again, lowest=ahead, lowest_at=at)


def first_measure(tenant: str, ahead: float, at: datetime) -> EhrClock:
    """What is known after the first measuring."""
    return EhrClock(tenant, ahead, ahead, at, at)


def say_clock(ahead: float) -> str:
    """The sentence for operators about a clock that is by so many seconds ahead of ours (negative: behind)."""
    which = "ahead of" if ahead > 0 else "behind"
    return f"The EHR's clock is {round(abs(ahead))} s {which} ours; set the one that is wrong (NTP)."
