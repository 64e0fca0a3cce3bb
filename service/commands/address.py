"""Whether the web server will be able to listen where HOMEWARD_BIND says: one sentence instead of gunicorn's trace."""

import errno
import socket
import tempfile
from pathlib import Path
from typing import Final

from service import clock
from service.errors import ConfigurationError

_UNIX: Final = "unix:"
#: The web server of a service that was killed a moment ago may still be closing.
_PATIENCE_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.2


def check_address(bind: str, *, patience: float = _PATIENCE_SECONDS, setting: str = "HOMEWARD_BIND") -> None:
    """Raises ConfigurationError when nobody can listen at bind (Settings.bind). patience: seconds to wait for its freeing."""
    deadline = clock.machine_seconds() + patience
    while problem := _problem(bind):
        if problem.errno != errno.EADDRINUSE or clock.machine_seconds() > deadline:
            raise ConfigurationError(
                f"Homeward cannot listen at {bind}: {(problem.strerror or 'unknown reason').lower()}. "
                f"Free this address, or set {setting} to another."
            )
        clock.sleep(_PAUSE_SECONDS)


def _problem(bind: str) -> OSError | None:
    try:
        if bind.startswith(_UNIX):
            tempfile.TemporaryFile(dir=Path(bind.removeprefix(_UNIX)).parent).close()
        else:
            _listen(bind)
    except OSError as error:
        return error
    return None


def _listen(bind: str) -> None:
    host, _, port = bind.rpartition(":")
    found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as listener:
        # As gunicorn does: connections of an earlier web server that are still closing are no obstacle.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
