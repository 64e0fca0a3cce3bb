"""Jobs that wait for an EHR to be tried again are due as soon as somebody notices that it answers.

Whoever notices: a call of any process that ends the rest of its circuit breaker, or a worker that asks for /metadata because
jobs wait. An EHR that answers and goes on failing the same jobs does not have them run ever again at once: the pause
until they are woken anew grows, and their own waiting times hold meanwhile.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import structlog

from service import clock
from service.errors import HomewardError
from service.pipeline.ports import Deps

FIRST_PAUSE_SECONDS: Final = 30.0
LONGEST_PAUSE_SECONDS: Final = 900.0
_log = structlog.stdlib.get_logger(__name__)


@dataclass(slots=True)
class _Rest:
    """Until when a hospital's jobs are not woken again by this process, and how long the pause was."""

    until: float
    seconds: float


class Waker:
    """Wakes the jobs of hospitals whose EHR has recovered. Safe for threads."""

    def __init__(self, wake: Callable[[str], int]) -> None:
        self._wake = wake
        self._rests: dict[str, _Rest] = {}
        self._lock = threading.Lock()

    def rests(self, tenant: str) -> bool:
        """Return whether this hospital's jobs were woken too short a time ago to be woken again."""
        with self._lock:
            rest = self._rests.get(tenant)
            return rest is not None and clock.monotonic() < rest.until

    def recovered(self, tenant: str) -> None:
        """Wake the jobs of a hospital whose EHR answers, unless they rest; a database that is away is no matter here."""
        if not self._begin_rest(tenant):
            return
        try:
            woken = self._wake(tenant)
        except HomewardError as error:
            _log.warning("waiting jobs could not be woken", tenant=tenant, exc_info=error)
            return
        if woken:
            _log.info("an EHR answers again: its waiting jobs are due", tenant=tenant, jobs=woken)

    def _begin_rest(self, tenant: str) -> bool:
        """Begin a pause, twice as long where the last one ended only lately; False while one lasts."""
        with self._lock:
            now, rest = clock.monotonic(), self._rests.get(tenant)
            if rest is not None and now < rest.until:
                return False
            again = rest is not None and now < rest.until + 2 * rest.seconds
            seconds = min(2 * rest.seconds, LONGEST_PAUSE_SECONDS) if rest and again else FIRST_PAUSE_SECONDS
            self._rests[tenant] = _Rest(now + seconds, seconds)
            return True


class Probes:
    """Asks the EHRs for which jobs wait whether they answer, each in a thread beside the chores and never twice at once."""

    def __init__(self, deps: Deps, waker: Waker) -> None:
        self._deps = deps
        self._waker = waker
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="probe")
        self._asked: set[str] = set()

    def __call__(self) -> None:
        """Begin to ask those that are not being asked; who answers has its jobs woken."""
        for tenant in self._deps.jobs.waiting_tenants():
            if tenant in self._deps.tenants and tenant not in self._asked and not self._waker.rests(tenant):
                self._asked.add(tenant)
                self._threads.submit(self._ask, tenant)

    def _ask(self, tenant: str) -> None:
        try:
            self._deps.ehr(tenant).probe()
            self._waker.recovered(tenant)
        except HomewardError as error:
            _log.debug("an EHR for which jobs wait does not answer yet", tenant=tenant, exc_info=error)
        finally:
            self._asked.discard(tenant)
