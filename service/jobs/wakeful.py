"""Procrastinate's job manager for a worker that misses no notification, and no end of a job.

The worker forgets, once it has looked for a job in vain, whatever notification came while it looked, even of a job that
was put in after the database had answered. That job then waited for the next poll.

It does not expect that the same work was asked for anew while a job failed: such a job cannot wait to be tried again, as the same
work waits only once. It then counted as running, and held the lock of its discharge until it was found lost.
"""

from collections.abc import Iterable
from datetime import datetime

import structlog
from procrastinate import jobs
from procrastinate.exceptions import UniqueViolation
from procrastinate.manager import JobManager, NotificationCallback

_log = structlog.stdlib.get_logger(__name__)


class WakefulJobManager(JobManager):
    """Looks again when a notification came while it looked; ends a failed job whose work waits already."""

    _heard = 0

    async def retry_job(
        self,
        job: jobs.Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Have a job wait to be tried again; where the same work was asked for anew, that job does it and this one is gone."""
        try:
            await super().retry_job(job, retry_at, priority, queue, lock)
        except UniqueViolation:
            _log.info(
                "a failed job gives way to the same step asked for anew", job=job.id, step=job.task_name
            )
            await self.finish_job(job, status=jobs.Status.FAILED, delete_job=True)

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Count the notifications, and hand them on."""

        async def count(*, channel: str, notification: jobs.Notification) -> None:
            self._heard += 1
            await on_notification(channel=channel, notification=notification)

        await super().listen_for_jobs(on_notification=count, queues=queues)

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> jobs.Job | None:
        """Return a job to run, None when there was none at the latest notification."""
        while True:
            heard = self._heard
            job = await super().fetch_job(queues=queues, worker_id=worker_id)
            if job is not None or heard == self._heard:
                return job
