"""The EHR's clock against ours: every answer brings a Date, so that it costs nothing to look."""

import threading
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from statistics import median
from typing import Final

#: The median of so many answers: one that a proxy has kept, or that came late, decides nothing.
_ANSWERS: Final = 5
#: A Date is cut to the second.
_HALF_A_SECOND: Final = 0.5


class SkewMeter:
    """By how much an EHR's clock is ahead of ours, by its last answers. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: deque[float] = deque(maxlen=_ANSWERS)
        self._news = False

    def note(self, headers: Mapping[str, str], began: datetime, ended: datetime) -> None:
        """Hold an answer's Date against the middle of its call. One out of a cache (Age), or without a Date, tells nothing."""
        if headers.get("Age", "0").strip() != "0":
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

    def ahead_seconds(self) -> float | None:
        """By how many seconds it is ahead (negative: behind); None before the first answer."""
        with self._lock:
            return median(self._found) if self._found else None

    def take_news(self) -> float | None:
        """The same where something was measured since this was asked last."""
        with self._lock:
            news, self._news = self._news, False
            return median(self._found) if news else None
