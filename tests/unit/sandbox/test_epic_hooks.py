"""Every entry of the two tables holds, and what it stands for passes once it is taken out."""

from datetime import UTC, datetime
from typing import Any

import pytest

from service.doors.hook_calls import PATIENT_VIEW, read_call
from service.doors.hook_feedback import read_feedback
from service.sandbox.epic_hooks import (
    ACTION_RULES,
    CALL_HABITS,
    CARD_RULES,
    DISCHARGE,
    KEYS,
    ORDER_SETS,
    TRIGGER,
    EpicHooks,
)
from tests.unit.doors.hooked import call

AT = datetime(2024, 3, 5, 12, tzinfo=UTC)
LIST = {"HHREF": "80012"}
LENT = {
    "access_token": "lent",
    "token_type": "Bearer",
    "expires_in": 3600,
    "scope": "user/*.rs",
    "subject": "homeward",
}
ORDER = {"resourceType": "ServiceRequest", "code": {"coding": [{"system": KEYS, "code": "HHREF"}]}}
ACTION = {"type": "create", "description": "Create a draft order", "resource": ORDER}
SUGGESTION = {"label": "Home health", "uuid": "3", "actions": [ACTION]}
CARD = {"uuid": "1", "selectionBehavior": "any", "source": {"topic": {"code": "58000006"}}}


def made(habits=CALL_HABITS) -> dict[str, Any]:
    prefetch = call()["prefetch"]
    server = {"fhirServer": "http://127.0.0.1:9/fhir", "fhirAuthorization": LENT}
    return EpicHooks(LIST, habits).call(prefetch, "p1", "e1", "encounter-discharge", **server)


#: By the name of a habit, whether a call has it.
SHOWS = {
    "three-hooks": lambda said: said["hook"] == PATIENT_VIEW,
    "trigger-as-text": lambda said: isinstance(said.get("extension", {}).get(TRIGGER), str),
    "user-by-role": lambda said: said["context"]["userId"].startswith("PractitionerRole/"),
    "no-encounter": lambda said: "encounterId" not in said["context"],
    "whole-searchsets": lambda said: said["prefetch"]["patient"]["resourceType"] == "Bundle",
    "nothing-found": lambda said: "4101" in str(said["prefetch"]["coverages"]),
    "own-scope": lambda said: said["fhirAuthorization"]["scope"].startswith("EPIC."),
    "short-token": lambda said: said["fhirAuthorization"]["expires_in"] == 300,
}


@pytest.mark.parametrize("habit", CALL_HABITS, ids=lambda habit: habit.name)
def test_a_call_has_every_habit_and_loses_it_with_its_entry(habit):
    assert SHOWS[habit.name](made())
    assert not SHOWS[habit.name](made([other for other in CALL_HABITS if other is not habit]))


def card(**more):
    return {**CARD, **more}


def suggestion(*actions, **more):
    return {**SUGGESTION, "actions": list(actions or (ACTION,)), **more}


def coded(system, code):
    return {**ACTION, "resource": {**ORDER, "code": {"coding": [{"system": system, "code": code}]}}}


#: By the name of a rule, a card and a suggestion that it alone drops.
DROPPED = {
    "one-action": (CARD, suggestion(ACTION, ACTION)),
    "uuid": (CARD, suggestion(uuid="")),
    "label": (CARD, suggestion(label="")),
    "description": (CARD, suggestion({**ACTION, "description": ""})),
    "any": (card(selectionBehavior="at-most-one"), SUGGESTION),
    "topic": (card(source={"topic": {"code": "patient-discharge"}}), SUGGESTION),
    "order-keys": (CARD, suggestion(coded("http://snomed.info/sct", "385763009"))),
}


def taken(rules, of, suggested):
    return list(EpicHooks(LIST, rules=rules).taken([{**of, "suggestions": [suggested]}]))


