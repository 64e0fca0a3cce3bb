"""What the two big vendors' own statements mean for us (trimmed to the resource types that Homeward uses)."""

from dataclasses import replace
from datetime import date

import pytest

from fhir_mappings.searches import questions
from service.domain.write_reason import WriteReason, explain
from service.domain.write_shape import ProblemList, WriteShape
from service.ehr.capability import Capability, ResourceCapability, capability_from
from service.ehr.ladder import Rung, how_to_find, ladder, step_for
from service.ehr.scopes import WRITTEN_TYPES
from service.errors import EhrNotFhir
from service.sandbox.mode import statement
from tests.vendors import vendor

WRITTEN = ("CarePlan", "Goal", "ServiceRequest", "Task", "Provenance", "DocumentReference")


@pytest.fixture(scope="module")
def epic():
    return capability_from(statement("epic-like"))


@pytest.fixture(scope="module")
def oracle():
    return capability_from(statement("oracle-like"))


def test_the_statements_are_read(epic, oracle):
    assert (epic.software, epic.fhir_version, epic.batch, epic.transaction) == ("Epic", "4.0.1", False, False)
    assert (oracle.batch, oracle.transaction) == (True, False)
    assert epic.can("ServiceRequest", "create")
    assert not epic.can("CarePlan", "create")
    assert epic.searches("ServiceRequest", "identifier")
    assert not oracle.searches("Communication", "patient")


def test_epic_takes_service_requests_one_by_one_and_no_care_plan(epic):
    rungs = {step.resource_type: step.rung for step in ladder(epic, WRITTEN)}
    assert rungs == {
        "CarePlan": Rung.NOT_POSSIBLE,
        "Goal": Rung.NOT_POSSIBLE,
        "ServiceRequest": Rung.SINGLES,
        "Task": Rung.NOT_POSSIBLE,
        "Provenance": Rung.NOT_POSSIBLE,
        "DocumentReference": Rung.SINGLES,
    }


def test_oracle_takes_what_can_be_found_again(oracle):
    rungs = {step.resource_type: step.rung for step in ladder(oracle, (*WRITTEN, "Communication"))}
    assert rungs["Provenance"] is rungs["DocumentReference"] is Rung.BATCH
    assert rungs["CarePlan"] is rungs["ServiceRequest"] is rungs["Goal"] is Rung.NOT_POSSIBLE
    # It can be created, but after a lost answer nobody could tell whether it was.
    assert rungs["Communication"] is Rung.NOT_POSSIBLE
    assert "found again" in step_for(oracle, "Communication").reason
    assert "compares what is found" in step_for(oracle, "DocumentReference").reason


def test_every_step_says_why(epic, oracle):
    for step in (*ladder(epic, WRITTEN), *ladder(oracle, WRITTEN)):
        assert step.reason.endswith(".")
    assert step_for(epic, "CarePlan").reason == "The EHR does not let us create a CarePlan."


@pytest.mark.parametrize(
    ("batch", "transaction", "rung"),
    [
        (False, False, Rung.SINGLES),
        (True, False, Rung.BATCH),
        (True, True, Rung.TRANSACTION),
        (False, True, Rung.TRANSACTION),
    ],
)
def test_the_best_rung_that_is_offered_is_taken(batch, transaction, rung):
    goal = ResourceCapability(frozenset({"create", "search-type"}), frozenset({"identifier"}))
    step = step_for(Capability(batch=batch, transaction=transaction, resources={"Goal": goal}), "Goal")
    assert step.rung is rung


def test_conditional_create_alone_is_a_way_not_to_write_twice():
    goal = ResourceCapability(frozenset({"create"}), conditional_create=True)
    assert how_to_find(Capability(resources={"Goal": goal}), "Goal") == "conditional create"


def searched_by(question):
    return [pair for pair in question.search.parameters if pair[0] != "_include"]


def test_medicines_come_along_where_they_can(epic, oracle):
    assert epic.adds("MedicationRequest", "medication")
    assert not oracle.adds("MedicationRequest", "medication")


def test_epic_is_asked_only_what_it_lists(epic):
    asked, gaps = questions("Patient/7", date(2024, 3, 5), epic)
    assert gaps == ()
    for question in asked[1:]:
        for name, _ in searched_by(question):
            assert epic.searches(question.search.resource_type, name)
    care_plans = [one.search.parameters for one in asked if one.search.resource_type == "CarePlan"]
    assert (("patient", "7"), ("category", "assess-plan")) in care_plans


