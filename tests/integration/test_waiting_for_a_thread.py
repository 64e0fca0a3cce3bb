"""A request that waits for a thread: gunicorn says nothing of it, and the caller has waited all the same."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from config.child_environment import child_environment
from service.sandbox.homeward_process import free_port
from tests.processes import answers, wait_until

BUSY_SECONDS = 0.5
#: An application that takes a while, and then tells how long the request had waited before.
APPLICATION = f"""
import time
from service.doors.slow_callers import bounded, waited

def tell(environ, start_response):
    if environ["PATH_INFO"] == "/busy":
        time.sleep({BUSY_SECONDS})
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(waited(environ)).encode()]

application = bounded(tell)
"""
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a gunicorn with one thread of ours."""
    with _serving(tmp_path_factory.mktemp("waiting"), threads=1) as url:
        yield url


@pytest.fixture
def server_of_two(tmp_path: Path) -> Iterator[str]:
    """The same with two threads."""
    with _serving(tmp_path, threads=2) as url:
        yield url


@contextmanager
def _serving(folder: Path, *, threads: int) -> Iterator[str]:
    (folder / "waiting.py").write_text(APPLICATION)
    address = f"127.0.0.1:{free_port(0)}"
    command = [sys.executable, "-m", "gunicorn", "--bind", address, "--chdir", str(folder)]
    command += ["--threads", str(threads)]
    command += ["--pythonpath", str(ROOT), "--worker-class", "service.doors.slow_callers.Worker"]
    command += ["--no-control-socket", "--log-level", "error", "waiting:application"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=child_environment({}), stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(f"http://{address}/") or process.poll() is not None, "the start")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def _told(url: str) -> float:
    with requests.Session() as session:
        session.trust_env = False
        return float(session.get(url, timeout=30).text)


def test_the_time_that_a_request_waits_for_a_thread_is_told(server):
    with ThreadPoolExecutor(3) as callers:
        seconds = sorted(callers.map(_told, [f"{server}/busy"] * 3))
    assert seconds[0] < BUSY_SECONDS / 2  # the one that found the thread free
    assert seconds[1] > BUSY_SECONDS / 2
    assert seconds[2] > BUSY_SECONDS * 3 / 2


def _lazy(url: str) -> socket.socket:
    """A caller who has their answer and does not hang up."""
    host, _, port = url.removeprefix("http://").partition(":")
    caller = socket.create_connection((host, int(port)), timeout=10)
    caller.sendall(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
    assert caller.recv(9) == b"HTTP/1.1 "
    return caller


def test_a_caller_who_does_not_hang_up_holds_nobody_else_for_long(server_of_two):
    with _lazy(server_of_two):
        time.sleep(0.2)  # the answer is here before the connection is given back
        begun = time.monotonic()
        _told(server_of_two)
        assert time.monotonic() - begun < 1


def test_of_who_has_sent_nothing_yet_nobody_has_waited(server):
    host, _, port = server.removeprefix("http://").partition(":")
    with ThreadPoolExecutor(1) as other:
        ahead = other.submit(_told, f"{server}/busy")
        time.sleep(0.1)
        with socket.create_connection((host, int(port)), timeout=10) as early:
            ahead.result()
            time.sleep(0.2)
            early.sendall(b"GET / HTTP/1.0\r\nHost: here\r\n\r\n")
            told = early.makefile("rb").read().rpartition(b"\r\n\r\n")[2]
    assert float(told) == 0.0


def test_who_finds_a_thread_free_has_not_waited(server):
    assert _told(server) < BUSY_SECONDS / 2


def test_each_request_of_a_connection_has_its_own_time(server):
    with requests.Session() as kept, ThreadPoolExecutor(1) as other:
        kept.trust_env = False
        assert float(kept.get(f"{server}/", timeout=30).text) < BUSY_SECONDS / 2
        ahead = other.submit(_told, f"{server}/busy")
        assert float(kept.get(f"{server}/busy", timeout=30).text) + ahead.result() > BUSY_SECONDS / 2
        assert float(kept.get(f"{server}/", timeout=30).text) < BUSY_SECONDS / 2
