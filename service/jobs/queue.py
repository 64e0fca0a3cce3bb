"""Jobs as the rest of the service sees them: deferred with the row they belong to, and worked off."""

from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol
from uuid import UUID

import psycopg
from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import JobDeferrer

from service import clock
from service.jobs.control import JobControl
from service.jobs.database import database_errors
from service.jobs.lost import STALLED_SECONDS
from service.jobs.moments import bring_back_moments
from service.jobs.steps import (
    COMMON_QUEUE,
    LONGEST_DELAY_SECONDS,
    PRIORITY,
    Errand,
    Steps,
    Task,
    queueing_lock,
)
from service.jobs.worker import Worker

#: A retry that waits for its time is no longer worth waiting for once somebody asks anew.
_HURRY: Final = """
    UPDATE procrastinate_jobs SET scheduled_at = NULL
    WHERE queueing_lock = ANY(%s) AND status = 'todo' AND scheduled_at IS NOT NULL
"""
_WAITING: Final = (
    "SELECT queueing_lock FROM procrastinate_jobs WHERE queueing_lock = ANY(%s) AND status = 'todo'"
)
_HOSPITAL: Final = "SELECT tenant FROM discharges WHERE id = %s"
#: Whatever waits for later, by hospital.
_LATER: Final = """
    SELECT jobs.id, jobs.priority, jobs.attempts > 0 AS has_failed,
        coalesce(discharges.tenant, jobs.args ->> 'tenant') AS tenant,
        (jobs.task_name, discharges.state) IN (('publish', 'planned'), ('withdraw', 'cancelling')) AS is_wish
    FROM procrastinate_jobs AS jobs LEFT JOIN discharges ON discharges.id = (jobs.args ->> 'discharge')::uuid
    WHERE jobs.status = 'todo' AND jobs.scheduled_at > now()
"""
#: A job that has failed before waits for its EHR; one that was put in for later does not.
_WAITING_TENANTS: Final = (
    f"SELECT DISTINCT tenant FROM ({_LATER}) AS later WHERE has_failed AND tenant IS NOT NULL"  # noqa: S608  our own words
)
#: With them goes what of a discharge is not in its EHR yet: the EHR said no to it, or to its reading, which may be over.
#: One after another, so that an EHR that has just come back is not met by all at once.
_WAKE: Final = f"""
    UPDATE procrastinate_jobs AS jobs SET scheduled_at = now() + make_interval(secs => woken.seconds)
    FROM (
        SELECT id, least(%(longest)s, %(pace)s * (row_number() OVER (ORDER BY priority DESC, id) - 1)) AS seconds
        FROM ({_LATER}) AS later WHERE tenant = %(tenant)s AND (has_failed OR is_wish)
    ) AS woken
    WHERE jobs.id = woken.id AND jobs.status = 'todo'
    AND jobs.scheduled_at > now() + make_interval(secs => woken.seconds)
"""  # noqa: S608  our own words
_WAKE_PACE_SECONDS: Final = 0.1
_LONGEST_WAKE_SECONDS: Final = 30.0
_ALIVE: Final = """
    SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s)
"""


class InTransaction(Protocol):
    """A unit of work of the store, with the psycopg connection it speaks on."""

    @property
    def driver_connection(self) -> Any:
        """The psycopg connection, in the unit's transaction."""
        ...


