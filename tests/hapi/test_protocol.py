"""What other servers let pass and this one does not: paging, If-Match, all or nothing, answers that got lost."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from fhir_mappings.inbound.bundle_file import read_bundle
from fhir_mappings.inbound.record import build_record
from fhir_mappings.references import literal
from service.domain.publication import Draft, WriteState
from service.ehr import client
from service.ehr.client import Ehr
from service.errors import WriteUnknown
from service.pipeline.gather import gather
from service.pipeline.publishing.publish import publish, withdraw
from service.sandbox.hospital import Hospital
from service.sandbox.inpatients import Inpatient, bundle_of
from tests.builders import MemoryLedger, draft_of
from tests.ehr_fixtures import AUTHOR, in_ehr, plan_for

pytestmark = pytest.mark.hapi

LATER = datetime(2024, 3, 6, tzinfo=UTC)


@pytest.fixture
def ehr(hapi: str) -> Iterator[Ehr]:
    with Ehr(Tenant(id="t", fhir_base_url=hapi, organization="Example Hospital")) as opened:
        yield opened


@pytest.fixture
def patient(hapi: str) -> str:
    """A patient of one's own."""
    name = [{"family": "Testperson", "given": ["Zelda"]}]
    gender = {"gender": "female", "identifier": [{"system": "http://example.org/mrn", "value": "invented"}]}
    return literal(Hospital(hapi).create({"resourceType": "Patient", "name": name, **gender}))


def tidy(drafts: list[Draft]) -> list[Draft]:
    """The sample plan, with what a strict server asks of it."""
    return [replace(one, body={**one.body, **_STRICT.get(one.resource_type, {})}) for one in drafts]


_STRICT: dict[str, dict[str, Any]] = {"Provenance": {"agent": [{"who": {"display": "Homeward"}}]}}


def test_pages_are_followed_to_their_end(ehr, patients: tuple[Inpatient, ...], monkeypatch, today: date):
    monkeypatch.setattr(client, "PAGE_SIZE", 3)
    stay = patients[0]
    [found] = ehr.batch([Search("Observation", (("patient", stay.id),))])
    ours = [
        one
        for one in read_bundle(orjson.dumps(bundle_of(stay, today)))
        if one["resourceType"] == "Observation"
    ]
    assert found.gaps == ()
    assert {one["id"] for one in found.resources} == {one["id"] for one in ours}


def test_a_record_read_from_the_server_is_the_record_of_the_file(ehr, patients, today):
    for stay in patients[:3]:
        file = read_bundle(orjson.dumps(bundle_of(stay, today)))
        from_file = build_record(file, encounter=stay.encounter, today=today)
        read = gather(stay.encounter, ehr, today=today)
        assert read.gaps == ()
        # What other tests have written has numbers for ids; what is in the file begins with the patient's name.
        theirs = {fact.reference for fact in read.facts if f"/{stay.id}" in fact.reference}
        assert theirs == {fact.reference for fact in from_file.facts}


def test_a_plan_is_written_at_once_and_a_second_run_writes_nothing(ehr, patient):
    ledger = MemoryLedger(*tidy(plan_for(patient)))
    entries = publish(ledger, ehr)
    assert {entry.state for entry in entries} == {WriteState.LANDED}
    before = {entry.reference: entry.etag for entry in entries}
    assert {entry.reference: entry.etag for entry in publish(ledger, ehr)} == before


def test_a_transaction_is_all_or_nothing_and_the_others_are_then_written_one_by_one(ehr, patient):
    wrong = draft_of(
        "wrong", {"resourceType": "Goal", "lifecycleStatus": "invented", "description": {"text": "x"}}
    )
    body = {**wrong.body, "subject": {"reference": patient}}
    ledger = MemoryLedger(*tidy(plan_for(patient)), replace(wrong, body=body))
    publish(ledger, ehr)
    assert ledger.state("wrong") is WriteState.WAITING  # a refusal is believed when it comes again
    publish(ledger, ehr)
    assert ledger.state("wrong") is WriteState.REFUSED
    held = in_ehr(ehr, patient)
    assert [len(held[kind]) for kind in ("Goal", "ServiceRequest", "CarePlan", "Provenance")] == [1, 1, 1, 1]


def test_an_answer_that_got_lost_makes_no_second_plan(ehr, patient, monkeypatch):
    ledger = MemoryLedger(*tidy(plan_for(patient)))
    answered = ehr.transaction

    def silent(bundle):
        answered(bundle)
        raise WriteUnknown("sent, and no answer came")

    monkeypatch.setattr(ehr, "transaction", silent)
    with pytest.raises(WriteUnknown):
        publish(ledger, ehr)
    monkeypatch.setattr(ehr, "transaction", answered)
    publish(ledger, ehr)
    assert [len(found) for found in in_ehr(ehr, patient).values() if found] == [1, 1, 1, 1]
    assert {entry.state for entry in ledger.entries()} == {WriteState.LANDED}


def test_a_persons_change_is_not_overwritten(ehr, hapi, patient):
    ledger = MemoryLedger(*tidy(plan_for(patient)))
    publish(ledger, ehr)
    goal = next(entry for entry in ledger.entries() if entry.draft.resource_type == "Goal")
    hospital = Hospital(hapi)
    theirs = {**hospital.read(goal.reference), "description": {"text": "Eats with the family"}}
    hospital.put(theirs)
    ledger.want(tidy(plan_for(patient, goal="Eats three meals")))
    publish(ledger, ehr)
    assert ledger.state(goal.draft.key) is WriteState.THEIRS
    assert hospital.read(goal.reference)["description"]["text"] == "Eats with the family"


def test_a_change_that_comes_between_reading_and_writing_wins(ehr, hapi, patient, monkeypatch):
    """HAPI answers 409 to a stale If-Match."""
    ledger = MemoryLedger(*tidy(plan_for(patient)))
    publish(ledger, ehr)
    goal = next(entry for entry in ledger.entries() if entry.draft.resource_type == "Goal")
    hospital = Hospital(hapi)
    read = ehr.batch

    def then_edited(searches):
        found = read(searches)
        monkeypatch.setattr(ehr, "batch", read)
        hospital.put({**hospital.read(goal.reference), "description": {"text": "Theirs"}})
        return found

    ledger.want(tidy(plan_for(patient, goal="Ours")))
    monkeypatch.setattr(ehr, "batch", then_edited)
    publish(ledger, ehr)
    assert hospital.read(goal.reference)["description"]["text"] == "Theirs"


def test_a_plan_is_withdrawn_and_taken_up_again(ehr, hapi, patient):
    ledger = MemoryLedger(*tidy(plan_for(patient)))
    publish(ledger, ehr)
    request = next(entry for entry in ledger.entries() if entry.draft.resource_type == "ServiceRequest")
    hospital = Hospital(hapi)
    hospital.put({**hospital.read(request.reference), "status": "active", "intent": "order"})
    withdraw(ledger, ehr, author=AUTHOR, recorded=LATER)
    held = in_ehr(ehr, patient)
    assert [plan["status"] for plan in held["CarePlan"]] == ["revoked"]
    assert [one["status"] for one in held["ServiceRequest"]] == ["on-hold"]
    assert len(held["Task"]) == 1
    publish(ledger, ehr)
    held = in_ehr(ehr, patient)
    assert [plan["status"] for plan in held["CarePlan"]] == ["draft"]
    assert [one["status"] for one in held["ServiceRequest"]] == ["active"]
    assert [task["status"] for task in held["Task"]] == ["cancelled"]
