"""Several processes that live and die together: one that ends is started again, a signal ends all of them."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from service import clock

_POLL_SECONDS: Final = 0.1
_TEND_SECONDS: Final = 5.0
#: A child that keeps dying is started ever more slowly.
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0
#: After this long a life counts as a success, and the next pause is short again.
_STEADY_SECONDS: Final = 60.0
_GRACE_SECONDS: Final = 25.0
_log = structlog.stdlib.get_logger(__name__)


@dataclass(slots=True)
class Child:
    """One supervised process. command follows the interpreter: ("-m", "gunicorn", …)."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = _FIRST_PAUSE_SECONDS
    due: float = field(default=0.0)

    def start(self) -> None:
        """Start it on a leash, so that it dies with us even when we are killed. Ctrl-C in a terminal is for us alone."""
        leashed = [sys.executable, "-m", "service.sandbox.leash", sys.executable, *self.command]
        self.process = subprocess.Popen(leashed, start_new_session=True)  # noqa: S603  our own command line
        self.started = clock.machine_seconds()
        _log.info("a process started", process=self.name, pid=self.process.pid)

    def look(self) -> None:
        """Start it again when it has ended, after a pause that grows while it keeps dying."""
        if self.process is None:
            if clock.machine_seconds() >= self.due:
                self.start()
        elif self.process.poll() is not None:
            _log.warning("a process ended", process=self.name, exit_code=self.process.returncode)
            self._wait_before_starting_again()

    def _wait_before_starting_again(self) -> None:
        lived = clock.machine_seconds() - self.started
        self.pause = (
            _FIRST_PAUSE_SECONDS if lived > _STEADY_SECONDS else min(2 * self.pause, _LONGEST_PAUSE_SECONDS)
        )
        self.due = clock.machine_seconds() + self.pause
        self.process = None

    def stop(self, deadline: float) -> None:
        """Wait for it to end by itself until the deadline (monotonic seconds), then kill it."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, deadline - clock.machine_seconds()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def supervise(children: Sequence[Child], stop: threading.Event, *, tend: Callable[[], None]) -> None:
    """Keep all children running until stop is set, then end them gracefully: SIGTERM, 25 s, SIGKILL.

    tend is called every few seconds, for what must be kept alive besides them.
    """
    tended = clock.machine_seconds()
    try:
        while not stop.wait(_POLL_SECONDS):
            if clock.machine_seconds() - tended > _TEND_SECONDS:
                tend()
                tended = clock.machine_seconds()
            for child in children:
                child.look()
    finally:
        end(children)


def end(children: Sequence[Child]) -> None:
    """SIGTERM to all at once, then wait for each."""
    for child in children:
        if child.process is not None and child.process.poll() is None:
            child.process.terminate()
    deadline = clock.machine_seconds() + _GRACE_SECONDS
    for child in children:
        child.stop(deadline)


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
