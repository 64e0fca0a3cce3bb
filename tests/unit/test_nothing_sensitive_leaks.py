"""Every sensitive code, in every place of a record, through the whole of planning: nothing of it goes anywhere open."""

import json
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.directory_file import load_directory
from fhir_mappings import systems
from fhir_mappings.inbound.record import build_record
from fhir_mappings.narrative import care_plan_narrative
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.cards import Place, plan_cards
from fhir_mappings.outbound.plan import plan_resources
from service.domain.assessment import Blocker, Verdict
from service.domain.codes import Code, System
from service.domain.community_service import LoadedDirectory
from service.domain.need import NeedState
from service.domain.plan import Plan
from service.domain.sensitivity import VIOLENCE, Label
from service.pipeline.assess import assess
from service.pipeline.draft import draft
from service.pipeline.match import match
from service.presentation.patient_sheet import Reader, patient_sheet
from tests import builders as a
from tests import sensitive_records as s
from tests.unit.pipeline.assess.shipped import CONTENT

DIRECTORY = LoadedDirectory(load_directory())
SECRETS = s.sensitive_codes(CONTENT)
ANSWERS = tuple(s.sensitive_answers(CONTENT))
AUTHOR = Author("Homeward", "Example Hospital", "")
HERE = Place("https://homeward.example", "https://homeward.example/discharges/1", "1")


def planned(resources: Sequence[s.Json]) -> Plan:
    record = build_record(resources, encounter=a.ENCOUNTER, today=a.TODAY)
    assessment = assess(record, CONTENT, today=a.TODAY)
    matches = match(assessment, record.patient, DIRECTORY, today=a.TODAY)
    return draft(record, assessment, matches, tenant="example")


ORDINARY = planned([s.stay(), *s.ordinary_record()])


