"""What could not be in an EHR is published once more can be written there, by itself and at a pace."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from types import MappingProxyType, SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from config.tenants import Tenant, WritePolicy
from service import clock
from service.domain.discharge import Discharge, DischargeState
from service.domain.publication import WriteState
from service.domain.write_reason import SHUT_OUT, WriteReason
from service.ehr.capability import Capability, ResourceCapability
from service.jobs import Jobs
from service.pipeline.publishing.let_in import publish_what_is_let_in
from tests.builders import draft_of

READS = frozenset({"read", "search-type"})
TENANT = Tenant(id="one", fhir_base_url="http://127.0.0.1:9/fhir", organization="Example")
GOAL = draft_of("goal", {"resourceType": "Goal", "description": {"text": "Eats daily"}})


def taking(*interactions):
    stated = ResourceCapability(interactions=READS | set(interactions))
    return Capability(resources=MappingProxyType({"Goal": stated}))


@pytest.fixture
def deps(store, database_url) -> Any:
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, discharges, hospitals CASCADE")
    ehr = SimpleNamespace(capability=taking)
    jobs = Jobs(database_url, lambda: pytest.fail("nothing runs here"))
    return SimpleNamespace(store=store, jobs=jobs, now=clock.now, ehr=lambda _: ehr, known=ehr)


def shut_out(deps, reason=WriteReason.NO_CREATE, *, state=DischargeState.PUBLISHED, days=0):
    """A discharge with a goal that is not in the EHR for this reason."""
    number, at = uuid4(), clock.now() - timedelta(days=days)
    deps.store.discharges.add(Discharge(number, "one", f"Encounter/{number}", "", state, 1, at, at))
    deps.store.publications.want(number, [GOAL])
    with deps.store.hold(number) as ledger:
        [entry] = ledger.entries()
        ledger.save([entry.moved_to(WriteState.WAITING, reason, "Goal")])
    return number


def state_of(deps, discharge):
    return deps.store.discharges.get(discharge).state


def waits(database_url):
    query = (
        "SELECT extract(epoch FROM scheduled_at - now())::float FROM procrastinate_jobs ORDER BY scheduled_at"
    )
    with psycopg.connect(database_url) as connection:
        return [seconds for (seconds,) in connection.execute(query)]


@pytest.mark.parametrize("reason", sorted(SHUT_OUT))
def test_an_ehr_that_takes_more_gets_what_it_lacks(deps, reason):
    publish_what_is_let_in(TENANT, deps)
    number = shut_out(deps, reason)
    assert publish_what_is_let_in(TENANT, deps) == 0
    assert state_of(deps, number) is DischargeState.PUBLISHED
    deps.known.capability = lambda: taking("create")
    assert publish_what_is_let_in(TENANT, deps) == 1
    assert state_of(deps, number) is DischargeState.PLANNED
    assert publish_what_is_let_in(TENANT, deps) == 0


def test_a_hospital_that_lets_us_write_gets_what_was_set_aside(deps):
    watched = replace(TENANT, write_policy=WritePolicy.SHADOW)
    publish_what_is_let_in(watched, deps)
    number = shut_out(deps, WriteReason.NOT_SENT)
    assert publish_what_is_let_in(TENANT, deps) == 1
    assert state_of(deps, number) is DischargeState.PLANNED


def test_what_lacks_nothing_or_is_over_is_left_alone(deps):
    others = [
        shut_out(deps, WriteReason.NONE),
        shut_out(deps, WriteReason.LEFT_TO_CLINICIAN),
        shut_out(deps, state=DischargeState.CANCELLED),
        shut_out(deps, state=DischargeState.FAILED),
        shut_out(deps, days=32),
    ]
    before = [state_of(deps, number) for number in others]
    assert publish_what_is_let_in(TENANT, deps) == 0
    assert [state_of(deps, number) for number in others] == before


def test_many_are_published_at_a_pace(deps, database_url):
    for _ in range(4):
        shut_out(deps)
    assert publish_what_is_let_in(TENANT, deps) == 4
    times = waits(database_url)
    assert all(later - sooner > 1 for sooner, later in pairwise(times))
