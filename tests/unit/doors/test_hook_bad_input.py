"""Every malformed hook call has its exact status, and a body that says what to send."""

import gzip
import json
from typing import Any

import pytest

from fhir_mappings.inbound.record import build_record
from service.doors import cds_hooks
from service.doors.hook_feedback import read_feedback
from service.errors import EhrRefused, EhrUnavailable, UnknownEncounter
from service.pipeline import consult, consulted_record
from tests import builders
from tests.hooks import searchset
from tests.unit.doors.hooked import (
    ORDER,
    RESOURCES,
    STAY,
    UNKNOWN_CARD,
    call,
    context,
    prefetch,
    signing,
    without,
)

FOREIGN = builders.condition("c9", "I10", subject={"reference": "Patient/p2"})
ABSOLUTE = builders.condition("c9", "I10", subject={"reference": "https://other.example/fhir/Patient/p1"})
CLASSLESS = {name: part for name, part in builders.encounter().items() if name != "class"}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "processing"}]}
LENT = {
    "access_token": "lent",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "user/*.rs",
    "subject": "homeward",
}
HOME = "http://127.0.0.1:9/fhir"


def lent(**more: Any) -> dict[str, Any]:
    kept = {name: value for name, value in (LENT | more).items() if value is not None}
    return call(fhirServer=HOME, fhirAuthorization=kept)


def text(document: Any) -> bytes:
    return json.dumps(document).encode()


