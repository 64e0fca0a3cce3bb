"""Withdrawing from a server that does not let us, or changes under our hands."""

from collections.abc import Iterator
from datetime import UTC, datetime

import orjson
import pytest

from config.tenants import Tenant
from service.domain.publication import Receipt, WriteState
from service.domain.write_reason import WriteReason
from service.ehr.client import Ehr
from service.errors import EhrConflict
from service.pipeline.track import resume, withdraw
from tests.builders import MemoryLedger
from tests.ehr_fixtures import AUTHOR, plan_for
from tests.unit.ehr.odd_server import OddServer, Told, fhir, odd_server, statement

PATIENT = "Patient/7"
GOAL = f"{PATIENT} goal"
NOW = datetime(2024, 3, 5, 15, 0, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[OddServer]:
    with odd_server() as running:
        running.tell("GET", "/metadata", statement(Goal=("identifier",)))
        running.tell("GET", "/Goal/1", goal("proposed"))
        running.tell("PUT", "/Goal/1", Told(200, headers={"ETag": 'W/"2"'}))
        yield running


@pytest.fixture
def ehr(server: OddServer) -> Iterator[Ehr]:
    with Ehr(
        Tenant(id="t", fhir_base_url=server.url, organization="Example"), sleep=lambda _: None
    ) as client:
        yield client


@pytest.fixture
def ledger() -> MemoryLedger:
    """One goal, written."""
    published = MemoryLedger(plan_for(PATIENT)[0])
    published.written([Receipt(GOAL, "Goal/1", 'W/"1"')])
    return published


def goal(status: str, version: str = "1", **more: object) -> Told:
    body = plan_for(PATIENT)[0].body
    return fhir({**body, "id": "1", "lifecycleStatus": status, "meta": {"versionId": version}, **more})


def call_off(ledger, ehr):
    withdraw(ledger, ehr, author=AUTHOR, recorded=NOW)


def test_an_ehr_that_takes_no_updates_leaves_the_withdrawal_to_a_person(server, ehr, ledger):
    server.tell("GET", "/metadata", fhir({"resourceType": "CapabilityStatement"}))
    call_off(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.LANDED
    assert ledger.rows[GOAL].problem == "The EHR does not let us withdraw this; a person must."


def test_a_refused_withdrawal_is_told_and_is_not_taken_for_done(server, ehr, ledger):
    server.tell("PUT", "/Goal/1", Told(422))
    call_off(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.LANDED
    assert "422" in ledger.rows[GOAL].problem


def test_a_person_who_changes_it_meanwhile_is_read_again_and_nothing_of_theirs_is_lost(server, ehr, ledger):
    server.tell("GET", "/Goal/1", goal("proposed"), goal("proposed", "2", expressedBy={"display": "Zelda"}))
    server.tell("PUT", "/Goal/1", Told(412), Told(200, headers={"ETag": 'W/"3"'}))
    call_off(ledger, ehr)
    sent = server.asked[-1]
    assert sent.headers["If-Match"] == 'W/"2"'
    assert orjson.loads(sent.body)["expressedBy"] == {"display": "Zelda"}
    assert orjson.loads(sent.body)["lifecycleStatus"] == "cancelled"
    assert (
        ledger.rows[GOAL].problem
        == "A person changed this in the EHR before it was withdrawn; their words stand."
    )


def test_a_person_who_changes_it_twice_is_left_to_the_queue(server, ehr, ledger):
    server.tell("PUT", "/Goal/1", Told(409))
    with pytest.raises(EhrConflict):
        call_off(ledger, ehr)
    assert server.count("PUT") == 2


def test_a_withdrawal_that_was_done_and_not_recorded_is_recorded(server, ehr, ledger):
    reason = "The discharge was cancelled or delayed; this was proposed before."
    server.tell("GET", "/Goal/1", goal("cancelled", "2", statusReason=reason))
    call_off(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.REVOKED
    assert server.count("PUT") == 0


def test_what_a_person_ended_is_not_withdrawn_and_does_not_come_back(server, ehr, ledger):
    server.tell("GET", "/Goal/1", goal("cancelled", "2"))
    call_off(ledger, ehr)
    resume(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.LANDED
    assert server.count("PUT") == 0


def test_what_cannot_be_read_when_a_discharge_goes_on_is_told(server, ehr, ledger):
    ledger.mark(GOAL, WriteState.ON_HOLD)
    server.tell("GET", "/Goal/1", Told(403))
    resume(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.ON_HOLD
    assert ledger.rows[GOAL].reason is WriteReason.UNREAD


def test_a_resumption_that_meets_a_person_is_tried_once_more(server, ehr, ledger):
    ledger.mark(GOAL, WriteState.ON_HOLD)
    reason = "The discharge was cancelled or delayed; this was accepted before."
    server.tell("GET", "/Goal/1", goal("on-hold", "2", statusReason=reason))
    server.tell("PUT", "/Goal/1", Told(412), Told(200, headers={"ETag": 'W/"4"'}))
    resume(ledger, ehr)
    assert orjson.loads(server.asked[-1].body)["lifecycleStatus"] == "accepted"
    assert ledger.state(GOAL) is WriteState.LANDED


def test_a_resumption_that_broke_off_is_taken_up_where_it_was(server, ehr, ledger):
    reason = "The discharge was cancelled or delayed; this was accepted before."
    server.tell("GET", "/Goal/1", goal("on-hold", "2", statusReason=reason))
    ledger.sending([GOAL])
    resume(ledger, ehr)
    assert orjson.loads(server.asked[-1].body)["lifecycleStatus"] == "accepted"
    assert ledger.state(GOAL) is WriteState.LANDED