def test_oracle_is_asked_only_what_it_lists_and_the_rest_is_a_gap(oracle):
    asked, gaps = questions("Patient/7", date(2024, 3, 5), oracle)
    for question in asked[1:]:
        for name, _ in searched_by(question):
            assert oracle.searches(question.search.resource_type, name)
    assert [gap.about for gap in gaps] == ["DeviceRequest"]


def test_large_pages_are_wished_for_only_where_the_wish_is_taken(epic, oracle):
    assert epic.pages("Condition")
    assert not oracle.pages("Condition")
    assert oracle.pages("Observation")
    assert Capability(resources={"Condition": ResourceCapability()}).pages("Condition")


@pytest.mark.parametrize(
    "statement",
    [
        {},
        {"rest": None},
        {"rest": [{"mode": "client", "interaction": [{"code": "batch"}]}]},
        {"rest": [{"resource": "no list", "interaction": [7]}]},
        {"rest": [{"resource": [{"interaction": [{"code": "create"}]}]}], "software": "no object"},
    ],
)
def test_what_a_statement_leaves_out_is_not_offered(statement):
    capability = capability_from({"resourceType": "CapabilityStatement", **statement})
    assert not capability.batch
    assert not capability.transaction
    assert not capability.can("Goal", "create")


def test_anything_else_is_no_statement():
    with pytest.raises(EhrNotFhir):
        capability_from({"resourceType": "OperationOutcome"})


# --- what a vendor's written rules change -----------------------------------------------------------
SERVER = Capability(
    resources={
        kind: ResourceCapability(frozenset({"create", "search-type"}), frozenset({"patient", "category"}))
        for kind in ("DocumentReference", "Condition", "Communication", "ServiceRequest")
    }
)


def shaped(**shapes):
    return replace(SERVER, writes=shapes)


def test_what_a_vendor_never_takes_is_not_possible_whatever_is_listed():
    shape = WriteShape(taken=False, why="It takes orders on cards only.")
    step = step_for(shaped(ServiceRequest=shape), "ServiceRequest")
    assert (step.rung, step.lack) == (Rung.NOT_POSSIBLE, WriteReason.NOT_TAKEN)
    assert step.reason == "It takes orders on cards only."
    assert explain(step.lack, "ServiceRequest").endswith("whatever it says of itself.")
    assert step_for(replace(shaped(Goal=shape), resources={}), "Goal").lack is WriteReason.NO_CREATE


@pytest.mark.parametrize(
    ("problems", "lack"),
    [
        (ProblemList.NO, WriteReason.NOT_WANTED),
        (ProblemList.PROBLEM_LIST, WriteReason.NONE),
        (ProblemList.ENCOUNTER_DIAGNOSIS, WriteReason.NOT_WANTED),
    ],
)
def test_problems_are_written_only_as_the_hospital_wants_and_the_ehr_takes_them(problems, lack):
    capability = shaped(Condition=WriteShape(only_where="problems", categories=("problem-list-item",)))
    assert step_for(replace(capability, problems=problems), "Condition").lack is lack


def test_what_nobody_can_look_for_is_written_once():
    step = step_for(shaped(Communication=WriteShape(found_by=())), "Communication")
    assert (step.rung, step.lack) == (Rung.SINGLES, WriteReason.NONE)
    assert "nobody can look" in step.reason
    assert how_to_find(shaped(Communication=WriteShape(found_by=())), "Communication") == ""


def test_it_is_looked_for_by_what_the_rule_names_as_far_as_it_is_listed():
    named = shaped(DocumentReference=WriteShape(found_by=("patient", "encounter", "category")))
    assert how_to_find(named, "DocumentReference") == (
        "a search by patient and category that compares what is found"
    )
    unlisted = shaped(DocumentReference=WriteShape(found_by=("subject", "patient")))
    assert step_for(unlisted, "DocumentReference").lack is WriteReason.NOT_FINDABLE


def test_the_two_vendors_as_their_written_rules_have_it():
    epic, oracle = vendor("epic-like"), vendor("oracle-like")
    assert {
        step.resource_type for step in ladder(epic, WRITTEN_TYPES) if step.rung is not Rung.NOT_POSSIBLE
    } == {"DocumentReference"}
    assert {
        step.resource_type for step in ladder(oracle, WRITTEN_TYPES) if step.rung is not Rung.NOT_POSSIBLE
    } == {
        "DocumentReference",
        "Communication",
        "Provenance",
    }
