"""Bringing a database to the tables this version needs, and saying whether it is there.

Expand, backfill, contract: a migration must leave the running older version working. Numbers are readable:
`0001_discharges`, `0002_jobs`. Each migration is one transaction, and only one process migrates at a time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import structlog
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from service.errors import ConfigurationError
from service.store.engine import database_errors, open_engine
from service.store.tables import metadata

#: Any number, the same in every version: it keeps two processes from migrating at once.
_LOCK = 4_702_111_234_474_983_745
_REMEDY = "Run `homeward migrate`."
_log = structlog.stdlib.get_logger(__name__)


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at this postgresql:// URL up to a revision. Nothing happens where it is there already."""
    _run(url, command.upgrade, revision)


def downgrade(url: str, revision: str) -> None:
    """Take the database back to a revision; "base" is the empty database. What the newer tables held is lost."""
    _run(url, command.downgrade, revision)


def check(url: str) -> None:
    """Raises ConfigurationError unless the database is at the newest revision and has exactly our tables."""
    with _connected(url) as connection:
        if not at_head(connection):
            raise ConfigurationError(f"The database is not at the newest migration. {_REMEDY}")
        context = MigrationContext.configure(connection, opts={"include_name": _ours})
        differences = compare_metadata(context, metadata)
    if differences:
        raise ConfigurationError(
            f"The migrations and service/store/tables.py differ in {len(differences)} places, first: "
            f"{_name(differences[0])}. Write the missing migration."
        )


def at_head(connection: Connection) -> bool:
    """Whether this database has the newest migration. One small query."""
    return _revision(connection) == _head()


def rehearse(url: str) -> None:
    """Upgrade, check, downgrade and upgrade again: for a scratch database, whose content is lost."""
    upgrade(url)
    check(url)
    downgrade(url, "base")
    upgrade(url)
    check(url)


def _run(url: str, go: Callable[[Config, str], None], revision: str) -> None:
    with _connected(url) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config = _config()
        config.attributes["connection"] = connection
        before = _revision(connection)
        go(config, revision)
        if (now := _revision(connection)) != before:
            _log.info("the schema was changed", version=now or "none")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = open_engine(url)
    try:
        with database_errors(), engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@cache
def _head() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _ours(name: str | None, kind: str, _: object) -> bool:
    """The queue's tables belong to its library."""
    return kind != "table" or name in metadata.tables


def _name(difference: object) -> str:
    kind = difference[0] if isinstance(difference, tuple) else difference
    return str(kind[0][0] if isinstance(kind, (list, tuple)) else kind)
