"""`homeward demo`: a discharge order in a sandbox EHR becomes a plan in that EHR.

Everything runs on this machine, on 127.0.0.1, in a database of its own that is thrown away at the end.
"""

import secrets
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final
from zoneinfo import ZoneInfo

import yaml
from rich.console import Console

from config.directory_file import load_directory
from config.settings import load_settings, settings_of_this_process
from service import clock
from service.bootstrap import Deps, build_deps
from service.domain.decision import WHOLE_PLAN
from service.domain.discharge import Discharge, DischargeState
from service.domain.plan import Plan
from service.errors import ConfigurationError, HomewardError
from service.presentation.table import plan_table
from service.sandbox.chart import WHOLE, ChartEntry
from service.sandbox.ehr import start_sandbox
from service.sandbox.homeward_process import reserved_port, running_homeward
from service.sandbox.hospital import STAYS, Hospital, tenant_of
from service.sandbox.inpatients import Inpatient, load_inpatients
from service.sandbox.mode import FULL, Mode, mode_of
from service.sandbox.run_folder import run_folder
from service.sandbox.scenes import Ward
from service.sandbox.social_worker import SocialWorker
from service.sandbox.verify import Moment
from service.store import embedded

TENANT: Final = "demo"
TIME_ZONE: Final = ZoneInfo("America/Chicago")
_FULL: Final = Mode()
#: Neither vendor's FHIR API has Subscriptions: there the hospital's own interface engine sends the notification.
_TELLER: Final = {False: "The EHR", True: "The hospital's interface engine"}
_WEB_PORT, _EHR_PORT = 8000, 8090
_PLAN_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 2.0
_VERIFIED: Final = {
    Moment.PROPOSED: "Read back from the EHR and verified: nothing in it looks signed, and a person can sign",
    Moment.SIGNED: "Read back from the EHR and verified: what was signed, and all that Homeward says of it",
    Moment.CALLED_OFF: "Read back from the EHR and verified: nothing in it asks for anything any more",
}
_ENDINGS: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


@dataclass(frozen=True, slots=True)
class Stage:
    """The running demo: the EHR with its patients, Homeward beside it, and where a browser finds both."""

    mode: Mode
    hospital: Hospital
    patients: tuple[Inpatient, ...]
    deps: Deps
    homeward_url: str
    console: Console


def run_demo(*, once: bool, ehr: str = FULL) -> int:
    """Play it. With once: 0 when the plan was read back from the EHR and is right, else 1; without: until Ctrl-C.

    BadInput for an EHR that is not known.
    """
    mode = mode_of(ehr)
    console = Console(highlight=False)
    try:
        with _ending_on_signals(), running_stage(console, mode) as stage:
            return _play(stage, once=once)
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130 if once else 0
    except HomewardError as error:
        console.print(f"[bold red]The demo failed:[/] {error}", soft_wrap=True)
        return 1


def _play(stage: Stage, *, once: bool) -> int:
    patient = stage.patients[0]
    stage.console.print(f"  Patient: {patient.story}", soft_wrap=True)
    order = stage.hospital.order_discharge(patient, clock.now().astimezone(TIME_ZONE))
    started = clock.machine_seconds()
    _done(stage.console, f"Discharge ordered in the EHR ({order})")
    discharge, plan = wait_for_plan(stage, patient)
    _done(
        stage.console,
        f"The plan is there, and in the EHR what it takes of it, {clock.machine_seconds() - started:.1f} s after the order",
    )
    stage.console.print(plan_table(plan))
    worker = SocialWorker(stage.homeward_url)
    ward = Ward(stage.hospital, patient, worker, stage.mode.kind, stage.console)
    if not _looks_right(ward, discharge, plan, Moment.PROPOSED):
        return 1
    _print_addresses(stage, patient, discharge)
    if once:
        return int(not _goes_on(stage, ward, discharge, order))
    stage.console.print("\nRunning until Ctrl-C. Sign on the page: the chart is shown again when it changes.")
    _show_changes(ward)
    return 0


