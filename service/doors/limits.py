"""How much one caller may ask: a bucket of calls for each, refilled steadily. Each process has its own buckets."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

from service.errors import TooManyCalls

#: So many callers are remembered; who was forgotten has a full bucket again.
_CALLERS: Final = 10_000
_MINUTE: Final = 60.0


class Buckets:
    """One bucket for each caller, full at first: per_minute calls at once, and as many in each minute after."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, caller: str) -> None:
        """One call; TooManyCalls with the seconds to wait when the bucket is empty."""
        with self._lock:
            now = self._clock()
            left, since = self._left.pop(caller, (self._most, now))
            left = min(self._most, left + (now - since) * self._most / _MINUTE)
            self._left[caller] = (max(left - 1, 0.0) if left >= 1 else left, now)
            if len(self._left) > _CALLERS:
                self._left.popitem(last=False)
        if left < 1:
            raise TooManyCalls(retry_after=(1 - left) * _MINUTE / self._most)
