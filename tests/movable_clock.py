"""A clock that a test moves, for its own process and for every web, worker and sandbox process it starts.

    clock = MovableClock(tmp_path)
    with start_sandbox(tmp_path, clock_file=str(clock.file)) as ehr, running("serve", {**settings, **clock.settings}, log):
        clock.advance(hours=1, database=url)

What stands in the database keeps its times; jobs that wait for a time are brought nearer by as much, because the queue
compares them with the database's own clock. Heartbeats of workers stay in real time: a worker whose clock jumped is alive.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import psycopg

_BRING_NEARER: Final = """
    UPDATE procrastinate_jobs SET scheduled_at = scheduled_at - %s WHERE status = 'todo' AND scheduled_at IS NOT NULL
"""


class MovableClock:
    """The machine's time until it is advanced; nothing ever goes back."""

    def __init__(self, folder: Path) -> None:
        self.file: Final = folder / "clock.txt"
        self._moved = timedelta()
        self._write()

    @property
    def settings(self) -> Mapping[str, str]:
        """The setting with which a process of Homeward follows this clock."""
        return {"HOMEWARD_CLOCK_FILE": str(self.file)}

    def advance(self, *, database: str = "", **amount: float) -> None:
        """Move on by an amount as timedelta takes it (hours=1), jobs that wait in the database at this URL included."""
        step = timedelta(**amount)
        assert step >= timedelta(), "a clock only goes forward"
        self._moved += step
        self._write()
        if database:
            with psycopg.connect(database, connect_timeout=10) as connection:
                connection.execute(_BRING_NEARER, [step])

    def _write(self) -> None:
        """As a whole, so that no process reads half a number."""
        written = self.file.with_suffix(".new")
        written.write_text(str(self._moved.total_seconds()), encoding="ascii")
        written.replace(self.file)