def _goes_on(stage: Stage, ward: Ward, discharge: Discharge, order: str) -> bool:
    """Have the plan signed, then the discharge called off; return whether the chart was right each time."""
    ward.worker.sign(discharge.id)
    discharge, plan = wait_for_plan(stage, ward.patient, is_signed=True)
    if not _looks_right(ward, discharge, plan, Moment.SIGNED):
        return False
    stage.hospital.revoke(order)
    discharge, plan = wait_for_plan(stage, ward.patient, is_signed=True, state=DischargeState.CANCELLED)
    return _looks_right(ward, discharge, plan, Moment.CALLED_OFF)


def _looks_right(ward: Ward, discharge: Discharge, plan: Plan, moment: Moment) -> bool:
    """Show the chart, and say whether it holds what it must and what Homeward says of it."""
    ward.show(discharge.id, moment)
    wrong = ward.wrong(discharge.id, plan, moment)
    if wrong:
        ward.console.print("[bold red]The chart is not right:[/]")
        ward.console.print(*(f"  - {sentence}" for sentence in wrong), sep="\n", soft_wrap=True, markup=False)
        return False
    _done(ward.console, _VERIFIED[moment])
    return True


def _show_changes(ward: Ward) -> None:
    """Until Ctrl-C: print the chart again whenever it looks otherwise."""
    before = ward.chart()
    while True:
        clock.sleep(_LOOK_SECONDS)
        now = ward.chart()
        if now != before:
            ward.console.print()
            ward.print_chart()
        before = now


@contextmanager
def running_stage(console: Console, mode: Mode = _FULL, *, home: Path | None = None) -> Iterator[Stage]:
    """Start everything; everything is stopped in the opposite order, however this is left.

    home is the folder of its files; without one it is in the state directory.
    """
    home = home or settings_of_this_process().state_dir.absolute() / "demo"
    with ExitStack() as running:
        run_dir = running.enter_context(run_folder(home))
        with console.status("Starting the sandbox EHR"):
            port = running.enter_context(reserved_port(_EHR_PORT))
            sandbox = running.enter_context(start_sandbox(home, mode=mode, port=port))
            today = clock.now().astimezone(TIME_ZONE).date()
            patients = tuple(load_inpatients(sandbox.base_url, today))
        _done(console, f"Sandbox EHR ({mode}) with {len(patients)} inpatients: {sandbox.base_url}")
        secret = secrets.token_urlsafe(32)
        port = running.enter_context(reserved_port(_WEB_PORT))
        environment = _environment(run_dir, sandbox.base_url, secret, port, mode.vendor)
        log = home / "homeward.log"
        with console.status("Starting Homeward: database, web and worker"):
            deps = running.enter_context(_adapters(environment))
            running.enter_context(running_homeward(environment, log=log))
            count = deps.store.directory.load(TENANT, load_directory())
        url = environment["HOMEWARD_PUBLIC_URL"]
        _done(console, f"Homeward with {count} community services: {url} (log: {log})")
        hospital = Hospital(sandbox.base_url)
        endpoint, teller = f"{url}/subscriptions/{TENANT}", _TELLER[bool(mode.vendor)]
        _done(
            console, f"{teller} tells Homeward of discharge orders ({hospital.subscribe(endpoint, secret)})"
        )
        changes = hospital.subscribe(endpoint, secret, STAYS)
        _done(
            console, f"{teller} tells Homeward when a stay is cancelled, ends or leads elsewhere ({changes})"
        )
        yield Stage(mode, hospital, patients, deps, url, console)


def _environment(run_dir: Path, fhir_base_url: str, secret: str, port: int, vendor: str) -> dict[str, str]:
    """The settings of the demo's Homeward; its one tenant is the sandbox hospital."""
    tenants, secret_file = run_dir / "tenants.yaml", run_dir / "subscription-secret"
    secret_file.touch(mode=0o600)
    secret_file.write_text(secret, encoding="utf-8")
    hospital = tenant_of(
        vendor,
        id=TENANT,
        fhir_base_url=fhir_base_url,
        time_zone=TIME_ZONE.key,
        subscription_secret=f"file:{secret_file}",
        requests_per_second=100,  # the sandbox bears it, and a vendor's rules take dozens of requests for one plan
    )
    tenants.write_text(yaml.safe_dump({"tenants": [hospital]}, sort_keys=False), encoding="utf-8")
    bind = f"127.0.0.1:{port}"
    return {
        "HOMEWARD_STATE_DIR": str(run_dir),
        "HOMEWARD_TENANTS_FILE": str(tenants),
        "HOMEWARD_BIND": bind,
        "HOMEWARD_PUBLIC_URL": f"http://{bind}",
        "HOMEWARD_OPEN_ACCESS": "on",
        "HOMEWARD_WEB_WORKERS": "1",
    }


