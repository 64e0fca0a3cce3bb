"""An EHR without conditional creates goes on with a write that nobody waits for any more: nothing is there twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from config.tenants import Tenant
from fhir_mappings.outbound.author import Author
from service.domain.publication import WriteState
from service.errors import EhrUnavailable, WriteUnknown
from service.pipeline.publishing.publish import Way, publish, withdraw
from tests.builders import MemoryLedger
from tests.model.fake_ehr import BASE, Crash, FakeClient, Fault, Habits
from tests.model.fake_ehr import FakeEhr as Server
from tests.unit.pipeline.publishing.test_races import ORDER

AT = datetime(2024, 3, 5, 12, 0, tzinfo=UTC)
AUTHOR = Author("Homeward", "Example")
TENANT = Tenant(id="example", fhir_base_url=BASE, organization="Example", requests_per_second=1e6)
PATIENCE = timedelta(seconds=2 * TENANT.read_timeout_seconds)


class Stay:
    """One order on its way into such an EHR."""

    def __init__(self, bundles, fault):
        self.server = Server(Habits(bundles=bundles, conditional_create=False))
        self.server.faults.append(Fault(fault, 1, reads=False))
        self.ledger = MemoryLedger(ORDER)

    def publish(self, after=timedelta()):
        way = Way(author=AUTHOR, recorded=AT, at=AT + after)
        publish(self.ledger, FakeClient(TENANT, self.server), way=way)

    def orders(self):
        return [held["status"] for held in self.server.all()]


@pytest.fixture(params=["transaction", "batch", ""], ids=["transaction", "batch", "singles"])
def bundles(request):
    return request.param


@pytest.mark.parametrize("fault", ["late", "timeout before", "timeout after"])
def test_what_timed_out_is_not_sent_again_while_it_may_still_arrive(bundles, fault):
    stay = Stay(bundles, fault)
    with pytest.raises(WriteUnknown):
        stay.publish()
    stay.publish(timedelta(seconds=1))
    stay.server.catch_up()
    assert len(stay.orders()) == (fault != "timeout before")
    stay.publish(PATIENCE + timedelta(seconds=2))
    assert stay.orders() == ["draft"]
    assert stay.ledger.state("referral") is WriteState.LANDED


def test_waiting_for_it_counts_as_one_try(bundles):
    stay = Stay(bundles, "late")
    with pytest.raises(WriteUnknown):
        stay.publish()
    stay.publish(timedelta(seconds=1))
    row = stay.ledger.rows["referral"]
    assert (row.state, row.attempts) == (WriteState.SENDING, 2)


def test_a_killed_process_is_followed_by_one_that_waits(bundles):
    stay = Stay(bundles, "crash before")
    with pytest.raises(Crash):
        stay.publish()
    stay.publish(timedelta(seconds=1))
    assert stay.orders() == []
    stay.publish(PATIENCE + timedelta(seconds=1))
    assert stay.orders() == ["draft"]


def test_what_was_answered_is_sent_again_at_once(bundles):
    stay = Stay(bundles, "503")
    with pytest.raises(EhrUnavailable):
        stay.publish()
    stay.publish(timedelta(seconds=1))
    assert stay.orders() == ["draft"]


def test_what_arrives_after_the_discharge_was_called_off_is_taken_back(bundles):
    stay = Stay(bundles, "late")
    with pytest.raises(WriteUnknown):
        stay.publish()
    client = FakeClient(TENANT, stay.server)
    withdraw(stay.ledger, client, author=AUTHOR, recorded=AT, at=AT)
    stay.server.catch_up()
    withdraw(stay.ledger, FakeClient(TENANT, stay.server), author=AUTHOR, recorded=AT, at=AT)
    assert stay.orders() == ["revoked"]


def test_what_the_plan_no_longer_wants_is_retired_when_it_arrives(bundles):
    stay = Stay(bundles, "late")
    with pytest.raises(WriteUnknown):
        stay.publish()
    stay.ledger.want([])
    stay.publish(timedelta(seconds=1))
    stay.server.catch_up()
    stay.publish(PATIENCE + timedelta(seconds=2))
    assert stay.orders() == ["revoked"]


def test_with_conditional_creates_nothing_waits(bundles):
    stay = Stay(bundles, "timeout before")
    stay.server.habits = replace(stay.server.habits, conditional_create=True)
    with pytest.raises(WriteUnknown):
        stay.publish()
    stay.publish(timedelta(seconds=1))
    assert stay.orders() == ["draft"]
