import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from service.errors import EhrRefused, EhrUnavailable, StoreUnavailable
from service.jobs import Jobs, Steps, Task
from service.jobs.lost import STALLED_SECONDS

_WORKER = Path(__file__).with_name("worker_process.py")


@dataclass
class Recorded:
    """Steps that record, and fail as often as they are told to."""

    ran: list[tuple[Task, UUID]] = field(default_factory=list)
    gave_up: list[tuple[UUID, Task, str]] = field(default_factory=list)
    held_up: list[tuple[UUID, Task, str]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    def step(self, task):
        def run(discharge):
            self.ran.append((task, discharge))
            if self.failures:
                raise self.failures.pop(0)

        return run

    def steps(self):
        return Steps(
            plan=self.step(Task.PLAN),
            publish=self.step(Task.PUBLISH),
            withdraw=self.step(Task.WITHDRAW),
            give_up=lambda *told: self.gave_up.append(told),
            held_up=lambda *told: self.held_up.append(told),
        )


@pytest.fixture
def recorded():
    return Recorded()


@pytest.fixture
def jobs(database_url, recorded):
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM procrastinate_jobs")
    return Jobs(database_url, recorded.steps)


def rows(database_url, column):
    with psycopg.connect(database_url) as connection:
        query = f"SELECT {column} FROM procrastinate_jobs ORDER BY id"  # noqa: S608 - our own words
        found = connection.execute(query).fetchall()
    return [value for (value,) in found]


def test_a_job_exists_only_if_its_unit_was_committed(jobs, store, recorded):
    kept, lost = uuid4(), uuid4()
    with store.begin() as unit:
        jobs.defer(Task.PLAN, kept, unit)
    with suppress(ZeroDivisionError), store.begin() as unit:
        jobs.defer(Task.PLAN, lost, unit)
        _ = 1 / 0
    jobs.work(until_idle=True)
    assert recorded.ran == [(Task.PLAN, kept)]


def defer_on_a_dead_connection(jobs, store, database_url, *, first):
    with store.begin() as unit:
        backend = unit.driver_connection.info.backend_pid
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        jobs.defer(Task.PLAN, uuid4(), unit, first=first)


@pytest.mark.parametrize("first", [True, False])
def test_a_database_that_goes_away_while_a_job_is_deferred_is_unavailable(jobs, store, database_url, first):
    with pytest.raises(StoreUnavailable):
        defer_on_a_dead_connection(jobs, store, database_url, first=first)


def test_the_same_step_waits_only_once(jobs, store, recorded):
    discharge = uuid4()
    for _ in range(3):
        with store.begin() as unit:
            jobs.defer(Task.PLAN, discharge, unit)
    jobs.work(until_idle=True)
    assert recorded.ran == [(Task.PLAN, discharge)]


def test_a_job_carries_nothing_but_the_discharges_id(jobs, store, database_url):
    discharge = uuid4()
    with store.begin() as unit:
        jobs.defer(Task.PLAN, discharge, unit)
    assert rows(database_url, "args") == [{"discharge": str(discharge)}]


def test_an_ehr_that_is_away_is_tried_again_and_not_before_it_asked_for(jobs, store, recorded, database_url):
    recorded.failures = [EhrUnavailable(retry_after=120)]
    with store.begin() as unit:
        jobs.defer(Task.PLAN, uuid4(), unit)
    jobs.work(until_idle=True)
    assert rows(database_url, "status") == ["todo"]
    [wait] = rows(database_url, "extract(epoch FROM scheduled_at - now())")
    assert 110 < wait <= 120
    assert recorded.gave_up == []


def test_a_discharge_is_told_once_that_its_ehr_is_away(jobs, store, recorded):
    discharge = uuid4()
    recorded.failures = [EhrUnavailable(), EhrUnavailable(), StoreUnavailable()]
    for _ in range(4):
        with store.begin() as unit:
            jobs.defer(Task.PLAN, discharge, unit)
        jobs.work(until_idle=True)
    assert len(recorded.ran) == 4
    assert recorded.held_up == [(discharge, Task.PLAN, EhrUnavailable.public_message)]


def test_a_step_that_waits_to_be_tried_again_is_hurried_by_a_new_request(jobs, store, recorded):
    discharge = uuid4()
    recorded.failures = [EhrUnavailable(retry_after=600)]
    for _ in range(2):
        with store.begin() as unit:
            jobs.defer(Task.PLAN, discharge, unit)
        jobs.work(until_idle=True)
    assert recorded.ran == [(Task.PLAN, discharge)] * 2


def test_a_cancellation_does_not_wait_for_a_plan_that_waits_to_be_tried_again(jobs, store, recorded):
    discharge = uuid4()
    recorded.failures = [EhrUnavailable(retry_after=600)]
    with store.begin() as unit:
        jobs.defer(Task.PLAN, discharge, unit)
    jobs.work(until_idle=True)
    with store.begin() as unit:
        jobs.defer(Task.WITHDRAW, discharge, unit)
    jobs.work(until_idle=True)
    assert recorded.ran[1] == (Task.WITHDRAW, discharge)


def test_what_the_ehr_refuses_for_good_is_told_at_once_with_its_sentence(jobs, store, recorded, database_url):
    discharge = uuid4()
    recorded.failures = [EhrRefused("The EHR does not let us read Encounter.")]
    with store.begin() as unit:
        jobs.defer(Task.PLAN, discharge, unit)
    jobs.work(until_idle=True)
    assert recorded.gave_up == [(discharge, Task.PLAN, "The EHR does not let us read Encounter.")]
    assert rows(database_url, "status") == ["failed"]


def test_a_fault_of_ours_is_told_without_its_words_which_may_be_phi(jobs, store, recorded, caplog):
    recorded.failures = [ValueError("Zelda Testperson, born 1950")]
    with store.begin() as unit:
        jobs.defer(Task.PLAN, uuid4(), unit)
    jobs.work(until_idle=True)
    [(_, _, problem)] = recorded.gave_up
    assert "ValueError" in problem
    queue = [record for record in caplog.records if record.name.startswith("procrastinate")]
    assert queue
    assert "Zelda" not in "".join(record.getMessage() + str(record.exc_text) for record in queue)


def test_after_the_last_attempt_the_discharge_is_told(jobs, store, recorded, database_url):
    discharge = uuid4()
    recorded.failures = [EhrUnavailable()]
    with store.begin() as unit:
        jobs.defer(Task.PLAN, discharge, unit)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE procrastinate_jobs SET attempts = 23")
    jobs.work(until_idle=True)
    assert [told[0] for told in recorded.gave_up] == [discharge]


def test_a_failure_is_not_told_when_the_step_was_asked_for_anew_meanwhile(jobs, store, recorded):
    discharge = uuid4()

    def asked_anew(_):
        with store.begin() as unit:
            jobs.defer(Task.PLAN, discharge, unit)

    first = recorded.step(Task.PLAN)
    recorded.failures = [EhrRefused()]
    calls = []

    def plan(number):
        calls.append(number)
        if len(calls) == 1:
            asked_anew(number)
        first(number)

    recorded.step = lambda task: plan if task is Task.PLAN else None
    with store.begin() as unit:
        jobs.defer(Task.PLAN, discharge, unit)
    jobs.work(until_idle=True)
    assert len(calls) == 2
    assert recorded.gave_up == []


@pytest.mark.parametrize("error", [EhrUnavailable(retry_after=600), StoreUnavailable()])
def test_a_step_that_fails_while_it_is_asked_for_anew_is_run_anew_at_once(
    jobs, store, recorded, database_url, error
):
    discharge = uuid4()
    fail = recorded.step(Task.PLAN)
    recorded.failures = [error]

    def plan(number):
        if recorded.failures:
            with store.begin() as unit:
                jobs.defer(Task.PLAN, discharge, unit)
        fail(number)

    recorded.step = lambda task: plan if task is Task.PLAN else None
    with store.begin() as unit:
        jobs.defer(Task.PLAN, discharge, unit)
    began = time.monotonic()
    jobs.work(until_idle=True)
    assert recorded.ran == [(Task.PLAN, discharge)] * 2
    assert rows(database_url, "id") == []
    assert time.monotonic() - began < STALLED_SECONDS


# --- processes ----------------------------------------------------------------------------------
@pytest.fixture
def workers(database_url, tmp_path):
    started = []

    def start(seconds):
        command = [sys.executable, str(_WORKER), database_url, str(tmp_path / "record"), str(seconds)]
        started.append(subprocess.Popen(command))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def lines(tmp_path):
    record = tmp_path / "record"
    return record.read_text().splitlines() if record.exists() else []


def test_a_killed_workers_job_is_finished_by_another_within_a_minute(jobs, store, workers, tmp_path):
    discharge = uuid4()
    victim = workers(600)
    with store.begin() as unit:
        jobs.defer(Task.PLAN, discharge, unit)
    wait_for(lambda: lines(tmp_path), 20)
    workers(0)
    victim.kill()
    began = time.monotonic()
    wait_for(lambda: f"end plan {discharge}" in lines(tmp_path), 60)
    assert time.monotonic() - began < 60


def test_a_job_of_a_killed_worker_gives_way_to_the_same_step_asked_for_anew(jobs, store, workers, tmp_path):
    discharge = uuid4()
    victim = workers(600)
    with store.begin() as unit:
        jobs.defer(Task.PLAN, discharge, unit)
    wait_for(lambda: lines(tmp_path), 20)
    victim.kill()
    with store.begin() as unit:
        jobs.defer(Task.PLAN, discharge, unit)
    workers(0)
    wait_for(lambda: f"end plan {discharge}" in lines(tmp_path), 60)


def test_a_worker_asked_to_stop_finishes_what_it_has(jobs, store, workers, tmp_path):
    discharge = uuid4()
    worker = workers(2)
    with store.begin() as unit:
        jobs.defer(Task.PLAN, discharge, unit)
    wait_for(lambda: lines(tmp_path), 20)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(15) == 0
    assert lines(tmp_path)[-1] == f"end plan {discharge}"


def test_workers_show_that_they_are_alive(jobs, workers):
    workers(0)
    wait_for(lambda: jobs.workers_alive() > 0, 20)


# --- waking -------------------------------------------------------------------------------------
_RETRY = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, lock, priority, attempts, scheduled_at, args)
    SELECT %(tenant)s::text, 'look', %(tenant)s::text || number, 15, %(attempts)s, now() + interval '1 hour',
           jsonb_build_object('tenant', %(tenant)s::text, 'reference', 'Encounter/' || number)
    FROM generate_series(1, %(count)s) AS number
