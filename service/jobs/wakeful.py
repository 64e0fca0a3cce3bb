"""Procrastinate's job manager for a worker that misses no notification.

The worker forgets, once it has looked for a job in vain, whatever notification came while it looked, even of a job that
was put in after the database had answered. That job then waited for the next poll.
"""

from collections.abc import Iterable

from procrastinate import jobs
from procrastinate.manager import JobManager, NotificationCallback


class WakefulJobManager(JobManager):
    """Looks again when a notification came while it looked."""

    _heard = 0

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
