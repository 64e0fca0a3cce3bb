"""CDS Hooks under load: gunicorn as in production, twenty callers at once, each with 300 resources prefetched.

The ratio is to an empty Flask route that takes the same bodies under the same gunicorn in the same run, so that it says
what Homeward costs on any machine. A thread for each caller keeps one connection open.
"""

import http.client
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import orjson
import yaml

from benchmarks.figures import Figure
from benchmarks.records import Json, record_of
from config.child_environment import child_environment
from fhir_mappings.inbound.references import reference_of, subject_of
from fhir_mappings.prefetch import FULL
from service.sandbox.homeward_process import free_port
from service.store import embedded, migrations

_RESOURCES = 300
_CALLERS = 20
_CALLS = 30
_BUDGET_MS = 120.0
_HOOK = "/cds-services/encounter-discharge"
#: So many answers in a row, and both processes have built what they work with.
_WARM = 40
_EMPTY = """
import flask
application = flask.Flask("empty")
@application.post("/")
def empty():
    flask.request.get_data()
    return {}
@application.get("/livez")
def alive():
    return {}
"""


def figures() -> list[Figure]:
    """p95 of encounter-discharge while no plan is there yet, and the same against an empty route."""
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="homeward-bench-")))
        folder.chmod(0o711)
        hooks = running.enter_context(_homeward(folder))
        empty = running.enter_context(_empty(folder))
        bodies = [_body(number) for number in range(_CALLERS)]
        _warm(hooks, _HOOK, bodies)
        _warm(empty, "/", bodies)
        nothing, _ = _load(empty, "/", bodies)
        hook, refused = _load(hooks, _HOOK, bodies)
    return [
        Figure("encounter-discharge: calls not answered with cards", float(refused), "", 0.0),
        Figure("encounter-discharge, 300 prefetched, 20 callers: p95", _p95(hook), "ms", _BUDGET_MS),
        Figure("the same, median", statistics.median(hook), "ms"),
        Figure("an empty route with the same bodies: p95", _p95(nothing), "ms"),
        Figure("encounter-discharge against the empty route, p95", _p95(hook) / _p95(nothing), "times"),
    ]


@dataclass(frozen=True, slots=True)
class _Server:
    port: int


@contextmanager
def _homeward(folder: Path) -> Iterator[_Server]:
    """`homeward web` with two processes and a database, its EHR away: everything comes from the prefetch."""
    tenants = folder / "tenants.yaml"
    tenant = {"id": "bench", "fhir_base_url": "http://127.0.0.1:9/fhir", "organization": "Example Hospital"}
    tenants.write_text(yaml.safe_dump({"tenants": [tenant]}), encoding="utf-8")
    port = free_port(0)
    with embedded.throwaway() as url:
        migrations.upgrade(url)
        settings = {
            "HOMEWARD_DATABASE_URL": url,
            "HOMEWARD_TENANTS_FILE": str(tenants),
            "HOMEWARD_OPEN_ACCESS": "on",
            "HOMEWARD_BIND": f"127.0.0.1:{port}",
            "HOMEWARD_LOG_LEVEL": "warning",
        }
        with _process([sys.executable, "-m", "service.cli", "web"], settings, Path.cwd()):
            _wait_for(port, "/readyz", {200, 503})
            yield _Server(port)


@contextmanager
def _empty(folder: Path) -> Iterator[_Server]:
    (folder / "empty.py").write_text(_EMPTY, encoding="utf-8")
    port = free_port(0)
    options = ["--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "8", "--log-level", "error"]
    command = [sys.executable, "-m", "gunicorn", *options, "--worker-class", "gthread", "empty:application"]
    with _process(command, {}, folder):
        _wait_for(port, "/livez", {200})
        yield _Server(port)


@contextmanager
def _process(command: Sequence[str], settings: dict[str, str], folder: Path) -> Iterator[None]:
    process = subprocess.Popen(
        command,
        env=child_environment(settings),
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, path: str, statuses: set[int], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            if connection.getresponse().status in statuses:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise TimeoutError("a server of the benchmark did not start")


def _warm(server: _Server, path: str, bodies: Sequence[bytes]) -> None:
    """Call until every process answers at once."""
    in_a_row = 0
    for number in range(1000):
        [(_, status)] = _calls(server, path, bodies[number % len(bodies)], 1)
        in_a_row = in_a_row + 1 if status == http.client.OK else 0
        if in_a_row == _WARM:
            return
    raise TimeoutError("a server of the benchmark does not answer")


def _load(server: _Server, path: str, bodies: Sequence[bytes]) -> tuple[list[float], int]:
    """Milliseconds of every call, all callers beginning at once, and how many were not answered with 200."""
    together = threading.Barrier(len(bodies))

    def caller(body: bytes) -> list[tuple[float, int]]:
        together.wait()
        return _calls(server, path, body, _CALLS)

    with ThreadPoolExecutor(len(bodies)) as callers:
        made = [each for one in callers.map(caller, bodies) for each in one]
    return [spent for spent, _ in made], sum(status != http.client.OK for _, status in made)


def _calls(server: _Server, path: str, body: bytes, number: int) -> list[tuple[float, int]]:
    """Milliseconds and status of calls one after the other on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    made = []
    for _ in range(number):
        begun = time.perf_counter()
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        made.append(((time.perf_counter() - begun) * 1000, answer.status))
    connection.close()
    return made


def _p95(spent: Sequence[float]) -> float:
    return statistics.quantiles(spent, n=20)[-1]


def _body(number: int) -> bytes:
    """A call about a stay of its own for each caller, with all resources of the patient prefetched."""
    resources, stay = record_of(_RESOURCES)
    named = f"{stay}-{number}"
    listed = orjson.loads(orjson.dumps(resources).replace(f'"{stay}"'.encode(), f'"{named}"'.encode()))
    kind, _, identity = stay.partition("/")
    for one in listed:
        if (one["resourceType"], one["id"]) == (kind, identity):
            one["id"] = named.partition("/")[2]
    encounter = next(one for one in listed if reference_of(one) == named)
    context = {
        "userId": "Practitioner/bench",
        "patientId": subject_of(encounter).partition("/")[2],
        "encounterId": encounter["id"],
    }
    return orjson.dumps(
        {
            "hook": "encounter-discharge",
            "hookInstance": str(uuid4()),
            "context": context,
            "prefetch": _prefetch(listed, encounter),
        }
    )


def _prefetch(resources: Sequence[Json], encounter: Json) -> Json:
    """Each resource once, under the first template of its type."""
    answers: Json = {"encounter": encounter}
    for key, template in FULL.items():
        if "?" in template:
            kind = template.partition("?")[0]
            known = any(FULL[other].partition("?")[0] == kind for other in answers if "?" in FULL[other])
            own = (
                []
                if known
                else [one for one in resources if one["resourceType"] == kind and one is not encounter]
            )
            answers[key] = {
                "resourceType": "Bundle",
                "type": "searchset",
                "entry": [{"resource": one} for one in own],
            }
    answers["patient"] = next(one for one in resources if one["resourceType"] == "Patient")
    return answers
