from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from procrastinate.schema import SchemaManager

from service.errors import ConfigurationError
from service.store import migrations


@pytest.fixture
def scratch(new_database):
    return new_database()


def test_the_migrations_go_up_down_and_up_again_and_make_exactly_our_tables(scratch):
    migrations.rehearse(scratch)
    migrations.downgrade(scratch, "base")
    with psycopg.connect(scratch) as connection:
        left = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
            "UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace "
        ).fetchall()
    assert {name for (name,) in left} <= {"alembic_version", "_alembic_version", "alembic_version_pkc"}


def test_a_database_that_is_behind_is_told_what_to_run(scratch):
    with pytest.raises(ConfigurationError, match="homeward migrate"):
        migrations.check(scratch)


def test_a_table_without_its_migration_is_found(scratch):
    migrations.upgrade(scratch)
    with psycopg.connect(scratch) as connection:
        connection.execute("ALTER TABLE discharges DROP COLUMN problem")
    with pytest.raises(ConfigurationError, match="missing migration"):
        migrations.check(scratch)


def test_migrating_twice_and_at_once_is_harmless(scratch):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrations.upgrade, [scratch] * 4))
    migrations.check(scratch)


def test_the_queues_tables_are_those_the_installed_library_works_with():
    shipped = SchemaManager.get_schema()
    ours = Path(migrations.__file__).with_name("versions") / "0002_jobs.sql"
    assert ours.read_text(encoding="utf-8") == shipped
