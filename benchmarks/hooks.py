"""CDS Hooks under load: gunicorn as in production, twenty callers at once, each with 300 resources prefetched.

Every call with a budget is about a stay that was never heard of: it is read, assessed, taken in and queued; whoever's turn comes
late is told in short that the plan is being prepared, and how many that were is told too. Beside it: callers who pause as
people do, and calls about stays that are known and not planned yet. The ratio is to an empty Flask route that takes the same bodies
under the same gunicorn in the same run, so that it says what Homeward costs on any machine.
"""

import http.client
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import orjson
import yaml

from benchmarks.figures import Figure
from benchmarks.load import PLACE, Answers, Load, by_wrk, drive
from benchmarks.records import Json, record_of
from config.child_environment import child_environment
from config.settings import WEB_THREADS
from fhir_mappings.inbound.references import subject_of
from fhir_mappings.prefetch import FULL
from service.sandbox.homeward_process import free_port
from service.store import embedded, migrations

_RESOURCES = 300
_CALLERS = 20
_SECONDS = 10
_BUDGET_MS = 120.0
_HOOK = "/cds-services/encounter-discharge"
#: What every answer with cards holds, and an empty one does not.
_CARD = '"indicator"'
#: What the answer to a caller holds whose turn came late.
_IN_SHORT = 'is being prepared"'
#: An EHR gives an answer up after about so long.
_LONGEST_MS = 500.0
_PAUSE_SECONDS = 1.0
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
    """p95 of encounter-discharge for stays that are new, and for known ones; and the same against an empty route."""
    body = _body()
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="homeward-bench-")))
        folder.chmod(0o711)
        hooks = running.enter_context(_homeward(folder))
        empty = running.enter_context(_empty(folder))
        _warm(hooks, _HOOK, body)
        _warm(empty, "/", body)
        nothing = drive(empty, Load("/", body, _CALLERS, _SECONDS, "nothing-"))
        asked = Load(_HOOK, body, _CALLERS, _SECONDS, "new-", expected=_CARD, less=_IN_SHORT)
        new = drive(hooks, asked)
        again = drive(hooks, replace(asked, different=_CALLERS))
        people = drive(hooks, replace(asked, name="people-", pause=_PAUSE_SECONDS))
    return [*_of_new_stays(new), *_of_people(people), *_beside_them(again, nothing, new)]


def _of_new_stays(new: Answers) -> Iterator[Figure]:
    driven = (
        "" if by_wrk() else "; wrk is not installed, so this process calls and takes its share of the time"
    )
    what = f"encounter-discharge, {_RESOURCES} prefetched, {_CALLERS} callers, stays never heard of{driven}"
    yield Figure(f"{what}: p95", new.p95, "ms", _BUDGET_MS)
    yield Figure("the same, median", new.median, "ms")
    yield Figure("the same, calls answered in a second", new.each_second, "")
    yield Figure("the same, the longest of all", new.longest, "ms", _LONGEST_MS)
    yield Figure("the same, calls not answered with cards", float(new.wrong), "", 0.0)
    yield Figure("the same, calls told in short that the plan is being prepared", _percent(new), "%")


def _of_people(people: Answers) -> Iterator[Figure]:
    yield Figure(
        "the same callers, about a second between an answer and the next call: p95", people.p95, "ms"
    )
    yield Figure("the same, calls told in short that the plan is being prepared", _percent(people), "%")


def _percent(answers: Answers) -> float:
    return 100 * answers.shorter / answers.calls


def _beside_them(again: Answers, nothing: Answers, new: Answers) -> Iterator[Figure]:
    yield Figure("encounter-discharge, stays known and not planned yet: p95", again.p95, "ms")
    yield Figure("the same, calls not answered with cards", float(again.wrong), "", 0.0)
    yield Figure("an empty route with the same bodies: p95", nothing.p95, "ms")
    yield Figure("encounter-discharge against the empty route, p95", new.p95 / nothing.p95, "times")


@contextmanager
def _homeward(folder: Path) -> Iterator[int]:
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
            yield port


@contextmanager
def _empty(folder: Path) -> Iterator[int]:
    (folder / "empty.py").write_text(_EMPTY, encoding="utf-8")
    port = free_port(0)
    options = [
        "--bind",
        f"127.0.0.1:{port}",
        "--workers",
        "2",
        "--threads",
        str(WEB_THREADS),
        "--log-level",
        "error",
    ]
    command = [sys.executable, "-m", "gunicorn", *options, "--worker-class", "gthread", "empty:application"]
    with _process(command, {}, folder):
        _wait_for(port, "/livez", {200})
        yield port


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


def _warm(port: int, path: str, body: bytes) -> None:
    """Call until every process answers at once."""
    in_a_row = 0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for number in range(1000):
        named = body.replace(PLACE.encode(), f"warm-{number}".encode())
        connection.request("POST", path, named, {"Content-Type": "application/json", "Connection": "close"})
        answer = connection.getresponse()
        answer.read()
        in_a_row = in_a_row + 1 if answer.status == http.client.OK else 0
        if in_a_row == _WARM:
            return
    raise TimeoutError("a server of the benchmark does not answer")


def _body() -> bytes:
    """A call with all resources of the patient prefetched; the stay's name is to be put in its place."""
    resources, stay = record_of(_RESOURCES, datetime.now(UTC).date())
    kind, _, name = stay.partition("/")
    named = f"{kind}/{PLACE}"
    listed = orjson.loads(orjson.dumps(resources).replace(f'"{stay}"'.encode(), f'"{named}"'.encode()))
    encounter = next(one for one in listed if (one["resourceType"], one["id"]) == (kind, name))
    encounter["id"] = PLACE
    context = {
        "userId": "Practitioner/bench",
        "patientId": subject_of(encounter).partition("/")[2],
        "encounterId": PLACE,
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
