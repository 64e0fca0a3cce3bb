"""Answers of 300 MB and gzip bombs from a real server: reported as what they are, and never held in memory."""

import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from config.child_environment import child_environment

_MEGABYTE = 1_000_000
_LARGE = 300 * _MEGABYTE
_SPACE = b" " * 65_536
_BEGIN = b'{"resourceType": "Patient", "id": "7", "text": "'
#: 50 MB that are taken at most, and what Python needs besides.
_MOST_GROWTH = 60.0
_TOO_LARGE = "The EHR's answer is larger than 50 MB."


@dataclass(slots=True)
class Flood:
    """A server whose answers have no end, and how many bytes of each it got rid of."""

    url: str = ""
    sent: dict[str, int] = field(default_factory=dict)


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    flood: Flood

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        with suppress(OSError):  # whoever asked has hung up
            getattr(self, name.replace("-", "_"))(name)
        self.close_connection = name != "small"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with suppress(OSError):
            self._begin(201, **{"Transfer-Encoding": "chunked"})
            self._chunks("create", _plain(_LARGE))
        self.close_connection = True

    def small(self, _: str) -> None:
        body = b'{"resourceType": "Patient", "id": "small"}'
        self._begin(200, **{"Content-Length": str(len(body))})
        self.wfile.write(body)

    def chunked(self, name: str) -> None:
        self._begin(200, **{"Transfer-Encoding": "chunked"})
        self._chunks(name, _plain(_LARGE))

    def true_length(self, name: str) -> None:
        self._begin(200, **{"Content-Length": str(_LARGE)})
        self._pour(name, _plain(_LARGE))

    def no_length(self, name: str) -> None:
        self._begin(200, Connection="close")
        self._pour(name, _plain(_LARGE))

    def length_too_small(self, name: str) -> None:
        self._begin(200, **{"Content-Length": "1000"})
        self._pour(name, _plain(_LARGE))

    def length_too_large(self, name: str) -> None:
        self._begin(200, **{"Content-Length": str(40 * _MEGABYTE)})
        self._pour(name, _plain(10 * _MEGABYTE))

    def bomb(self, name: str) -> None:
        self._begin(200, **{"Content-Encoding": "gzip", "Transfer-Encoding": "chunked"})
        self._chunks(name, _squeezed(_plain(_LARGE)))

    def bomb_in_one_piece(self, name: str) -> None:
        body = b"".join(_squeezed(_plain(_LARGE)))
        self._begin(200, **{"Content-Encoding": "gzip", "Content-Length": str(len(body))})
        self._pour(name, iter([body]))

    def bomb_as_error(self, name: str) -> None:
        self._begin(500, **{"Content-Encoding": "gzip", "Transfer-Encoding": "chunked"})
        self._chunks(name, _squeezed(_plain(_LARGE)))

    def _begin(self, status: int, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/fhir+json")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _pour(self, name: str, parts: Iterator[bytes]) -> None:
        for part in parts:
            self.wfile.write(part)
            self.flood.sent[name] = self.flood.sent.get(name, 0) + len(part)

    def _chunks(self, name: str, parts: Iterator[bytes]) -> None:
        self._pour(name, (b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _plain(size: int) -> Iterator[bytes]:
    yield _BEGIN
    for _ in range(size // len(_SPACE)):
        yield _SPACE
    yield b'"}'


def _squeezed(parts: Iterator[bytes]) -> Iterator[bytes]:
    gzip = zlib.compressobj(wbits=31)
    for part in parts:
        yield gzip.compress(part)
    yield gzip.flush()


@contextmanager
def flooding() -> Iterator[Flood]:
    flood = Flood()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Flooding", (Answering,), {"flood": flood}))
    server.daemon_threads = True
    flood.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield flood
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_EXPECTED = {
    "chunked": ("EhrNotFhir", _TOO_LARGE),
    "true-length": ("EhrNotFhir", _TOO_LARGE),
    "no-length": ("EhrNotFhir", _TOO_LARGE),
    "length-too-small": ("EhrGarbled", "The EHR's answer is not whole JSON, not FHIR."),
    "length-too-large": ("EhrUnavailable", "GET Patient: the EHR does not answer."),
    "bomb": ("EhrNotFhir", _TOO_LARGE),
    "bomb-in-one-piece": ("EhrNotFhir", _TOO_LARGE),
    "bomb-as-error": ("EhrUnavailable", "GET Patient: the EHR answered 500."),
    "create": ("WriteUnknown", "POST Goal: the EHR said yes in a way that cannot be read."),
}


@pytest.fixture(scope="module")
def asked():
    """What became of each question, and how much the server got rid of."""
    with flooding() as flood:
        done = subprocess.run(
            [sys.executable, "-m", "tests.integration.bounded_process", flood.url, *_EXPECTED],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=60,
            env=child_environment({}),
        )
    return {line.split("|")[0]: line.split("|")[1:] for line in done.stdout.splitlines()}, flood.sent


@pytest.mark.parametrize("question", _EXPECTED)
def test_it_is_reported_as_what_it_is(asked, question):
    answers, _ = asked
    assert tuple(answers[question][:2]) == _EXPECTED[question]


def test_no_more_is_held_than_would_have_been_taken(asked):
    answers, _ = asked
    assert set(answers) == set(_EXPECTED)
    assert max(float(grown) for *_, grown in answers.values()) < _MOST_GROWTH


def test_the_rest_is_not_even_read(asked):
    _, sent = asked
    assert sent["chunked"] < 80 * _MEGABYTE
    assert sent["true-length"] < 20 * _MEGABYTE