"""


def put_retries(database_url, tenant, *, count=1, attempts=3):
    with psycopg.connect(database_url) as connection:
        connection.execute(_RETRY, {"tenant": tenant, "count": count, "attempts": attempts})


def waits(database_url, tenant):
    query = (
        "SELECT extract(epoch FROM scheduled_at - now())::float FROM procrastinate_jobs "
        "WHERE args ->> 'tenant' = %s ORDER BY id"
    )
    with psycopg.connect(database_url) as connection:
        return [seconds for (seconds,) in connection.execute(query, [tenant])]


def test_a_hospitals_retries_are_woken_at_a_pace_and_nobody_elses(jobs, database_url):
    put_retries(database_url, "one", count=400)
    put_retries(database_url, "two")
    assert jobs.waiting_tenants() == {"one", "two"}
    assert jobs.wake("one") == 400
    ours = waits(database_url, "one")
    assert ours[0] <= 0
    assert ours == sorted(ours)
    assert 25 < ours[-1] <= 30
    assert min(waits(database_url, "two")) > 3000


def test_waking_twice_hurries_and_delays_nothing_more(jobs, database_url):
    put_retries(database_url, "one", count=20)
    jobs.wake("one")
    before = waits(database_url, "one")
    jobs.wake("one")
    assert all(after <= sooner for after, sooner in zip(waits(database_url, "one"), before, strict=True))


def test_what_was_put_in_for_later_is_not_woken(jobs, database_url):
    put_retries(database_url, "one", attempts=0)
    assert jobs.waiting_tenants() == frozenset()
    assert jobs.wake("one") == 0
    assert min(waits(database_url, "one")) > 3000


_DISCHARGE = """
    INSERT INTO discharges (id, tenant, encounter, "order", state, round, created, changed, problem, told)
    VALUES (%s, 'one', %s, '', %s, 1, now(), now(), '', '')
