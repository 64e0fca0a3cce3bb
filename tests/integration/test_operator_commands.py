"""What an operator does by hand about jobs and discharges, on a real database and with a real worker."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from click.testing import CliRunner

from service.cli import main
from service.domain.audit import AuditEntry, Event
from service.domain.discharge import Discharge, DischargeState
from service.domain.publication import Draft, WriteState
from service.errors import EhrRefused, EhrUnavailable
from service.jobs import Errand, Jobs, Steps, Task
from service.store import Store
from tests.marks import mark

AT = datetime(2024, 3, 5, 8, 0, tzinfo=UTC)
MARK = "Zelda-Testperson"
Run = Callable[..., tuple[int, Any, str]]


@dataclass
class Bench:
    """A store, its queue, and steps that fail as they are told to."""

    store: Store
    url: str
    failures: dict[str, Exception] = field(default_factory=dict)
    ran: list[tuple[str, str]] = field(default_factory=list)

    @property
    def jobs(self) -> Jobs:
        return Jobs(self.url, self.steps)

    def steps(self) -> Steps:
        return Steps(
            plan=lambda discharge: self._step("plan", discharge),
            publish=lambda discharge: self._step("publish", discharge),
            withdraw=lambda discharge: self._step("withdraw", discharge),
            give_up=self._give_up,
            errand=lambda errand, tenant, _reference: self._step(errand.value, tenant),
        )

    def work(self) -> None:
        self.jobs.work(until_idle=True)

    def discharge(self, state: DischargeState = DischargeState.RECEIVED, *, tenant: str = "demo") -> UUID:
        made = Discharge(uuid4(), tenant, f"Encounter/{uuid4()}", "ServiceRequest/o1", state, 1, AT, AT)
        self.store.discharges.add(made)
        return made.id

    def queued(self, task: Task, state: DischargeState, *, tenant: str = "demo") -> UUID:
        discharge = self.discharge(state, tenant=tenant)
        with self.store.begin() as unit:
            self.jobs.defer(task, discharge, unit)
        return discharge

    def failed(self, task: Task, state: DischargeState, *, tenant: str = "demo") -> UUID:
        """A discharge whose step was given up by a worker."""
        discharge = self.queued(task, state, tenant=tenant)
        self.failures[task.value] = KeyError(MARK)
        self.work()
        self.failures.clear()
        return discharge

    def state(self, discharge: UUID) -> DischargeState:
        return self.store.discharges.get(discharge).state

    def waiting_jobs(self) -> list[tuple[str, str]]:
        with psycopg.connect(self.url) as connection:
            query = "SELECT task_name, args ->> 'discharge' FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id"
            return list(connection.execute(query).fetchall())

    def _step(self, name: str, whose: object) -> None:
        self.ran.append((name, str(whose)))
        if name in self.failures:
            raise self.failures[name]

    def _give_up(self, discharge: UUID, task: Task, problem: str) -> None:
        with self.store.begin() as unit:
            known = unit.discharges.lock(discharge).failed(problem, AT)
            unit.discharges.save(known)
            told = AuditEntry(AT, known.tenant, task.value, Event.FAILED, known.id)
            unit.audit.record(told)


@pytest.fixture
def bench(store: Store, database_url: str) -> Bench:
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, discharges, job_faults CASCADE")
    return Bench(store, database_url)


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Run:
    tenants = tmp_path / "tenants.yaml"
    tenants.write_text(
        "tenants:\n"
        "  - {id: demo, fhir_base_url: http://127.0.0.1:9/fhir, organization: Example Hospital}\n"
        "  - {id: other, fhir_base_url: http://127.0.0.1:9/other, organization: Other Hospital}\n"
    )
    settings = {"HOMEWARD_DATABASE_URL": database_url, "HOMEWARD_TENANTS_FILE": str(tenants)}

    def homeward(*arguments: object) -> tuple[int, Any, str]:
        asked = [str(argument) for argument in arguments]
        shown = CliRunner(env=settings).invoke(main, [*asked, "--format", "json"], prog_name="homeward")
        assert MARK not in shown.output
        return shown.exit_code, json.loads(shown.stdout) if shown.stdout else None, shown.stderr

    return homeward


def _jobs(run: Run, *arguments: object) -> list[dict[str, Any]]:
    return list(run("jobs", "list", *arguments)[1]["jobs"])


def _states(run: Run) -> dict[str, str]:
    return {job["discharge"]: job["state"] for job in _jobs(run)}


def test_each_job_is_listed_with_its_state_tries_and_the_class_of_its_error(bench: Bench, run: Run):
    failed = bench.failed(Task.PLAN, DischargeState.RECEIVED)
    bench.failures["publish"] = EhrUnavailable(MARK, retry_after=600)
    waits = bench.queued(Task.PUBLISH, DischargeState.PLANNED)
    bench.work()
    due = bench.queued(Task.PLAN, DischargeState.RECEIVED, tenant="other")
    listed = {job["discharge"]: job for job in _jobs(run)}
    assert {str(failed): "failed", str(waits): "waiting", str(due): "due"} == {
        discharge: job["state"] for discharge, job in listed.items()
    }
    assert (listed[str(failed)]["error"], listed[str(failed)]["attempts"]) == ("KeyError", 1)
    assert (listed[str(waits)]["error"], listed[str(waits)]["step"]) == ("EhrUnavailable", "publish")
    assert listed[str(waits)]["next_try"] > listed[str(waits)]["queued"]
    assert (listed[str(due)]["error"], listed[str(due)]["tenant"]) == (None, "other")


def test_the_list_is_narrowed_by_state_hospital_and_discharge(bench: Bench, run: Run):
    failed = bench.failed(Task.PLAN, DischargeState.RECEIVED)
    due = bench.queued(Task.PLAN, DischargeState.RECEIVED, tenant="other")
    assert [job["discharge"] for job in _jobs(run, "--state", "failed")] == [str(failed)]
    assert [job["discharge"] for job in _jobs(run, "--tenant", "other")] == [str(due)]
    assert [job["discharge"] for job in _jobs(run, "--discharge", due)] == [str(due)]
    code, document, _errors = run("jobs", "list", "--limit", "1")
    assert (code, len(document["jobs"]), document["more"]) == (0, 1, True)


def test_of_an_errand_the_type_of_its_resource_is_shown_and_not_its_id(bench: Bench, run: Run):
    with bench.store.begin() as unit:
        bench.jobs.send(Errand.LOOK, "demo", f"Encounter/{MARK}", unit)
    [job] = _jobs(run)
    assert (job["step"], job["resource_type"], job["discharge"]) == ("look", "Encounter", None)


def test_a_job_whose_worker_is_gone_is_told_from_one_that_runs(bench: Bench, run: Run):
    discharge = bench.queued(Task.PLAN, DischargeState.RECEIVED)
    with psycopg.connect(bench.url) as connection:
        connection.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')"
        )
        connection.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers)"
        )
    assert _states(run) == {str(discharge): "lost"}
    with psycopg.connect(bench.url) as connection:
        connection.execute("UPDATE procrastinate_workers SET last_heartbeat = now()")
    assert _states(run) == {str(discharge): "running"}
    [job] = _jobs(run)
    assert run("jobs", "cancel", job["job"])[0] == 1
    assert run("jobs", "retry", job["job"])[1]["jobs"][0]["outcome"] == "running"
    with psycopg.connect(bench.url) as connection:
        connection.execute("DELETE FROM procrastinate_workers")


def test_one_job_is_shown_with_its_discharge_and_what_can_be_done(bench: Bench, run: Run):
    bench.failed(Task.PLAN, DischargeState.RECEIVED)
    [job] = _jobs(run)
    code, shown, _errors = run("jobs", "show", job["job"])
    assert (code, shown["discharge_state"]) == (0, "failed")
    assert f"homeward jobs retry {job['job']}" in shown["remedy"]
    code, shown, errors = run("jobs", "show", 999_999)
    assert (code, shown) == (2, None)
    assert "homeward jobs list" in errors


@pytest.mark.parametrize(
    ("task", "state", "after"),
    [
        (Task.PLAN, DischargeState.RECEIVED, DischargeState.RECEIVED),
        # From its plan on it would repeat what failed; its stay is read anew.
        (Task.PUBLISH, DischargeState.PLANNED, DischargeState.RECEIVED),
        # What was called off is not planned again by mistake.
        (Task.WITHDRAW, DischargeState.CANCELLING, DischargeState.CANCELLING),
    ],
)
def test_a_failed_job_is_put_back_with_its_discharge_and_again_is_harmless(
    bench: Bench, run: Run, task: Task, state: DischargeState, after: DischargeState
):
    discharge = bench.failed(task, state)
    assert bench.state(discharge) is DischargeState.FAILED
    [job] = _jobs(run)
    code, done, _errors = run("jobs", "retry", job["job"])
    assert (code, done["jobs"][0]["outcome"], done["jobs"][0]["discharge_state"]) == (0, "queued anew", after)
    assert bench.state(discharge) is after
    again = run("jobs", "retry", job["job"])
    assert (again[0], again[1]["jobs"][0]["outcome"]) == (0, "gone")
    assert len(bench.waiting_jobs()) == 1
    assert bench.store.discharges.get(discharge).problem == ""
    assert bench.store.audit.of(discharge)[-1].actor == "homeward jobs retry"


def test_all_failed_jobs_of_a_hospital_are_put_back_and_those_of_others_are_not(bench: Bench, run: Run):
    ours = {str(bench.failed(Task.PLAN, DischargeState.RECEIVED)) for _ in range(3)}
    theirs = bench.failed(Task.PLAN, DischargeState.RECEIVED, tenant="other")
    tried = run("jobs", "retry", "--tenant", "demo", "--dry-run")[1]
    assert {job["discharge"] for job in tried["jobs"]} == ours
    assert bench.waiting_jobs() == []
    run("jobs", "retry", "--tenant", "demo")
    assert {discharge for _, discharge in bench.waiting_jobs()} == ours
    assert bench.state(theirs) is DischargeState.FAILED
    run("jobs", "retry", "--all")
    assert {discharge for _, discharge in bench.waiting_jobs()} == ours | {str(theirs)}
    assert run("jobs", "retry", "--all")[1]["jobs"] == []


def test_after_an_outage_all_that_waits_for_its_next_try_is_run_now(bench: Bench, run: Run):
    bench.failures["plan"] = EhrUnavailable(retry_after=600)
    discharge = bench.queued(Task.PLAN, DischargeState.RECEIVED)
    bench.work()
    bench.failures.clear()
    bench.ran.clear()
    bench.work()
    assert bench.ran == []
    [done] = run("jobs", "retry", "--all", "--state", "waiting")[1]["jobs"]
    assert done["outcome"] == "runs now"
    bench.work()
    assert bench.ran == [("plan", str(discharge))]
    assert _jobs(run) == []


def test_a_failed_job_whose_discharge_has_gone_on_is_only_taken_off_the_list(bench: Bench, run: Run):
    discharge = bench.failed(Task.PLAN, DischargeState.RECEIVED)
    run("discharges", "replan", discharge)
    bench.work()
    [job] = _jobs(run, "--state", "failed")
    with bench.store.begin() as unit:
        known = unit.discharges.lock(discharge)
        unit.discharges.save(known.move_to(DischargeState.PLANNED, AT))
    [done] = run("jobs", "retry", job["job"])[1]["jobs"]
    assert done["outcome"] == "moot"
    assert (_jobs(run), bench.waiting_jobs()) == ([], [])


def test_a_failed_errand_is_put_back_for_the_same_resource(bench: Bench, run: Run):
    bench.failures["look"] = EhrRefused(status=403)
    with bench.store.begin() as unit:
        bench.jobs.send(Errand.LOOK, "demo", "Encounter/7", unit)
    bench.work()
    bench.failures.clear()
    [job] = _jobs(run, "--state", "failed")
    assert run("jobs", "retry", job["job"])[1]["jobs"][0]["outcome"] == "queued anew"
    bench.work()
    assert bench.ran == [("look", "demo")] * 2
    assert _jobs(run) == []


@pytest.mark.parametrize(
    ("task", "state"),
    [
        (Task.PLAN, DischargeState.RECEIVED),
        (Task.PUBLISH, DischargeState.PLANNED),
        (Task.WITHDRAW, DischargeState.CANCELLING),
    ],
)
def test_a_cancelled_job_is_not_run_and_its_discharge_is_failed_and_goes_on_when_put_back(
    bench: Bench, run: Run, task: Task, state: DischargeState
):
    discharge = bench.queued(task, state)
    [job] = _jobs(run)
    tried = run("jobs", "cancel", job["job"], "--dry-run")[1]
    assert (tried["jobs"][0]["outcome"], bench.state(discharge)) == ("cancelled", state)
    code, done, _errors = run("jobs", "cancel", job["job"])
    assert (code, done["jobs"][0]["discharge_state"]) == (0, "failed")
    bench.work()
    assert bench.ran == []
    stopped = bench.store.discharges.get(discharge)
    assert (stopped.state, f"jobs retry {job['job']}" in stopped.problem) == (DischargeState.FAILED, True)
    assert run("jobs", "cancel", job["job"])[1]["jobs"][0]["outcome"] == "over already"
    run("jobs", "retry", job["job"])
    assert bench.state(discharge) is (
        DischargeState.CANCELLING if task is Task.WITHDRAW else DischargeState.RECEIVED
    )


@pytest.mark.parametrize("act", [("jobs", "retry"), ("discharges", "replan"), ("discharges", "republish")])
@pytest.mark.parametrize("named", [(), ("--all", "--tenant", "demo")])
def test_whoever_names_nothing_or_two_things_is_told(run: Run, act: tuple[str, ...], named: tuple[str, ...]):
    code, said, errors = run(*act, *named)
    assert (code, said) == (2, None)
    assert "--tenant ID, or --all" in errors


@pytest.mark.parametrize("act", [("jobs", "list"), ("discharges", "list"), ("discharges", "replan")])
def test_an_unknown_hospital_is_refused(run: Run, act: tuple[str, ...]):
    code, said, errors = run(*act, "--tenant", "elsewhere")
    assert (code, said) == (2, None)
    assert "no such hospital" in errors


def test_discharges_are_listed_by_state_hospital_and_time(bench: Bench, run: Run):
    failed = bench.failed(Task.PLAN, DischargeState.RECEIVED)
    other = bench.discharge(DischargeState.PUBLISHED, tenant="other")
    code, document, _errors = run("discharges", "list")
    assert (code, {found["discharge"] for found in document["discharges"]}) == (0, {str(failed), str(other)})
    [found] = run("discharges", "list", "--state", "failed")[1]["discharges"]
    assert (found["discharge"], found["state"]) == (str(failed), "failed")
    assert "KeyError" in found["problem"]
    [found] = run("discharges", "list", "--tenant", "other")[1]["discharges"]
    assert found["discharge"] == str(other)
    assert run("discharges", "list", "--since", "24h")[1]["discharges"] == []
    assert len(run("discharges", "list", "--since", "2024-03-05")[1]["discharges"]) == 2
    assert run("discharges", "list", "--since", "yesterday")[0] == 2


def _drafts(bench: Bench, discharge: UUID, **states: WriteState) -> None:
    """A ledger with one Goal in each of these states; its key and words are PHI."""
    drafts = [
        Draft(f"goal:{MARK}-{name}", "Goal", f"urn:uuid:{uuid4()}", f"urn:uuid:{uuid4()}", {"a": MARK})
        for name in states
    ]
    bench.store.publications.want(discharge, drafts)
    with bench.store.hold(discharge) as ledger:
        for draft, state in zip(drafts, states.values(), strict=True):
            there = "" if state in {WriteState.WAITING, WriteState.REFUSED} else "Goal/7"
            mark(ledger, draft.key, state, reference=there)


def test_how_each_write_stands_is_counted_and_told_without_naming_the_need(bench: Bench, run: Run):
    discharge = bench.discharge(DischargeState.PUBLISHED)
    settled = bench.discharge(DischargeState.PUBLISHED)
    _drafts(bench, settled, there=WriteState.LANDED)
    _drafts(
        bench,
        discharge,
        there=WriteState.LANDED,
        waits=WriteState.WAITING,
        sent=WriteState.SENDING,
        no=WriteState.REFUSED,
        theirs=WriteState.THEIRS,
        lost=WriteState.UNKNOWN,
    )
    [found] = run("discharges", "list", "--waiting")[1]["discharges"]
    assert found["discharge"] == str(discharge)
    told = {standing: number for standing, number in found["writes"].items() if number}
    assert told == {"landed": 1, "waiting": 2, "refused": 1, "theirs": 1, "unknown": 1}
    code, shown, _errors = run("discharges", "show", discharge)
    assert (code, len(shown["resources"])) == (0, 6)
    assert {row["standing"] for row in shown["resources"]} == set(told)
    assert run("discharges", "show", uuid4())[0] == 1


def test_a_discharge_is_planned_anew_and_again_is_harmless(bench: Bench, run: Run):
    discharge = bench.discharge(DischargeState.PUBLISHED)
    tried = run("discharges", "replan", discharge, "--dry-run")
    assert (tried[1]["discharges"][0]["result"], bench.waiting_jobs()) == ("planned anew", [])
    for _ in range(2):
        assert run("discharges", "replan", discharge)[0] == 0
    assert bench.waiting_jobs() == [("plan", str(discharge))]
    known = bench.store.discharges.get(discharge)
    assert (known.state, known.round) == (DischargeState.RECEIVED, 2)


def test_what_was_called_off_is_planned_only_when_it_is_named_so(bench: Bench, run: Run):
    off = bench.discharge(DischargeState.CANCELLED)
    assert run("discharges", "replan", off)[1]["discharges"][0]["result"] == "left alone: called off"
    assert run("discharges", "republish", off)[1]["discharges"][0]["result"] == "left alone: called off"
    assert bench.waiting_jobs() == []
    run("discharges", "replan", off, "--state", "cancelled")
    assert bench.waiting_jobs() == [("plan", str(off))]


def test_a_failed_withdrawal_is_withdrawn_anew_and_not_planned(bench: Bench, run: Run):
    off = bench.failed(Task.WITHDRAW, DischargeState.CANCELLING)
    done = run("discharges", "replan", "--all", "--state", "failed")[1]
    assert done["discharges"][0]["result"] == "withdrawn anew"
    assert (bench.state(off), bench.waiting_jobs()) == (DischargeState.CANCELLING, [("withdraw", str(off))])


def test_what_waits_and_what_was_refused_is_written_anew_and_the_rest_is_left(bench: Bench, run: Run):
    discharge = bench.discharge(DischargeState.PUBLISHED)
    _drafts(
        bench,
        discharge,
        there=WriteState.LANDED,
        waits=WriteState.WAITING,
        no=WriteState.REFUSED,
        theirs=WriteState.THEIRS,
        lost=WriteState.UNKNOWN,
    )
    code, done, _errors = run("discharges", "republish", "--all", "--waiting", "--since", "2024-01-01")
    assert (code, done["discharges"][0]["result"]) == (0, "written anew")
    assert bench.waiting_jobs() == [("publish", str(discharge))]
    assert bench.state(discharge) is DischargeState.PLANNED
    states = [entry.state for entry in bench.store.publications.entries(discharge)]
    assert sorted(states) == sorted(
        [
            WriteState.LANDED,
            WriteState.WAITING,
            WriteState.WAITING,
            WriteState.THEIRS,
            WriteState.UNKNOWN,
        ]
    )


def test_a_failed_publication_is_written_anew_from_its_plan(bench: Bench, run: Run):
    discharge = bench.failed(Task.PUBLISH, DischargeState.PLANNED)
    run("discharges", "republish", discharge)
    assert (bench.state(discharge), bench.waiting_jobs()) == (
        DischargeState.PLANNED,
        [("publish", str(discharge))],
    )


def test_what_has_no_plan_yet_is_not_written(bench: Bench, run: Run):
    discharge = bench.discharge(DischargeState.RECEIVED)
    result = run("discharges", "republish", discharge)[1]["discharges"][0]["result"]
    assert (result, bench.waiting_jobs()) == ("left alone: no plan yet", [])
