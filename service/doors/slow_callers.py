"""Callers who send so slowly that they would have a thread to themselves: nothing more is taken from them.

gunicorn by itself waits for the head and the body of a request as long as one byte comes now and then, and longer. Nor does it
tell how long a request waited for a thread of ours, which for a caller is time like any other: that is told here too.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from socket import SHUT_RD, socket
from threading import Lock, Thread
from typing import Any, Final

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]  # it ships no types

#: A head must be here after so long, and a body after as long again: eight megabytes over a slow line.
READING_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.5
_WAITED: Final = "homeward.waited"

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Patience:
    """Waits for callers for so long. A thread looks now and then who is late, and reads to the end what came of them."""

    def __init__(self) -> None:
        self._until: dict[socket, float] = {}
        self._lock = Lock()
        self._looking = False

    @contextmanager
    def until(self, moment: float, caller: socket) -> Iterator[None]:
        """While this is read from: at the moment (time.monotonic) it ends, as if the caller had hung up."""
        self.begin(moment, caller)
        try:
            yield
        finally:
            self.over(caller)

    def begin(self, moment: float, caller: socket) -> None:
        """From now on this is read from."""
        self._look()
        self._until[caller] = moment

    def over(self, caller: socket) -> None:
        """What was waited for is here."""
        self._until.pop(caller, None)

    def _look(self) -> None:
        """Begins in each process with its first request, so after the fork."""
        with self._lock:
            if not self._looking:
                Thread(target=self._cut_off_for_ever, name="slow-callers", daemon=True).start()
                self._looking = True

    def _cut_off_for_ever(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            now = time.monotonic()
            for caller, until in list(self._until.items()):
                if until < now:
                    with suppress(OSError):  # it is closed already
                        caller.shutdown(SHUT_RD)


PATIENCE: Final = Patience()


#: Seconds that the request being read from a caller has waited for a thread.
_WAITS: Final[dict[socket, float]] = {}


def waited(environ: Mapping[str, Any]) -> float:
    """Seconds that this request waited for a thread of this process before anybody looked at it; 0 under any other server."""
    seconds: float = environ.get(_WAITED, 0.0)
    return seconds


class Worker(ThreadWorker):  # type: ignore[misc]  # as it ships no types
    """gunicorn's threads, which wait for a request's head no longer than that."""

    def enqueue_req(self, conn: Any) -> None:
        """A request, or the first sign of one, now waits for a thread."""
        conn.queued = time.monotonic()
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """One request of a connection, from its first byte to what is left of a body that nobody wanted."""
        caller = conn.sock
        _WAITS[caller] = time.monotonic() - conn.queued
        try:
            with PATIENCE.until(_late(), caller):
                return super().handle(conn)
        finally:
            del _WAITS[caller]

    def handle_request(self, req: Any, conn: Any) -> Any:
        """The same once its head is read: an answer may take its time."""
        PATIENCE.over(conn.sock)
        try:
            return super().handle_request(req, conn)
        finally:
            PATIENCE.begin(_late(), conn.sock)


def bounded(application: Application) -> Application:
    """The application, which waits for a request's body no longer than that, and knows how long the request has waited."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        caller = environ.get("gunicorn.socket")
        if caller is not None:
            environ["wsgi.input"] = _Body(environ["wsgi.input"], caller)
            environ[_WAITED] = _WAITS.get(caller, 0.0)
        return application(environ, start_response)

    return answer


def _late() -> float:
    return time.monotonic() + READING_SECONDS


class _Body:
    """A body that ends when its time is over; whoever reads it finds that it is not whole."""

    def __init__(self, body: Any, caller: socket) -> None:
        self._body = body
        self._caller = caller
        self._until = _late()

    def read(self, *size: int) -> bytes:
        with PATIENCE.until(self._until, self._caller):
            read: bytes = self._body.read(*size)
            return read

    def readline(self, *size: int) -> bytes:
        with PATIENCE.until(self._until, self._caller):
            line: bytes = self._body.readline(*size)
            return line
