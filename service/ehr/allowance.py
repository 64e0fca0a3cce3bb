"""How many calls to one EHR may be under way, and begin in a second: as this process alone decides."""

import threading
from collections.abc import Callable
from typing import Final, Protocol

from service.clock import monotonic
from service.domain.allowance import Limit

#: After a quiet time as many calls may begin at once as otherwise in this time.
BURST_SECONDS: Final = 2.0


class Allowance(Protocol):
    """Who gives leave for each call."""

    def enter(self, patience: float) -> float | None:
        """Wait until one more call may be under way, no longer than `patience` seconds: then None.

        Else the seconds after which this call may begin; `leave` must be called when it has ended.
        """
        ...

    def leave(self) -> None:
        """One call has ended."""
        ...


class OwnAllowance:
    """One process's own: nobody else is asked, and nobody else counts."""

    def __init__(self, limit: Limit, *, clock: Callable[[], float] = monotonic) -> None:
        self._slots = threading.BoundedSemaphore(limit.slots)
        self._bucket = Bucket(limit.per_second, limit.burst, clock)

    def enter(self, patience: float) -> float | None:
        """See Allowance."""
        return self._bucket.take() if self._slots.acquire(timeout=patience) else None

    def leave(self) -> None:
        """See Allowance."""
        self._slots.release()


class Bucket:
    """A token bucket, full at first: `burst` calls at once after a quiet time, then `per_second`."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = monotonic) -> None:
        self._per_second = per_second
        self._most = max(1.0, burst)
        self._clock = clock
        self._changing = threading.Lock()
        self._tokens, self._at = self._most, clock()

    def take(self) -> float:
        """Take one token; the seconds to wait until it is there. Who comes later waits longer."""
        with self._changing:
            now = self._clock()
            self._tokens = min(self._most, self._tokens + (now - self._at) * self._per_second)
            self._at = now
            self._tokens -= 1
            return max(0.0, -self._tokens / self._per_second)
