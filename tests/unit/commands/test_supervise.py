import os
import signal
import threading
import time

import pytest

from service.commands import supervise as module
from service.commands.supervise import Child, supervise


class _Child(Child):
    """A child that runs a piece of Python."""

    def __init__(self, name: str, code: str) -> None:
        super().__init__(name, ("-c", code))

    @property
    def running(self):
        """Its process, which must be there."""
        assert self.process is not None
        return self.process


def _wait_for(condition, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _supervised(child: Child, tend=lambda: None) -> tuple[threading.Thread, threading.Event]:
    stop = threading.Event()
    thread = threading.Thread(target=supervise, args=([child], stop), kwargs={"tend": tend})
    thread.start()
    return thread, stop


def test_a_child_that_is_killed_is_started_again_and_ends_with_us():
    child = _Child("sleeper", "import time; time.sleep(60)")
    thread, stop = _supervised(child)
    try:
        _wait_for(lambda: child.process is not None)
        first = child.running.pid
        os.kill(first, signal.SIGKILL)
        _wait_for(lambda: child.process is not None and child.running.pid != first)
    finally:
        stop.set()
        thread.join()
    assert child.running.poll() is not None


def test_ctrl_c_in_our_terminal_is_not_for_the_child():
    child = _Child("sleeper", "import time; time.sleep(60)")
    child.start()
    try:
        assert os.getpgid(child.running.pid) != os.getpgid(0)
    finally:
        supervise([child], _already_set(), tend=lambda: None)


def _already_set() -> threading.Event:
    stop = threading.Event()
    stop.set()
    return stop


def test_a_child_is_asked_to_end_before_it_is_killed(tmp_path):
    mark = tmp_path / "ended"
    code = (
        "import pathlib, signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path({str(mark)!r}).touch(), sys.exit()))\n"
        f"pathlib.Path({str(tmp_path / 'up')!r}).touch()\n"
        "time.sleep(60)"
    )
    thread, stop = _supervised(_Child("graceful", code))
    _wait_for((tmp_path / "up").exists)
    stop.set()
    thread.join()
    assert mark.exists()


def test_a_child_that_does_not_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_GRACE_SECONDS", 0.2)
    up = tmp_path / "up"
    code = (
        "import pathlib, signal, time\n"
        f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\npathlib.Path({str(up)!r}).touch()\ntime.sleep(60)"
    )
    child = _Child("deaf", code)
    thread, stop = _supervised(child)
    _wait_for(up.exists)
    stop.set()
    thread.join()
    assert child.running.returncode == -signal.SIGKILL


def test_a_child_that_keeps_dying_is_started_ever_more_slowly():
    child = _Child("broken", "raise SystemExit(3)")
    pauses = []
    for _ in range(3):
        child.start()
        child.running.wait()
        child.look()
        pauses.append(child.pause)
    assert pauses == [1.0, 2.0, 4.0]


def test_what_must_be_kept_alive_besides_is_tended(monkeypatch):
    monkeypatch.setattr(module, "_TEND_SECONDS", 0.05)
    tended = threading.Event()
    thread, stop = _supervised(_Child("sleeper", "import time; time.sleep(60)"), tend=tended.set)
    assert tended.wait(10)
    stop.set()
    thread.join()


@pytest.fixture
def _own_signals():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_own_signals")
def test_sigterm_sets_the_event():
    stop = module.stop_on_signals()
    os.kill(os.getpid(), signal.SIGTERM)
    assert stop.wait(5)
