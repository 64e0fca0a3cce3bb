"""An EHR that loses stays for a while, with web, worker and sandbox as processes of their own and a clock that moves."""

from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
import requests

from config.directory_file import load_directory
from config.settings import load_settings
from service import clock
from service.bootstrap import build_deps
from service.domain.discharge import CallOff, DischargeState
from service.domain.watch import Watch, Way
from service.sandbox.ehr import start_sandbox
from service.sandbox.homeward_process import free_port
from service.sandbox.hospital import Hospital
from service.sandbox.inpatients import load_inpatients
from tests.ehr_fixtures import put
from tests.movable_clock import MovableClock
from tests.processes import answers, running, wait_until

_TENANTS = """\
tenants:
  - id: one
    fhir_base_url: {url}
    organization: Example Hospital
    poll_seconds: 60
    requests_per_second: 200
    subscription_secret: file:{secret}
"""
_MANY = 6


@pytest.fixture(scope="module")
def stage(new_database, tmp_path_factory):
    """A hospital with some published plans."""
    folder = tmp_path_factory.mktemp("absence")
    movable = MovableClock(folder)
    with ExitStack() as stack:
        stack.callback(clock.follow, "")
        sandbox = stack.enter_context(start_sandbox(folder, clock_file=str(movable.file)))
        patients = list(load_inpatients(sandbox.base_url, datetime.now(UTC).date()))
        (folder / "secret").write_text("a secret of the sandbox")
        tenants = _TENANTS.format(url=sandbox.base_url, secret=folder / "secret")
        (folder / "tenants.yaml").write_text(tenants)
        environ = {
            "HOMEWARD_DATABASE_URL": new_database("template_for_tests"),
            "HOMEWARD_TENANTS_FILE": str(folder / "tenants.yaml"),
            "HOMEWARD_BIND": f"127.0.0.1:{free_port(0)}",
            "HOMEWARD_OPEN_ACCESS": "on",
            **movable.settings,
        }
        deps = build_deps(load_settings(environ))
        stack.callback(deps.store.close)
        deps.store.directory.load("one", load_directory())
        with deps.store.begin() as unit:
            unit.watches.save(Watch("one", Way.POLL, due=deps.now(), since=deps.now()))
        stack.enter_context(running("serve", environ, folder / "log"))
        address = f"http://{environ['HOMEWARD_BIND']}"
        wait_until(lambda: answers(f"{address}/readyz"), "the start of web and worker")
        hospital = Hospital(sandbox.base_url)
        made = Stage(movable, hospital, patients[:_MANY], deps, address)
        for patient in made.patients:
            hospital.order_discharge(patient, datetime.now(UTC))
        made.advance(minutes=2)
        wait_until(lambda: all(map(made.is_published, made.patients)), "the plans")
        yield made


class Stage:
    def __init__(self, movable, hospital, patients, deps, address):
        self.movable, self.hospital, self.patients, self.deps, self.address = (
            movable,
            hospital,
            patients,
            deps,
            address,
        )

    def known(self, patient):
        return self.deps.store.discharges.of_stay("one", patient.encounter)

    def is_published(self, patient):
        known = self.known(patient)
        return known is not None and known.state is DischargeState.PUBLISHED

    def advance(self, **amount):
        self.movable.advance(database=self.deps.settings.database_url, **amount)

    def look_after(self, **later):
        """Move the clock, and wait until known stays were looked after by then."""
        self.advance(**later)
        asked = self.deps.now()
        with self.deps.store.begin() as unit:
            watch = unit.watches.lock("one")
            unit.watches.save(Watch("one", Way.POLL, due=asked, since=watch.since))
        wait_until(lambda: (self.deps.store.watches.of("one").stays_seen or asked) > asked, "a round")

    def notify(self, resource):
        with requests.Session() as session:
            session.trust_env = False
            url = f"{self.address}/subscriptions/one"
            secret = {"Authorization": "Bearer a secret of the sandbox"}
            assert session.post(url, json=resource, headers=secret, timeout=30).status_code == 204


def _delete(hospital, reference):
    with requests.Session() as session:
        session.trust_env = False
        session.delete(f"{hospital.base_url}/{reference}", timeout=30).raise_for_status()


def test_a_stay_that_is_gone_for_an_hour_takes_its_plan_with_it_and_brings_it_back(stage):
    gone, *others = stage.patients
    kept = stage.hospital.read(gone.encounter)
    _delete(stage.hospital, gone.encounter)
    stage.look_after(hours=1)
    assert all(map(stage.is_published, stage.patients))
    stage.look_after(hours=1)
    wait_until(lambda: stage.known(gone).state is DischargeState.CANCELLED, "taking it back")
    assert stage.known(gone).call_off is CallOff.ABSENCE
    assert {plan["status"] for plan in stage.hospital.care_plans(gone)} <= {"revoked", "entered-in-error"}
    put(stage.hospital.base_url, kept)
    stage.look_after(hours=1)
    wait_until(lambda: stage.is_published(gone), "the plan that comes back")
    assert len(stage.hospital.care_plans(gone)) == 1
    assert all(map(stage.is_published, others))


def test_of_stays_that_are_all_gone_none_is_taken_back(stage):
    kept = [stage.hospital.read(patient.encounter) for patient in stage.patients]
    for patient in stage.patients:
        _delete(stage.hospital, patient.encounter)
    for _ in range(3):
        stage.look_after(hours=1)
    assert all(map(stage.is_published, stage.patients))
    assert [brake.tenant for brake in stage.deps.store.brakes.closed()] == ["one"]
    for stay in kept:
        put(stage.hospital.base_url, stay)
    stage.look_after(hours=1)
    assert stage.deps.store.brakes.closed() == ()
    assert all(map(stage.is_published, stage.patients))


def test_a_late_notification_of_an_order_that_was_revoked_plans_nothing(stage):
    patient = list(load_inpatients(stage.hospital.base_url, datetime.now(UTC).date()))[_MANY]
    order = stage.hospital.read(stage.hospital.order_discharge(patient, datetime.now(UTC)))
    put(stage.hospital.base_url, order, status="revoked")
    stage.notify(order)
    wait_until(lambda: stage.known(patient).state is DischargeState.CANCELLED, "reading the order")
    assert stage.hospital.care_plans(patient) == []
