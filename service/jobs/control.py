"""The queue as an operator sees it: which jobs there are, what became of each, and putting one back or away.

Nothing here holds PHI: a job's arguments are ids, and of an errand's resource only the type is shown. What follows for the
discharge of a job is decided in `service.pipeline.job_control`, in the same transaction.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from service.jobs.database import database_errors
from service.jobs.lost import STALLED_SECONDS


class JobState(StrEnum):
    """How a job stands."""

    DUE = "due"  # waits for a worker
    WAITING = "waiting"  # waits for its time: its next try, or the moment it was asked for
    RUNNING = "running"
    LOST = "lost"  # its worker is gone; the next living one takes it back
    FAILED = "failed"  # given up; kept until it is put back or its discharge has gone on
    CANCELLED = "cancelled"  # by an operator


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """One job of the queue.

    discharge is None for an errand, whose resource type is `concerns` ("" for none). attempts counts those that are over;
    next_try is when a waiting one is due; error is the class of the last failure ("" without one).
    """

    number: int
    state: JobState
    task: str
    tenant: str
    discharge: UUID | None
    concerns: str
    attempts: int
    queued: datetime | None
    next_try: datetime | None
    error: str
    failed: datetime | None
    #: An id of the EHR, needed to put an errand back; never shown.
    reference: str = field(default="", repr=False)


_JOBS: Final = """
    SELECT * FROM (
        SELECT jobs.id AS number,
               CASE jobs.status
                   WHEN 'todo' THEN CASE WHEN jobs.scheduled_at > now() THEN 'waiting' ELSE 'due' END
                   WHEN 'doing' THEN CASE WHEN workers.id IS NULL THEN 'lost' ELSE 'running' END
                   WHEN 'failed' THEN 'failed'
                   ELSE 'cancelled'
               END AS state,
               jobs.task_name AS task,
               coalesce(discharges.tenant, jobs.args ->> 'tenant', '') AS tenant,
               (jobs.args ->> 'discharge')::uuid AS discharge,
               coalesce(jobs.args ->> 'reference', '') AS reference,
               jobs.attempts,
               (SELECT min(events.at) FROM procrastinate_events AS events
                WHERE events.job_id = jobs.id AND events.type = 'deferred') AS queued,
               CASE WHEN jobs.status = 'todo' THEN jobs.scheduled_at END AS next_try,
               coalesce(job_faults.error, '') AS error,
               job_faults.at AS failed
        FROM procrastinate_jobs AS jobs
        LEFT JOIN discharges ON discharges.id = (jobs.args ->> 'discharge')::uuid
        LEFT JOIN job_faults ON job_faults.job = jobs.id
        LEFT JOIN procrastinate_workers AS workers ON workers.id = jobs.worker_id
            AND workers.last_heartbeat > now() - make_interval(secs => %(stalled)s)
        WHERE jobs.status <> 'succeeded'
    ) AS shown
"""
_DEPTH: Final = f"""
    SELECT tenant, task, state, count(*) AS number,
           coalesce(max(extract(epoch FROM now() - greatest(next_try, queued))) FILTER (WHERE state = 'due'), 0)::float
               AS oldest_seconds
    FROM ({_JOBS}) AS jobs GROUP BY tenant, task, state
"""  # noqa: S608  our own words
_LOCKED: Final = "SELECT 1 FROM procrastinate_jobs WHERE id = %s FOR UPDATE"
_HURRY: Final = "UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE id = %s AND status = 'todo'"
_CANCEL: Final = "SELECT procrastinate_cancel_job_v1(%s, false, false)"
_REMOVE: Final = "DELETE FROM procrastinate_jobs WHERE id = %s AND status NOT IN ('todo', 'doing')"
_FORGET: Final = "DELETE FROM job_faults WHERE job = %s"


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many jobs of a hospital's step are in a state, and for how long the oldest that is due has been so."""

    tenant: str
    task: str
    state: JobState
    number: int
    oldest_seconds: float


class JobControl:
    """The jobs of the queue at a postgresql:// URL, for people who look after it."""

    def __init__(self, url: str) -> None:
        self._url = url

    def list(
        self,
        *,
        states: Sequence[JobState] = (),
        tenant: str = "",
        discharge: UUID | None = None,
        limit: int | None = None,
    ) -> tuple[QueuedJob, ...]:
        """The jobs in these states (all without any), of a hospital or a discharge where named; the oldest first."""
        query = f"""{_JOBS}
            WHERE (%(states)s::text[] = '{{}}' OR state = ANY(%(states)s))
              AND (%(tenant)s = '' OR tenant = %(tenant)s)
              AND (%(discharge)s::uuid IS NULL OR discharge = %(discharge)s)
            ORDER BY number LIMIT %(limit)s"""
        asked = {"states": [state.value for state in states], "tenant": tenant, "discharge": discharge}
        with _connected(self._url) as connection:
            return _find(connection, query, asked | {"limit": limit})

    def depths(self) -> tuple[QueueDepth, ...]:
        """The jobs of the queue, counted."""
        with _connected(self._url) as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(_DEPTH, {"stalled": STALLED_SECONDS}).fetchall()
        return tuple(QueueDepth(**{**row, "state": JobState(row["state"])}) for row in rows)

    def get(self, number: int) -> QueuedJob | None:
        """The job of this number; None when it is done, or never was."""
        with _connected(self._url) as connection:
            return _get(connection, number)

    def lock(self, number: int, connection: Any) -> QueuedJob | None:
        """The same as it stands now, held against workers until the connection's transaction ends."""
        connection.execute(_LOCKED, [number])
        return _get(connection, number)

    def run_now(self, number: int, connection: Any) -> None:
        """A job that waits for its time is due."""
        connection.execute(_HURRY, [number])

    def cancel(self, number: int, connection: Any) -> None:
        """A job that is due or waits is not run; its row stays, so that it can be put back."""
        connection.execute(_CANCEL, [number])

    def remove(self, number: int, connection: Any) -> None:
        """A failed or cancelled job is over: another stands in its place, or nothing is left to do."""
        connection.execute(_FORGET, [number])
        connection.execute(_REMOVE, [number])


def _get(connection: psycopg.Connection[Any], number: int) -> QueuedJob | None:
    found = _find(connection, f"{_JOBS} WHERE number = %(number)s", {"number": number})
    return found[0] if found else None


def _find(connection: psycopg.Connection[Any], query: str, asked: dict[str, Any]) -> tuple[QueuedJob, ...]:
    with connection.cursor(row_factory=dict_row) as cursor:
        # Our own words only; what was asked for travels as parameters.
        rows = cursor.execute(query, {"stalled": STALLED_SECONDS, **asked}).fetchall()
    return tuple(_job(row) for row in rows)


def _job(row: dict[str, Any]) -> QueuedJob:
    concerns = str(row["reference"]).partition("/")[0]
    return QueuedJob(**{**row, "state": JobState(row["state"]), "concerns": concerns})


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    with database_errors(), psycopg.connect(url, connect_timeout=10) as connection:
        yield connection
