"""Two records that differ only in what is sensitive give everybody the same bytes: nothing tells that anything is withheld."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from fhir_mappings import systems
from fhir_mappings.inbound.record import build_record
from fhir_mappings.outbound.cards import plan_cards
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.plan import plan_resources
from service.domain.audit import AuditEntry, Event
from service.domain.caseload import OpenDischarge, Place
from service.domain.codes import Code, System
from service.domain.discharge import DischargeState
from service.domain.publication import LedgerEntry, WriteState
from service.domain.sensitivity import VIOLENCE, Label
from service.doors.caller import Caller
from service.pipeline.assess import glance
from service.pipeline.decide import decide
from service.pipeline.draft import draft
from service.pipeline.match import match
from service.presentation.caseload import case_document, case_of
from service.presentation.patient_sheet import Reader, patient_sheet
from tests import builders as a
from tests import sensitive_records as s
from tests.unit.doors.doubles import NOW
from tests.unit.pipeline.assess.shipped import CONTENT
from tests.unit.test_nothing_sensitive_leaks import ANSWERS, AUTHOR, DIRECTORY, HERE, SECRETS, planned

THE_DISCHARGE = UUID("6d0a1c0e-7f3b-4a59-9d6e-0f1f6c6f8f10")
RECORDED = datetime(2024, 3, 5, tzinfo=UTC)
ORDINARY = (s.stay(), *s.ordinary_record())
#: In all: each in one place, so that every place has several.
_SAMPLE = 60
#: A record without anything in it, one with much, and one in which the home and the person are in question.
BESIDE = {
    "nothing": (s.stay(), a.patient()),
    "much": ORDINARY,
    "a homeless patient": (
        s.stay(hospitalization={}),
        a.patient(),
        a.condition("street", "Z59.02"),
        a.condition("street-too", "I50.9"),
        a.observation("katz", "54592-1", 6),
    ),
}


@pytest.fixture
def readers(doubles, client, monkeypatch):
    """Everything that is told of a plan to whoever may not see what is sensitive, by where it is told."""
    monkeypatch.setattr(Caller, "sees_sensitive_items", lambda _self: False)

    def read(plan):
        drafts = plan_resources(plan, author=AUTHOR, recorded=RECORDED)
        made = doubles.keep(id=THE_DISCHARGE, state=DischargeState.PUBLISHED)
        doubles.store.planned[made.id] = plan
        entries = tuple(LedgerEntry(draft, WriteState.WAITING, "", "", "") for draft in drafts)
        doubles.store.written[made.id] = entries
        doors = {
            path: client.get(path)
            for path in (
                f"/discharges/{made.id}",
                f"/api/v1/discharges/{made.id}",
                f"/api/v1/discharges/{made.id}/plan",
                f"/api/v1/discharges/{made.id}/explanation",
            )
        }
        assert {answer.status_code for answer in doors.values()} == {200}
        line = case_of(OpenDischarge(made, plan, {}, {}, Place("", made.id)), today=a.TODAY, sensitive=False)
        return {
            "resources": json.dumps([(draft.key, draft.identifier, draft.body) for draft in drafts]),
            "lower rungs": json.dumps([draft.body for draft in _lower(plan)]),
            "cards": json.dumps([shown.card for shown in plan_cards(plan, HERE, offered=drafts[:2])]),
            "caseload": repr(case_document(line)),
            "proxy's sheet": patient_sheet(plan, Reader.PROXY),
            **{path: (answer.text, sorted(_headers(answer))) for path, answer in doors.items()},
        }

    return read


def _lower(plan):
    return lower_resources(plan, author=AUTHOR, recorded=RECORDED)


def _headers(answer):
    return [(name, value) for name, value in answer.headers if name != "X-Request-Id"]


def differences(first, second):
    return {where: (first[where], second[where]) for where in first if first[where] != second[where]}


def of_secret(secret):
    return CONTENT.sensitivity.of(secret.code)


def test_the_sample_reaches_every_place_and_every_label():
    assert {place for place, _ in SAMPLE} == set(s.POSITIONS)
    told = {label for _, secret in SAMPLE for label in of_secret(secret)}
    assert told >= {Label.SDV, Label.SUD, Label.BH, Label.HIV, Label.SEX}


def _sample():
    """Each place and each label in turn, with a secret of the seed's choice."""
    chosen = random.Random("what is withheld")  # noqa: S311  no secret of that kind
    places = sorted(s.POSITIONS)
    by_label = [
        secrets for label in Label if (secrets := [one for one in SECRETS if label in of_secret(one)])
    ]
    return [
        (places[number % len(places)], chosen.choice(by_label[number % len(by_label)]))
        for number in range(_SAMPLE)
    ]


