"""A gateway in front of a FHIR server that fails for chosen resource types, as long as a test wants it to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import orjson
import requests

_HTML = b"<!DOCTYPE html><html><title>Sign in</title></html>"
_KEPT = ("Accept", "Content-Type", "Prefer", "If-Match", "If-None-Exist")
_TOLD = ("Content-Type", "ETag", "Location")


class Failure(Enum):
    """How a read of a resource type goes wrong: an HTTP status, or an answer that is none."""

    UNAVAILABLE = 503
    BAD_GATEWAY = 502
    TOO_MANY = 429
    UNAUTHORIZED = 401
    FORBIDDEN = 403
    NOT_FOUND = 404
    UNPROCESSABLE = 422
    HTML = "an HTML page"
    DROPPED = "no answer"
    INCOMPLETE = "a searchset that says that it is incomplete"
    EMPTY = "a searchset that finds nothing"


@dataclass
class Gateway:
    """The gateway's URL, and what fails: resource type → how. asked counts the reads of each type that came through."""

    url: str
    failing: dict[str, Failure] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    """Passes requests on, or fails; `gateway` and `base_url` are set by a subclass of each gateway."""

    protocol_version = "HTTP/1.1"
    gateway: ClassVar[Gateway]
    base_url: ClassVar[str]

    def do_GET(self) -> None:
        kind = _kind_of(self.path.removeprefix("/fhir"))
        self.gateway.asked.append(kind)
        failure = self.gateway.failing.get(kind)
        if failure is Failure.DROPPED:
            self.close_connection = True
            self.connection.close()
        elif failure is None or failure in _CHANGED:
            self._pass_on(None, _as_it_is if failure is None else _CHANGED[failure])
        else:
            self._answer(*_told(failure))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._pass_on(body, partial(_spoil_entries, orjson.loads(body), self.gateway))

    do_PUT = do_POST  # noqa: N815  the name that http.server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _pass_on(self, body: bytes | None, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        headers = {name: self.headers[name] for name in _KEPT if name in self.headers}
        with requests.Session() as session:
            session.trust_env = False
            url = self.base_url + self.path.removeprefix("/fhir")
            answer = session.request(self.command, url, data=body, headers=headers, timeout=30)
        content = answer.content.replace(self.base_url.encode(), self.gateway.url.encode())
        if answer.ok and content:
            content = orjson.dumps(change(orjson.loads(content)))
        told = {name: answer.headers[name] for name in _TOLD if name in answer.headers}
        self._answer(answer.status_code, content, told)

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def gateway_to(base_url: str) -> Iterator[Gateway]:
    """A running gateway to the server at a FHIR base URL."""
    handler: Any = type("Handler", (_Handler,), {"base_url": base_url})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.gateway = Gateway(f"http://127.0.0.1:{server.server_address[1]}/fhir")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield handler.gateway
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _kind_of(path: str) -> str:
    return path.strip("/").partition("?")[0].partition("/")[0]


def _as_it_is(answer: dict[str, Any]) -> dict[str, Any]:
    return answer


def _spoil_entries(asked: dict[str, Any], gateway: Gateway, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer to a batch of reads with those failing that are to; any other answer as it is."""
    if asked.get("type") != "batch":
        return answer
    for question, entry in zip(asked["entry"], answer["entry"], strict=True):
        if question["request"]["method"] == "GET":
            kind = _kind_of(question["request"]["url"])
            gateway.asked.append(kind)
            _spoil_entry(gateway.failing.get(kind), entry)
    return answer


def _spoil_entry(failure: Failure | None, entry: dict[str, Any]) -> None:
    if failure in _CHANGED:
        entry["resource"] = _CHANGED[failure](entry["resource"])
    elif failure is not None:
        status = failure.value if isinstance(failure.value, int) else Failure.BAD_GATEWAY.value
        entry.clear()
        entry["response"] = {"status": str(status)}


def _told(failure: Failure) -> tuple[int, bytes, dict[str, str]]:
    if failure is Failure.HTML:
        return 200, _HTML, {"Content-Type": "text/html"}
    assert isinstance(failure.value, int)
    return failure.value, b"", {}


def _incomplete(searchset: dict[str, Any]) -> dict[str, Any]:
    """Nothing found, and the word that not all sources could be reached."""
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "warning", "code": "incomplete"}],
    }
    told = {"resource": outcome, "search": {"mode": "outcome"}}
    return {**searchset, "total": 0, "entry": [told]}


def _empty(answer: dict[str, Any]) -> dict[str, Any]:
    """Nothing found; what is read by its id is given."""
    return {**answer, "total": 0, "entry": []} if answer["resourceType"] == "Bundle" else answer


#: Failures that let a request through and change what comes back.
_CHANGED = {Failure.INCOMPLETE: _incomplete, Failure.EMPTY: _empty}
