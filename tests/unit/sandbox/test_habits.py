"""A vendor's answers look as its documentation shows them, and what Homeward wrote comes back as it was written."""

import json

import pytest

from fhir_mappings.systems import URI_IDENTIFIER
from service.sandbox.habits import HABITS
from service.sandbox.vendor import Vendor
from tests.unit.sandbox.layers import Behind, ask

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"versionId": "3"},
    "communication": [
        {"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en", "display": "English"}]}}
    ],
}
STAY = {
    "resourceType": "Encounter",
    "id": "e1",
    "class": {"code": "IMP"},
    "period": {"start": "2026-02-25T22:00:00-05:00"},
}


def searchset(*resources):
    entries = [
        {"fullUrl": f"https://ehr.example.org/fhir/{one['resourceType']}/{one['id']}", "resource": one}
        for one in resources
    ]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries}


def told(vendor, answer, address="Patient?_id=p1", times=1):
    layer = Vendor(Behind(answer), vendor)
    answers = [ask(layer, "GET", address) for _ in range(times)]
    return [json.loads(one.body) for one in answers if one]


def outcomes(bundle):
    return [
        e["resource"] for e in bundle.get("entry", []) if e["resource"]["resourceType"] == "OperationOutcome"
    ]


def test_oracle_says_now_and_then_that_results_were_suppressed():
    answers = told("oracle-like", searchset(PATIENT), times=10)
    warned = [outcomes(one) for one in answers]
    assert sum(map(len, warned)) == 2
    assert {issue["code"] for one in warned for found in one for issue in found["issue"]} == {"suppressed"}


def test_oracle_puts_its_own_coding_before_the_standard_one():
    (answer,) = told("oracle-like", PATIENT, "Patient/p1")
    local, standard = answer["communication"][0]["language"]["coding"]
    assert local["userSelected"]
    assert local["system"] != standard["system"] == "urn:ietf:bcp:47"


@pytest.mark.parametrize("vendor", HABITS)
def test_times_are_told_in_utc(vendor):
    (answer,) = told(vendor, STAY, "Encounter/e1")
    assert answer["period"]["start"] == "2026-02-26T03:00:00.000Z"


@pytest.mark.parametrize("vendor", HABITS)
def test_what_is_ours_comes_back_as_it_was_written(vendor):
    ours = STAY | {
        "resourceType": "Condition",
        "identifier": [{"system": URI_IDENTIFIER, "value": "urn:uuid:1"}],
    }
    assert HABITS[vendor].spell(ours) == ours


@pytest.mark.parametrize("vendor", HABITS)
def test_the_same_resource_is_always_told_in_the_same_way(vendor):
    assert HABITS[vendor].spell(PATIENT) == HABITS[vendor].spell(PATIENT)
