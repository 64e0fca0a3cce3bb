"""A job that can run is run at once: workers that would look by themselves only after ten minutes hear of each."""

import subprocess
import sys
import time
from pathlib import Path
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

from service.jobs import Jobs, Steps, Task
from service.jobs.steps import PRIORITY, queueing_lock

_WORKER = Path(__file__).with_name("worker_process.py")
_POLL_SECONDS = 600
#: Far less than a poll, far more than a busy machine needs.
_SOON_SECONDS = 60


_PUT_LATER = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, priority, scheduled_at, args)
    VALUES ('default', %(task)s, %(discharge)s, %(name)s, %(priority)s, now() + interval '1 hour',
            jsonb_build_object('discharge', %(discharge)s::text))
"""
_LEFT = "SELECT 1 FROM procrastinate_jobs WHERE lock = %s"


def _no_steps() -> Steps:
    raise AssertionError("the test's own process runs no job")


class Queue:
    """The jobs of one test, and what its workers have recorded."""

    def __init__(self, store, url: str, record: Path) -> None:
        self._store, self._url, self._record = store, url, record
        self._jobs = Jobs(url, _no_steps)

    def defer(self, task: Task, discharge: UUID) -> None:
        with self._store.begin() as unit:
            self._jobs.defer(task, discharge, unit, tenant="default")

    def put_later(self, task: Task, discharge: UUID) -> None:
        """A job whose time comes in an hour."""
        name = queueing_lock(task, str(discharge))
        self.run(_PUT_LATER, task=task.value, discharge=str(discharge), name=name, priority=PRIORITY[task])

    def run(self, statement: LiteralString, **values: object) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute(statement, values)

    def wait_for(self, line: str, times: int = 1) -> None:
        """Return when workers have recorded this line so often."""
        began = time.monotonic()
        while self._recorded().count(line) < times:
            assert time.monotonic() < began + _SOON_SECONDS, f"no {line.split()[:2]} without a poll"
            time.sleep(0.02)

    def wait_until_gone(self, discharge: UUID) -> None:
        """Return when no job of it is left, so that nothing but what comes next can wake a worker."""
        deadline = time.monotonic() + _SOON_SECONDS
        with psycopg.connect(self._url, autocommit=True) as connection:
            while connection.execute(_LEFT, [str(discharge)]).fetchone():
                assert time.monotonic() < deadline
                time.sleep(0.02)
        time.sleep(0.3)

    def _recorded(self) -> list[str]:
        return self._record.read_text().splitlines() if self._record.exists() else []

    @property
    def alive(self) -> int:
        return self._jobs.workers_alive()


@pytest.fixture
def queue(store, database_url, tmp_path):
    made = Queue(store, database_url, tmp_path / "record")
    made.run("DELETE FROM procrastinate_jobs")
    made.run("DELETE FROM procrastinate_workers")
    return made


@pytest.fixture
def start(queue, database_url, tmp_path):
    """Start workers whose steps take so long, and wait until all of them listen."""
    started: list[subprocess.Popen[bytes]] = []

    def start_workers(seconds: float, count: int = 1) -> None:
        command = [sys.executable, str(_WORKER), database_url, str(tmp_path / "record")]
        started.extend(subprocess.Popen([*command, str(seconds), str(_POLL_SECONDS)]) for _ in range(count))
        deadline = time.monotonic() + _SOON_SECONDS
        while queue.alive < len(started):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        probe = uuid4()
        queue.defer(Task.WITHDRAW, probe)
        queue.wait_for(f"end withdraw {probe}")

    yield start_workers
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("workers", [1, 2])
def test_plan_and_publish_of_a_discharge_run_one_after_the_other_without_a_poll(queue, start, workers):
    start(0, workers)
    for _ in range(20):
        discharge = uuid4()
        queue.defer(Task.PLAN, discharge)
        queue.wait_for(f"end publish {discharge}")


@pytest.mark.parametrize(
    ("running", "coming"),
    [
        (running, coming)
        for running in Task
        for coming in Task
        if (running, coming) != (Task.PLAN, Task.PUBLISH)
    ],
)
def test_what_comes_while_a_job_of_its_discharge_runs_is_run_when_that_ends(queue, start, running, coming):
    start(0.5)
    discharge = uuid4()
    queue.defer(running, discharge)
    queue.wait_for(f"begin {running} {discharge}")
    queue.defer(coming, discharge)
    queue.wait_for(f"begin {coming} {discharge}", times=2 if running is coming else 1)


def test_a_job_whose_time_is_brought_nearer_is_run_at_once(queue, start):
    start(0)
    discharge, other = uuid4(), uuid4()
    queue.put_later(Task.PUBLISH, discharge)
    queue.defer(Task.WITHDRAW, other)
    queue.wait_until_gone(other)
    queue.defer(Task.PUBLISH, discharge)
    queue.wait_for(f"end publish {discharge}")


@pytest.mark.parametrize(
    "end",
    [
        "DELETE FROM procrastinate_jobs WHERE task_name = 'withdraw'",
        "UPDATE procrastinate_jobs SET status = 'cancelled' WHERE task_name = 'withdraw'",
    ],
)
def test_a_job_that_another_one_held_back_is_run_when_that_one_is_gone(queue, start, end):
    start(0)
    discharge = uuid4()
    queue.put_later(Task.WITHDRAW, discharge)
    queue.put_later(Task.PUBLISH, discharge)
    queue.run("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE task_name = 'publish'")
    queue.run(end)
    queue.wait_for(f"end publish {discharge}")
