"""The embedded EHR of the demo and the tests: sekmet-fhir as a child process on 127.0.0.1.

`start_sandbox` starts it and waits until it answers; `python -m service.sandbox.ehr` is the child itself.
"""

import importlib.util
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import requests

from config.child_environment import child_environment
from service import clock
from service.errors import ConfigurationError
from service.sandbox.mode import INSIDE, Mode

HOST: Final = "127.0.0.1"
#: Nothing is kept on disk: a restarted sandbox is an empty EHR.
IN_MEMORY: Final = ":memory:"
_LOG_NAME: Final = "sandbox-ehr.log"
_ALL: Final = Mode()


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox EHR; leaving the `with` block stops it."""

    base_url: str
    pid: int
    log: Path
    _process: "subprocess.Popen[bytes]" = field(repr=False)

    def stop(self, grace_seconds: float = 5.0) -> None:
        """End the process: asked to first, made to after the grace. Stopping twice is harmless."""
        stop_process(self._process, grace_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_sandbox(
    state_dir: Path,
    *,
    mode: Mode = _ALL,
    port: int = 0,
    database: str = IN_MEMORY,
    clock_file: str = "",
    wait_seconds: float = 30.0,
) -> Sandbox:
    """A sandbox EHR that answers, in this mode; its log is `sandbox-ehr.log` in state_dir.

    port 0 takes a free one; database is a SQLite file, or in memory; clock_file moves its clock
    (service.clock). ConfigurationError says why it did not start:
    not installed, port in use, or the last line of its log.
    """
    if importlib.util.find_spec("sekmet") is None:
        raise ConfigurationError("The sandbox EHR is not installed; run: pip install 'homeward[sandbox]'.")
    state_dir.mkdir(parents=True, exist_ok=True)
    log = state_dir / _LOG_NAME
    with listen(port) as listener, log.open("ab") as output:
        base_url = f"http://{HOST}:{listener.getsockname()[1]}/fhir"
        process = subprocess.Popen(  # noqa: S603  our own module, no input of others
            [
                sys.executable,
                "-m",
                __name__,
                str(listener.fileno()),
                base_url,
                database,
                str(state_dir),
                mode.dumped(),
                clock_file,
            ],
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=child_environment(),
            start_new_session=True,  # Ctrl-C is for whoever started it, who then stops it
        )
    sandbox = Sandbox(base_url, process.pid, log, process)
    try:
        _wait_until_it_answers(sandbox, wait_seconds)
    except BaseException:
        sandbox.stop()
        raise
    return sandbox


def listen(port: int) -> socket.socket:
    """A listening socket, handed to the child, so that no one can take the port in between."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"Port {port} on {HOST} is in use; choose another or 0.") from error
    return listener


def stop_process(process: "subprocess.Popen[bytes]", grace_seconds: float) -> None:
    """SIGTERM, then SIGKILL when the grace is over; returns when the process is gone."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(grace_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_it_answers(sandbox: Sandbox, seconds: float) -> None:
    deadline = clock.machine_seconds() + seconds
    with requests.Session() as session:
        session.trust_env = False  # a proxy would not reach 127.0.0.1
        while clock.machine_seconds() < deadline:
            if sandbox._process.poll() is not None:  # noqa: SLF001  same module
                raise ConfigurationError(f"The sandbox EHR stopped at once: {last_line(sandbox.log)}")
            with suppress(requests.RequestException):
                if session.get(f"{sandbox.base_url}/metadata", headers=INSIDE, timeout=2).ok:
                    return
            clock.sleep(0.05)
    raise ConfigurationError(f"The sandbox EHR did not answer within {seconds:g} s; see {sandbox.log}.")


def last_line(log: Path) -> str:
    """What a child said last, and where to read more."""
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"{lines[-1] if lines else 'it said nothing'} (log: {log})"


if __name__ == "__main__":
    from service.sandbox.ehr_process import main

    main(sys.argv[1:])
