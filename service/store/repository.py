"""What every repository shares: it speaks on a unit's connection, or opens a short transaction for each call."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Connection

#: Gives the connection to speak on: a unit's own, or a new one that commits when it is left.
Connect = Callable[[], AbstractContextManager[Connection]]


class Repository:
    """One kind of thing in SQL."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
