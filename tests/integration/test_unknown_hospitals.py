"""Jobs of a hospital that a worker does not know: they wait for one that does, and nothing of them is counted or failed."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest

from service.domain.discharge import Discharge, DischargeState
from service.errors import HospitalNotConfigured
from service.jobs import Errand, Jobs, Steps, Task

OLD, NEW = "old-hospital", "new-hospital"
#: The longest id a tenant may have: its queue's channel must fit PostgreSQL's names.
LONG = "h" + 39 * "x"


@dataclass
class Worked:
    """What a worker of these hospitals has run; a discharge of another one is not known to it."""

    known: frozenset[str]
    hospitals: dict[object, str]
    ran: list[object] = field(default_factory=list)
    gave_up: list[object] = field(default_factory=list)
    jobs: Jobs = field(init=False)

    def steps(self):
        return Steps(
            plan=self.step,
            publish=self.step,
            withdraw=self.step,
            give_up=lambda *told: self.gave_up.append(told),
            errand=lambda _, tenant, reference: self.run(tenant, reference),
            tenants=self.known,
        )

    def step(self, discharge):
        self.run(self.hospitals[discharge], discharge)

    def run(self, tenant, what):
        if tenant not in self.known:
            raise HospitalNotConfigured(tenant)
        self.ran.append(what)


@pytest.fixture
def hospitals():
    return {}


@pytest.fixture
def worker(database_url, hospitals):
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, discharges CASCADE")

    def worker(*known):
        worked = Worked(frozenset(known), hospitals)
        worked.jobs = Jobs(database_url, worked.steps)
        return worked

    return worker


def received(store, hospitals, jobs, tenant, *, named=True):
    now, stay = datetime.now(UTC), f"Encounter/{uuid4()}"
    discharge = Discharge(uuid4(), tenant, stay, "", DischargeState.RECEIVED, 1, now, now)
    hospitals[discharge.id] = tenant
    with store.begin() as unit:
        unit.discharges.add(discharge)
        jobs.defer(Task.PLAN, discharge.id, unit, tenant=tenant if named else "")
    return discharge.id


def waiting(database_url):
    with psycopg.connect(database_url) as connection:
        query = "SELECT queue_name, status::text, attempts FROM procrastinate_jobs ORDER BY id"
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("named", [True, False])
def test_a_worker_takes_no_job_of_a_hospital_that_it_does_not_know(
    store, worker, hospitals, database_url, named
):
    old, new = worker(OLD), worker(OLD, NEW)
    known = received(store, hospitals, new.jobs, OLD, named=named)
    unknown = [received(store, hospitals, new.jobs, NEW, named=named) for _ in range(6)]
    old.jobs.work(until_idle=True)
    assert (old.ran, old.gave_up) == ([known], [])
    assert waiting(database_url) == 6 * [(NEW, "todo", 0)]
    new.jobs.work(until_idle=True)
    assert (sorted(new.ran), new.gave_up) == (sorted(unknown), [])
    assert waiting(database_url) == []


def test_a_job_that_was_put_in_without_its_hospital_is_handed_on_once_and_not_counted(
    store, worker, hospitals, database_url
):
    """As the version before this one puts them in."""
    old, new = worker(OLD), worker(OLD, NEW)
    discharge = received(store, hospitals, new.jobs, NEW)
    with store.begin() as unit:
        new.jobs.send(Errand.LOOK, NEW, "ServiceRequest/1", unit)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE procrastinate_jobs SET queue_name = 'default'")
    old.jobs.work(until_idle=True)
    assert (old.ran, old.gave_up) == ([], [])
    assert waiting(database_url) == 2 * [(NEW, "todo", 0)]
    new.jobs.work(until_idle=True)
    assert set(new.ran) == {discharge, "ServiceRequest/1"}
    assert new.gave_up == []


def test_errands_are_left_to_a_worker_that_knows_their_hospital(store, worker, database_url):
    old, new = worker(OLD), worker(OLD, NEW)
    with store.begin() as unit:
        new.jobs.send(Errand.ROUND, NEW, "", unit)
        new.jobs.send(Errand.HEAL, NEW, "Subscription/1", unit, hurry=False)
        new.jobs.send_all(Errand.LOOK, NEW, ["ServiceRequest/1", "ServiceRequest/2"], unit)
    old.jobs.work(until_idle=True)
    assert waiting(database_url) == 4 * [(NEW, "todo", 0)]
    new.jobs.work(until_idle=True)
    assert sorted(new.ran) == ["", "ServiceRequest/1", "ServiceRequest/2", "Subscription/1"]


def test_a_hospital_named_like_the_common_queue_keeps_no_worker_busy(store, worker, hospitals, database_url):
    old = worker(OLD)
    received(store, hospitals, old.jobs, "default")
    old.jobs.work(until_idle=True)
    with psycopg.connect(database_url) as connection:
        rests = connection.execute("SELECT scheduled_at > now() FROM procrastinate_jobs").fetchall()
    assert rests == [(True,)]
    assert waiting(database_url) == [("default", "todo", 0)]
    assert old.gave_up == []


def test_the_longest_id_of_a_hospital_is_the_name_of_a_queue(store, worker, hospitals):
    knowing = worker(LONG)
    discharge = received(store, hospitals, knowing.jobs, LONG)
    knowing.jobs.work(until_idle=True)
    assert knowing.ran == [discharge]
