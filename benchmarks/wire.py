"""The wire: how many round trips a discharge takes, and what Homeward costs on top of its own HTTP calls.

For each inpatient Homeward reads, plans and writes against one sandbox EHR, with its database; then a bare
`requests.Session` sends the very same calls to a second sandbox EHR that holds the same patients.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit
from uuid import UUID

import requests
import yaml

from benchmarks.figures import Figure
from benchmarks.records import admit
from config.child_environment import child_environment
from config.directory_file import load_directory
from config.settings import load_settings
from service.bootstrap import Deps, build_deps, warm
from service.domain.discharge import Action, DischargeState, Trigger
from service.pipeline.intake import intake
from service.pipeline.run import plan_discharge, publish_discharge
from service.sandbox.ehr import Sandbox, start_sandbox
from service.sandbox.inpatients import Inpatient, load_inpatients
from service.store import embedded, migrations

_TENANT = "bench"
_GATHER_TRIPS = 3.0
_PUBLISH_TRIPS = 1.0
_OVERHEAD = 1.25
#: Sizes of the records of somebody known, and of somebody who has been in hospital for weeks.
_KNOWN, _LONG_KNOWN = 1_000, 5_000
_STAYS = 5


@dataclass(frozen=True, slots=True)
class Timed:
    """One discharge: its HTTP calls, how many of them were reading, and the seconds it took."""

    calls: list[requests.PreparedRequest]
    reading: int
    seconds: float


#: A discharge, and the seconds of its bare calls.
Pair = tuple[Timed, float]


def figures() -> list[Figure]:
    """Round trips of reading and writing, and the ratio of a discharge to its bare HTTP calls."""
    with _hospital() as (deps, sandbox, patients), _second_ehr(sandbox) as other:
        warm(deps)
        first = _discharge(deps, patients[0].encounter)
        _replayed(other, first.calls)
        samples = [_against_bare(deps, other, patient.encounter) for patient in patients[1:]]
        long = {size: _of_size(size, deps, sandbox.base_url, other) for size in (_KNOWN, _LONG_KNOWN)}
    return [
        Figure("round trips to read one stay, /metadata included", float(first.reading), "", _GATHER_TRIPS),
        Figure("round trips to read a further stay", _most(timed.reading for timed, _ in samples), ""),
        Figure(
            "round trips to write a plan",
            _most(len(timed.calls) - timed.reading for timed, _ in samples),
            "",
            _PUBLISH_TRIPS,
        ),
        *_end_to_end("a sample inpatient's", samples),
        *_end_to_end("a 1,000-resource", long[_KNOWN]),
        *_end_to_end("a 5,000-resource", long[_LONG_KNOWN], _OVERHEAD),
    ]


def _end_to_end(whose: str, pairs: list[Pair], budget: float | None = None) -> list[Figure]:
    """What Homeward adds to its own HTTP calls: as a ratio, and in all. Why only one size has a budget: decision 0125."""
    ratio = statistics.median(timed.seconds / bare for timed, bare in pairs)
    added = statistics.median(timed.seconds - bare for timed, bare in pairs)
    return [
        Figure(f"{whose} record from order to receipts, against its bare HTTP calls", ratio, "times", budget),
        Figure(f"{whose} record: Homeward's own part of it", added * 1000, "ms"),
    ]


def _of_size(size: int, deps: Deps, base_url: str, other: str) -> list[Pair]:
    today = datetime.now(UTC).date()
    stays = [admit(url, size, number, today) for number in range(_STAYS) for url in (base_url, other)]
    return [_against_bare(deps, other, stay) for stay in stays[::2]]


def _against_bare(deps: Deps, other: str, encounter: str) -> Pair:
    timed = _discharge(deps, encounter)
    return timed, _replayed(other, timed.calls)


def peak_memory_of_a_worker() -> float:
    """Megabytes that a real worker process held at most, after planning and publishing for all inpatients."""
    with _hospital() as (deps, _, patients):
        asked = [_asked(deps, patient.encounter) for patient in patients]
        worker = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "worker"],
            env=child_environment(_environment(deps)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_until_published(deps, asked)
            return _peak_megabytes(worker.pid)
        finally:
            worker.terminate()
            worker.wait()


@contextmanager
def _hospital() -> Iterator[tuple[Deps, Sandbox, tuple[Inpatient, ...]]]:
    """A sandbox EHR with its inpatients, and Homeward's adapters with a database of their own."""
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="homeward-bench-")))
        folder.chmod(0o711)
        sandbox = running.enter_context(start_sandbox(folder))
        patients = tuple(load_inpatients(sandbox.base_url, datetime.now(UTC).date()))
        tenant = {"id": _TENANT, "fhir_base_url": sandbox.base_url, "organization": "Example Hospital"}
        tenants = folder / "tenants.yaml"
        tenants.write_text(yaml.safe_dump({"tenants": [tenant]}), encoding="utf-8")
        url = running.enter_context(embedded.throwaway())
        migrations.upgrade(url)
        deps = build_deps(
            load_settings({"HOMEWARD_DATABASE_URL": url, "HOMEWARD_TENANTS_FILE": str(tenants)})
        )
        running.callback(deps.store.close)
        deps.store.directory.load(_TENANT, load_directory())
        yield deps, sandbox, patients


