"""Why jobs failed: the class of the last error of each, beside the queue, which keeps none. Nothing of what it said."""

from contextlib import suppress
from typing import Final

import psycopg

_NOTE: Final = """
    INSERT INTO job_faults (job, error, at) VALUES (%s, %s, now())
    ON CONFLICT (job) DO UPDATE SET error = excluded.error, at = excluded.at
"""
_IS_LAST: Final = "SELECT 1 FROM job_faults WHERE job = %s AND error = %s"
_FORGET: Final = "DELETE FROM job_faults WHERE job = %s"
_TIDY: Final = """
    DELETE FROM job_faults WHERE NOT EXISTS (SELECT FROM procrastinate_jobs AS jobs WHERE jobs.id = job_faults.job)
"""


class JobFaults:
    """The faults of jobs at a postgresql:// URL. A database that takes no note stops no job: the log has it, too."""

    def __init__(self, url: str) -> None:
        self._url = url

    def note(self, job: int, error: Exception | str) -> None:
        """This job has failed with an error of this class, or for a reason of this name."""
        self._execute(_NOTE, job, error if isinstance(error, str) else type(error).__name__)

    def is_last(self, job: int, reason: str) -> bool:
        """Whether what was noted last of this job is the failure of this name; no where the database does not say."""
        with suppress(psycopg.Error), psycopg.connect(self._url, connect_timeout=10) as connection:
            return connection.execute(_IS_LAST, (job, reason)).fetchone() is not None
        return False

    def forget(self, job: int) -> None:
        """This job has succeeded in the end."""
        self._execute(_FORGET, job)

    def tidy(self) -> None:
        """Drop what was noted of jobs that are no more."""
        self._execute(_TIDY)

    def _execute(self, statement: str, *values: int | str) -> None:
        with suppress(psycopg.Error), psycopg.connect(self._url, connect_timeout=10) as connection:
            connection.execute(statement, values)
