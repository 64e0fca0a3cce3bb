"""The sandbox EHR by the clock that tests move: what its libraries ask for the time answers as Homeward's own clock does.

Only the sandbox's own process does this, and only when a test has named a clock file. sekmet stamps resources and searches by
one function, its token server and uvicorn's Date header ask `time.time`, and PyJWT checks assertions by `datetime`.
"""

import time
from datetime import datetime, tzinfo
from typing import Self

import jwt.api_jwt
import sekmet.fhir.common

from service import clock


class _Moved(datetime):
    """A datetime whose now is the clock's."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        moved = clock.now().astimezone(tz)
        return cls.fromtimestamp(moved.timestamp(), tz)


def move_the_ehr() -> None:
    """From now on this process lives by service.clock; what waits in it goes on to wait in real time."""
    time.time = lambda: clock.now().timestamp()
    sekmet.fhir.common.now = clock.now
    jwt.api_jwt.datetime = _Moved  # type: ignore[attr-defined]  # a module's own import