@contextmanager
def _adapters(environment: dict[str, str]) -> Iterator[Deps]:
    """The demo's own view into Homeward's database; a mistake in the configuration is told here, before the start."""
    settings = load_settings(environment)
    try:
        deps = build_deps(settings)
        yield deps
        deps.store.close()
    finally:
        embedded.remove(settings.state_dir)


def wait_for_plan(
    stage: Stage,
    patient: Inpatient,
    *,
    seconds: float = _PLAN_SECONDS,
    is_signed: bool = False,
    state: DischargeState = DischargeState.PUBLISHED,
) -> tuple[Discharge, Plan]:
    """Until Homeward has its receipts from the EHR, of a signed plan where is_signed; says what it is waiting for meanwhile.

    ConfigurationError when planning failed, or when there is no plan after that many seconds.
    """
    deadline = clock.machine_seconds() + seconds
    with stage.console.status("Waiting for the EHR's notification") as status:
        while clock.machine_seconds() < deadline:
            found = _discharge(stage, patient)
            if found is not None:
                status.update(f"Homeward is at work: {found.state}")
                _check_not_failed(found)
                version = stage.deps.store.plans.latest(found.id)
                if (
                    found.state is state
                    and version
                    and (not is_signed or version.plan.approval_of(WHOLE_PLAN))
                ):
                    return found, version.plan
            clock.sleep(0.1)
    raise ConfigurationError(_what_is_missing(stage, patient, seconds))


def _discharge(stage: Stage, patient: Inpatient) -> Discharge | None:
    latest = stage.deps.store.discharges.latest(TENANT)
    return next((one for one in latest if one.encounter == patient.encounter), None)


def _check_not_failed(discharge: Discharge) -> None:
    if discharge.state is DischargeState.FAILED:
        raise ConfigurationError(f"Homeward could not plan this discharge: {discharge.problem}")


def _what_is_missing(stage: Stage, patient: Inpatient, seconds: float) -> str:
    found = _discharge(stage, patient)
    if found is None:
        return f"No notification of the order reached Homeward within {seconds:g} s; see its log."
    return f"There is no published plan after {seconds:g} s; the discharge is {found.state}. See the log."


def _print_addresses(stage: Stage, patient: Inpatient, discharge: Discharge) -> None:
    rows = {
        **{
            f"{plan.kind} in the EHR": f"{stage.hospital.base_url}/{plan.reference}"
            for plan in _whole_plans(stage.hospital, patient)
        },
        "Page": f"{stage.homeward_url}/discharges/{discharge.id}",
        "API": f"{stage.homeward_url}/api/v1/discharges/{discharge.id}",
        "API docs": f"{stage.homeward_url}/docs",
    }
    for name, url in rows.items():
        stage.console.print(f"  {name + ':':30}{url}", soft_wrap=True)


def _whole_plans(hospital: Hospital, patient: Inpatient) -> tuple[ChartEntry, ...]:
    """What holds the whole plan in the chart, the fullest alone."""
    return hospital.chart(patient).standing(*WHOLE)[:1]


def _done(console: Console, sentence: str) -> None:
    console.print(f"[green]✓[/] {sentence}", soft_wrap=True)


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo the way Ctrl-C does, so that its children are stopped; once is enough."""

    def end(_number: int, _frame: FrameType | None) -> None:
        # Whoever presses Ctrl-C again and again must not interrupt the stopping.
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    # Under nohup the end of the terminal is not ours.
    kept = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else set()
    before = {number: signal.getsignal(number) for number in _ENDINGS - kept}
    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