DISCHARGE: list[tuple[Any, int, str]] = [
    # the body
    (b"", 400, "one JSON object"),
    (b"{", 400, "not JSON"),
    (b"null", 400, "one JSON object"),
    (b"[]", 400, "one JSON object"),
    (b'"hook"', 400, "one JSON object"),
    (b"\xff\xfe", 400, "not JSON"),
    (b'{"hook": NaN}', 400, "not JSON"),
    (b'{"hook": "a", "hook": "b"}', 400, "same name twice"),
    (text(call())[:-1] + b', "context": {}}', 400, "same name twice"),
    (b'{"a":' * 70 + b"1" + b"}" * 70, 400, "nested too deeply"),
    (b'{"a": "' + b"x" * 200_000 + b'"}', 413, "too large"),
    # hook and hookInstance
    (call(hook=None), 400, "hook is required"),
    (call(hook=7), 400, "hook is required"),
    (call(hook=""), 400, "hook is required"),
    (call(hook="order-sign"), 400, "encounter-discharge"),
    (call(hook="patient-view"), 400, "encounter-discharge"),
    (call(hook="Encounter-Discharge"), 400, "encounter-discharge"),
    (call(hookInstance=None), 400, "hookInstance is required"),
    (call(hookInstance=1), 400, "hookInstance is required"),
    (call(hookInstance="one"), 400, "must be a UUID"),
    (call(hookInstance="7d4b8e0e5d6a4c559a3e0c2f1c7a9b11"), 400, "must be a UUID"),
    # context
    (call(context=None), 400, "context must be a JSON object"),
    (call(context=[]), 400, "context must be a JSON object"),
    (call(context="e1"), 400, "context must be a JSON object"),
    (call(context=context(userId=None)), 400, "context.userId is required"),
    (call(context=context(userId=3)), 400, "context.userId is required"),
    (call(context=context(userId="arthur")), 400, "Practitioner/123"),
    (call(context=context(userId="Patient/p1")), 400, "Practitioner/123"),
    (call(context=context(userId="Practitioner/a b")), 400, "Practitioner/123"),
    (call(context=context(patientId=None)), 400, "context.patientId is required"),
    (call(context=context(patientId=["p1"])), 400, "context.patientId is required"),
    (call(context=context(patientId="Patient/p1")), 400, "bare FHIR id"),
    (call(context=context(patientId="p" * 65)), 400, "bare FHIR id"),
    (call(context=context(patientId="../p1")), 400, "bare FHIR id"),
    (call(context=context(encounterId=None)), 400, "context.encounterId is required"),
    (call(context=context(encounterId=12)), 400, "context.encounterId is required"),
    (call(context=context(encounterId="e1?x=1")), 400, "bare FHIR id"),
    (call(context=context(encounterId="Encounter/e1")), 400, "bare FHIR id"),
    # fhirServer and fhirAuthorization
    (call(fhirServer=7), 400, "fhirServer is required and must be text"),
    (call(fhirServer="ehr"), 400, "FHIR base URL"),
    (call(fhirServer="file:///etc/passwd"), 400, "FHIR base URL"),
    (call(fhirServer="http://[::1"), 400, "FHIR base URL"),
    (call(fhirServer="http://127.0.0.1:9/fhir?x=1"), 400, "FHIR base URL"),
    (call(fhirServer="https://elsewhere.example/fhir"), 403, "not the EHR"),
    (call(fhirServer="http://127.0.0.1:9/fhir/other"), 403, "not the EHR"),
    (call(fhirServer="http://127.0.0.1:9@elsewhere.example/fhir"), 403, "not the EHR"),
    (call(fhirAuthorization=LENT), 400, "fhirServer is required"),
    (call(fhirServer=HOME, fhirAuthorization=[]), 400, "fhirAuthorization must be a JSON object"),
    (lent(access_token=None), 400, "lacks access_token"),
    (lent(access_token=""), 400, "lacks access_token"),
    (lent(access_token=7), 400, "without white space"),
    (lent(access_token="a\r\nX: b"), 400, "without white space"),
    (lent(token_type="Basic"), 400, "must be Bearer"),
    (lent(token_type=None), 400, "lacks token_type"),
    (lent(expires_in="300"), 400, "whole number of seconds"),
    (lent(expires_in=0), 400, "whole number of seconds"),
    (lent(expires_in=True), 400, "whole number of seconds"),
    (lent(scope=None, subject=None), 400, "lacks scope, subject"),
    (lent(scope=["user/*.rs"]), 400, "must be text"),
    # prefetch
    (call(prefetch=[]), 400, "prefetch must be a JSON object"),
    (call(prefetch="all"), 400, "prefetch must be a JSON object"),
    (call(prefetch=prefetch(conditions=[])), 400, "prefetch.conditions is not a FHIR resource"),
    (call(prefetch=prefetch(conditions=7)), 400, "prefetch.conditions is not a FHIR resource"),
    (call(prefetch=prefetch(conditions={})), 400, "prefetch.conditions is not a FHIR resource"),
    (call(prefetch=prefetch(conditions={"resourceType": 7})), 400, "prefetch.conditions is not a FHIR"),
    (call(prefetch=prefetch(conditions=RESOURCES[2])), 400, "must be a searchset Bundle"),
    (
        call(prefetch=prefetch(conditions=searchset(entry={}))),
        400,
        "prefetch.conditions.entry must be a list",
    ),
    (
        call(prefetch=prefetch(conditions=searchset(entry=[7]))),
        400,
        "prefetch.conditions.entry must be a list",
    ),
    (call(prefetch=prefetch(conditions=searchset(entry=[{}]))), 400, "each with its resource"),
    (call(prefetch=prefetch(conditions=searchset([FOREIGN]))), 400, "another patient"),
    (call(prefetch=prefetch(conditions=searchset([ABSOLUTE]))), 400, "another patient"),
    (call(prefetch=prefetch(coverages=searchset([builders.patient("p2")]))), 400, "another patient"),
    (call(prefetch=prefetch(more=FOREIGN)), 400, "another patient"),
    (call(prefetch=prefetch(more=searchset([FOREIGN]))), 400, "another patient"),
    (call(prefetch=prefetch(patient=builders.patient("p2"))), 400, "context.patientId names"),
    (call(prefetch=prefetch(patient=RESOURCES[1])), 400, "prefetch.patient must be a Patient"),
    (
        call(prefetch=prefetch(patient=searchset([RESOURCES[0]] * 2))),
        400,
        "prefetch.patient must be a Patient",
    ),
    (call(prefetch=prefetch(encounter=builders.encounter("e2"))), 400, "context.encounterId names"),
    (call(prefetch=prefetch(encounter=builders.encounter(patient="Patient/p2"))), 400, "another patient"),
    (call(prefetch=prefetch(encounter=builders.encounter(subject=None))), 400, "names another patient"),
    (call(prefetch=prefetch(encounter=CLASSLESS)), 400, "has no class"),
    # what is required did not come, and the EHR is away
    (call(prefetch=None), 412, "prefetch.encounter and prefetch.patient did not come"),
    (call(prefetch={}), 412, "prefetch.encounter and prefetch.patient did not come"),
    (call(prefetch=without("patient")), 412, "prefetch.patient did not come"),
    (call(prefetch=without("encounter")), 412, "prefetch.encounter did not come"),
    (call(prefetch=prefetch(patient=None)), 412, "prefetch.patient did not come"),
    (call(prefetch=prefetch(patient=OUTCOME)), 412, "prefetch.patient did not come"),
    (call(prefetch=prefetch(encounter=OUTCOME)), 412, "prefetch.encounter did not come"),
]
SIGN: list[tuple[Any, int, str]] = [
    (call(), 400, "order-sign"),
    (signing(context=context()), 400, "context.draftOrders is required"),
    (signing(context=context(draftOrders=[])), 400, "context.draftOrders is required"),
    (signing(context=context(draftOrders=ORDER)), 400, "must be a Bundle"),
    (signing(context=context(draftOrders={"resourceType": "Bundle", "entry": {}})), 400, "must be a list"),
    (signing(context=context(draftOrders={"resourceType": "Bundle", "entry": [1]})), 400, "must be a list"),
    (signing(context=context(draftOrders={"resourceType": "Bundle", "entry": [{}]})), 400, "its resource"),
    (signing(ORDER | {"subject": {"reference": "Patient/p2"}}), 400, "not for context.patientId"),
    (signing({k: v for k, v in ORDER.items() if k != "subject"}), 400, "not for context.patientId"),
    (signing(ORDER | {"encounter": {"reference": "Encounter/e2"}}), 400, "another encounter"),
    (signing(ORDER | {"encounter": {"reference": f"https://elsewhere.example/{STAY}"}}), 403, "another FHIR"),
    (signing(ORDER, FOREIGN), 400, "an order for another patient"),
    (
        signing(
            context=context(
                encounterId=None, draftOrders=builders.bundle({**ORDER, "encounter": {"display": "stay"}})
            )
        ),
        400,
        "Send context.encounterId",
    ),
    (signing(context=context(patientId="p 1")), 400, "bare FHIR id"),
]
FEEDBACK: list[tuple[Any, int, str]] = [
    (b"", 400, "at least one entry"),
    ({}, 400, "at least one entry"),
    ({"feedback": []}, 400, "at least one entry"),
    ({"feedback": {}}, 400, "feedback[0].outcome"),
    ({"feedback": [7]}, 400, "feedback[0] must be a JSON object"),
    ({"feedback": [{}] * 1001}, 400, "at most 1000"),
    ({"feedback": [{"card": UNKNOWN_CARD}]}, 400, "feedback[0].outcome"),
    ({"feedback": [{"card": UNKNOWN_CARD, "outcome": "maybe"}]}, 400, "feedback[0].outcome"),
    ({"feedback": [{"outcome": "accepted", "outcomeTimestamp": "2024-03-05T12:00:00Z"}]}, 400, ".card is"),
    ({"feedback": [{"card": UNKNOWN_CARD, "outcome": "accepted"}]}, 400, "outcomeTimestamp"),
    (
        {"feedback": [{"card": UNKNOWN_CARD, "outcome": "accepted", "outcomeTimestamp": "yesterday"}]},
        400,
        "ISO 8601",
    ),
]
_OVERRIDDEN = {"card": UNKNOWN_CARD, "outcome": "overridden", "outcomeTimestamp": "2024-03-05T12:00:00Z"}
_ACCEPTED = {**_OVERRIDDEN, "outcome": "accepted"}
FEEDBACK += [
    ({"feedback": [{**_OVERRIDDEN, "overrideReason": "no"}]}, 400, "overrideReason must be"),
    ({"feedback": [{**_OVERRIDDEN, "overrideReason": {"reason": {"code": 7}}}]}, 400, "both text"),
    ({"feedback": [{**_OVERRIDDEN, "overrideReason": {"userComment": 7}}]}, 400, "both text"),
    ({"feedback": [{**_OVERRIDDEN, "overrideReason": {"reason": "x"}}]}, 400, "both text"),
    ({"feedback": [{**_OVERRIDDEN, "overrideReason": {"userComment": "a\x00b"}}]}, 400, "NUL character"),
    ({"feedback": [{**_OVERRIDDEN, "overrideReason": {"reason": {"code": "\x00"}}}]}, 400, "NUL character"),
    ({"feedback": [{**_OVERRIDDEN, "overrideReasons": "no"}]}, 400, "overrideReasons must be"),
    ({"feedback": [{**_OVERRIDDEN, "overrideReasons": ["no"]}]}, 400, "overrideReasons must be"),
    ({"feedback": [{**_OVERRIDDEN, "overrideReasons": [{"reason": {"code": 7}}]}]}, 400, "both text"),
    ({"feedback": [{**_OVERRIDDEN, "overrideReasons": {"userComment": "a\x00b"}}]}, 400, "NUL character"),
    ({"feedback": [{**_ACCEPTED, "acceptedSuggestions": {}}]}, 400, "must be a list"),
    ({"feedback": [{**_ACCEPTED, "acceptedSuggestions": ["a"]}]}, 400, "must be a list"),
    ({"feedback": [{**_ACCEPTED, "acceptedSuggestions": [{}]}]}, 400, "acceptedSuggestions[0].id"),
]


