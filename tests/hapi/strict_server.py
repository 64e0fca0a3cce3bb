"""HAPI FHIR as a strict EHR, from `server/`: compiled once for each state of its sources, started on a free port.

Needs Java 17 and Maven 3.8; the first build fetches some 290 MB of jars from Maven Central.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

import requests

from service.sandbox.ehr import last_line, stop_process
from service.sandbox.homeward_process import free_port

HERE: Final = Path(__file__).parent
SOURCES: Final = HERE / "server"
GUIDES: Final = tuple(sorted((HERE / "ig").glob("*.tgz")))
_CACHE: Final = Path.home() / ".cache" / "homeward" / "strict-server"
_START_SECONDS: Final = 300.0


@contextmanager
def strict_server(log: Path) -> Iterator[str]:
    """The FHIR base URL of a server that answers; it is stopped on the way out."""
    built = build()
    port = free_port(0)
    command = [_tool("java"), "-Xmx2g", "-cp", f"{built / 'classes'}:{(built / 'classpath').read_text()}"]
    arguments = ["homeward.StrictServer", str(port), *map(str, GUIDES)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.sandbox.leash", *command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        url = f"http://127.0.0.1:{port}/fhir"
        _wait_until_it_answers(process, url, log)
        yield url
    finally:
        stop_process(process, 10.0)


def build() -> Path:
    """The folder with the classes and the list of jars; compiled by Maven where it is not there yet."""
    folder = _CACHE / _state_of_the_sources()
    if not (folder / "classpath").exists():
        folder.mkdir(parents=True, exist_ok=True)
        jars = folder / "classpath.part"
        goals = ["compile", "dependency:build-classpath", f"-Dmdep.outputFile={jars}"]
        options = [
            "-q",
            "-B",
            "-f",
            str(SOURCES / "pom.xml"),
            f"-Dout={folder}",
            "-Dmdep.includeScope=runtime",
        ]
        subprocess.run([_tool("mvn"), *options, *goals], check=True)
        jars.rename(folder / "classpath")
    return folder


def _state_of_the_sources() -> str:
    files = sorted(file for file in SOURCES.rglob("*") if file.is_file())
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is missing; these tests need Java 17 or newer and Maven")
    return found


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with requests.Session() as session:
        session.trust_env = False
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"HAPI stopped at once: {last_line(log)}")
            with suppress(requests.RequestException):
                if session.get(f"{url}/metadata", timeout=30).ok:
                    return
            time.sleep(0.5)
    raise TimeoutError(f"HAPI did not answer within {_START_SECONDS:g} s; see {log}")
