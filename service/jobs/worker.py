"""One worker process: it runs jobs, shows that it is alive, and looks for the jobs of workers that are not."""

import asyncio
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import psycopg
import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from psycopg_pool import PoolTimeout

from service.errors import HomewardError
from service.jobs.attempts import AsDecided, Attempts
from service.jobs.lost import STALLED_SECONDS, LostJobs
from service.jobs.steps import Errand, Steps, Task
from service.jobs.wakeful import WakefulJobManager

_HEARTBEAT_SECONDS: Final = 3.0
#: Jobs that can run are announced (migration 0017); this is for those whose time to be tried again has come.
_POLL_SECONDS: Final = 2.0
CHORE_SECONDS: Final = 2.0
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 10.0
_DUE: Final = """
    SELECT EXISTS (SELECT FROM procrastinate_jobs
                   WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
                     AND (%(queues)s::varchar[] IS NULL OR queue_name = ANY(%(queues)s::varchar[])))
"""
_OUTAGES: Final = (ConnectorException, psycopg.Error, PoolTimeout, HomewardError)
_log = structlog.stdlib.get_logger(__name__)


class Worker:
    """Runs jobs of the queue at a postgresql:// URL, up to concurrency at a time, each in a thread of its own."""

    def __init__(self, url: str, steps: Steps, *, concurrency: int, revive: Callable[[], object]) -> None:
        self._url = url
        self._steps = steps
        self._concurrency = concurrency
        self._revive = revive

    def run(self, *, until_idle: bool) -> None:
        """See Jobs.work."""
        asyncio.run(self._run(until_idle=until_idle))

    async def _run(self, *, until_idle: bool) -> None:
        stopping = _stop_on_signals()
        # Every job needs a thread, and so do a few calls of our own.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(self._concurrency + 4))
        pause = _FIRST_PAUSE_SECONDS
        while not stopping.is_set():
            try:
                await asyncio.to_thread(self._revive)
                # A pool of connections says only after half a minute that there is no database.
                await asyncio.to_thread(self._knock)
                await self._work(stopping, until_idle=until_idle)
                pause = _FIRST_PAUSE_SECONDS
                if until_idle and await asyncio.to_thread(self._is_idle):
                    return
            except _OUTAGES as error:
                _log.warning("the queue is not reachable", reason=type(error.__cause__ or error).__name__)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            await _first_of(stopping.wait(), asyncio.sleep(0 if until_idle else pause))

    async def _work(self, stopping: asyncio.Event, *, until_idle: bool) -> None:
        """Work until told to stop, then end gracefully; or until the queue fails: then its error."""
        attempts = Attempts(self._url, self._steps)
        app = self._app(attempts)
        async with app.open_async():
            working = app.run_worker_async(
                queues=self._steps.queues,  # type: ignore[arg-type]  # None, its default, means all
                concurrency=self._concurrency,
                wait=not until_idle,
                # Who leaves when nothing is left to do need not be told of what comes later.
                listen_notify=not until_idle,
                install_signal_handlers=False,
                fetch_job_polling_interval=_POLL_SECONDS,
                update_heartbeat_interval=_HEARTBEAT_SECONDS,
                stalled_worker_timeout=STALLED_SECONDS,
                delete_jobs="successful",
            )
            lost = LostJobs(app.job_manager, attempts)
            await _first_of(working, lost.take_back_for_ever(), self._chores_for_ever(), stopping.wait())

    async def _chores_for_ever(self) -> None:
        """What is to be done again and again; a fault of it stops no job."""
        while True:
            try:
                await asyncio.to_thread(self._steps.chores)
            except Exception as error:  # noqa: BLE001 - jobs are run all the same, and it is tried again
                _log.warning("a chore failed", exc_info=error)
            await asyncio.sleep(CHORE_SECONDS)

    def _app(self, attempts: Attempts) -> App:
        app = App(connector=PsycopgConnector(conninfo=self._url, min_size=1, max_size=4, timeout=10))
        app.job_manager = WakefulJobManager(app.connector)
        for task in Task:
            app.task(name=task.value, pass_context=True, retry=AsDecided())(partial(attempts.make, task))
        for errand in Errand:
            app.task(name=errand.value, pass_context=True, retry=AsDecided())(partial(attempts.run, errand))
        return app

    def _knock(self) -> None:
        psycopg.connect(self._url, connect_timeout=10).close()

    def _is_idle(self) -> bool:
        with psycopg.connect(self._url, connect_timeout=10) as connection:
            due = connection.execute(_DUE, {"queues": self._steps.queues}).fetchone()
        return due is None or not due[0]


def _stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; only a process's main thread hears signals."""
    stopping = asyncio.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


async def _first_of(*coroutines: Any) -> None:
    """Run all until one ends, then cancel the others and wait for their end; an error of any is raised."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
