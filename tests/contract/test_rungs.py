"""On which rung a plan stands in each kind of EHR: the two vendors' own statements, and servers that take less and less."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.plan import plan_resources
from service.domain.publication import Landing, WriteState
from service.domain.write_reason import WriteReason
from service.domain.write_shape import ProblemList, WriteShape
from service.ehr.capability import Capability, ResourceCapability
from service.ehr.ladder import descend
from tests.builders import MemoryLedger, draft_of, interventions, need, planned
from tests.vendors import vendor

AUTHOR = Author("Homeward", "Example Hospital")
RECORDED = datetime(2024, 3, 5, 12, tzinfo=UTC)
ALL = ("CarePlan", "Goal", "ServiceRequest", "Provenance", "DocumentReference", "Communication", "Condition")


def taking(*types, **more):
    able = ResourceCapability(
        frozenset({"read", "create", "update", "search-type"}), frozenset({"identifier", "patient", "_tag"})
    )
    return Capability(resources=dict.fromkeys(types, able), **more)


def without(*types):
    return taking(*(kind for kind in ALL if kind not in types))


@pytest.fixture(scope="module")
def plan():
    return planned(need(interventions=interventions()))


@pytest.fixture
def ledger(plan):
    return MemoryLedger(*plan_resources(plan, author=AUTHOR, recorded=RECORDED))


def stands(ledger, capability):
    """Resource type → rung, and the further types that are written."""
    found = descend(ledger.entries(), capability)
    types = {entry.draft.key: entry.draft.resource_type for entry in ledger.entries()}
    return {types[one.key]: one.rung for one in found.landed}, found.types


def test_where_all_is_taken_everything_is_a_resource_and_nothing_else_is_written(ledger):
    rungs, further = stands(ledger, taking(*ALL, transaction=True))
    assert set(rungs.values()) == {Landing.RESOURCE}
    assert further == frozenset()


def test_epic_gets_the_plan_as_a_note_and_no_orders(ledger):
    rungs, further = stands(ledger, vendor("epic-like"))
    assert rungs["CarePlan"] is rungs["Goal"] is rungs["ServiceRequest"] is Landing.DOCUMENT
    assert rungs["Provenance"] is Landing.PAGE
    assert further == {"DocumentReference"}


def test_oracle_gets_a_document_and_a_message_and_problems_only_where_they_are_wanted(ledger):
    oracle = vendor("oracle-like")
    rungs, further = stands(ledger, oracle)
    assert rungs["CarePlan"] is rungs["Goal"] is rungs["ServiceRequest"] is Landing.DOCUMENT
    assert further == {"DocumentReference", "Communication"}
    _, wanted = stands(ledger, replace(oracle, problems=ProblemList.ENCOUNTER_DIAGNOSIS))
    assert wanted == {"DocumentReference", "Communication", "Condition"}


def test_no_item_stands_by_a_problem_that_may_have_no_code_or_shows_later(ledger):
    only_conditions = without("CarePlan", "ServiceRequest", "DocumentReference", "Communication")
    for shape in (WriteShape(coded=True), WriteShape(shows_at_once=False)):
        rungs, further = stands(ledger, replace(only_conditions, writes={"Condition": shape}))
        assert rungs["ServiceRequest"] is Landing.PAGE
        assert further == {"Condition"}


@pytest.mark.parametrize(
    ("lacking", "asked", "further"),
    [
        (("Goal",), Landing.RESOURCE, set()),
        (("ServiceRequest",), Landing.CARE_PLAN, set()),
        (("CarePlan",), Landing.RESOURCE, {"DocumentReference"}),
        (
            ("CarePlan", "ServiceRequest"),
            Landing.DOCUMENT,
            {"DocumentReference", "Communication", "Condition"},
        ),
        (
            ("CarePlan", "ServiceRequest", "DocumentReference"),
            Landing.MESSAGE,
            {"Communication", "Condition"},
        ),
        (
            ("CarePlan", "ServiceRequest", "DocumentReference", "Communication"),
            Landing.CONCERN,
            {"Condition"},
        ),
        (ALL, Landing.PAGE, set()),
    ],
    ids=["no goal", "no request", "no plan", "neither", "no document", "no message", "nothing"],
)
def test_each_lack_is_one_rung_further_down(ledger, lacking, asked, further):
    rungs, types = stands(ledger, without(*lacking))
    assert rungs["ServiceRequest"] is asked
    assert types == further


def test_what_was_refused_stands_lower_as_if_it_were_not_offered(ledger):
    keys = {entry.draft.resource_type: entry.draft.key for entry in ledger.entries()}
    ledger.mark(keys["CarePlan"], WriteState.REFUSED, reason=WriteReason.REJECTED)
    rungs, further = stands(ledger, taking(*ALL))
    assert rungs["CarePlan"] is Landing.DOCUMENT
    assert rungs["ServiceRequest"] is Landing.RESOURCE
    assert further == {"DocumentReference"}


def test_a_refused_document_is_a_message(plan, ledger):
    ledger.want_also(lower_resources(plan, author=AUTHOR, recorded=RECORDED))
    ledger.mark("plan-document", WriteState.REFUSED, reason=WriteReason.REJECTED)
    rungs, _ = stands(ledger, without("CarePlan"))
    assert rungs["CarePlan"] is Landing.MESSAGE


def test_a_message_that_nobody_would_get_is_no_rung(plan, ledger):
    silent = [
        draft.resource_type
        for draft in lower_resources(replace(plan, care_team=()), author=AUTHOR, recorded=RECORDED)
    ]
    assert "Communication" not in silent
    found = descend(ledger.entries(), without("CarePlan", "ServiceRequest"), unmade={"Communication"})
    rungs = {landed.key: landed.rung for landed in found.landed}
    assert Landing.MESSAGE not in rungs.values()
    assert rungs["referral:food-pantry"] is Landing.DOCUMENT
    assert found.types == {"DocumentReference", "Condition"}
    nothing = descend(
        ledger.entries(), without("CarePlan", "ServiceRequest", "DocumentReference"), unmade={"Communication"}
    )
    assert {landed.rung for landed in nothing.landed} == {Landing.CONCERN, Landing.PAGE, Landing.RESOURCE}


def test_every_lower_rung_says_why_and_where(ledger):
    for entry in ledger.entries():
        lacking = entry.moved_to(WriteState.IMPOSSIBLE, WriteReason.NO_CREATE, entry.draft.resource_type)
        ledger.save([lacking])
    for capability in (vendor("epic-like"), vendor("oracle-like"), without(*ALL)):
        ledger.land(descend(ledger.entries(), capability).landed)
        for entry in ledger.entries():
            why, where = entry.why_there.split(". ")
            assert entry.draft.resource_type in why
            assert "stands" in where


def test_what_is_restricted_is_a_resource_or_stands_on_our_page_and_nowhere_in_words(ledger):
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SDV"}
    body = {"resourceType": "ServiceRequest", "meta": {"security": [label]}}
    for lacking in (
        ("ServiceRequest",),
        ("ServiceRequest", "CarePlan"),
        ("ServiceRequest", "DocumentReference"),
    ):
        capability = without(*lacking)
        before = descend(ledger.entries(), capability)
        secret = MemoryLedger(*(entry.draft for entry in ledger.entries()), draft_of("secret", body))
        found = descend(secret.entries(), capability)
        assert next(one.rung for one in found.landed if one.key == "secret") is Landing.PAGE
        assert found.types == before.types