class Jobs:
    """The queue in the PostgreSQL at a postgresql:// URL.

    steps is asked for when work begins; revive is called whenever the database is to be connected to, for a database
    of our own that must be running first.
    """

    def __init__(
        self,
        url: str,
        steps: Callable[[], Steps],
        *,
        concurrency: int = 4,
        revive: Callable[[], object] = lambda: None,
    ) -> None:
        self._url = url
        self._steps = steps
        self._concurrency = concurrency
        self._revive = revive
        # It never opens a pool: every job is deferred on its caller's connection.
        self._app = App(connector=SyncPsycopgConnector())
        self.control = JobControl(url)

    def defer(
        self, task: Task, discharge: UUID, unit: InTransaction, *, tenant: str = "", first: bool = False
    ) -> None:
        """Have a step run as soon as the unit is committed, and not at all if it is not.

        Where the same step of the same discharge is waiting already, that one will do. No two jobs of one discharge run
        at the same time. tenant is the discharge's hospital, looked up where it is not given: only a worker that knows it
        runs the step. first: the discharge was made in this unit, so that no job of it can be waiting; that saves an
        EHR that waits for its answer two questions to the database.
        """
        with database_errors():
            if first:
                queue = tenant or COMMON_QUEUE
                self._job(task, str(discharge), unit, queue).defer(discharge=str(discharge))
                return
            unit.driver_connection.execute(_HURRY, [[queueing_lock(one, str(discharge)) for one in Task]])
            queue = tenant or _hospital_of(discharge, unit)
            self._put(task, str(discharge), unit, queue, discharge=str(discharge))

    def defer_later(
        self, task: Task, discharge: UUID, unit: InTransaction, *, tenant: str, seconds: int
    ) -> None:
        """Have a step run after so long, a day at most. Where it waits already, that one will do; who asks anew has it run at once."""
        with database_errors():
            self._put(
                task,
                str(discharge),
                unit,
                tenant,
                min(seconds, LONGEST_DELAY_SECONDS),
                discharge=str(discharge),
            )

    def send(
        self,
        errand: Errand,
        tenant: str,
        reference: str,
        unit: InTransaction,
        *,
        hurry: bool = True,
        in_seconds: int = 0,
    ) -> None:
        """Have an errand run for a tenant, as defer does; reference is a literal FHIR reference, "" for none.

        Without hurry one that waits to be tried again goes on waiting; in_seconds is how long to wait before it runs.
        """
        lock = f"{tenant}:{reference}"
        with database_errors():
            if hurry:
                # By the name that has an index: a backlog must not make each further notification slower.
                unit.driver_connection.execute(_HURRY, [[queueing_lock(errand, lock)]])
            self._put(errand, lock, unit, tenant, in_seconds, tenant=tenant, reference=reference)

    def send_all(self, errand: Errand, tenant: str, references: Iterable[str], unit: InTransaction) -> None:
        """Have an errand run for each of these references, as send does, in as few questions to the database as for one."""
        # In one order everywhere, so that two units that send the same cannot wait for each other.
        locks = {reference: f"{tenant}:{reference}" for reference in sorted(set(references))}
        names = [queueing_lock(errand, lock) for lock in locks.values()]
        with database_errors():
            connection = unit.driver_connection
            connection.execute(_HURRY, [names])
            wait = {name for (name,) in connection.execute(_WAITING, [names])}
            new = {
                reference: lock
                for reference, lock in locks.items()
                if queueing_lock(errand, lock) not in wait
            }
            if not new:
                return
            connection.execute("SAVEPOINT defer_jobs")
            jobs = [
                self._job(errand, lock, unit, tenant).make_new_job(tenant=tenant, reference=reference)
                for reference, lock in new.items()
            ]
            try:
                self._app.job_manager.batch_defer_jobs(jobs, connection)
            except AlreadyEnqueued:  # one of them, by somebody else just now
                connection.execute("ROLLBACK TO SAVEPOINT defer_jobs")
                for reference, lock in new.items():
                    self._put(errand, lock, unit, tenant, tenant=tenant, reference=reference)

    def _put(
        self, task: Task | Errand, lock: str, unit: InTransaction, queue: str, in_seconds: int = 0, **ids: str
    ) -> None:
        connection = unit.driver_connection
        connection.execute("SAVEPOINT defer_job")
        try:
            self._job(task, lock, unit, queue, in_seconds).defer(**ids)
        except AlreadyEnqueued:
            connection.execute("ROLLBACK TO SAVEPOINT defer_job")

    def _job(
        self, task: Task | Errand, lock: str, unit: InTransaction, queue: str, in_seconds: int = 0
    ) -> JobDeferrer:
        return self._app.configure_task(
            task.value,
            queue=queue,
            lock=lock,
            queueing_lock=queueing_lock(task, lock),
            priority=PRIORITY[task],
            schedule_in={"seconds": in_seconds} if in_seconds else None,
            connection=unit.driver_connection,
        )

    def waiting_tenants(self) -> frozenset[str]:
        """The hospitals of which jobs wait to be tried again."""
        with database_errors(), psycopg.connect(self._url, connect_timeout=5) as connection:
            return frozenset(tenant for (tenant,) in connection.execute(_WAITING_TENANTS))

    def wake(self, tenant: str) -> int:
        """Have a hospital's jobs that wait to be tried again run now, at a pace; return how many. Waking twice is as once."""
        asked = {"tenant": tenant, "pace": _WAKE_PACE_SECONDS, "longest": _LONGEST_WAKE_SECONDS}
        with database_errors(), psycopg.connect(self._url, connect_timeout=5) as connection:
            return connection.execute(_WAKE, asked).rowcount

    def workers_alive(self) -> int:
        """How many workers have shown themselves lately; StoreUnavailable when the database does not answer."""
        with database_errors(), psycopg.connect(self._url, connect_timeout=5) as connection:
            try:
                row = connection.execute(_ALIVE, [STALLED_SECONDS]).fetchone()
            except psycopg.errors.UndefinedTable:  # before the first `homeward migrate`
                return 0
        return int(row[0]) if row else 0

    def bring_back_moments(self) -> None:
        """Have nothing wait for a moment that a clock that was ahead has written, see service.jobs.moments."""
        with database_errors(), psycopg.connect(self._url, connect_timeout=5) as connection:
            bring_back_moments(connection, clock.moved_seconds())

    def work(self, *, until_idle: bool = False) -> None:
        """Run jobs until SIGTERM or SIGINT, then finish those that run; until_idle: or until none is left to run now.

        A database that goes away is waited for.
        """
        worker = Worker(self._url, self._steps(), concurrency=self._concurrency, revive=self._revive)
        worker.run(until_idle=until_idle)


def _hospital_of(discharge: UUID, unit: InTransaction) -> str:
    """The queue of a discharge's hospital; the common one where the discharge is not known."""
    row = unit.driver_connection.execute(_HOSPITAL, [discharge]).fetchone()
    return str(row[0]) if row else COMMON_QUEUE