@contextmanager
def _second_ehr(first: Sandbox) -> Iterator[str]:
    """The base URL of another sandbox EHR with the same inpatients."""
    with start_sandbox(first.log.parent / "second") as second:
        list(load_inpatients(second.base_url, datetime.now(UTC).date()))
        yield second.base_url


def _environment(deps: Deps) -> dict[str, str]:
    settings = deps.settings
    return {"HOMEWARD_DATABASE_URL": settings.database_url, "HOMEWARD_TENANTS_FILE": settings.tenants_file}


def _asked(deps: Deps, encounter: str) -> UUID:
    discharge = intake(Trigger(_TENANT, encounter, Action.PLAN, "bench"), deps)
    if discharge is None:
        raise RuntimeError("a discharge that was asked for is there")
    return discharge.id


@dataclass
class _Recorder:
    """Keeps every HTTP call that any session sends."""

    calls: list[requests.PreparedRequest] = field(default_factory=list)

    @contextmanager
    def on(self) -> Iterator[None]:
        send = requests.Session.send

        def recorded(
            session: requests.Session, request: requests.PreparedRequest, **options: object
        ) -> requests.Response:
            self.calls.append(request)
            return send(session, request, **options)  # type: ignore[arg-type]  # passed on as it came

        with patch.object(requests.Session, "send", recorded):
            yield


def _discharge(deps: Deps, encounter: str) -> Timed:
    recorder = _Recorder()
    with recorder.on():
        begun = time.perf_counter()
        discharge = _asked(deps, encounter)
        plan_discharge(discharge, deps)
        reading = len(recorder.calls)
        publish_discharge(discharge, deps)
        return Timed(recorder.calls, reading, time.perf_counter() - begun)


def _replayed(base_url: str, calls: list[requests.PreparedRequest]) -> float:
    """Seconds that a bare session takes for the same calls to another EHR."""
    origin = urlsplit(base_url)
    with requests.Session() as session:
        session.trust_env = False
        begun = time.perf_counter()
        for call in calls:
            again = call.copy()
            again.url = urlsplit(str(call.url))._replace(netloc=origin.netloc).geturl()
            session.send(again).raise_for_status()
        return time.perf_counter() - begun


def _most(numbers: Iterator[int]) -> float:
    return float(max(numbers))


def _wait_until_published(deps: Deps, asked: list[UUID], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        states = {deps.store.discharges.get(discharge).state for discharge in asked}
        if states == {DischargeState.PUBLISHED}:
            return
        time.sleep(0.2)
    raise TimeoutError("the worker did not publish all plans")


def _peak_megabytes(pid: int) -> float:
    """VmHWM of a process: the most memory it ever held."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024
