from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.plan import plan_resources
from service.domain.sensitivity import Label
from service.errors import EhrRejected
from service.sandbox.inpatients import Inpatient
from service.sandbox.verify import problems
from tests.builders import interventions, need, planned

PATIENT = Inpatient(
    "p1", "none.json", "Encounter/e1", "Invented.", frozenset({"food-insecurity"}), frozenset()
)
FOOD = need("food-insecurity", interventions=interventions())
PLAN = planned(FOOD)


AUTHOR = Author("Homeward", "Example Hospital", "")
RECORDED = datetime(2024, 3, 5, tzinfo=UTC)


class ReadBack:
    """What a Hospital reads, from memory: the resources of a plan as an EHR would hold them."""

    def __init__(self, published, *, drafts=None):
        drafts = drafts or plan_resources(published, author=AUTHOR, recorded=RECORDED)
        self.names = {draft.full_url: f"{draft.resource_type}/{n}" for n, draft in enumerate(drafts)}
        self.held: dict[str, Any] = {}
        for draft in drafts:
            reference = self.names[draft.full_url]
            body = self._linked(draft.body)
            self.held[reference] = {**body, "id": reference.partition("/")[2]}
        for reference in ("Patient/p1", "Encounter/e1", "Condition/z59-41", "Condition/i50-23"):
            self.held[reference] = {"resourceType": reference.partition("/")[0], "id": "x"}

    def _linked(self, value):
        if isinstance(value, dict):
            return {key: self._linked(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._linked(item) for item in value]
        return self.names.get(value, value) if isinstance(value, str) else value

    def of(self, resource_type):
        return [body for body in self.held.values() if body["resourceType"] == resource_type]

    def care_plans(self, _patient):
        return self.of("CarePlan")

    def ours(self, _patient, resource_type):
        return self.of(resource_type)

    def read(self, reference):
        if reference not in self.held:
            raise EhrRejected(status=404)
        return self.held[reference]

    def search(self, resource_type, **_query):
        return self.of(resource_type)


@pytest.fixture
def ehr():
    return ReadBack(PLAN)


def test_the_plan_as_it_was_published_has_no_problems(ehr):
    assert problems(ehr, PATIENT, PLAN) == ()


def test_two_care_plans_are_one_too_many(ehr):
    ehr.held["CarePlan/again"] = {**ehr.of("CarePlan")[0], "id": "again"}
    assert problems(ehr, PATIENT, PLAN) == ("The EHR holds 2 CarePlans for this stay instead of one.",)


def test_a_plan_that_nobody_signed_must_be_a_draft_with_profile_narrative_and_activities(ehr):
    care_plan = ehr.of("CarePlan")[0]
    care_plan.update(status="active", meta={}, text={}, activity=[])
    said = " ".join(problems(ehr, PATIENT, PLAN))
    assert "is active, not a draft" in said
    assert "US Core" in said
    assert "no narrative" in said
    assert "no activity" in said


def test_an_activity_that_is_not_there_is_named(ehr):
    gone = next(reference for reference in ehr.held if reference.startswith("ServiceRequest/"))
    del ehr.held[gone]
    assert f"{gone} does not resolve." in problems(ehr, PATIENT, PLAN)


def test_a_request_that_looks_ordered_is_named(ehr):
    ehr.of("ServiceRequest")[0].update(status="active", intent="order")
    said = " ".join(problems(ehr, PATIENT, PLAN))
    assert "is active, not a draft" in said
    assert "has the intent order" in said


def test_a_plan_of_unknown_origin_is_said(ehr):
    for reference in [name for name in ehr.held if name.startswith("Provenance/")]:
        del ehr.held[reference]
    assert "No Provenance says who wrote the CarePlan." in problems(ehr, PATIENT, PLAN)


def test_needs_that_were_missed_or_made_up_are_named(ehr):
    other = Inpatient("p1", "none.json", "Encounter/e1", "Invented.", frozenset({"hospice"}), PATIENT.needs)
    assert problems(ehr, other, PLAN) == (
        "The need hospice was not found.",
        "The need food-insecurity was found, though the record rules it out.",
    )


def test_words_of_a_sensitive_need_in_the_care_plan_are_named(ehr):
    hidden = need("intimate-partner-violence", labels=frozenset({Label.SDV}), interventions=interventions())
    ehr.of("CarePlan")[0]["description"] = f"About {hidden.title}"
    found = problems(ehr, PATIENT, planned(FOOD, hidden))
    assert found == (f"Something sensitive stands in a shared resource: {hidden.title}",)


# --- EHRs that take no CarePlan -------------------------------------------------------------------
def lower(published, *kinds):
    """What an EHR that takes only these types holds of a plan."""
    drafts = [
        *plan_resources(published, author=AUTHOR, recorded=RECORDED),
        *lower_resources(published, author=AUTHOR, recorded=RECORDED),
    ]
    return ReadBack(published, drafts=[draft for draft in drafts if draft.resource_type in kinds])


@pytest.fixture
def epic():
    return lower(PLAN, "ServiceRequest", "DocumentReference")


def test_a_document_and_the_referrals_are_right_where_no_care_plan_is_taken(epic):
    assert problems(epic, PATIENT, PLAN, vendor="epic-like") == ()
    assert problems(lower(PLAN, "DocumentReference"), PATIENT, PLAN, vendor="oracle-like") == ()


def test_what_a_vendor_does_not_take_must_not_be_there(epic):
    epic.held["CarePlan/1"] = {"resourceType": "CarePlan", "id": "1"}
    assert problems(epic, PATIENT, PLAN, vendor="epic-like") == (
        "The EHR holds a CarePlan of ours, which it does not take.",
    )


def test_referrals_that_were_not_written_are_missed_where_they_are_taken():
    said = problems(lower(PLAN, "DocumentReference"), PATIENT, PLAN, vendor="epic-like")
    assert said == ("The EHR takes ServiceRequests and holds none of ours.",)


def test_there_is_one_document_and_nobody_has_signed_it(epic):
    [document] = epic.of("DocumentReference")
    document.update(docStatus="final", content=[{"attachment": {"contentType": "text/plain"}}])
    said = " ".join(problems(epic, PATIENT, PLAN, vendor="epic-like"))
    assert "is final, not preliminary" in said
    assert "as text/html and as text/plain" in said
    epic.held["DocumentReference/again"] = {**document, "id": "again"}
    assert "The EHR holds 2 documents with the plan instead of one." in problems(
        epic, PATIENT, PLAN, vendor="epic-like"
    )


def test_the_words_of_a_document_are_looked_through_too(epic):
    hidden = need("intimate-partner-violence", labels=frozenset({Label.SDV}), interventions=interventions())
    [document] = epic.of("DocumentReference")
    document["content"][0]["attachment"]["data"] = b64encode(hidden.title.encode()).decode()
    found = problems(epic, PATIENT, planned(FOOD, hidden), vendor="epic-like")
    assert found == (f"Something sensitive stands in a shared resource: {hidden.title}",)
