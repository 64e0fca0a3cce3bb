"""Moments in the queue that lie further ahead than any can: a clock was ahead when they were written, and was put back.

A job would wait until that hour, and a worker that is dead would count as alive until then, with the jobs that it held.
"""

from typing import Any, Final

import psycopg

from service.jobs.steps import LONGEST_DELAY_SECONDS

#: Hosts that keep their clocks differ by less.
_CLOCKS_DIFFER_SECONDS: Final = 300.0
_JOBS: Final = """
    UPDATE procrastinate_jobs SET scheduled_at = now()
    WHERE status = 'todo' AND scheduled_at > now() + make_interval(secs => %s)
"""
#: Heartbeats are written by the database's clock alone.
_WORKERS: Final = """
    UPDATE procrastinate_workers SET last_heartbeat = now()
    WHERE last_heartbeat > now() + make_interval(secs => 1)
"""


def bring_back_moments(connection: psycopg.Connection[Any], moved_seconds: float) -> None:
    """What lies ahead is due now; a worker that seemed alive until then has to show that it is.

    moved_seconds: by how much our clock has been moved on, which tests alone do.
    """
    connection.execute(_JOBS, [LONGEST_DELAY_SECONDS + _CLOCKS_DIFFER_SECONDS + moved_seconds])
    connection.execute(_WORKERS)