@pytest.fixture
def door(house, doubles, monkeypatch):
    """The hook door of the demo; its EHR is away, and planning is only remembered."""

    def away(*_args, **_more):
        raise EhrUnavailable

    monkeypatch.setattr(consult, "intake", lambda trigger, _deps: doubles.take_in(trigger))
    monkeypatch.setattr(consulted_record, "gather", away)
    doubles.ehrs["demo"] = None
    assert doubles.content()  # read before a caller waits, as a web process does
    monkeypatch.setattr(cds_hooks, "ANSWER_SECONDS", 20)  # a busy machine is not what these are about
    return house({"HOMEWARD_OPEN_ACCESS": "on", "HOMEWARD_MAX_BODY_BYTES": "100000"})


def post(door, service: str, body: Any):
    data = body if isinstance(body, bytes) else text(body)
    return door.post(f"/cds-services/{service}", data=data, content_type="application/json")


def check(answer, status: int, remedy: str) -> None:
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert remedy in answer.json["detail"]
    assert "Testperson" not in answer.text


def test_the_table_has_rows_enough():
    assert len(DISCHARGE) + len(SIGN) + len(FEEDBACK) >= 100


@pytest.mark.parametrize(("body", "status", "remedy"), DISCHARGE)
def test_a_malformed_discharge_call_is_told_what_to_send(door, doubles, body, status, remedy):
    check(post(door, "encounter-discharge", body), status, remedy)
    assert status == 412 or doubles.triggers == []


