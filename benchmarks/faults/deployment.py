"""A hospital with its EHR, and Homeward beside it: a database of its own and worker processes that may be killed."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

import yaml

from config.child_environment import child_environment
from config.directory_file import load_directory
from config.settings import load_settings
from service.bootstrap import Deps, build_deps
from service.domain.discharge import Action, Trigger
from service.pipeline.intake import intake
from service.sandbox.ehr import last_line, start_sandbox, stop_process
from service.sandbox.hospital import ORGANIZATION, ORGANIZATION_REFERENCE, Hospital
from service.sandbox.mode import Mode
from service.store import embedded, migrations

TENANT: Final = "faults"
WORKERS: Final = 2
CONCURRENCY: Final = 4
#: How long a worker waits for the EHR before the answer is given up: shorter than a request that hangs.
READ_SECONDS: Final = 3.0
_LEASH: Final = ("-m", "service.sandbox.leash", sys.executable)
_GRACE_SECONDS: Final = 40.0


@dataclass
class Deployment:
    """hospital is the EHR from inside; deps is our own look into Homeward's database."""

    hospital: Hospital
    deps: Deps
    environment: dict[str, str]
    log: Path
    workers: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def start_worker(self) -> None:
        """One worker process more."""
        with self.log.open("ab") as output:
            worker = subprocess.Popen(
                [sys.executable, *_LEASH, "-m", "service.cli", "worker"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=child_environment(self.environment),
            )
        self.workers.append(worker)

    def kill_worker(self) -> None:
        """The oldest worker is gone in the middle of whatever it does; another takes its place."""
        victim = self.workers.pop(0)
        victim.kill()
        victim.wait()
        self.start_worker()

    def check(self) -> None:
        """RuntimeError when a worker has stopped by itself: nothing would ever come to its end."""
        if any(worker.poll() is not None for worker in self.workers):
            raise RuntimeError(f"A worker stopped: {last_line(self.log)}")

    def stop_workers(self) -> None:
        """End them, as an operator would."""
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            stop_process(worker, _GRACE_SECONDS)
        self.workers.clear()

    def order(self, encounter: str, order: str) -> UUID:
        """A discharge order for a stay reaches Homeward."""
        trigger = Trigger(TENANT, encounter, Action.PLAN, "rest", order)
        discharge = intake(trigger, self.deps)
        if discharge is None:
            raise RuntimeError("a discharge that was ordered is there")
        return discharge.id


@contextmanager
def deployed(mode: Mode, log: Path) -> Iterator[Deployment]:
    """All of it, with its workers at work; everything is gone afterwards but the log."""
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="homeward-faults-")))
        sandbox = running.enter_context(start_sandbox(folder, mode=mode))
        url = running.enter_context(embedded.throwaway())
        migrations.upgrade(url)
        environment = _environment(folder, sandbox.base_url, url)
        deps = build_deps(load_settings(environment))
        running.callback(deps.store.close)
        deps.store.directory.load(TENANT, load_directory())
        deployment = Deployment(Hospital(sandbox.base_url), deps, environment, log)
        running.callback(deployment.stop_workers)
        for _ in range(WORKERS):
            deployment.start_worker()
        yield deployment


def _environment(folder: Path, fhir_base_url: str, database_url: str) -> dict[str, str]:
    tenant = {
        "id": TENANT,
        "fhir_base_url": fhir_base_url,
        "organization": ORGANIZATION,
        "organization_reference": ORGANIZATION_REFERENCE,
        "read_timeout_seconds": READ_SECONDS,
        "max_connections": 8 * WORKERS,
        "requests_per_second": 20.0 * WORKERS,
    }
    tenants = folder / "tenants.yaml"
    tenants.write_text(yaml.safe_dump({"tenants": [tenant]}), encoding="utf-8")
    return {
        "HOMEWARD_DATABASE_URL": database_url,
        "HOMEWARD_TENANTS_FILE": str(tenants),
        "HOMEWARD_JOB_CONCURRENCY": str(CONCURRENCY),
    }