@pytest.mark.parametrize("rule", CARD_RULES, ids=lambda rule: rule.name)
def test_what_a_rule_drops_is_taken_once_the_rule_is_out(rule):
    of, suggested = DROPPED[rule.name]
    assert taken(CARD_RULES, of, suggested) == []
    assert len(taken([other for other in CARD_RULES if other is not rule], of, suggested)) == 1


@pytest.mark.parametrize(
    ("system", "code", "number"),
    [(KEYS, "HHREF", 1), (ORDER_SETS, "HHREF", 1), (KEYS, "OTHER", 0), ("", "HHREF", 0)],
)
def test_an_order_is_known_by_a_key_of_the_hospital_alone(system, code, number):
    assert len(taken(CARD_RULES, CARD, suggestion(coded(system, code)))) == number


SYSTEM_ACTION = {"type": "update", "resource": {"resourceType": "ServiceRequest", "status": "draft"}}
CARRIED_OUT_ONLY_WITHOUT = {
    "update-only": {**SYSTEM_ACTION, "type": "create"},
    "orders-only": {**SYSTEM_ACTION, "resource": {"resourceType": "Condition", "status": "draft"}},
    "unsigned-only": {**SYSTEM_ACTION, "resource": {"resourceType": "ServiceRequest", "status": "active"}},
}


@pytest.mark.parametrize("rule", ACTION_RULES, ids=lambda rule: rule.name)
def test_a_system_action_is_dropped_by_its_rule_alone(rule):
    answer = {"systemActions": [SYSTEM_ACTION, CARRIED_OUT_ONLY_WITHOUT[rule.name]]}
    without = [other for other in ACTION_RULES if other is not rule]
    assert EpicHooks(LIST).actions(answer) == [SYSTEM_ACTION]
    assert len(EpicHooks(LIST, action_rules=without).actions(answer)) == 2


def test_feedback_has_the_reasons_in_the_plural_and_is_read_all_the_same():
    plural = EpicHooks(LIST).overridden(CARD, ["already-arranged", "handled-later"], "by phone", AT)
    single = EpicHooks(LIST, plural=False).overridden(CARD, ["already-arranged"], "by phone", AT)
    assert "overrideReasons" in plural
    assert "overrideReason" in single
    [first, second] = read_feedback({"feedback": [plural, single]})
    assert (first.reason, first.comment) == ("already-arranged, handled-later", "by phone")
    assert (second.reason, second.comment) == ("already-arranged", "by phone")


def test_an_order_that_was_signed_has_the_hospitals_own_code_and_nothing_of_ours():
    taken_over = {
        **SUGGESTION,
        "actions": [{**ACTION, "resource": {**ORDER, "subject": {"reference": "Patient/p1"}}}],
    }
    order = EpicHooks(LIST).signed_order(taken_over, "Encounter/e1", AT, signer="Practitioner/7")
    assert [coding["code"] for coding in order["code"]["coding"]] == ["80012"]
    assert "identifier" not in order
    assert "HHREF" not in str(order)


@pytest.mark.parametrize("number", [DISCHARGE, str(DISCHARGE), 60, "60", True, None, [27], {"value": 27}])
def test_only_the_trigger_of_a_discharge_makes_one_of_a_patient_view(number):
    view = call(hook=PATIENT_VIEW, extension={TRIGGER: number})
    assert read_call(view, PATIENT_VIEW).is_discharge is (str(number) == "27")


@pytest.mark.parametrize("extension", [None, [], "27", 27, {}, {"another": 27}])
def test_without_the_extension_it_is_a_plain_view(extension):
    assert not read_call(call(hook=PATIENT_VIEW, extension=extension), PATIENT_VIEW).is_discharge


def test_a_call_as_epic_makes_it_is_read():
    read = read_call(made(), PATIENT_VIEW)
    assert read.is_discharge
    assert (read.user, read.encounter) == ("PractitionerRole/arthur-attending", "")
