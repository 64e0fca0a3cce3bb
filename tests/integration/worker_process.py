"""A worker as a process of its own, whose steps only record: `python worker_process.py URL FILE SECONDS [POLL]`.

Each step appends "begin TASK ID" to FILE, sleeps SECONDS, then appends "end TASK ID". POLL is how many seconds go by between
two looks for jobs of which nobody has told; with it each plan has its discharge published, as its last act.
"""

import sys
import time
from pathlib import Path
from uuid import UUID

import psycopg

from service.jobs import Jobs, Steps, Task, worker


class OwnUnit:
    """A transaction of its own."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.driver_connection = connection


def main() -> None:
    """Work until a signal ends it."""
    url, file, seconds, *poll = sys.argv[1], Path(sys.argv[2]), *map(float, sys.argv[3:])
    if poll:
        worker._POLL_SECONDS = poll[0]  # type: ignore[misc]  # noqa: SLF001  no deployment sets it

    def record(words: str) -> None:
        with file.open("a") as lines:
            lines.write(words + "\n")

    def step(task: Task, discharge: UUID) -> None:
        record(f"begin {task} {discharge}")
        time.sleep(seconds)
        record(f"end {task} {discharge}")
        if poll and task is Task.PLAN:
            with psycopg.connect(url) as connection:
                jobs.defer(Task.PUBLISH, discharge, OwnUnit(connection), tenant="default")

    jobs = Jobs(
        url,
        lambda: Steps(
            plan=lambda discharge: step(Task.PLAN, discharge),
            publish=lambda discharge: step(Task.PUBLISH, discharge),
            withdraw=lambda discharge: step(Task.WITHDRAW, discharge),
            give_up=lambda discharge, task, problem: record(f"gave up {task} {discharge} {problem}"),
        ),
    )
    jobs.work()


main()