"""


@pytest.mark.parametrize(
    ("task", "state", "woken"),
    [
        (Task.PUBLISH, "planned", 1),
        (Task.WITHDRAW, "cancelling", 1),
        (Task.PUBLISH, "published", 0),
    ],
)
def test_what_of_a_discharge_is_not_in_its_ehr_yet_is_woken_too(
    jobs, store, database_url, task, state, woken
):
    discharge = uuid4()
    with psycopg.connect(database_url) as connection:
        connection.execute(_DISCHARGE, [discharge, f"Encounter/{discharge}", state])
    with store.begin() as unit:
        jobs.defer_later(task, discharge, unit, tenant="one", seconds=3600)
    assert jobs.waiting_tenants() == frozenset()
    assert jobs.wake("one") == woken
    [seconds] = rows(database_url, "extract(epoch FROM scheduled_at - now())")
    assert (seconds <= 0) == bool(woken)


def test_what_was_put_in_for_tomorrow_is_not_taken_for_a_clock_that_was_ahead(jobs, store, database_url):
    with store.begin() as unit:
        jobs.defer_later(Task.PUBLISH, uuid4(), unit, tenant="one", seconds=86_400)
    jobs.bring_back_moments()
    [seconds] = rows(database_url, "extract(epoch FROM scheduled_at - now())")
    assert seconds > 86_000
