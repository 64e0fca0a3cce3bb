"""A circuit breaker: who does not answer is left alone for a while, by all threads of the process together.

Ours, because of the two kept libraries one holds its lock during the call, so that threads take turns, and the other
lets every thread through when it tries again; what remains is the page below.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from service.clock import monotonic
from service.errors import EhrError, EhrNotReached, EhrRecordFault, EhrUnavailable, WriteUnknown

#: More than one read's tries in a row, so that a single slow question opens nothing.
FAILURES: Final = 8
REST_SECONDS: Final = 20.0


class Breaker:
    """Closed while the EHR answers; after FAILURES in a row open for REST_SECONDS; then one call tries for all.

    recovered is called when an EHR that was left alone has answered.
    """

    def __init__(
        self, clock: Callable[[], float] = monotonic, *, recovered: Callable[[], object] = lambda: None
    ) -> None:
        self._clock = clock
        self._recovered = recovered
        self._state = threading.Lock()
        self._failures = 0
        self._open_until = 0.0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """One call. EhrNotReached, without having called, while the EHR is left alone."""
        self._admit()
        try:
            yield
        except EhrError as error:
            self._judge(error)
            raise
        self._answered()

    @property
    def is_open(self) -> bool:
        """Whether the EHR is left alone."""
        return self._failures >= FAILURES

    def _admit(self) -> None:
        with self._state:
            if self._failures < FAILURES:
                return
            rest = self._open_until - self._clock()
            if rest <= 0:
                # This call tries; the others wait as long as it may take.
                self._open_until = self._clock() + REST_SECONDS
                return
        raise EhrNotReached("The EHR has not answered for a while; it is left alone.", retry_after=rest)

    def _judge(self, error: EhrError) -> None:
        """A refusal is an answer, and so are a Retry-After and a fault over one record; only silence and other faults count."""
        answered = isinstance(error, EhrRecordFault) and error.certain
        silent = isinstance(error, EhrUnavailable) and error.retry_after is None and not answered
        if not silent and not isinstance(error, WriteUnknown):
            self._answered()
            return
        with self._state:
            self._failures += 1
            self._open_until = self._clock() + REST_SECONDS

    def _answered(self) -> None:
        with self._state:
            was_open, self._failures = self._failures >= FAILURES, 0
        if was_open:
            self._recovered()
