"""A hospital with its EHR, and Homeward beside it: web, workers and a database of its own, by a clock that is moved."""

import hashlib
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests
import yaml

from config.child_environment import child_environment
from config.directory_file import load_directory
from config.settings import load_settings
from service import clock
from service.bootstrap import Deps, build_deps
from service.domain.watch import Watch, Way
from service.sandbox.ehr import last_line, start_sandbox, stop_process
from service.sandbox.flaky import CONTROL
from service.sandbox.homeward_process import free_port
from service.sandbox.hospital import STAYS, Hospital, tenant_of
from service.sandbox.mode import INSIDE, Mode
from service.sandbox.spells import Spell
from service.store import embedded, migrations
from tests.movable_clock import MovableClock

TENANT: Final = "faults"
#: The social worker who decides, as Homeward names her.
PERSON: Final = "Dana Example"
KEY: Final = "faults-key-of-dana"
CONCURRENCY: Final = 4
#: How long a worker waits for the EHR before the answer is given up: shorter than a request that hangs, longer than a slow one.
READ_SECONDS: Final = 3.0
_LEASH: Final = ("-m", "service.sandbox.leash", sys.executable)
_GRACE_SECONDS: Final = 40.0
_START_SECONDS: Final = 60.0


@dataclass
class Deployment:
    """hospital is the EHR from inside; deps is our own look into Homeward's database."""

    hospital: Hospital
    deps: Deps
    environment: dict[str, str]
    clock: MovableClock
    log: Path
    processes: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where Homeward's web answers."""
        return self.environment["HOMEWARD_PUBLIC_URL"]

    def start(self, name: str) -> None:
        """One process of Homeward: "web", "worker", or another worker."""
        with self.log.open("ab") as output:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *_LEASH, "-m", "service.cli", name.partition("-")[0]],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=child_environment(self.environment),
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """It is gone in the middle of whatever it does (kill -9), and another takes its place."""
        victim = self.processes.pop(name)
        victim.kill()
        victim.wait()
        self.start(name)

    def check(self) -> None:
        """RuntimeError when a process has stopped by itself: nothing would ever come to its end."""
        stopped = [name for name, process in self.processes.items() if process.poll() is not None]
        if stopped:
            raise RuntimeError(f"{', '.join(stopped)} stopped: {last_line(self.log)}")

    def stop(self) -> None:
        """End them, as an operator would."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            stop_process(process, _GRACE_SECONDS)
        self.processes.clear()

    def cast(self, spells: Iterable[Spell] = (), *, flaky: bool) -> None:
        """From now on these spells are on and no others; flaky says whether single requests go wrong too."""
        with requests.Session() as session:
            session.trust_env = False
            body: dict[str, Any] = {"spells": [spell.dumped() for spell in spells], "flaky": flaky}
            url = f"{self.hospital.base_url}/{CONTROL}"
            session.put(url, json=body, headers=dict(INSIDE), timeout=30).raise_for_status()

    def wait_until_ready(self) -> None:
        """Until the web answers; RuntimeError when it does not."""
        deadline = clock.machine_seconds() + _START_SECONDS
        with requests.Session() as session:
            session.trust_env = False
            while clock.machine_seconds() < deadline:
                self.check()
                try:
                    session.get(f"{self.url}/livez", timeout=2)
                except requests.RequestException:
                    clock.sleep(0.1)
                else:
                    return
        raise RuntimeError(f"The web did not answer: {last_line(self.log)}")


@contextmanager
def deployed(mode: Mode, log: Path, database: str = "") -> Iterator[Deployment]:
    """All of it at work, with no fault yet; everything is gone afterwards but the log. database is a migrated one, else one is made."""
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="homeward-faults-")))
        movable = MovableClock(folder)
        sandbox = running.enter_context(start_sandbox(folder, mode=mode, clock_file=str(movable.file)))
        if not database:
            database = running.enter_context(embedded.throwaway())
            migrations.upgrade(database)
        secret = secrets.token_urlsafe(32)
        environment = {
            **_environment(folder, sandbox.base_url, database, secret, mode.vendor),
            **movable.settings,
        }
        deps = build_deps(load_settings(environment))
        running.callback(clock.follow, "")
        running.callback(deps.store.close)
        deps.store.directory.load(TENANT, load_directory())
        with deps.store.begin() as unit:
            # Notifications get lost with the web that is killed: rounds make up for them, and look after known stays.
            unit.watches.save(Watch(TENANT, Way.POLL, due=deps.now(), since=deps.now()))
        deployment = Deployment(Hospital(sandbox.base_url), deps, environment, movable, log)
        running.callback(deployment.stop)
        deployment.cast(flaky=False)
        for name in ("web", "worker-1", "worker-2"):
            deployment.start(name)
        deployment.wait_until_ready()
        endpoint = f"{deployment.url}/subscriptions/{TENANT}"
        deployment.hospital.subscribe(endpoint, secret)
        deployment.hospital.subscribe(endpoint, secret, STAYS)
        yield deployment


def _environment(
    folder: Path, fhir_base_url: str, database_url: str, secret: str, vendor: str
) -> dict[str, str]:
    secret_file = folder / "subscription-secret"
    secret_file.touch(mode=0o600)
    secret_file.write_text(secret, encoding="utf-8")
    tenant = tenant_of(
        vendor,
        id=TENANT,
        fhir_base_url=fhir_base_url,
        subscription_secret=f"file:{secret_file}",
        read_timeout_seconds=READ_SECONDS,
        max_connections=16,
        requests_per_second=100.0,
    )
    tenants = folder / "tenants.yaml"
    tenants.write_text(yaml.safe_dump({"tenants": [tenant]}), encoding="utf-8")
    bind = f"127.0.0.1:{free_port(0)}"
    return {
        "HOMEWARD_DATABASE_URL": database_url,
        "HOMEWARD_TENANTS_FILE": str(tenants),
        "HOMEWARD_API_KEYS_FILE": str(_keys(folder)),
        "HOMEWARD_JOB_CONCURRENCY": str(CONCURRENCY),
        "HOMEWARD_BIND": bind,
        "HOMEWARD_PUBLIC_URL": f"http://{bind}",
        "HOMEWARD_WEB_WORKERS": "1",
    }


def _keys(folder: Path) -> Path:
    dana = {
        "name": "dana",
        "sha256": hashlib.sha256(KEY.encode()).hexdigest(),
        "scopes": ["plans:read", "plans:approve", "discharges:write"],
        "tenants": [TENANT],
        "role": "social-worker",
        "person": PERSON,
    }
    path = folder / "api-keys.yaml"
    path.write_text(yaml.safe_dump({"keys": [dana]}), encoding="utf-8")
    return path
