"""Jobs whose worker is gone, put back into the queue: a plain loop in every worker, so that any of them will do."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from service import clock
from service.jobs.attempts import Attempts
from service.jobs.steps import ATTEMPTS, LONGEST_WAIT_SECONDS, WISHES

#: A worker not heard of for this long is dead: five heartbeats, so that a busy machine does not bury the living.
STALLED_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 3.0
#: Due at once, whatever the clocks of this machine and of the database say.
_LONG_AGO: Final = datetime.fromtimestamp(0, UTC)
_LOST_EVERY_TIME: Final = "The worker stopped each time it ran this step; an operator must look."
#: What the list of jobs says of a job whose worker stopped each time.
_WORKER_STOPPED: Final = "WorkerStopped"
_log = structlog.stdlib.get_logger(__name__)


class LostJobs:
    """What runs according to the queue and in truth does not."""

    def __init__(self, manager: JobManager, attempts: Attempts) -> None:
        self._manager = manager
        self._attempts = attempts
        self._missing: set[int] = set()

    async def take_back_for_ever(self) -> None:
        """Look every few seconds, until cancelled or until the queue fails: then its error."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for job in [*await self._of_the_dead(), *await self._of_ours()]:
                await self.take_back(job)

    async def _of_the_dead(self) -> Sequence[Job]:
        """Jobs of workers that no longer show themselves."""
        stalled = await self._manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS)
        return [job for job in stalled if job.id not in self._attempts.held]

    async def _of_ours(self) -> Sequence[Job]:
        """Jobs of this worker that it no longer holds: the database was away when their end was to be written.

        Missing at one look may be a job that is just being fetched or ended; missing at two it is lost.
        """
        if self._attempts.number is None:
            return ()
        running = await self._manager.list_jobs_async(
            status=Status.DOING.value, worker_id=self._attempts.number
        )
        missing = {job.id: job for job in running if job.id and job.id not in self._attempts.held}
        lost = [job for number, job in missing.items() if number in self._missing]
        self._missing = set(missing)
        return lost

    async def take_back(self, job: Job) -> None:
        """Put a lost job back into the queue, or give it up where it is no wish and was tried too often."""
        _log.warning("a lost job is taken back", job=job.id, step=job.task_name, attempt=job.attempts)
        if job.attempts + 1 >= ATTEMPTS and job.task_name not in WISHES:
            await asyncio.to_thread(self._attempts.lose, job, _LOST_EVERY_TIME)
            await asyncio.to_thread(self._attempts.faults.note, job.id or 0, _WORKER_STOPPED)
            await self._end(job)
            return
        due = await asyncio.to_thread(self._due, job)
        try:
            await self._manager.retry_job_by_id_async(job_id=job.id or 0, retry_at=due)
        except UniqueViolation:
            # The same step was asked for anew meanwhile. The dead job holds the discharge's lock: it must go.
            await self._end(job)
        except ConnectorException:
            # Another worker was faster; if it is the database, the next look will say so.
            _log.info("a lost job was taken back by another worker", job=job.id)

    def _due(self, job: Job) -> datetime:
        """When it is run again: at once, but a wish that stops its workers again and again once an hour.

        It has been tried for long because of its EHR, and is not to blame for one worker that stops.
        """
        if job.attempts + 1 < ATTEMPTS:
            return _LONG_AGO
        stops_again = self._attempts.faults.is_last(job.id or 0, _WORKER_STOPPED)
        self._attempts.faults.note(job.id or 0, _WORKER_STOPPED)
        return clock.now() + timedelta(seconds=LONGEST_WAIT_SECONDS) if stops_again else _LONG_AGO

    async def _end(self, job: Job) -> None:
        await self._manager.finish_job_by_id_async(job_id=job.id or 0, status=Status.FAILED, delete_job=False)
