"""When plans are no longer taken back by themselves: an EHR that has lost all stays at once has lost them by mistake."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

#: Over which the plans that were taken back are counted, and how long a person's release holds.
WINDOW: Final = timedelta(hours=1)
#: Plans that a hospital may lose within the window by absence before a person is asked, where it has not said otherwise.
USUAL_LIMIT: Final = 3
#: What a readable resource says is believed, and acts at once. An EHR that says "cancelled" of more than ten stays, and of most
#: that are planned, within an hour is broken, or in the hands of a script: no hospital calls off half of its discharges.
_WORDS_AT_LEAST: Final = 10


@dataclass(frozen=True, slots=True)
class Brake:
    """The brake of one hospital: since when it is closed (None: open), and when a person last released it."""

    tenant: str
    closed: datetime | None = None
    released: datetime | None = None

    def is_released(self, at: datetime) -> bool:
        """Whether a person has said within the window that what is gone may be taken back."""
        return self.released is not None and at - self.released < WINDOW


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Plans of one hospital within the window, the one in question not among them but where it is in doubt.

    by_absence and by_words were taken back; in_doubt stand, and their stay or order is not shown by the EHR now; standing are all
    that stand, those in doubt included.
    """

    by_absence: int = 0
    by_words: int = 0
    in_doubt: int = 0
    standing: int = 0


def stops_absence(counts: TakenBack, limit: int) -> bool:
    """Whether one more plan may not be taken back by absence: too many would be, or all of the few there are."""
    lost = counts.by_absence + counts.by_words + max(1, counts.in_doubt)
    every = counts.by_absence + counts.by_words + counts.standing
    return lost > limit or lost >= every


def stops_words(counts: TakenBack, limit: int) -> bool:
    """Whether one more plan may not be taken back although the EHR says so in words: it says so of most plans there are."""
    lost = counts.by_words + counts.by_absence + 1
    every = counts.by_words + counts.by_absence + counts.standing
    return lost > max(limit, _WORDS_AT_LEAST) and 2 * lost > every
