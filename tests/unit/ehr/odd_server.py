"""A local HTTP server that answers as told, for answers that no well-behaved FHIR server gives."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

FHIR = "application/fhir+json"


@dataclass(frozen=True, slots=True)
class Told:
    """One answer. drop: close the connection without answering; wait: a number of seconds before the answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    wait: float = 0.0
    claim: int | None = None  # a Content-Length other than the body's


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int  # the client's port


@dataclass(slots=True)
class OddServer:
    url: str
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, list[Told]] = field(default_factory=dict)
    decide: Callable[[Asked], Told | None] | None = None

    def tell(self, method: str, path: str, *answers: Told) -> None:
        """Give these answers to a request, in turn; the last one for ever."""
        self.answers[f"{method} {path}"] = list(answers)

    def count(self, method: str, path: str = "") -> int:
        return sum(one.method == method and one.path.startswith(path) for one in self.asked)


def fhir(resource: dict[str, Any], status: int = 200, **headers: str) -> Told:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Told(status, orjson.dumps(resource), {"Content-Type": FHIR, **named})


def statement(*, batch: bool = False, transaction: bool = False, **resources: tuple[str, ...]) -> Told:
    """A CapabilityStatement: Type=("param", …) is searchable by these and can do everything else as well."""
    system = [{"code": name} for name, on in (("batch", batch), ("transaction", transaction)) if on]
    able = [{"code": code} for code in ("read", "search-type", "create", "update")]
    listed = [
        {
            "type": kind,
            "interaction": able,
            "searchParam": [{"name": name} for name in names],
            "conditionalCreate": True,
        }
        for kind, names in resources.items()
    ]
    return fhir(
        {
            "resourceType": "CapabilityStatement",
            "fhirVersion": "4.0.1",
            "rest": [{"mode": "server", "interaction": system, "resource": listed}],
        }
    )


@contextmanager
def odd_server() -> Iterator[OddServer]:
    """Serve on 127.0.0.1 until the block ends."""
    told = OddServer("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            asked = Asked(self.command, self.path, dict(self.headers), body, self.client_address[1])
            told.asked.append(asked)
            self.give(_choose(told, asked))

        def give(self, answer: Told) -> None:
            if answer.wait:
                stopping.wait(answer.wait)
            if answer.drop:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            claimed = len(answer.body) if answer.claim is None else answer.claim
            self.send_header("Content-Length", str(claimed))
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = claimed != len(answer.body)

        do_GET = do_POST = do_PUT = answer  # noqa: N815  named by http.server

        def log_message(self, *_: object) -> None:
            """Nothing: the tests read what was asked."""

    stopping = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _choose(told: OddServer, asked: Asked) -> Told:
    if told.decide and (decided := told.decide(asked)):
        return decided
    queue = told.answers.get(f"{asked.method} {asked.path}") or [Told(404)]
    return queue.pop(0) if len(queue) > 1 else queue[0]