SAMPLE = _sample()
#: Where the words beside the secret speak of something else, which the patient's own sheet may name in neutral words.
SAYS_MORE = ("Appointment's place", "words alone", "a code of the hospital's own")


@pytest.mark.parametrize("place", s.POSITIONS)
def test_a_secret_in_any_place_changes_no_byte_for_everybody(place, readers):
    without = readers(planned(ORDINARY))
    for _, secret in [pair for pair in SAMPLE if pair[0] == place]:
        plan = planned(s.POSITIONS[place]([secret]))
        assert differences(without, readers(plan)) == {}, secret.code
        if of_secret(secret) & VIOLENCE and place not in SAYS_MORE:
            assert patient_sheet(plan, Reader.PATIENT) == patient_sheet(planned(ORDINARY), Reader.PATIENT)


@pytest.mark.parametrize("beside", BESIDE)
def test_no_answer_to_a_sensitive_question_changes_a_byte_for_everybody(beside, readers):
    without = readers(planned(BESIDE[beside]))
    chosen = random.Random(beside)  # noqa: S311
    for question, answer in chosen.sample(ANSWERS, _SAMPLE // len(BESIDE)):
        asked = {**a.concept(question, systems.LOINC), "text": s.SECRET}
        observation = a.observation("asked", question, answer, code=asked)
        told = readers(planned([*BESIDE[beside], observation]))
        assert differences(without, told) == {}, (question, answer)


@pytest.mark.parametrize("beside", BESIDE)
def test_violence_self_harm_and_addiction_change_no_byte_whatever_else_is_there(beside, readers):
    without = readers(planned(BESIDE[beside]))
    sheet = patient_sheet(planned(BESIDE[beside]), Reader.PATIENT)
    for code in ("T74.11XA", "Z69.11", "T76.11XA", "R45.851", "F11.20", "B20", "F20.9", "Z91.51"):
        secret = s.Secret(Code(System.ICD10CM, code))
        found = a.condition("hidden", "", code=secret.concept())
        plan = planned([*BESIDE[beside], found])
        assert differences(without, readers(plan)) == {}, code
        if of_secret(secret) <= VIOLENCE:
            assert patient_sheet(plan, Reader.PATIENT) == sheet


def test_a_resource_that_is_sensitive_by_its_mark_alone_might_as_well_not_be_there(readers):
    for hidden, resources in s.labelled_only(Label.SDV):
        if hidden != "e1":  # the stay itself has to be there
            rest = [one for one in resources if one["id"] != hidden]
            assert differences(readers(planned(rest)), readers(planned(resources))) == {}, hidden


#: What makes a gap of a resource: nobody understands what it says, when, or whether it holds.
GARBLED: dict[str, dict[str, Any]] = {
    "nothing said": {"code": None},
    "no readable day": {"onsetDateTime": "last spring", "performedDateTime": "?", "effectiveDateTime": "?"},
    "no readable status": {"clinicalStatus": 7, "status": 7},
    "a code of no list": {"code": {"coding": [{"system": "urn:example:own", "code": "q9"}]}},
    "an unread answer": {
        "code": {"text": "How are things?"},
        "category": [a.concept("social-history")],
        "valueString": "much as ever",
    },
}
GARBLED_TYPES = ("Condition", "Observation", "ServiceRequest", "Procedure", "Encounter", "Coverage", "Goal")


@pytest.mark.parametrize("kind", GARBLED_TYPES)
def test_what_nobody_understands_of_a_marked_resource_is_no_gap_for_everybody(kind, readers):
    without = readers(planned(ORDINARY))
    for name, elements in GARBLED.items():
        given = {
            "status": "completed",
            "code": {"text": "w"},
            "encounter": {"reference": a.ENCOUNTER},
            **elements,
        }
        marked = {"security": [{"system": systems.ACT_CODE, "code": "SDV"}]}
        hidden = a.resource(kind, "hidden", meta=marked, **given)
        plan = planned([*ORDINARY, hidden])
        assert differences(without, readers(plan)) == {}, name


@pytest.mark.parametrize(
    "hidden",
    [
        a.resource(
            "RelatedPerson", "x", relationship=[{"text": "spouse, domestic violence"}], name=[{"text": "Z"}]
        ),
        a.observation("x", "88122-7", valueString="Often, since the domestic violence began"),
        a.observation("x", "", code={"text": "Domestic violence: has a ride?"}, valueString="No"),
        a.resource(
            "QuestionnaireResponse",
            "x",
            status="completed",
            authored="2024-03-02",
            item=[
                {
                    "linkId": "1",
                    "text": "Housing",
                    "answer": [{"valueString": "Homeless since domestic violence"}],
                }
            ],
        ),
    ],
    ids=lambda resource: resource["resourceType"],
)
def test_words_that_tell_in_an_open_question_change_no_byte_for_everybody(hidden, readers):
    assert differences(readers(planned(ORDINARY)), readers(planned([*ORDINARY, hidden]))) == {}


def test_decisions_about_what_is_withheld_leave_no_line_in_the_history(doubles, client, monkeypatch):
    plan = planned([*ORDINARY, a.condition("hidden", "T74.11XA")])
    open_keys = {item.key for item in plan.shareable().items()}
    secret = next(item.key for item in plan.items() if item.key not in open_keys)
    first, second, third = (NOW + timedelta(hours=hours) for hours in (1, 2, 3))
    approvals = [
        replace(a.decision(key), at=at)
        for key, at in ((secret, first), (plan.shareable().referrals[0].key, second), (secret, third))
    ]
    made = doubles.keep(state=DischargeState.PUBLISHED, changed=third)

    def history(kept):
        doubles.store.planned[made.id] = decide(plan, kept)
        events = [
            AuditEntry(at, "demo", who, event, made.id, "version 2")
            for one in kept
            for who, event, at in (
                ("Dana Example", Event.APPROVED, one.at),
                ("worker", Event.PUBLISHED, one.at + timedelta(seconds=2)),
            )
        ]
        doubles.store.trails[made.id] = tuple(events)
        shown = client.get(f"/api/v1/discharges/{made.id}").json
        page = client.get(f"/discharges/{made.id}").text
        return shown["history"], shown["changed"], page.partition("What happened when")[2]

    assert len(history(approvals)[0]) == 7  # all of it for those who may know
    monkeypatch.setattr(Caller, "sees_sensitive_items", lambda _self: False)
    told = history(approvals)
    assert told == history(approvals[1:2])
    assert [line["what"] for line in told[0]] == ["received ServiceRequest/o1", "approved", "published"]


@pytest.mark.parametrize("place", ["psy", "65", "Behavioral health unit, involuntary"])
def test_a_psychiatric_hospital_to_go_to_is_as_if_nobody_had_named_a_place(place, readers):
    named = {"dischargeDisposition": {"text": place}}
    if len(place) < 4:
        system = systems.DISCHARGE_DISPOSITION if place == "psy" else "http://www.nubc.org/patient-discharge"
        named = {"dischargeDisposition": a.concept(place, system)}
    without = readers(planned([s.stay(hospitalization={}), *s.ordinary_record()]))
    told = readers(planned([s.stay(hospitalization=named), *s.ordinary_record()]))
    assert differences(without, told) == {}


def test_what_a_hook_plans_in_a_hurry_tells_nothing_either():
    def cards(resources):
        record = build_record(resources, encounter=a.ENCOUNTER, today=a.TODAY)
        seen = glance(record, CONTENT, today=a.TODAY)
        plan = draft(record, seen, match(seen, record.patient, DIRECTORY, today=a.TODAY), tenant="example")
        return [shown.card for shown in plan_cards(plan, HERE)]

    without = cards(ORDINARY)
    for place, secret in SAMPLE[::3]:
        assert cards(s.POSITIONS[place]([secret])) == without, (place, secret.code)


def test_a_planted_fault_is_found(readers):
    """A plan for everybody that is cut out of the whole one lacks what an open and a sensitive statement lead to."""
    without = readers(planned(ORDINARY))
    plan = planned(s.POSITIONS["beside an open code"]([s.Secret(Code(System.ICD10CM, "T74.11XA"))]))
    assert differences(without, readers(plan)) == {}
    assert differences(without, readers(replace(plan, for_everybody=None)))