def texts(value: Any) -> Iterator[str]:
    """Every text inside, but for the person and the stay, which the plan is about."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list | frozenset):
        for part in value:
            yield from texts(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if field.name not in {"patient", "encounter"}:
                yield from texts(getattr(value, field.name))


def told_to_anyone(plan: Plan) -> str:
    """All that is open: the shared plan itself, what is written of it, what a card says, what a proxy reads."""
    shared = plan.shareable()
    narrative = care_plan_narrative(shared)
    cards = json.dumps([shown.card for shown in plan_cards(plan, HERE)])
    return "\n".join(
        [*texts(shared), narrative, cards, patient_sheet(plan, Reader.PROXY), patient_sheet(plan)]
    )


def written(plan: Plan) -> str:
    drafts = plan_resources(plan, author=AUTHOR, recorded=datetime(2024, 3, 5, tzinfo=UTC))
    return json.dumps([(draft.key, draft.body) for draft in drafts])


def withheld_words(plan: Plan) -> set[str]:
    """What the labelled items of a plan are called, and the services for them, unless something open is called the same."""
    shared = plan.shareable()
    # Why an open need was not found is explained to everybody, by its title.
    explained = {one.title for one in shared.explanations}
    explained |= {one.title for need in shared.present() for one in need.interventions.referrals}
    open_names = _names(shared) | _words_of(_blockers(shared)) | explained
    telling = [blocker for blocker in _blockers(plan) if blocker.labels]
    names = _names(plan) | _words_of(telling)
    return {name for name in names if not any(name in known for known in open_names)}


def _names(plan: Plan) -> set[str]:
    present = [need for need in plan.needs if need.state is NeedState.PRESENT]
    named = {need.title for need in present} | {item.question for item in plan.bedside_questions}
    named |= {item.title for item in plan.referrals}
    for items in (plan.goals, plan.follow_ups, plan.education, plan.tasks):
        named |= {item.text for item in items}
    named |= {x.service.name for item in plan.referrals for x in item.community_services}
    return named


def _blockers(plan: Plan) -> tuple[Blocker, ...]:
    return plan.readiness.blockers if plan.readiness else ()


def _words_of(blockers: Iterable[Blocker]) -> set[str]:
    return {words for blocker in blockers for words in (blocker.text, blocker.clears)}


def leaked(text: str, plan: Plan, secrets: Sequence[s.Secret] = ()) -> set[str]:
    """What of the secrets, or of what was withheld because of them, stands in a text."""
    codes = {secret.code.code for secret in secrets} | set(Label)
    found = codes & {word.strip(".-") for word in re.findall(r"[\w.-]+", text)}
    return found | {words for words in (s.SECRET, *withheld_words(plan)) if words in text}


def told_to_the_patient(plan: Plan) -> str:
    return patient_sheet(plan, Reader.PATIENT)


def check(resources: Sequence[s.Json], secrets: Sequence[s.Secret] = ()) -> None:
    plan = planned(resources)
    assert leaked(told_to_anyone(plan), plan, secrets) == set()
    sheet = told_to_the_patient(plan)
    assert leaked(sheet, plan, secrets) == set()
    open_needs = {need.code for need in plan.shareable().present()}
    for need in plan.present():
        if need.labels & VIOLENCE and need.code not in open_needs:
            spoken = {x.patient_text for x in need.interventions.referrals if x.patient_text}
            assert not [words for words in spoken if words in sheet]


def test_the_ordinary_record_has_much_to_tell_and_nothing_to_withhold():
    assert len(ORDINARY.present()) > 8
    assert not ORDINARY.withholds()
    assert ORDINARY.shareable().present() == ORDINARY.present()


def test_every_sensitive_code_is_known_to_be():
    assert len(SECRETS) > 600
    assert {label for secret in SECRETS for label in CONTENT.sensitivity.of(secret.code)} >= {
        Label.SDV,
        Label.VIO,
        Label.SUD,
        Label.BH,
        Label.HIV,
        Label.SEX,
        Label.STD,
    }


def test_every_sensitive_code_as_a_diagnosis_of_the_stay_stays_inside():
    """Few at a time: one may hide what another tells."""
    for first in range(0, len(SECRETS), 8):
        some = SECRETS[first : first + 8]
        check(s.POSITIONS["diagnosis of the stay"](some), some)


@pytest.mark.parametrize("position", s.POSITIONS)
def test_every_sensitive_code_in_every_place_stays_inside(position):
    """All at once, where the place holds many, and every thirty-seventh alone, others in each place."""
    put, first = s.POSITIONS[position], list(s.POSITIONS).index(position) % 37
    check(put(SECRETS), SECRETS)
    for secret in SECRETS[first::37]:
        check(put([secret]), [secret])


@given(st.sampled_from(SECRETS), st.sampled_from(sorted(s.POSITIONS)))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_sensitive_code_in_any_place_is_written_into_the_ehr(secret, position):
    plan = planned(s.POSITIONS[position]([secret]))
    assert leaked(written(plan), plan, [secret]) == set()


@pytest.mark.parametrize("label", Label)
def test_what_is_sensitive_by_its_mark_alone_stays_inside(label):
    for _, resources in s.labelled_only(label):
        check(resources)


def test_every_sensitive_answer_stays_inside():
    for question, answer in ANSWERS:
        observation = a.observation(
            "asked", question, answer, code={**a.concept(question, systems.LOINC), "text": s.SECRET}
        )
        check([s.stay(), *s.ordinary_record(), observation])


@pytest.mark.parametrize("words", s.WORDS)
def test_words_that_tell_are_known_without_a_code(words):
    assert CONTENT.sensitivity.told_by(f"History of {words.upper()}, treated")


@pytest.mark.parametrize("words", ["hives", "non-operative", "respiratory depression", "grape allergy", ""])
def test_words_that_only_look_so_tell_nothing(words):
    assert not CONTENT.sensitivity.told_by(words)


def test_a_booked_visit_that_tells_is_for_the_patient_alone_and_of_violence_for_nobody():
    for code, shown in (("F11.20", True), ("T74.11XA", False)):
        secret = s.Secret(Code(System.ICD10CM, code))
        plan = planned(s.POSITIONS["Appointment.reasonCode"]([secret]))
        assert ("You also have a visit" in told_to_the_patient(plan)) is shown
        assert "You also have a visit" not in patient_sheet(plan, Reader.PROXY)


#: What blocks leaving and is nobody's business: question or diagnosis, answer, and the rule that it sets off.
SECRET_BLOCKERS = {
    "unsafe-home-partner": a.observation("asked", "76501-6", "LA33-6"),
    "unsafe-home": a.condition("abused", "T76.11XA"),
    "self-harm-high": a.observation("asked", "93249-1", "LA33-6"),
    "self-harm-unresolved": a.observation("asked", "44260-8", "LA6569-3"),
}


@pytest.mark.parametrize("key", SECRET_BLOCKERS)
def test_a_secret_blocker_stops_a_discharge_home_and_says_why_to_none_but_those_who_may_know(key):
    plan = planned([s.stay(), *s.ordinary_record(), SECRET_BLOCKERS[key]])
    assert plan.readiness
    assert plan.readiness.verdict is Verdict.NOT_READY
    (blocker,) = [one for one in plan.readiness.blockers if one.key == key]
    assert blocker.blocks
    assert blocker.clears
    assert key not in str(plan.shareable())
    assert leaked(told_to_anyone(plan), plan) == set()
    assert leaked(told_to_the_patient(plan), plan) == set()
    assert leaked(written(plan), plan) == set()


def test_what_is_told_with_a_secret_blocker_is_told_without_one_in_the_same_words():
    plans = {
        key: planned([s.stay(), *s.ordinary_record(), secret]) for key, secret in SECRET_BLOCKERS.items()
    }
    told = {key: told_to_anyone(plan) for key, plan in plans.items()}
    assert set(told.values()) == {told_to_anyone(ORDINARY)}


def _orders_home_or(ordered: str, noted: str) -> list[s.Json]:
    order = a.resource(
        "ServiceRequest",
        "discharge",
        status="active",
        intent="order",
        code=a.concept("58000006", systems.SNOMED),
        encounter={"reference": a.ENCOUNTER},
        orderDetail=[a.concept(ordered, systems.DISCHARGE_DISPOSITION)],
    )
    place = {"dischargeDisposition": a.concept(noted, systems.DISCHARGE_DISPOSITION)}
    return [s.stay(hospitalization=place), order, *s.ordinary_record()]


@pytest.mark.parametrize(("ordered", "noted"), [("psy", "home"), ("home", "psy"), ("psy", "psy")])
def test_a_psychiatric_hospital_is_named_nowhere_whoever_names_it(ordered, noted):
    plan = planned(_orders_home_or(ordered, noted))
    assert plan.disposition is not None
    for text in (told_to_anyone(plan), told_to_the_patient(plan), written(plan)):
        assert "sychiatric" not in text
        assert '"psy"' not in text


def test_planning_logs_nothing(caplog):
    with caplog.at_level(logging.DEBUG):
        for position in s.POSITIONS.values():
            planned(position(SECRETS[:1]))
    assert caplog.records == []
