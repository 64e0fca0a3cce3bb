"""How many requests at once and in a second, and how long to wait before a read is tried again.

The retry is our own: urllib3's Retry sees neither a body that breaks off nor an answer that is not FHIR, and its jitter
is added to the wait instead of spreading it; a library for the ten lines that remain would be one more to keep.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from service import clock
from service.ehr.allowance import Allowance
from service.errors import EhrGarbled, EhrNotReached, EhrRecordFault, EhrUnavailable

ATTEMPTS: Final = 4
FIRST_WAIT_SECONDS: Final = 0.25
#: A longer wait than this is not slept through here: the job is put back, and the worker does something else.
LONGEST_WAIT_SECONDS: Final = 10.0
#: Longer than a call may take that somebody else's must wait for.
PATIENCE_SECONDS: Final = 120.0

_Answer = TypeVar("_Answer")


class Throttle:
    """The allowance of one tenant's requests, and the patience with which reads are repeated."""

    def __init__(
        self,
        allowance: Allowance,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        sleep: Callable[[float], None] = clock.sleep,
    ) -> None:
        self._allowance = allowance
        self._patience = patience_seconds
        self._sleep = sleep
        self._random = secrets.SystemRandom()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a free slot and for our turn, and hold the slot; a sleeping retry holds none.

        EhrNotReached when none becomes free in time.
        """
        wait = self._allowance.enter(self._patience)
        if wait is None:
            raise EhrNotReached("As many requests as the EHR may get at once have been under way for long.")
        try:
            if wait:
                self._sleep(wait)
            yield
        finally:
            self._allowance.leave()

    def patiently(self, read: Callable[[], _Answer]) -> _Answer:
        """Repeat a read that finds no answer or half of one: full jitter, or as long as the EHR's Retry-After says."""
        for attempt in range(1, ATTEMPTS):
            try:
                return read()
            except EhrGarbled:
                wait = self._wait(attempt, None)
            except EhrUnavailable as error:
                if isinstance(error, EhrRecordFault) and error.certain:
                    raise
                wait = self._wait(attempt, error.retry_after)
                if wait > LONGEST_WAIT_SECONDS:
                    raise
            self._sleep(wait)
        return read()

    def _wait(self, attempt: int, retry_after: float | None) -> float:
        if retry_after is not None:
            return retry_after
        return self._random.uniform(0, FIRST_WAIT_SECONDS * 2**attempt)


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
