"""A database that answers every question and keeps nothing: its disk is full, or it is read-only."""

from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest

from service.domain.discharge import Discharge, DischargeState
from service.errors import StoreUnavailable
from service.jobs import Jobs, Steps, Task
from service.store import Store, open_engine
from tests.integration.test_operator_commands import AT

TABLES = ("discharges", "publications", "procrastinate_jobs", "audit", "sessions")


@contextmanager
def refusing(url, table, state):
    """PostgreSQL's own answer from within a real statement, by a trigger on one table."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE 'Zelda Testperson' USING ERRCODE = '{state}'; END $$"
        )
        connection.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
        try:
            yield
        finally:
            connection.execute(f"DROP TRIGGER refuse ON {table}")


@contextmanager
def read_only(url):
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        try:
            yield
        finally:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')


def made():
    return Discharge(uuid4(), "demo", f"Encounter/{uuid4()}", "", DischargeState.RECEIVED, 1, AT, AT)


def take_in(store, jobs):
    taken = made()
    with store.begin() as unit:
        unit.discharges.add(taken)
        jobs.defer(Task.PLAN, taken.id, unit)


def idle(**steps):
    nothing = {"plan": lambda _: None, "publish": lambda _: None, "withdraw": lambda _: None}
    return Steps(**(nothing | steps), give_up=lambda *_: pytest.fail("nothing is given up"))


@pytest.mark.parametrize("state", ["53100", "53200", "58030"])
@pytest.mark.parametrize("table", ["discharges", "procrastinate_jobs"])
def test_what_cannot_be_kept_is_unavailable_by_its_code_and_none_of_its_words(
    store, database_url, table, state
):
    jobs = Jobs(database_url, idle)
    with refusing(database_url, table, state), pytest.raises(StoreUnavailable) as caught:
        take_in(store, jobs)
    assert caught.value.sqlstate == state
    assert "Zelda" not in str(caught.value)
    assert "not reachable" not in caught.value.public_message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("table", ["discharges", "publications", "sessions"])
def test_a_store_that_keeps_nothing_is_noticed_and_one_that_does_keeps_nothing_of_the_trial(
    store, database_url, table
):
    store.try_writing()
    with refusing(database_url, table, "53100"), pytest.raises(StoreUnavailable, match="disk is full"):
        store.try_writing()
    store.try_writing()
    with psycopg.connect(database_url) as connection:
        for name in ("discharges", "publications", "sessions"):
            found = connection.execute(f"SELECT count(*) FROM {name}").fetchone()  # noqa: S608  our own words
            assert found == (0,)


def test_a_read_only_database_says_so_and_a_discharge_is_not_lost_over_it(database_url):
    with read_only(database_url):
        standby = Store(open_engine(database_url))
        with pytest.raises(StoreUnavailable, match="read-only") as caught:
            standby.try_writing()
        assert caught.value.sqlstate == "25006"
        assert caught.value.retryable
        standby.close()


def test_a_step_that_meets_a_full_disk_is_tried_again_until_there_is_room(store, database_url):
    taken, ran = made(), []
    store.discharges.add(taken)

    def plan(discharge):
        with store.begin() as unit:
            unit.discharges.save(unit.discharges.lock(discharge))
        ran.append(discharge)

    jobs = Jobs(database_url, lambda: idle(plan=plan))
    with store.begin() as unit:
        jobs.defer(Task.PLAN, taken.id, unit)
    with refusing(database_url, "discharges", "53100"):
        jobs.work(until_idle=True)
        with psycopg.connect(database_url) as connection:  # as after a night of it
            connection.execute("UPDATE procrastinate_jobs SET attempts = 500, scheduled_at = NULL")
        jobs.work(until_idle=True)
    [job] = jobs.control.list()
    assert (job.state, job.error, ran) == ("waiting", "StoreUnavailable", [])
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL")
    jobs.work(until_idle=True)
    assert (ran, jobs.control.list()) == ([taken.id], ())