@pytest.mark.parametrize(("body", "status", "remedy"), SIGN)
def test_a_malformed_signing_call_is_told_what_to_send(door, doubles, body, status, remedy):
    check(post(door, "order-sign", body), status, remedy)
    assert doubles.triggers == []


@pytest.mark.parametrize(("body", "status", "remedy"), FEEDBACK)
def test_malformed_feedback_is_told_what_to_send(door, body, status, remedy):
    check(post(door, "encounter-discharge/feedback", body), status, remedy)


@pytest.mark.parametrize(
    "entry",
    [
        {**_ACCEPTED, "acceptedSuggestions": None, "overrideReason": None},
        {**_OVERRIDDEN, "acceptedSuggestions": None, "overrideReason": None},
        {**_OVERRIDDEN, "overrideReason": {"reason": None, "userComment": None}},
        {**_OVERRIDDEN, "overrideReason": {"reason": {"code": None, "system": None}}},
        {**_OVERRIDDEN, "overrideReasons": None},
        {**_OVERRIDDEN, "overrideReasons": []},
        {**_OVERRIDDEN, "overrideReasons": {}},
        {**_OVERRIDDEN, "overrideReasons": [{"reason": None, "userComment": None}]},
    ],
)
def test_null_is_as_absent_in_feedback(entry):
    [feedback] = read_feedback({"feedback": [entry]})
    assert (feedback.suggestions, feedback.reason, feedback.comment) == (frozenset(), "", "")


