"""Jobs whose worker stopped, by how often they were tried before: a wish is never given up over it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from procrastinate.jobs import Job

from service.jobs import Task
from service.jobs.attempts import Attempts
from service.jobs.lost import LostJobs
from service.jobs.steps import ATTEMPTS, Steps


class Queue:
    """Remembers when jobs are run again, and which are ended."""

    def __init__(self) -> None:
        self.due: list[datetime] = []
        self.ended: list[int] = []
        self.taken: list[int] = []

    async def get_stalled_jobs(self, **_):
        return []

    async def retry_job_by_id_async(self, *, job_id, retry_at):
        self.taken.append(job_id)
        self.due.append(retry_at)

    async def finish_job_by_id_async(self, *, job_id, **_):
        self.ended.append(job_id)


@pytest.fixture
def given_up():
    return []


@pytest.fixture
def stop(database_url, given_up):
    """Let the worker of a job stop so many times; return the queue."""

    def steps_of(task):
        return lambda *_: pytest.fail(task)

    steps = Steps(
        plan=steps_of("plan"),
        publish=steps_of("publish"),
        withdraw=steps_of("withdraw"),
        give_up=lambda *told: given_up.append(told),
    )

    def stopped(task, attempts, times):
        queue: Any = Queue()
        lost = LostJobs(queue, Attempts(database_url, steps))
        for number in range(times):
            job = Job(
                id=7,
                queue="one",
                lock="a",
                queueing_lock="b",
                task_name=task.value,
                task_kwargs={"discharge": str(uuid4())},
                attempts=attempts + number,
            )
            asyncio.run(lost.take_back(job))
        return queue

    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM job_faults")
    return stopped


@pytest.mark.parametrize("task", [Task.PUBLISH, Task.WITHDRAW])
@pytest.mark.parametrize("attempts", [0, ATTEMPTS - 1, 3 * ATTEMPTS])
def test_a_wish_is_run_again_at_once_however_long_its_ehr_was_away(stop, given_up, task, attempts):
    queue = stop(task, attempts, 1)
    assert queue.taken == [7]
    assert queue.due[0] < datetime(2000, 1, 1, tzinfo=UTC)
    assert (queue.ended, given_up) == ([], [])


def test_a_wish_that_stops_each_worker_stops_one_an_hour(stop, given_up):
    queue = stop(Task.PUBLISH, ATTEMPTS, 3)
    assert (queue.ended, given_up) == ([], [])
    assert queue.due[0] < datetime(2000, 1, 1, tzinfo=UTC)
    assert min(queue.due[1:]) > datetime.now(UTC) + timedelta(minutes=59)


def test_planning_is_given_up(stop, given_up):
    queue = stop(Task.PLAN, ATTEMPTS - 1, 1)
    assert (queue.due, queue.ended) == ([], [7])
    assert len(given_up) == 1
