"""Withdrawing from a server that does not let us, or changes under our hands."""

from collections.abc import Iterator
from datetime import UTC, datetime

import orjson
import pytest

from config.tenants import Tenant
from service.domain.publication import Receipt, WriteState
from service.domain.write_reason import WriteReason
from service.ehr.client import Ehr
from service.errors import WriteUnknown
from service.pipeline.publishing.pauses import PAUSES, seconds_until_next_try
from service.pipeline.publishing.publish import publish, withdraw
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
    assert ledger.state(GOAL) is WriteState.REVOKED  # what was added is no edit of ours


def test_a_person_who_changes_it_twice_is_left_to_the_next_run(server, ehr, ledger):
    server.tell("PUT", "/Goal/1", Told(409))
    call_off(ledger, ehr)
    row = ledger.rows[GOAL]
    assert (row.state, row.reason, row.attempts) == (WriteState.LANDED, WriteReason.CHANGED_MEANWHILE, 1)
    assert server.count("PUT") == 2


def crash(ledger, ehr, server):
    """Call off, and lose the answer and the process."""
    server.tell("PUT", "/Goal/1", Told(drop=True))
    with pytest.raises(WriteUnknown):
        call_off(ledger, ehr)
    server.tell("PUT", "/Goal/1", Told(200, headers={"ETag": 'W/"3"'}))


def test_a_withdrawal_that_was_done_and_not_recorded_is_recorded(server, ehr, ledger):
    crash(ledger, ehr, server)
    sent = ledger.rows[GOAL].in_flight.body
    server.tell("GET", "/Goal/1", fhir({**sent, "meta": {"versionId": "2"}}))
    call_off(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.REVOKED
    assert server.count("PUT") == 1


def test_what_a_person_ended_is_not_withdrawn_and_does_not_come_back(server, ehr, ledger):
    server.tell("GET", "/Goal/1", goal("cancelled", "2"))
    call_off(ledger, ehr)
    publish(ledger, ehr)
    assert ledger.state(GOAL) is WriteState.THEIRS
    assert server.count("PUT") == 0


@pytest.fixture
def held(server, ehr, ledger):
    """The goal, which a person accepted, on hold."""
    server.tell("GET", "/Goal/1", goal("accepted", "2"))
    server.tell("PUT", "/Goal/1", Told(200, headers={"ETag": 'W/"3"'}))
    call_off(ledger, ehr)
    assert (ledger.state(GOAL), ledger.rows[GOAL].status_before) == (WriteState.ON_HOLD, "accepted")
    return ledger


def on_hold(*notes: str) -> Told:
    return goal("on-hold", "3", note=[{"text": note} for note in notes])


def test_what_cannot_be_read_when_a_discharge_goes_on_is_told(server, ehr, held):
    server.tell("GET", "/Goal/1", Told(403))
    publish(held, ehr)
    assert held.state(GOAL) is WriteState.ON_HOLD
    assert held.rows[GOAL].reason is WriteReason.UNREAD
    assert seconds_until_next_try(held.entries()) == PAUSES[0]


@pytest.mark.parametrize(
    "words", [(), ("On hold.",), ("The discharge was called off; now in our next wording.",)]
)
def test_a_resumption_reads_no_words_and_that_meets_a_person_is_tried_once_more(server, ehr, held, words):
    server.tell("GET", "/Goal/1", on_hold(*words))
    server.tell("PUT", "/Goal/1", Told(412), Told(200, headers={"ETag": 'W/"4"'}))
    publish(held, ehr)
    assert orjson.loads(server.asked[-1].body)["lifecycleStatus"] == "accepted"
    assert held.state(GOAL) is WriteState.THEIRS  # a person accepted it


def test_what_a_person_ended_meanwhile_does_not_come_back(server, ehr, held):
    server.tell("GET", "/Goal/1", goal("cancelled", "4"))
    before = server.count("PUT")
    publish(held, ehr)
    assert held.state(GOAL) is WriteState.THEIRS
    assert server.count("PUT") == before


def test_a_resumption_that_broke_off_is_taken_up_where_it_was(server, ehr, held):
    server.tell("GET", "/Goal/1", on_hold())
    server.tell("PUT", "/Goal/1", Told(drop=True))
    with pytest.raises(WriteUnknown):
        publish(held, ehr)
    server.tell("PUT", "/Goal/1", Told(200, headers={"ETag": 'W/"4"'}))
    publish(held, ehr)
    assert orjson.loads(server.asked[-1].body)["lifecycleStatus"] == "accepted"
    assert held.rows[GOAL].status_given == ""
