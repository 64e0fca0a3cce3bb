"""The one clock. Nothing else asks the machine what time it is; only tests can move it.

In a deployment this is the machine's clock. A test names a file in HOMEWARD_CLOCK_FILE, in which stands by how many seconds
the clock has been moved on, and every process that follows the file, whichever it is, is moved on at once. What waits on a
network or for a process waits in real time, which nobody can move: that is `machine_seconds`.
"""

import math
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from service.errors import ConfigurationError

#: How long a sleeper goes without looking whether the clock has been moved past its hour.
_LOOK_SECONDS: Final = 0.05


class _Followed:
    """The file that this process follows."""

    file: Path | None = None


def follow(file: str) -> None:
    """From now on be moved as this file says; "" for the machine's own time."""
    _Followed.file = Path(file) if file else None


def moved_seconds() -> float:
    """By how much the clock has been moved on: 0 outside of tests.

    ConfigurationError when the file cannot be read or holds no number of seconds: a test must not run on the wrong time.
    """
    if _Followed.file is None:
        return 0.0
    try:
        seconds = float(_Followed.file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ConfigurationError(
            "The file that HOMEWARD_CLOCK_FILE names must hold a number of seconds, 0 or more."
        )
    return seconds


def now() -> datetime:
    """The time of day, in UTC."""
    return datetime.now(UTC) + timedelta(seconds=moved_seconds())


def monotonic() -> float:
    """Seconds that never go back: for what is due, held, left alone or expires after a while."""
    return time.monotonic() + moved_seconds()


def machine_seconds() -> float:
    """Seconds that never go back and cannot be moved: how long a call, a process or a piece of work may take or took."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Return when the clock has gone on by so much, by itself or because it was moved."""
    if _Followed.file is None:
        time.sleep(seconds)
        return
    until = monotonic() + seconds
    while (left := until - monotonic()) > 0:
        time.sleep(min(left, _LOOK_SECONDS))
