"""Work that somebody waits for: done beside the caller, who waits as long as there is time and no longer."""

import contextvars
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from threading import Lock
from typing import Final, TypeVar

from service import clock

T = TypeVar("T")


class TooLate(Exception):
    """It did not come in time. It may still come to its end, and nobody hears of it."""


class InTime:
    """A few threads of this process. Where all are busy, whoever comes waits like everyone else, and no longer."""

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    def run(self, work: Callable[[], T], until: float) -> T:
        """What the work gives, or its error; TooLate when `until` (clock.machine_seconds) has come first."""
        context = contextvars.copy_context()
        coming = self._pool.submit(context.run, work)
        try:
            return coming.result(max(0.0, until - clock.machine_seconds()))
        except NotYet:
            if coming.done():  # a TimeoutError of the work's own
                raise
            coming.cancel()
            raise TooLate from None


class Turns:
    """So many at once do what takes the processor; the others wait, and go in the order in which they came.

    Threads of one process only take the processor from each other: ten that think at once are each done when the last is,
    and each finds the processor's caches full of what the others think about.
    """

    def __init__(self, number: int) -> None:
        self._free = number
        self._waiting: deque[Lock] = deque()
        self._lock = Lock()

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        return len(self._waiting)

    @contextmanager
    def one(self, until: float) -> Iterator[None]:
        """A turn for this thread; TooLate when none comes before `until` (clock.machine_seconds)."""
        self._take(max(0.0, until - clock.machine_seconds()))
        try:
            yield
        finally:
            self._hand_on()

    @contextmanager
    def left(self) -> Iterator[None]:
        """Somebody else's turn, while the one who has it waits for what others do; whoever has begun goes first."""
        self._hand_on()
        try:
            yield
        finally:
            self._take(first=True)

    def _take(self, seconds: float = -1, *, first: bool = False) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = Lock()
            mine.acquire()
            self._waiting.insert(0 if first else len(self._waiting), mine)
        if mine.acquire(timeout=seconds):
            return
        with self._lock:
            handed = mine not in self._waiting
            if not handed:
                self._waiting.remove(mine)
        if handed:  # just now, and too late
            self._hand_on()
        raise TooLate

    def _hand_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1


#: Of those whom a clinician waits for. Whoever waits for the database to write, or for the EHR, leaves it meanwhile.
THINKING: Final = Turns(1)
