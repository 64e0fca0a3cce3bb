"""What the database says while jobs are deferred or looked at, as our own errors: never its text, which may quote a row."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from procrastinate.exceptions import ConnectorException

from service.errors import DATABASE_FAULTS, StoreUnavailable

_AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError)
_BEHIND: Final = "The database lacks what this version needs; run `homeward migrate`."


@contextmanager
def database_errors() -> Iterator[None]:
    """A database that went away or keeps nothing is unavailable, whoever noticed it: the step is tried again."""
    try:
        yield
    except psycopg.Error as error:
        if (found := _unavailable(error)) is None:
            raise
        raise found from None
    except ConnectorException as error:
        if (found := _unavailable(error.__cause__)) is None:
            raise
        raise found from None


def _unavailable(error: BaseException | None) -> StoreUnavailable | None:
    """The error of ours for one of the driver's; None for one that is our own fault."""
    state = (error.sqlstate or "") if isinstance(error, psycopg.Error) else ""
    if state in DATABASE_FAULTS:
        return StoreUnavailable(sqlstate=state)
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return StoreUnavailable(_BEHIND)
    return StoreUnavailable() if isinstance(error, _AWAY) else None
