"""One attempt at a job's step, and what is decided when it fails. Nothing of an error but its class goes into the queue."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final
from uuid import UUID

import psycopg
import structlog
from procrastinate import BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.jobs import Job

from service.errors import EhrError, HomewardError, HospitalNotConfigured
from service.jobs.faults import JobFaults
from service.jobs.steps import (
    Errand,
    Steps,
    Task,
    problem_of,
    queueing_lock,
    wait_before_trying_again,
    wait_with_a_wish,
)

_TWIN: Final = "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE queueing_lock = %s AND status = 'todo')"
#: What is only handed on was not tried: the queue counts one more when it puts the job back.
_UNCOUNT: Final = "UPDATE procrastinate_jobs SET attempts = attempts - 1 WHERE id = %s"
#: A job that is in the queue of its hospital already, and was taken all the same, rests so long.
_REST_SECONDS: Final = 15.0
#: When even the failure could not be written down.
_UNTOLD_SECONDS: Final = 5.0
_log = structlog.stdlib.get_logger(__name__)


class TryAgain(Exception):
    """The step is to be run again after some seconds."""

    def __init__(self, task: Task | Errand, error: Exception, seconds: float) -> None:
        super().__init__(f"{task.value}: {type(error).__name__}, to be tried again")
        self.seconds = seconds


class GaveUp(Exception):
    """The step failed for good, and its discharge, if it has one, says so."""


class LeftToAnother(Exception):
    """The job is one of a hospital that this worker does not know: it goes into that hospital's queue."""

    def __init__(self, tenant: str, seconds: float) -> None:
        super().__init__("left to a worker that knows the hospital")
        self.tenant = tenant
        self.seconds = seconds


class AsDecided(BaseRetryStrategy):
    """Tries again when, and only when, `Attempts` has decided so."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002
        """The decision that the exception carries."""
        if isinstance(exception, TryAgain):
            return RetryDecision(retry_in={"milliseconds": round(1000 * exception.seconds)})
        if isinstance(exception, LeftToAnother):
            return RetryDecision(
                retry_in={"milliseconds": round(1000 * exception.seconds)}, queue=exception.tenant
            )
        return None


class Attempts:
    """The steps of this process as jobs. held are the jobs that run now; number is the queue's for this worker."""

    def __init__(self, url: str, steps: Steps) -> None:
        self._url = url
        self._steps = steps
        self.faults = JobFaults(url)
        self.held: set[int] = set()
        self.number: int | None = None

    def make(self, task: Task, context: JobContext, discharge: str) -> None:
        """Run the step of a discharge; raises TryAgain or GaveUp, free of whatever the step's own error said."""
        job = context.job
        with self._holding(job):
            error = _error_of(partial(self._steps.of(task), UUID(discharge)))
            self._note(job, error)
            if isinstance(error, HospitalNotConfigured):
                raise self._left(error.tenant, job)
            if error is not None:
                _log.warning(
                    "a step failed",
                    step=task.value,
                    discharge=discharge,
                    attempt=job.attempts + 1,
                    exc_info=error,
                )
                raise self._decided(task, UUID(discharge), error, job.attempts)

    def run(self, errand: Errand, context: JobContext, tenant: str, reference: str) -> None:
        """Run an errand; raises as make does. One that is given up is told in the log alone: rounds go on."""
        job = context.job
        with self._holding(job):
            error = _error_of(partial(self._steps.errand, errand, tenant, reference))
            self._note(job, error)
            if error is None:
                return
            if isinstance(error, HospitalNotConfigured):
                raise self._left(error.tenant, job)
            _log.warning(
                "a step failed", step=errand.value, tenant=tenant, attempt=job.attempts + 1, exc_info=error
            )
            seconds = wait_before_trying_again(error, job.attempts)
            if seconds is not None:
                raise TryAgain(errand, error, seconds)
            raise GaveUp(f"{errand.value}: {type(error).__name__}")

    def lose(self, job: Job, problem: str) -> None:
        """The job is not to be run again: tell its discharge, if it is of one."""
        if "discharge" in job.task_kwargs:
            self.give_up(Task(job.task_name), UUID(str(job.task_kwargs["discharge"])), problem)

    def give_up(self, task: Task, discharge: UUID, problem: str) -> None:
        """Tell the discharge, unless the same step waits to be run anew: then that one decides."""
        with psycopg.connect(self._url, connect_timeout=10) as connection:
            twin = connection.execute(_TWIN, [queueing_lock(task, str(discharge))]).fetchone()
        if twin is not None and not twin[0]:
            self._steps.give_up(discharge, task, problem)

    def _note(self, job: Job, error: Exception | None) -> None:
        """Keep the error's class for those who list the jobs; a job that succeeds in the end leaves none behind."""
        if error is not None:
            self.faults.note(job.id or 0, error)
        elif job.attempts:
            self.faults.forget(job.id or 0)

    @contextmanager
    def _holding(self, job: Job) -> Iterator[None]:
        """While a job runs here."""
        number = job.id or 0
        self.number = job.worker_id
        self.held.add(number)
        try:
            yield
        finally:
            self.held.discard(number)

    def _left(self, tenant: str, job: Job) -> LeftToAnother:
        """The job goes on in its hospital's queue, as if it had not been taken."""
        _log.info(
            "a job is left to a worker that knows the hospital", job=job.id, step=job.task_name, tenant=tenant
        )
        with psycopg.connect(self._url, connect_timeout=10) as connection:
            connection.execute(_UNCOUNT, [job.id])
        return LeftToAnother(tenant, _REST_SECONDS if job.queue == tenant else 0.0)

    def _decided(self, task: Task, discharge: UUID, error: Exception, attempt: int) -> TryAgain | GaveUp:
        seconds = wait_with_a_wish(task, error, attempt)
        if seconds is not None:
            if attempt == 0 and isinstance(error, EhrError):
                self._tell_what_holds_up(task, discharge, error)
            return TryAgain(task, error, seconds)
        try:
            self.give_up(task, discharge, problem_of(error, task))
        except (HomewardError, psycopg.Error) as untold:
            # A discharge must not stay on its way for ever because the database was away when it failed.
            return TryAgain(task, untold, _UNTOLD_SECONDS)
        return GaveUp(f"{task.value}: {type(error).__name__}")

    def _tell_what_holds_up(self, task: Task, discharge: UUID, error: Exception) -> None:
        """Whoever looks at the discharge reads why nothing happens, long before it is given up."""
        with suppress(HomewardError, psycopg.Error):
            self._steps.held_up(discharge, task, problem_of(error, task))


def _error_of(step: Callable[[], None]) -> Exception | None:
    try:
        step()
    except Exception as error:  # noqa: BLE001 - whatever it is, the discharge must say so
        return error
    return None
