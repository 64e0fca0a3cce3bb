"""The sandbox EHR behind SMART Backend Services: nobody gets in without a token for a registered client."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from config.child_environment import child_environment
from config.keys import SigningKey
from service.sandbox.ehr import HOST, IN_MEMORY, listen, stop_process


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client: its id, its public keys, the scopes it may have.

    Keys of one kind only: sekmet tries each on every assertion, and fails on one of another kind.
    """

    client_id: str
    keys: tuple[SigningKey, ...]
    scopes: str = "system/*.cruds"


@contextmanager
def smart_sandbox(clients: Sequence[Client], folder: Path, *, token_seconds: int = 300) -> Iterator[str]:
    """The FHIR base URL of a sandbox that answers; it is stopped at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    with listen(0) as listener, (folder / "ehr.log").open("ab") as log:
        base_url = f"http://{HOST}:{listener.getsockname()[1]}/fhir"
        registered = {
            "types": ["smart"],
            "token_lifetime": token_seconds,
            "smart_clients": [
                {
                    "client_id": client.client_id,
                    "jwks": {"keys": [key.public() for key in client.keys]},
                    "scopes": client.scopes,
                }
                for client in clients
            ],
        }
        process = subprocess.Popen(
            [sys.executable, __file__, str(listener.fileno()), base_url, str(folder), json.dumps(registered)],
            pass_fds=[listener.fileno()],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=child_environment() | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
    try:
        _wait_until_it_answers(base_url, process)
        yield base_url
    finally:
        stop_process(process, 5.0)


def _wait_until_it_answers(base_url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(requests.RequestException):
            if requests.get(f"{base_url}/.well-known/smart-configuration", timeout=2).ok:
                return
        time.sleep(0.05)
    raise AssertionError("the sandbox behind SMART did not start; see its log")


def _serve(descriptor: str, base_url: str, folder: str, registered: str) -> None:
    import uvicorn  # noqa: PLC0415  only the child needs them
    from sekmet.config import Settings  # noqa: PLC0415
    from sekmet.main import create_app  # noqa: PLC0415

    from service.sandbox.ehr_process import add_missing_searches  # noqa: PLC0415
    from service.sandbox.leash import die_with_parent  # noqa: PLC0415

    die_with_parent()
    add_missing_searches()
    given: dict[str, Any] = {
        "base_url": base_url,
        "host": HOST,
        "db_path": IN_MEMORY,
        "data_dir": folder,
        "simulator": {"enabled": False, "auto": []},
        "log_inbound": False,
        "server_auth": json.loads(registered),
    }
    application = create_app(Settings.model_validate(given))
    server = uvicorn.Server(uvicorn.Config(application, log_level="warning", access_log=False))
    server.run(sockets=[socket.socket(fileno=int(descriptor))])


if __name__ == "__main__":
    _serve(*sys.argv[1:])
