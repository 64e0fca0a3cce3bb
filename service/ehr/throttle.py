"""How many requests at once and in a second, and how long to wait before a read is tried again.

The retry is our own: urllib3's Retry sees neither a body that breaks off nor an answer that is not FHIR, and its jitter
is added to the wait instead of spreading it; a library for the ten lines that remain would be one more to keep.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from service.errors import EhrGarbled, EhrUnavailable

ATTEMPTS: Final = 4
FIRST_WAIT_SECONDS: Final = 0.25
#: A longer wait than this is not slept through here: the job is put back, and the worker does something else.
LONGEST_WAIT_SECONDS: Final = 10.0

_BURST_SECONDS: Final = 2.0

_Answer = TypeVar("_Answer")


class Throttle:
    """Slots and rate of one tenant's requests in this process, and the patience with which reads are repeated."""

    def __init__(
        self,
        slots: int,
        per_second: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = threading.BoundedSemaphore(slots)
        self._bucket = _Bucket(per_second, clock)
        self._sleep = sleep
        self._random = secrets.SystemRandom()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a free slot and for our turn, and hold the slot; a sleeping retry holds none."""
        with self._slots:
            if wait := self._bucket.take():
                self._sleep(wait)
            yield

    def patiently(self, read: Callable[[], _Answer]) -> _Answer:
        """Repeat a read that finds no answer or half of one: full jitter, or as long as the EHR's Retry-After says."""
        for attempt in range(1, ATTEMPTS):
            try:
                return read()
            except EhrGarbled:
                wait = self._wait(attempt, None)
            except EhrUnavailable as error:
                wait = self._wait(attempt, error.retry_after)
                if wait > LONGEST_WAIT_SECONDS:
                    raise
            self._sleep(wait)
        return read()

    def _wait(self, attempt: int, retry_after: float | None) -> float:
        if retry_after is not None:
            return retry_after
        return self._random.uniform(0, FIRST_WAIT_SECONDS * 2**attempt)


class _Bucket:
    """A token bucket: after a quiet time two seconds' worth at once, then as many a second as allowed."""

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._most = max(1.0, _BURST_SECONDS * per_second)
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


def retry_after_seconds(header: str, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header (seconds or an HTTP date), never negative; None if it says nothing."""
    text = header.strip()
    if text.isdecimal():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
