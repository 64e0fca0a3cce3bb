"""One attempt at a job's step, and what is decided when it fails. Nothing of an error but its class goes into the queue."""

from typing import Final
from uuid import UUID

import psycopg
import structlog
from procrastinate import BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.jobs import Job

from service.errors import HomewardError
from service.jobs.steps import Steps, Task, problem_of, wait_before_trying_again

_TWIN: Final = "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE queueing_lock = %s AND status = 'todo')"
#: When even the failure could not be written down.
_UNTOLD_SECONDS: Final = 5.0
_log = structlog.stdlib.get_logger(__name__)


class TryAgain(Exception):
    """The step is to be run again after some seconds."""

    def __init__(self, task: Task, error: Exception, seconds: float) -> None:
        super().__init__(f"{task.value}: {type(error).__name__}, to be tried again")
        self.seconds = seconds


class GaveUp(Exception):
    """The step failed for good, and its discharge says so."""


class AsDecided(BaseRetryStrategy):
    """Tries again when, and only when, `Attempts` has decided so."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002
        """The decision that the exception carries."""
        if isinstance(exception, TryAgain):
            return RetryDecision(retry_in={"milliseconds": round(1000 * exception.seconds)})
        return None


class Attempts:
    """The steps of this process as jobs. held are the jobs that run now; number is the queue's for this worker."""

    def __init__(self, url: str, steps: Steps) -> None:
        self._url = url
        self._steps = steps
        self.held: set[int] = set()
        self.number: int | None = None

    def make(self, task: Task, context: JobContext, discharge: str) -> None:
        """Run the step; raises TryAgain or GaveUp, free of whatever the step's own error said."""
        job, number = context.job, context.job.id or 0
        self.number = job.worker_id
        self.held.add(number)
        try:
            error = self._error_of(task, UUID(discharge))
            if error is not None:
                _log.warning(
                    "a step failed",
                    step=task.value,
                    discharge=discharge,
                    attempt=job.attempts + 1,
                    exc_info=error,
                )
                raise self._decided(task, UUID(discharge), error, job.attempts)
        finally:
            self.held.discard(number)

    def give_up(self, task: Task, discharge: UUID, problem: str) -> None:
        """Tell the discharge, unless the same step waits to be run anew: then that one decides."""
        with psycopg.connect(self._url, connect_timeout=10) as connection:
            twin = connection.execute(_TWIN, [f"{task.value}:{discharge}"]).fetchone()
        if twin is not None and not twin[0]:
            self._steps.give_up(discharge, task, problem)

    def _error_of(self, task: Task, discharge: UUID) -> Exception | None:
        try:
            self._steps.of(task)(discharge)
        except Exception as error:  # noqa: BLE001 - whatever it is, the discharge must say so
            return error
        return None

    def _decided(self, task: Task, discharge: UUID, error: Exception, attempt: int) -> TryAgain | GaveUp:
        seconds = wait_before_trying_again(error, attempt)
        if seconds is not None:
            return TryAgain(task, error, seconds)
        try:
            self.give_up(task, discharge, problem_of(error, task))
        except (HomewardError, psycopg.Error) as untold:
            # A discharge must not stay on its way for ever because the database was away when it failed.
            return TryAgain(task, untold, _UNTOLD_SECONDS)
        return GaveUp(f"{task.value}: {type(error).__name__}")
