from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.plan import plan_resources
from service.domain.sensitivity import Label
from service.errors import EhrRejected
from service.sandbox import verify
from service.sandbox.chart import read_chart, read_texts, render_lines
from service.sandbox.forms import FORMS, Form
from service.sandbox.inpatients import Inpatient
from service.sandbox.verify import Moment, problems, says_off
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

    def chart(self, _patient):
        ours = [body for body in self.held.values() if body["id"] != "x"]
        return read_chart((body, "2024-03-05") for body in ours)

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
    assert "The CarePlan is active, though the plan is proposed." in said
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
    assert "is active, though the plan is proposed" in said
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


def test_a_signed_plan_is_active_and_one_that_is_called_off_is_not(ehr):
    said = " ".join(problems(ehr, PATIENT, PLAN, moment=Moment.SIGNED))
    assert "The CarePlan is draft, though the plan is signed." in said
    for body in (*ehr.of("CarePlan"), *ehr.of("ServiceRequest")):
        body.update(status="active", intent="order")
    assert problems(ehr, PATIENT, PLAN, moment=Moment.SIGNED) == ()
    said = " ".join(problems(ehr, PATIENT, PLAN, moment=Moment.CALLED_OFF))
    assert "The CarePlan is active, though the plan is called off." in said


# --- EHRs that take no CarePlan -------------------------------------------------------------------
def lower(published, *kinds):
    """What an EHR that takes only these types holds of a plan."""
    drafts = [
        *plan_resources(published, author=AUTHOR, recorded=RECORDED),
        *lower_resources(published, author=AUTHOR, recorded=RECORDED),
    ]
    return ReadBack(published, drafts=[draft for draft in drafts if draft.resource_type in kinds])


def read(ehr, moment=Moment.PROPOSED, *, kind="oracle-like", plan=PLAN):
    return problems(ehr, PATIENT, plan, kind=kind, moment=moment)


@pytest.fixture
def noted():
    """An EHR that holds the plan as a note, signed."""
    ehr = lower(PLAN, "DocumentReference")
    ehr.of("DocumentReference")[0]["docStatus"] = "final"
    return ehr


def words_into(document, words, kind="text/plain"):
    data = b64encode(words.encode()).decode()
    document["content"] = [{"attachment": {"contentType": kind, "data": data}}]


def test_a_signed_note_says_the_verdict_and_every_item(noted):
    assert read(noted, Moment.SIGNED) == ()
    [document] = noted.of("DocumentReference")
    words_into(document, "Discharge plan, to be read elsewhere")
    [sentence] = read(noted, Moment.SIGNED)
    assert sentence.startswith("The DocumentReference does not say")
    assert "Readiness" in sentence


def test_before_a_signature_no_note_looks_signed_and_none_is_needed(noted):
    assert read(noted) == ("The note is final, and nobody has signed it.",)
    assert read(lower(PLAN, "DocumentReference")) == ()
    assert read(lower(PLAN, "Goal"), kind="athena-like") == (
        "The EHR holds a Goal of ours, which it does not take.",
    )


def test_a_signed_plan_is_one_note_and_it_is_final(noted):
    [document] = noted.of("DocumentReference")
    noted.held["DocumentReference/again"] = {**document, "id": "again"}
    assert read(noted, Moment.SIGNED) == ("The EHR holds 2 DocumentReference with the plan instead of one.",)
    del noted.held["DocumentReference/again"]
    document["docStatus"] = "preliminary"
    assert read(noted, Moment.SIGNED) == ("The note is preliminary, though it was signed.",)
    document["status"] = "entered-in-error"
    assert read(noted, Moment.SIGNED) == ("The EHR holds 0 DocumentReference with the plan instead of one.",)


def test_a_plan_that_was_called_off_says_so_or_does_not_stand(noted):
    [document] = noted.of("DocumentReference")
    assert read(noted, Moment.CALLED_OFF) == (
        "The newest DocumentReference does not say that the discharge was called off.",
    )
    words_into(document, "The discharge was\ncalled off.")
    assert read(noted, Moment.CALLED_OFF) == ()
    document["status"] = "superseded"
    assert read(noted, Moment.CALLED_OFF) == ()
    assert not says_off("Discharge plan")


def test_what_a_vendor_does_not_take_must_not_be_there(noted):
    noted.held["CarePlan/1"] = {"resourceType": "CarePlan", "id": "1"}
    assert "The EHR holds a CarePlan of ours, which it does not take." in read(noted, Moment.SIGNED)


def test_a_note_is_kept_as_the_vendor_keeps_it(noted, monkeypatch):
    narrow = Form("DocumentReference", frozenset({"DocumentReference"}), "text/plain", 72)
    monkeypatch.setattr(verify, "FORMS", {**FORMS, "narrow": narrow})
    [document] = noted.of("DocumentReference")
    words = "\n".join(
        line for text in read_texts(document) if "READINESS" not in text for line in render_lines(text)
    )
    words_into(document, words)
    assert read(noted, Moment.SIGNED, kind="narrow") == ()
    words_into(document, f"{words}\n{'wide ' * 20}\nhttps://example.org/{'a' * 80}")
    [sentence] = read(noted, Moment.SIGNED, kind="narrow")
    assert "of more than 72 columns" in sentence
    words_into(document, words, "text/html")
    assert read(noted, Moment.SIGNED, kind="narrow")[0] == "The note is kept as text/html, not as text/plain."


def test_the_words_of_a_document_are_looked_through_too(noted):
    hidden = need("intimate-partner-violence", labels=frozenset({Label.SDV}), interventions=interventions())
    [document] = noted.of("DocumentReference")
    words_into(document, hidden.title)
    found = read(noted, plan=planned(FOOD, hidden))
    assert f"Something sensitive stands in a shared resource: {hidden.title}" in found
