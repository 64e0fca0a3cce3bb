"""A door for a worker alone: its metrics, and that it lives. Under `homeward serve` the web server tells both."""

import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from service import metrics
from service.pipeline.ports import Operations
from service.pipeline.stored_metrics import stored_metrics

#: Who asks and then says nothing more holds a thread no longer.
_PATIENCE_SECONDS: Final = 10
_TEXT: Final = "text/plain; charset=utf-8"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE_SECONDS

    def log_message(self, *_: object) -> None:
        """Each scrape is no line in the log."""


def open_metrics_port(bind: str, deps: Operations) -> _Server:
    """Answer /metrics and /livez at "host:port" in a thread of its own, until the process ends or it is shut down."""
    host, _, port = bind.rpartition(":")
    server = make_server(
        host.strip("[]"), int(port), _answering(deps), server_class=_Server, handler_class=_Handler
    )
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def _answering(deps: Operations) -> Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]:
    def answer(asked: dict[str, Any], start: Callable[..., object]) -> Iterable[bytes]:
        status, body, form = HTTPStatus.NOT_FOUND, b"not here\n", _TEXT
        if asked["REQUEST_METHOD"] != "GET":
            status, body = HTTPStatus.METHOD_NOT_ALLOWED, b"only GET\n"
        elif asked["PATH_INFO"] == "/livez":
            status, body = HTTPStatus.OK, b"ok\n"
        elif asked["PATH_INFO"] == "/metrics":
            status = HTTPStatus.OK
            body, form = metrics.rendered(stored_metrics(deps))
        start(f"{status.value} {status.phrase}", [("Content-Type", form), ("Content-Length", str(len(body)))])
        return [body]

    return answer
