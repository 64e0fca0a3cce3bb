"""The connection to PostgreSQL: one engine for each process, and database errors as our own."""

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from service.errors import DATABASE_FAULTS, ConfigurationError, HomewardError, StoreUnavailable

#: Beside each running job stands one connection that holds its lock, so there are twice as many as jobs and more.
_POOL, _OVERFLOW = 5, 20
#: undefined_table and undefined_column: no fault of what is stored, so it is tried again.
_MISSING = frozenset({"42P01", "42703"})
#: program_limit_exceeded: what was to be kept is too large, and will be the next time.
_TOO_LARGE = "54"
_BEHIND = "The database lacks what this version needs; run `homeward migrate`."


def open_engine(url: str) -> Engine:
    """An engine for a postgresql:// URL. It connects on first use, and afresh in every forked child."""
    address = _address(url)
    engine = create_engine(
        address,
        pool_size=_POOL,
        max_overflow=_OVERFLOW,
        # A database that was restarted is noticed before a connection is used, not by the request that uses it.
        pool_pre_ping=True,
        # Statements carry plans; their values never reach an exception or a log.
        hide_parameters=True,
        json_serializer=_to_json,
        json_deserializer=orjson.loads,
        connect_args={"connect_timeout": 10, "application_name": "homeward"},
    )
    _forget_connections_after_fork(engine)
    return engine


def close_engine(engine: Engine) -> None:
    """Close all connections; one that a thread still uses, or opens just now, is closed when it is given back."""
    event.listen(engine, "checkin", _close_when_given_back)
    engine.dispose()


def _close_when_given_back(_: object, kept: ConnectionPoolEntry) -> None:
    kept.invalidate()


def _address(url: str) -> URL:
    try:
        # The queue hands the URL to libpq as it is, so it must be one that both understand.
        conninfo_to_dict(url)
        address = make_url(url)
    except (ArgumentError, ValueError, ProgrammingError):
        address = None
    if address is None or address.drivername not in {"postgresql", "postgres"}:
        # Not repeated: it may hold a password.
        raise ConfigurationError(
            "HOMEWARD_DATABASE_URL is no PostgreSQL URL that libpq understands: postgresql://user@host/name"
        )
    return address.set(drivername="postgresql+psycopg")


def _to_json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _forget_connections_after_fork(engine: Engine) -> None:
    """A child must not speak on its parent's sockets: it drops them without closing them."""
    reference = weakref.ref(engine)

    def forget() -> None:
        if (mine := reference()) is not None:
            mine.dispose(close=False)

    os.register_at_fork(after_in_child=forget)


@contextmanager
def database_errors() -> Iterator[None]:
    """What the database says, as our own errors and without a cause: its detail repeats the failing row."""
    try:
        yield
    except (InterfaceError, PoolTimeout):
        raise StoreUnavailable from None
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or "unknown"
        if state in DATABASE_FAULTS:
            raise StoreUnavailable(sqlstate=state) from None
        if error.connection_invalidated or (
            isinstance(error, OperationalError) and not state.startswith(_TOO_LARGE)
        ):
            raise StoreUnavailable from None
        if state in _MISSING:
            raise StoreUnavailable(_BEHIND) from None
        raise HomewardError(f"The database refused this (SQLSTATE {state}).") from None
