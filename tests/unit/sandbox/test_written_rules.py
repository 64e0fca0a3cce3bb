"""Each entry of a vendor's book is what enforces it: without the entry its probe comes out otherwise."""

import json

import pytest

from service.sandbox.mode import INSIDE
from service.sandbox.written.books import WRITTEN
from tests.unit.sandbox import oracle_probes
from tests.unit.sandbox.layers import ask
from tests.unit.sandbox.shelf import Playing

PROBES = {"oracle-like": oracle_probes.PROBES}
#: Rows of the table in docs/sandbox.md that a book is to enforce by its entries.
ROWS = {"oracle-like": {*range(1, 8), *range(8, 21), 39}}
EACH = [(vendor, name) for vendor, probes in PROBES.items() for name in probes]


@pytest.mark.parametrize("vendor", PROBES)
def test_every_entry_has_its_probe_and_every_row_an_entry(vendor):
    entries = WRITTEN[vendor].entries
    assert {entry.name for entry in entries} == set(PROBES[vendor])
    assert len({entry.name for entry in entries}) == len(entries)
    assert {entry.row for entry in entries} - {0} == ROWS[vendor]


@pytest.mark.parametrize(("vendor", "name"), EACH)
def test_an_entry_is_what_enforces_its_row(vendor, name):
    probe, book = PROBES[vendor][name], WRITTEN[vendor]
    assert probe(Playing(vendor, book))
    assert not probe(Playing(vendor, book.without(name)))


def test_an_entry_that_is_not_there_cannot_be_taken_out():
    with pytest.raises(KeyError):
        WRITTEN["oracle-like"].without("invented")


@pytest.mark.parametrize("body", oracle_probes.VALID.values(), ids=oracle_probes.VALID)
def test_what_the_pages_ask_for_is_taken(body):
    playing = Playing("oracle-like", WRITTEN["oracle-like"])
    assert playing.ask("POST", body["resourceType"], body).status == 201


@pytest.mark.parametrize("vendor", WRITTEN)
def test_the_hospitals_own_side_sees_and_writes_all(vendor):
    playing = Playing(vendor, WRITTEN[vendor])
    body = {"resourceType": "CarePlan", "identifier": [{"value": "1"}], "activity": [{}]}
    answer = ask(playing.layer, "POST", "CarePlan", body, dict(INSIDE))
    assert answer is not None
    assert json.loads(answer.body)["identifier"] == [{"value": "1"}]
    found = ask(playing.layer, "GET", "CarePlan?identifier=1", None, dict(INSIDE))
    assert found is not None
    assert json.loads(found.body)["total"] == 1


def test_a_refusal_names_no_value():
    playing = Playing("oracle-like", WRITTEN["oracle-like"])
    body = oracle_probes.changed(oracle_probes.DOCUMENT, "status", "Testperson")
    assert "Testperson" not in playing.ask("POST", "DocumentReference", body).body.decode()


def test_a_record_whose_answer_was_lost_is_found_by_patient_stay_and_text_alone():
    playing = Playing("oracle-like", WRITTEN["oracle-like"])
    body = oracle_probes.DOCUMENT | {"identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:1"}]}
    playing.ask("POST", "DocumentReference", body)  # its answer never arrives
    assert playing.ask("GET", "DocumentReference?identifier=urn:uuid:1").status == 400
    [found] = playing.found("DocumentReference?patient=p1&encounter=e1")
    assert "identifier" not in found
    [attachment] = [content["attachment"] for content in found["content"]]
    text = playing.ask("GET", attachment["url"].partition("/fhir/")[2], None, {"accept": "text/html"})
    assert b"<p>Plan</p>" in text.body
    playing.ask("POST", "DocumentReference", body)
    assert len(playing.found("DocumentReference?patient=p1&encounter=e1")) == 2
