"""Homeward's own commands as processes of a test: started with settings, asked over HTTP, ended and looked after."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from config.child_environment import child_environment


@contextmanager
def running(command: str, settings: Mapping[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`homeward COMMAND` with these settings and no others; it is ended, gracefully if it can, on the way out."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=child_environment(settings),
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Returns when the condition holds; an error that names what did not happen when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.05)


def answers(url: str, status: int = 200) -> bool:
    """Whether this address answers with this status now."""
    with suppress(requests.RequestException), requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=5).status_code == status
    return False


def children_of(pid: int) -> dict[str, int]:
    """The processes started by this one: command line → pid."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {Path(f"/proc/{child}/cmdline").read_text().replace("\0", " "): int(child) for child in listed}
