"""The EHR's clock against ours: every answer brings a Date, so that it costs nothing to look."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from statistics import median
from typing import Final

from service import clock

#: The median of so many answers: one that a proxy has kept, or that came late, decides nothing.
_ANSWERS: Final = 5
#: A Date is cut to the second.
_HALF_A_SECOND: Final = 0.5
#: Our clock was moved where it went on by so much more, or less, than the machine's seconds: what drifts by itself is a
#: thousandth of that in any call.
_MOVED_SECONDS: Final = 2.0


class SkewMeter:
    """By how much an EHR's clock is ahead of ours, by its last answers. Safe for threads.

    machine gives seconds that nobody can set: by them it is told when our own clock was moved, and then what was measured
    by it before counts no more.
    """

    def __init__(self, machine: Callable[[], float] = clock.machine_seconds) -> None:
        self._machine = machine
        self._ours: float | None = None
        self._lock = threading.Lock()
        self._found: deque[float] = deque(maxlen=_ANSWERS)
        self._news = False

    def note(self, headers: Mapping[str, str], began: datetime, ended: datetime, *, took: float) -> None:
        """Hold an answer's Date against the middle of its call, which took so many seconds.

        One out of a cache (Age), without a Date, or during whose call our clock was moved, tells nothing.
        """
        if self._was_moved(began, ended, took) or headers.get("Age", "0").strip() != "0":
            return
        try:
            said = parsedate_to_datetime(headers.get("Date", ""))
        except ValueError:
            return
        middle = began + (ended - began) / 2
        ahead = (said.replace(tzinfo=said.tzinfo or UTC) - middle).total_seconds() + _HALF_A_SECOND
        with self._lock:
            self._found.append(ahead)
            self._news = True

    def _was_moved(self, began: datetime, ended: datetime, took: float) -> bool:
        """Whether our clock was moved in this call; what was measured before a move is forgotten."""
        ours = ended.timestamp() - self._machine()
        in_call = abs((ended - began).total_seconds() - took) > _MOVED_SECONDS
        with self._lock:
            if in_call or (self._ours is not None and abs(ours - self._ours) > _MOVED_SECONDS):
                self._found.clear()
                self._news = False
            self._ours = ours
        return in_call

    def ahead_seconds(self) -> float | None:
        """By how many seconds it is ahead (negative: behind); None before the first answer."""
        with self._lock:
            return median(self._found) if self._found else None

    def take_news(self) -> float | None:
        """The same where something was measured since this was asked last."""
        with self._lock:
            news, self._news = self._news, False
            return median(self._found) if news else None
