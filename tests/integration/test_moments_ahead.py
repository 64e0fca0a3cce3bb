"""The same in the database: what was written by a clock that was ahead keeps nobody waiting."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from config.tenants import Tenant
from service.domain.watch import Watch, Way
from service.jobs import Errand, Jobs, Steps, Task
from service.pipeline.rounds import call_rounds

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
FAR = timedelta(days=400)


HOSPITAL = Tenant(id="one", fhir_base_url="http://127.0.0.1:9/fhir", organization="Example")


def deployment(store, jobs) -> Any:
    return SimpleNamespace(store=store, jobs=jobs, tenants={"one": HOSPITAL}, now=lambda: NOW)


@pytest.mark.parametrize("ahead", [{"due": NOW + FAR}, {"since": NOW + FAR}, {"stays_seen": NOW + FAR}])
@pytest.mark.parametrize("way", [Way.POLL, Way.REST_HOOK])
def test_a_watch_of_the_future_is_looked_at_now(store, way, ahead):
    sent = []
    jobs = SimpleNamespace(send=lambda errand, tenant, *_, **__: sent.append((errand, tenant)))
    moments = {"due": NOW, "since": NOW - FAR, "stays_seen": NOW - FAR}
    with store.begin() as unit:
        unit.watches.save(Watch("one", way, **(moments | ahead)))
    call_rounds(deployment(store, jobs))
    assert sent == [(Errand.ROUND, "one")]
    watch = store.watches.of("one")
    assert NOW < watch.due <= NOW + timedelta(hours=1)
    assert watch.since in {None, NOW - FAR}
    assert watch.stays_seen in {None, NOW - FAR}
    call_rounds(deployment(store, jobs))
    assert len(sent) == 1


def test_a_job_put_off_and_a_worker_alive_until_next_year_are_brought_back(store, database_url):
    ran: list[UUID] = []
    steps = Steps(
        plan=ran.append, publish=ran.append, withdraw=ran.append, give_up=lambda *_: pytest.fail("given up")
    )
    jobs = Jobs(database_url, lambda: steps)
    discharge = uuid4()
    with store.begin() as unit:
        jobs.defer(Task.PLAN, discharge, unit)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE procrastinate_jobs SET scheduled_at = now() + interval '400 days'")
        connection.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() + interval '400 days')"
        )
    assert jobs.workers_alive() == 1
    jobs.bring_back_moments()
    jobs.work(until_idle=True)
    assert ran == [discharge]
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '16 seconds'"
        )
    assert jobs.workers_alive() == 0


def test_a_session_that_would_outlive_every_session_holds_no_more(store):
    store.sessions.keep("early", {"a": 1}, expires=NOW + FAR)
    store.sessions.keep("right", {"a": 2}, expires=NOW + timedelta(hours=1))
    assert store.sessions.of("early", NOW) is None
    assert store.sessions.of("right", NOW) == {"a": 2}
    store.sessions.forget(NOW)
    assert store.sessions.take("early", NOW + FAR - timedelta(minutes=1)) is None
    assert store.sessions.take("right", NOW) == {"a": 2}


def test_a_request_begun_in_the_future_does_not_keep_its_key_busy_until_then(store):
    assert store.answers.begin("a", "key", "what", NOW + FAR) is None
    assert store.answers.begin("a", "key", "what", NOW) is None
    again = store.answers.begin("a", "key", "what", NOW)
    assert again is not None
    assert again.status == 0
