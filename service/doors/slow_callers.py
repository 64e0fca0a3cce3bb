"""Callers who send so slowly that they would have a thread to themselves: nothing more is taken from them.

gunicorn by itself waits for the head and the body of a request as long as one byte comes now and then, and longer. Nor does it
tell how long a request waited for a thread of ours, which for a caller is time like any other: that is told here too.

A connection that gunicorn will close, because the rest of a body is too much to be read for nothing or is no HTTP, is said
to close: or the caller's next request would be lost on it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from socket import SHUT_RD, SHUT_RDWR, SHUT_WR, socket
from threading import Lock, Thread
from typing import Any, Final

from gunicorn.http.errors import NoMoreData, ParseException  # type: ignore[import-untyped]  # it ships no types
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from service import clock

#: A head must be here after so long, and a body after as long again: eight megabytes over a slow line.
READING_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.5
#: So much of a body that nobody read does gunicorn read itself, to keep the connection for the next request.
_LITTLE: Final = 64 * 1024
#: So much of one is read before a connection is closed, so long: else the answer could be lost on its way.
_MUCH: Final = 8 * 1024 * 1024
_LINGER_SECONDS: Final = 5.0
#: As long as gunicorn would wait for a caller to hang up.
_PARTING_SECONDS: Final = 2.0
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
        """While this is read from: at the moment (clock.machine_seconds) it ends, as if the caller had hung up."""
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
            clock.sleep(_LOOK_SECONDS)
            now = clock.machine_seconds()
            for caller, until in list(self._until.items()):
                if until < now:
                    with suppress(OSError):  # it is closed already
                        caller.shutdown(SHUT_RD)


PATIENCE: Final = Patience()


#: Seconds that the request being read from a caller has waited for a thread.
_WAITS: Final[dict[socket, float]] = {}
#: gunicorn's own view of the request that is being answered to a caller.
_REQUESTS: Final[dict[socket, Any]] = {}


def waited(environ: Mapping[str, Any]) -> float:
    """Seconds that this request waited for a thread of this process before anybody looked at it; 0 under any other server."""
    seconds: float = environ.get(_WAITED, 0.0)
    return seconds


class Worker(ThreadWorker):  # type: ignore[misc]  # as it ships no types
    """gunicorn's threads, which wait for a request's head no longer than that."""

    def enqueue_req(self, conn: Any) -> None:
        """A request, or the first sign of one, now waits for a thread."""
        conn.queued = clock.machine_seconds()
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """One request of a connection, from its first byte to what is left of a body that nobody wanted."""
        caller = conn.sock
        # Of a new connection that has sent nothing yet nobody has waited for us.
        _WAITS[caller] = (
            clock.machine_seconds() - conn.queued if conn.initialized or conn.wait_for_data(0) else 0.0
        )
        try:
            with PATIENCE.until(_late(), caller):
                kept = super().handle(conn)
        finally:
            del _WAITS[caller]
        if kept is False:
            _part(caller)
        return kept

    def handle_request(self, req: Any, conn: Any) -> Any:
        """The same once its head is read: an answer may take its time."""
        PATIENCE.over(conn.sock)
        _REQUESTS[conn.sock] = req
        try:
            kept = super().handle_request(req, conn)
        finally:
            del _REQUESTS[conn.sock]
            PATIENCE.begin(_late(), conn.sock)
        if not kept:
            with suppress(ParseException, OSError):  # it is answered: whatever the rest is, nobody is told
                conn.parser.finish_body(deadline=clock.machine_seconds() + _LINGER_SECONDS, max_bytes=_MUCH)
        return kept


def bounded(application: Application) -> Application:
    """The application, which waits for a request's body no longer than that, and knows how long the request has waited."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        caller = environ.get("gunicorn.socket")
        if caller is None:
            return application(environ, start_response)
        body = environ["wsgi.input"] = _Body(environ, caller)
        environ[_WAITED] = _WAITS.get(caller, 0.0)

        def begin(*head: Any) -> Any:
            if not body.leaves_little() and (request := _REQUESTS.get(caller)) is not None:
                request.force_close()
            return start_response(*head)

        return application(environ, begin)

    return answer


def _part(caller: socket) -> None:
    """Wait here until the caller hangs up: gunicorn waits in the thread that takes and hands out all connections."""
    until = clock.machine_seconds() + _PARTING_SECONDS
    with suppress(OSError):
        caller.shutdown(SHUT_WR)
        while (left := until - clock.machine_seconds()) > 0:
            caller.settimeout(left)
            if not caller.recv(_LITTLE):
                break
    with suppress(OSError):
        caller.shutdown(SHUT_RDWR)


def _late() -> float:
    return clock.machine_seconds() + READING_SECONDS


class _Body:
    """A body that ends when its time is over, or where it is no HTTP; whoever reads it finds that it is not whole."""

    def __init__(self, environ: Mapping[str, Any], caller: socket) -> None:
        self._body = environ["wsgi.input"]
        self._caller = caller
        self._until = _late()
        is_chunked = "HTTP_TRANSFER_ENCODING" in environ
        #: Bytes that are still to come; None where only the end will tell.
        self._left = None if is_chunked else int(environ.get("CONTENT_LENGTH") or 0)
        self._ended = self._broken = False

    def read(self, size: int | None = None) -> bytes:
        everything = size is None or size < 0
        data = self._taken(self._body.read, None if everything else size)
        self._ended |= everything
        return data

    def readline(self, size: int | None = None) -> bytes:
        return self._taken(self._body.readline, size)

    def leaves_little(self) -> bool:
        """Whether what nobody has read of it is so little that the connection can be kept."""
        if self._broken:
            return False
        if self._left is None:
            return self._ended
        return self._left == 0 or (self._left < _LITTLE and not self._ended)

    def _taken(self, take: Callable[[int | None], bytes], size: int | None) -> bytes:
        try:
            with PATIENCE.until(self._until, self._caller):
                data = take(size)
        except (ParseException, OSError):
            self._broken = True
            # To whoever reads, a body that is cut off.
            raise NoMoreData from None
        self._ended |= not data and size != 0
        if self._left is not None:
            self._left -= len(data)
        return data