@pytest.mark.parametrize(
    "reasons",
    [
        {"overrideReason": {"reason": {"code": "a"}, "userComment": "b"}},
        {"overrideReasons": {"reason": {"code": "a"}, "userComment": "b"}},
        {"overrideReasons": [{"reason": {"code": "a"}, "userComment": "b"}]},
        {"overrideReasons": [{"code": "a", "system": "urn:x"}, {"userComment": "b"}]},
        {"overrideReasons": [{"reason": {"code": "a"}, "userComment": "b"}] * 2},
        {"overrideReason": {"reason": {"code": "a"}}, "overrideReasons": [{"userComment": "b"}]},
    ],
)
@pytest.mark.parametrize("batched", [True, False])
def test_reasons_are_read_in_the_singular_and_the_plural_batched_or_at_once(reasons, batched):
    entry = {**_OVERRIDDEN, **reasons}
    [feedback] = read_feedback({"feedback": [entry] if batched else entry})
    assert (feedback.reason, feedback.comment) == ("a", "b")


@pytest.mark.parametrize("service", ["encounter-discharge", "order-sign", "encounter-discharge/feedback"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_taken(door, service, kind):
    answer = door.post(f"/cds-services/{service}", data=text(call()), content_type=kind)
    check(answer, 415, "Content-Type: application/json")


def test_a_compressed_body_is_not_taken(door):
    told = door.post(
        "/cds-services/encounter-discharge",
        data=gzip.compress(text(call())),
        content_type="application/json",
        headers={"Content-Encoding": "gzip"},
    )
    assert told.status_code == 400
    assert "Content-Encoding" in told.json["detail"]


@pytest.mark.parametrize("path", ["/cds-services/order-select", "/cds-services/order-select/feedback"])
def test_a_hook_that_is_not_served_is_not_found(door, path):
    assert door.post(path, json=call()).status_code == 404


def test_a_service_is_called_by_post(door):
    assert door.get("/cds-services/encounter-discharge").status_code == 405


@pytest.mark.parametrize(("error", "status"), [(UnknownEncounter, 404), (EhrRefused, 412)])
def test_what_the_ehr_says_no_to_is_not_planned(door, doubles, monkeypatch, error, status):
    def refused(*_args, **_more):
        raise error

    monkeypatch.setattr(consulted_record, "gather", refused)
    assert post(door, "encounter-discharge", call(prefetch={})).status_code == status
    assert doubles.triggers == []


def test_a_stay_that_the_ehr_gives_to_another_patient_is_refused(door, doubles, monkeypatch):
    record = build_record(RESOURCES, encounter=STAY)
    monkeypatch.setattr(consulted_record, "gather", lambda *_args, **_more: record)
    answer = post(door, "encounter-discharge", call(prefetch={}, context=context(patientId="p2")))
    check(answer, 400, "not the patient of context.encounterId")
    assert doubles.triggers == []


def test_an_ehr_that_is_only_away_has_the_plan_made_all_the_same(door, doubles):
    assert post(door, "encounter-discharge", call(prefetch={})).status_code == 412
    assert [trigger.encounter for trigger in doubles.triggers] == [STAY]
