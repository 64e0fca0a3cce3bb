"""Discharges through real workers into a real FHIR server: killed, repeated, cancelled; counted by reading the EHR."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from config.directory_file import load_directory
from config.settings import load_settings
from service.bootstrap import Deps, build_deps
from service.domain.discharge import Action, DischargeState, Trigger
from service.pipeline.intake import intake
from service.sandbox.ehr import Sandbox
from service.sandbox.hospital import Hospital
from service.sandbox.inpatients import Inpatient, load_inpatients
from tests.processes import running, wait_until

_TENANTS = """\
tenants:
  - id: one
    fhir_base_url: {url}
    organization: Example Hospital
"""


@dataclass
class Stage:
    """A hospital with patients, Homeward's deployment beside it, and its workers."""

    hospital: Hospital
    patients: tuple[Inpatient, ...]
    deps: Deps
    environ: dict[str, str]
    log: Path
    workers: ExitStack

    def start_worker(self):
        return self.workers.enter_context(running("worker", self.environ, self.log))

    def ask(self, patient: Inpatient, order: str = "", action: Action = Action.PLAN) -> UUID:
        discharge = intake(Trigger("one", patient.encounter, action, "rest", order), self.deps)
        assert discharge is not None
        return discharge.id

    def state(self, discharge: UUID) -> DischargeState:
        return self.deps.store.discharges.get(discharge).state

    def statuses(self, patient: Inpatient) -> list[str]:
        ours = [plan for plan in self.hospital.care_plans(patient) if "identifier" in plan]
        return [plan["status"] for plan in ours]

    def wait_for(self, discharge: UUID, state: DischargeState) -> None:
        wait_until(lambda: self.state(discharge) is state, f"the state {state}")


@pytest.fixture
def stage(empty_sandbox: Sandbox, new_database, tmp_path: Path) -> Iterator[Stage]:
    patients = tuple(load_inpatients(empty_sandbox.base_url, datetime.now(UTC).date()))
    (tmp_path / "tenants.yaml").write_text(_TENANTS.format(url=empty_sandbox.base_url))
    environ = {
        "HOMEWARD_DATABASE_URL": new_database("template_for_tests"),
        "HOMEWARD_TENANTS_FILE": str(tmp_path / "tenants.yaml"),
        "HOMEWARD_JOB_CONCURRENCY": "2",
    }
    deps = build_deps(load_settings(environ))
    deps.store.directory.load("one", load_directory())
    with ExitStack() as workers:
        yield Stage(Hospital(empty_sandbox.base_url), patients, deps, environ, tmp_path / "log", workers)
    deps.ehr("one").close()
    deps.store.close()


def test_a_worker_killed_in_the_middle_loses_nothing_and_doubles_nothing(stage):
    victim, _ = stage.start_worker(), stage.start_worker()
    wait_until(lambda: stage.deps.jobs.workers_alive() == 2, "the start of both workers")
    discharges = [stage.ask(patient) for patient in stage.patients]
    wait_until(lambda: stage.state(discharges[0]) is not DischargeState.RECEIVED, "the first plan", 30)
    victim.kill()
    finished = lambda: all(stage.state(one) is DischargeState.PUBLISHED for one in discharges)  # noqa: E731
    wait_until(finished, "publishing all plans", 60)
    assert [len(stage.statuses(patient)) for patient in stage.patients] == [1] * len(stage.patients)


def test_the_same_order_ten_times_is_one_plan_in_the_ehr(stage):
    stage.start_worker()
    patient = stage.patients[0]
    discharges = {stage.ask(patient, "ServiceRequest/order-1") for _ in range(10)}
    [discharge] = discharges
    stage.wait_for(discharge, DischargeState.PUBLISHED)
    stage.ask(patient, "ServiceRequest/order-1")
    assert stage.statuses(patient) == ["draft"]


def test_a_cancelled_discharge_is_withdrawn_and_a_new_order_brings_it_back(stage):
    stage.start_worker()
    patient = stage.patients[0]
    discharge = stage.ask(patient, "ServiceRequest/order-1")
    stage.wait_for(discharge, DischargeState.PUBLISHED)
    stage.ask(patient, action=Action.CANCEL)
    stage.wait_for(discharge, DischargeState.CANCELLED)
    assert stage.statuses(patient) == ["revoked"]
    assert stage.ask(patient, "ServiceRequest/order-2") == discharge
    stage.wait_for(discharge, DischargeState.PUBLISHED)
    assert stage.statuses(patient) == ["draft"]


def test_planning_anew_writes_nothing_that_has_not_changed(stage):
    stage.start_worker()
    patient = stage.patients[0]
    discharge = stage.ask(patient, "ServiceRequest/order-1")
    stage.wait_for(discharge, DischargeState.PUBLISHED)
    [before] = stage.hospital.care_plans(patient)
    stage.ask(patient, "ServiceRequest/order-2")
    wait_until(
        lambda: (
            stage.state(discharge) is DischargeState.PUBLISHED
            and stage.deps.store.discharges.get(discharge).round == 2
        ),
        "publishing again",
    )
    [after] = stage.hospital.care_plans(patient)
    assert after["meta"]["versionId"] == before["meta"]["versionId"]
