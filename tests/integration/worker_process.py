"""A worker as a process of its own, whose steps only record: `python worker_process.py URL FILE [SECONDS]`.

Each step appends "begin TASK ID" to FILE, sleeps SECONDS, then appends "end TASK ID".
"""

import sys
import time
from pathlib import Path
from uuid import UUID

from service.jobs import Jobs, Steps, Task


def main() -> None:
    """Work until a signal ends it."""
    url, file, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])

    def record(words: str) -> None:
        with file.open("a") as lines:
            lines.write(words + "\n")

    def step(task: Task, discharge: UUID) -> None:
        record(f"begin {task} {discharge}")
        time.sleep(seconds)
        record(f"end {task} {discharge}")

    Jobs(
        url,
        lambda: Steps(
            plan=lambda discharge: step(Task.PLAN, discharge),
            publish=lambda discharge: step(Task.PUBLISH, discharge),
            withdraw=lambda discharge: step(Task.WITHDRAW, discharge),
            give_up=lambda discharge, task, problem: record(f"gave up {task} {discharge} {problem}"),
        ),
    ).work()


main()
