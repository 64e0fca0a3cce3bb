"""Work that somebody waits for: done beside the caller, who waits as long as there is time and no longer."""

import contextvars
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import TypeVar

T = TypeVar("T")


class TooLate(Exception):
    """It did not come in time. It may still come to its end, and nobody hears of it."""


class InTime:
    """A few threads of this process. Where all are busy, whoever comes waits like everyone else, and no longer."""

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    def run(self, work: Callable[[], T], until: float) -> T:
        """What the work gives, or its error; TooLate when `until` (time.monotonic) has come first."""
        context = contextvars.copy_context()
        coming = self._pool.submit(context.run, work)
        try:
            return coming.result(max(0.0, until - time.monotonic()))
        except NotYet:
            if coming.done():  # a TimeoutError of the work's own
                raise
            coming.cancel()
            raise TooLate from None
