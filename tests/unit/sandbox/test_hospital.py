from datetime import date
from typing import Any

import pytest
import requests

from service.errors import EhrRejected, EhrUnavailable
from service.sandbox import ehr_process
from service.sandbox.ehr_process import MISSING, add_missing_searches
from service.sandbox.hospital import DISCHARGE, STAYS, Hospital
from service.sandbox.inpatients import inpatients, load_inpatients
from service.sandbox.leash import die_with_parent

TODAY = date(2026, 11, 21)


class Answer:
    def __init__(self, status, body=None):
        self.status_code, self.ok, self._body = status, status < 400, body

    def json(self):
        return self._body


class Http(requests.Session):
    """Answers everything with the next of these answers."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = list(answers)
        self.sent = []

    def request(self, *_, **options):
        self.sent.append(options.get("json"))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_refusal_is_told_by_kind_and_status_without_ids():
    with pytest.raises(EhrRejected) as refused:
        Hospital("http://127.0.0.1:1/fhir", Http(Answer(404))).read("Patient/zelda")
    assert str(refused.value) == "The sandbox EHR answered GET Patient with HTTP 404."
    assert refused.value.status == 404


def test_an_ehr_that_does_not_answer_is_unavailable():
    with pytest.raises(EhrUnavailable, match="does not answer"):
        Hospital("http://127.0.0.1:1/fhir", Http(requests.ConnectionError())).read("Patient/zelda")


def test_a_subscription_that_does_not_become_active_is_told():
    created = Answer(201, {"resourceType": "Subscription", "id": "s1"})
    http = Http(created, Answer(200, {"status": "error"}))
    with pytest.raises(EhrRejected, match="did not activate the subscription; it is error"):
        Hospital("http://127.0.0.1:1/fhir", http).subscribe("http://127.0.0.1:2/hook", "invented")


def test_the_ehr_is_asked_to_tell_of_stays_of_all_inpatient_classes():
    http = Http(Answer(201, {"resourceType": "Subscription", "id": "s1"}), Answer(200, {"status": "active"}))
    hospital = Hospital("http://127.0.0.1:1/fhir", http)
    assert hospital.subscribe("http://127.0.0.1:2/hook", "invented", STAYS) == "Subscription/s1"
    assert http.sent[0]["criteria"] == "Encounter?class=ACUTE,IMP,NONAC,OBSENC,SS"


def test_patients_that_the_ehr_does_not_take_are_told(monkeypatch):
    monkeypatch.setattr(requests.Session, "post", lambda *_, **__: Answer(400))
    with pytest.raises(EhrRejected, match=r"did not take the sample patients \(HTTP 400\)"):
        list(load_inpatients("http://127.0.0.1:1/fhir", TODAY))


def test_adding_the_searches_twice_keeps_those_of_the_ehr(monkeypatch):
    table: dict[str, Any] = {"CarePlan": {"goal": "its own"}}
    monkeypatch.setattr(ehr_process, "PARAMS", table)
    add_missing_searches()
    add_missing_searches()
    assert table["CarePlan"]["goal"] == "its own"
    assert set(table) == set(MISSING)
    assert table["Goal"]["patient"].target == "Patient"


def test_only_linux_has_a_leash(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: pytest.fail("there is no prctl"))
    die_with_parent()


def test_a_chart_holds_what_nobody_in_the_hospital_wrote_identifier_or_not(monkeypatch):
    [patient] = inpatients()[:1]
    order = {
        "resourceType": "ServiceRequest",
        "id": "7",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": DISCHARGE}]},
    }
    theirs = {"resourceType": "Condition", "id": f"{patient.id}-problem"}
    plan: dict[str, Any] = {
        "resourceType": "CarePlan",
        "id": "8",
        "meta": {"versionId": "2", "lastUpdated": "2026-11-22"},
    }
    source: dict[str, Any] = {
        "resourceType": "Provenance",
        "id": "9",
        "target": [{"reference": "CarePlan/8"}],
    }
    stored: dict[str, list[Any]] = {"ServiceRequest": [order], "Condition": [theirs], "CarePlan": [plan]}

    def search(_self, kind, **query):
        named = source["target"][0]["reference"]
        return (
            ([source] if query["target"] == named else []) if kind == "Provenance" else stored.get(kind, [])
        )

    first = {"meta": {"lastUpdated": "2026-11-21"}}
    monkeypatch.setattr(Hospital, "search", search)
    monkeypatch.setattr(Hospital, "read", lambda _, named: first if named == "CarePlan/8/_history/1" else {})
    entries = Hospital("http://127.0.0.1:1/fhir").chart(patient).entries
    assert [(entry.reference, entry.made) for entry in entries] == [
        ("CarePlan/8", "2026-11-21"),
        ("Provenance/9", ""),
    ]
