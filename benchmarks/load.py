"""Callers who call one after the other, with or without a pause: by wrk, which leaves the processor to what is measured.

Where wrk is not installed, threads of this process call instead. They cost about as much as what they measure, and a figure
says so.
"""

import http.client
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Final

import orjson

#: What stands in a body for the name that is another one in each call.
PLACE: Final = "name-of-the-benchmark"
_SCRIPT: Final = Path(__file__).with_name("load.lua")
_TIMEOUT_SECONDS: Final = 30
#: wrk takes its thread's clock as it goes; one thread keeps twenty connections busy.
_THREADS: Final = 1


@dataclass(frozen=True, slots=True)
class Load:
    """Bodies for a path, sent by so many callers for so many seconds.

    Names that begin with `name` are put into the body, `different` of them, over and over; an answer that is not 200
    or lacks `expected` is wrong, and one that holds `less` is counted.
    Between an answer and their next call all pause for so many seconds, on average: people do not call in step.
    """

    path: str
    body: bytes
    callers: int
    seconds: int
    name: str
    different: int = 1_000_000
    expected: str = ""
    less: str = ""
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of it: the calls, how many were answered wrongly or not at all, how many with less; their milliseconds."""

    calls: int
    wrong: int
    shorter: int
    median: float
    p95: float
    longest: float
    seconds: float

    @property
    def each_second(self) -> float:
        """Calls answered in a second by all together."""
        return self.calls / self.seconds


def by_wrk() -> bool:
    """Whether wrk is there to drive."""
    return shutil.which("wrk") is not None


def drive(port: int, load: Load) -> Answers:
    """Put this load on the server at this port of 127.0.0.1."""
    return _wrk(port, load) if by_wrk() else _threads(port, load)


def _wrk(port: int, load: Load) -> Answers:
    with tempfile.NamedTemporaryFile(prefix="homeward-bench-") as file:
        file.write(load.body)
        file.flush()
        command = ["wrk", f"-t{_THREADS}", f"-c{load.callers}", f"-d{load.seconds}s"]
        command += ["--timeout", f"{_TIMEOUT_SECONDS}s", "-s", str(_SCRIPT)]
        command += [f"http://127.0.0.1:{port}{load.path}", "--", file.name, PLACE]
        command += [load.name, str(load.different), load.expected, load.less, str(round(load.pause * 1000))]
        told = subprocess.run(command, check=True, capture_output=True).stdout
    return Answers(**orjson.loads(told.splitlines()[-1]))


def _threads(port: int, load: Load) -> Answers:
    calls = _Calls(load)
    begun = time.monotonic()
    with ThreadPoolExecutor(load.callers) as callers:
        made = [each for one in callers.map(calls.of_one, [port] * load.callers) for each in one]
    spent = [one.milliseconds for one in made]
    return Answers(
        calls=len(made),
        wrong=sum(not one.right for one in made),
        shorter=sum(one.right and one.shorter for one in made),
        median=statistics.median(spent),
        p95=statistics.quantiles(spent, n=20)[-1],
        longest=max(spent),
        seconds=time.monotonic() - begun,
    )


@dataclass(frozen=True, slots=True)
class _Call:
    milliseconds: float
    right: bool
    shorter: bool


class _Calls:
    """The calls of all callers, each with a name of its own."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._pieces = load.body.split(PLACE.encode())
        self._numbers = count()
        self._lock = Lock()

    def of_one(self, port: int) -> list[_Call]:
        """Each call on one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
        until, made = time.monotonic() + self._load.seconds, []
        while time.monotonic() < until:
            body = self._body()
            begun = time.perf_counter()
            connection.request("POST", self._load.path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            told = answer.read()
            right = answer.status == http.client.OK and self._load.expected.encode() in told
            shorter = bool(self._load.less) and self._load.less.encode() in told
            made.append(_Call((time.perf_counter() - begun) * 1000, right, shorter))
            time.sleep(random.uniform(0, 2 * self._load.pause))  # noqa: S311 - spreads load, guards nothing
        connection.close()
        return made

    def _body(self) -> bytes:
        with self._lock:
            number = next(self._numbers) % self._load.different + 1
        return f"{self._load.name}{number}".encode().join(self._pieces)
