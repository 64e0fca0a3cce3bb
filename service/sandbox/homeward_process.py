"""Homeward itself as a child of the demo: one `homeward serve`, its settings in the environment, its log in a file."""

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import requests

from config.child_environment import child_environment
from service import clock
from service.errors import ConfigurationError
from service.sandbox.ehr import last_line, listen, stop_process

_COMMAND: Final = ("-m", "service.sandbox.leash", sys.executable, "-m", "service.cli", "serve")
#: Longer than `serve` gives its own children.
_GRACE_SECONDS: Final = 40.0


def free_port(preferred: int) -> int:
    """The preferred port if nobody listens there, else one that is free now."""
    for port in (preferred, 0):
        with suppress(ConfigurationError), listen(port) as listener:
            found: int = listener.getsockname()[1]
            return found
    raise ConfigurationError("No port is free on 127.0.0.1.")


@contextmanager
def reserved_port(preferred: int) -> Iterator[int]:
    """The same, and no other demo on this machine is given the preferred one while the block lasts.

    Seconds pass before the server listens that the port is for; a demo that starts meanwhile would speak to it.
    """
    with socket.socket(socket.AF_UNIX) as mark:
        try:
            # A name without a file, which goes with its process. Only Linux has such; elsewhere any port will do.
            mark.bind(f"\0homeward-demo-{preferred}")
        except OSError:
            yield free_port(0)
        else:
            yield free_port(preferred)


@contextmanager
def running_homeward(settings: Mapping[str, str], *, log: Path, wait_seconds: float = 90.0) -> Iterator[None]:
    """Homeward while it runs, ready for work; everything it started is stopped on the way out.

    ConfigurationError with the last line of its log when it does not become ready.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  our own command line
            [sys.executable, *_COMMAND],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=child_environment(settings),
            start_new_session=True,  # Ctrl-C is for the demo, which then stops its children in order
        )
    try:
        _wait_until_ready(process, settings["HOMEWARD_PUBLIC_URL"], log, wait_seconds)
        yield
    finally:
        stop_process(process, _GRACE_SECONDS)


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path, seconds: float) -> None:
    deadline = clock.machine_seconds() + seconds
    missing = "it does not answer"
    with requests.Session() as session:
        session.trust_env = False
        while clock.machine_seconds() < deadline:
            if process.poll() is not None:
                raise ConfigurationError(f"Homeward stopped at once: {last_line(log)}")
            with suppress(requests.RequestException):
                answer = session.get(f"{url}/readyz", timeout=5)
                if answer.ok:
                    return
                checks = answer.json()["checks"]
                missing = "; ".join(f"{name}: {said}" for name, said in checks.items() if said != "ok")
            clock.sleep(0.25)
    raise ConfigurationError(f"Homeward was not ready within {seconds:g} s ({missing}); see {log}.")
