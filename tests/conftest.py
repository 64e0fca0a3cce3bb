"""What all tests share: a real PostgreSQL, started once, with a fresh migrated database for each test module."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql
from pytest_socket import socket_allow_hosts

from service.store import Store, embedded, migrations, open_engine

# The same examples every time, so that a red run means a change; `pytest --hypothesis-profile=search` looks for new ones.
# A busy machine decides nothing: neither how long an example takes, nor how long it takes to make one.
settings.register_profile(
    "repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("repeatable")

_TEMPLATE = "template_for_tests"


@pytest.fixture(autouse=True)
def _only_local_sockets() -> None:
    socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL of this test session, whose template database is migrated."""
    with embedded.throwaway() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            # A test kills processes, never the machine: nothing needs to reach the disk.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
        migrations.upgrade(in_database(url, _TEMPLATE))
        yield url


def in_database(url: str, name: str) -> str:
    """The same server's URL with another database."""
    return url.replace("@/homeward?", f"@/{name}?")


@pytest.fixture(scope="module")
def new_database(postgresql: str) -> Iterator[Callable[..., str]]:
    """Makes databases for one test module, empty unless a template is named."""
    made: list[sql.Identifier] = []
    with psycopg.connect(postgresql, autocommit=True) as connection:

        def make(template: str = "template1") -> str:
            name = f"test_{uuid4().hex}"
            made.append(sql.Identifier(name))
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(made[-1], sql.Identifier(template))
            )
            return in_database(postgresql, name)

        yield make
        for database in made:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


@pytest.fixture(scope="module")
def database_url(new_database: Callable[..., str]) -> str:
    """A fresh database, migrated to the newest version, for one test module."""
    return new_database(_TEMPLATE)


@pytest.fixture(scope="module")
def store(database_url: str) -> Iterator[Store]:
    """The store in the module's database."""
    opened = Store(open_engine(database_url))
    yield opened
    opened.close()
