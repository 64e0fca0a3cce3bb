"""Every kind of edit that a clinician's EHR can make to what we wrote: none freezes more than the element it touches."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from fhir_mappings.merge import merge
from fhir_mappings.sameness import still_says
from tests.written_bodies import SENT, WANTED, reword

Json = dict[str, Any]
Edit = Callable[[Json], Any]

NURSE = {"reference": "Practitioner/nina"}
NOTE = {"text": "Asked her: yes", "authorReference": NURSE, "time": "2024-03-06T09:00:00Z"}
NARRATIVE = {"status": "additional", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Hers</p></div>'}


def put(element: str, value: Any) -> Edit:
    """Give an element another value; a path leads through objects and to an item of a list."""

    def edit(resource: Json) -> None:
        *path, last = [int(step) if step.isdecimal() else step for step in element.split(".")]
        part: Any = resource
        for step in path:
            part = part.setdefault(step, {}) if isinstance(part, dict) else part[step]
        part[last] = value

    return edit


def add(element: str, item: Any) -> Edit:
    """Add an item to a list, in front of ours."""

    def edit(resource: Json) -> None:
        if item not in resource.get(element, []):
            resource[element] = [item, *resource.get(element, [])]

    return edit


def take(element: str) -> Edit:
    """Take an element away."""
    return lambda resource: resource.pop(element, None)


def take_item(element: str, item: Json) -> Edit:
    """Take an item of a list away, and the list with the last."""

    def edit(resource: Json) -> None:
        left = [other for other in resource.pop(element, []) if other != item]
        resource |= {element: left} if left else {}

    return edit


def take_first(key: str, element: str) -> Edit:
    """Take the first item of a list of ours away."""
    return take_item(element, SENT[key][element][0])


def both(*edits: Edit) -> Edit:
    """Several edits as one."""
    return lambda resource: [edit(resource) for edit in edits]


def activity(number: int) -> str:
    """The path of an activity in our own words."""
    details = [place for place, item in enumerate(SENT["care-plan"]["activity"]) if "detail" in item]
    return f"activity.{details[number]}"


#: What a person adds, and work that they record. It stays, and keeps nothing out.
ADDED: list[tuple[str, str, Edit]] = [
    ("care-plan", "activity", put(f"{activity(0)}.detail.status", "completed")),
    ("care-plan", "activity", put(f"{activity(3)}.detail.status", "in-progress")),
    ("care-plan", "activity", put(f"{activity(1)}.progress", [NOTE])),
    ("care-plan", "activity", put("activity.0.progress", [NOTE])),
    ("care-plan", "activity", put(f"{activity(2)}.outcomeCodeableConcept", [{"text": "Understood"}])),
    ("care-plan", "activity", put(f"{activity(2)}.outcomeReference", [{"reference": "Observation/5"}])),
    ("care-plan", "activity", put(f"{activity(1)}.detail.performer", [NURSE])),
    ("care-plan", "activity", put(f"{activity(1)}.detail.location", {"reference": "Location/2"})),
    ("care-plan", "activity", add("activity", {"detail": {"status": "scheduled", "description": "Theirs"}})),
    ("care-plan", "activity", add("activity", {"reference": {"reference": "Appointment/3"}})),
    ("care-plan", "goal", add("goal", {"reference": "Goal/theirs"})),
    ("care-plan", "note", add("note", NOTE)),
    ("care-plan", "note", add("note", {"text": "Unsigned"})),
    ("care-plan", "category", add("category", {"coding": [{"system": "urn:local", "code": "dc"}]})),
    ("care-plan", "identifier", add("identifier", {"system": "urn:oid:1.2", "value": "7"})),
    ("care-plan", "addresses", add("addresses", {"reference": "Condition/theirs"})),
    ("care-plan", "supportingInfo", add("supportingInfo", {"reference": "Observation/theirs"})),
    ("care-plan", "careTeam", put("careTeam", [{"reference": "CareTeam/1"}])),
    ("care-plan", "contributor", put("contributor", [NURSE])),
    ("care-plan", "partOf", put("partOf", [{"reference": "CarePlan/1"}])),
    ("care-plan", "extension", put("extension", [{"url": "urn:ward", "valueString": "flag"}])),
    ("care-plan", "contained", add("contained", {"resourceType": "Practitioner", "id": "x1"})),
    ("goal:food-insecurity:enough", "note", put("note", [NOTE])),
    (
        "goal:food-insecurity:enough",
        "outcomeReference",
        put("outcomeReference", [{"reference": "Observation/5"}]),
    ),
    ("goal:food-insecurity:enough", "achievementStatus", put("achievementStatus", {"text": "improving"})),
    ("goal:food-insecurity:enough", "priority", put("priority", {"text": "high"})),
    ("goal:food-insecurity:enough", "category", add("category", {"text": "Diet"})),
    (
        "goal:food-insecurity:enough",
        "target",
        add("target", {"measure": {"text": "Weight"}, "dueDate": "2024-05-01"}),
    ),
    ("goal:food-insecurity:enough", "addresses", add("addresses", {"reference": "Condition/theirs"})),
    ("referral:rides", "note", add("note", NOTE)),
    ("referral:rides", "note", add("note", {"text": "She has a choir."})),
    ("referral:rides", "performer", put("performer", [{"reference": "Organization/9"}])),
    ("referral:rides", "locationReference", put("locationReference", [{"reference": "Location/2"}])),
    ("referral:rides", "reasonReference", add("reasonReference", {"reference": "Condition/2"})),
    ("referral:rides", "insurance", put("insurance", [{"reference": "Coverage/1"}])),
    ("referral:rides", "supportingInfo", add("supportingInfo", {"reference": "Observation/9"})),
    ("referral:rides", "identifier", add("identifier", {"system": "urn:oid:1.2", "value": "7"})),
    ("fulfil:referral:food-pantry:1", "note", put("note", [NOTE])),
    (
        "fulfil:referral:food-pantry:1",
        "output",
        put("output", [{"type": {"text": "Result"}, "valueString": "done"}]),
    ),
    ("fulfil:referral:food-pantry:1", "businessStatus", put("businessStatus", {"text": "called"})),
    ("fulfil:referral:food-pantry:1", "lastModified", put("lastModified", "2024-03-06T09:00:00Z")),
    (
        "plan-document",
        "relatesTo",
        put("relatesTo", [{"code": "appends", "target": {"reference": "DocumentReference/1"}}]),
    ),
    ("plan-document", "authenticator", put("authenticator", NURSE)),
    ("plan-document", "author", add("author", NURSE)),
    ("plan-document", "securityLabel", put("securityLabel", [{"text": "R"}])),
    ("plan-message", "recipient", add("recipient", NURSE)),
    ("plan-message", "received", put("received", "2024-03-06T09:00:00Z")),
    ("plan-message", "note", put("note", [NOTE])),
    ("plan-message", "inResponseTo", put("inResponseTo", [{"reference": "Communication/1"}])),
    ("concern:transportation", "note", add("note", NOTE)),
    ("concern:transportation", "severity", put("severity", {"text": "mild"})),
    ("concern:transportation", "asserter", put("asserter", NURSE)),
    ("concern:transportation", "onset", put("onsetDateTime", "2024-03-01")),
    ("concern:transportation", "abatement", put("abatementDateTime", "2024-03-09")),
    ("concern:transportation", "stage", put("stage", [{"summary": {"text": "II"}}])),
    ("provenance", "signature", put("signature", [{"when": "2024-03-06T09:00:00Z"}])),
]
#: What a person changes in what we said: theirs stands, and keeps out what we want in that element alone.
CHANGED: list[tuple[str, str, Edit]] = [
    ("care-plan", "status", put("status", "active")),
    ("care-plan", "status", put("status", "revoked")),
    ("care-plan", "status", put("status", "completed")),
    ("care-plan", "title", put("title", "Plan for home")),
    ("care-plan", "text", put("text", NARRATIVE)),
    ("care-plan", "period", put("period.end", "2024-12-31")),
    ("care-plan", "author", both(put("author", NURSE), take("contained"))),
    ("care-plan", "intent", put("intent", "order")),
    ("care-plan", "activity", put(f"{activity(0)}.detail.scheduledPeriod.end", "2024-12-31")),
    ("care-plan", "activity", put(f"{activity(0)}.detail.description", "Call twice")),
    ("care-plan", "activity", put(f"{activity(4)}.detail.description", "Somebody else checks")),
    ("care-plan", "activity", take_first("care-plan", "activity")),
    ("care-plan", "goal", take_first("care-plan", "goal")),
    ("care-plan", "addresses", take("addresses")),
    ("care-plan", "supportingInfo", take_first("care-plan", "supportingInfo")),
    ("care-plan", "category", put("category", [{"text": "Other"}])),
    ("goal:food-insecurity:enough", "lifecycleStatus", put("lifecycleStatus", "active")),
    ("goal:food-insecurity:enough", "lifecycleStatus", put("lifecycleStatus", "completed")),
    ("goal:food-insecurity:enough", "lifecycleStatus", put("lifecycleStatus", "rejected")),
    ("goal:food-insecurity:enough", "description", put("description.text", "Eats well")),
    ("goal:food-insecurity:enough", "target", put("target.0.dueDate", "2024-12-31")),
    ("goal:food-insecurity:enough", "start[x]", put("startDate", "2024-12-31")),
    ("goal:food-insecurity:enough", "expressedBy", put("expressedBy", NURSE)),
    ("goal:food-insecurity:enough", "addresses", take_first("goal:food-insecurity:enough", "addresses")),
    ("referral:rides", "status", put("status", "on-hold")),
    ("referral:rides", "status", put("status", "completed")),
    ("referral:rides", "status", put("status", "entered-in-error")),
    ("referral:rides", "priority", put("priority", "stat")),
    ("referral:rides", "code", put("code", {"text": "Taxi"})),
    ("referral:rides", "category", take_first("referral:rides", "category")),
    ("referral:rides", "occurrence[x]", put("occurrencePeriod.end", "2024-12-31")),
    ("referral:rides", "requester", put("requester", NURSE)),
    ("referral:rides", "reasonCode", put("reasonCode", [{"text": "No car"}])),
    ("referral:rides", "reasonReference", take("reasonReference")),
    ("referral:rides", "patientInstruction", put("patientInstruction", "Call us")),
    ("referral:rides", "patientInstruction", take("patientInstruction")),
    ("referral:rides", "note", put("note.0.text", "None needed")),
    ("referral:rides", "subject", put("subject", {"reference": "Patient/other"})),
    ("fulfil:referral:food-pantry:1", "status", put("status", "accepted")),
    ("fulfil:referral:food-pantry:1", "status", put("status", "completed")),
    ("fulfil:referral:food-pantry:1", "status", put("status", "rejected")),
    ("fulfil:referral:food-pantry:1", "owner", put("owner", {"reference": "Organization/9"})),
    ("fulfil:referral:food-pantry:1", "priority", put("priority", "urgent")),
    ("fulfil:referral:food-pantry:1", "description", put("description", "Bring food")),
    ("fulfil:referral:food-pantry:1", "restriction", put("restriction.period.end", "2024-12-31")),
    ("plan-document", "status", put("status", "superseded")),
    ("plan-document", "status", put("status", "entered-in-error")),
    ("plan-document", "docStatus", put("docStatus", "amended")),
    ("plan-document", "type", put("type", {"coding": [{"system": "http://loinc.org", "code": "18842-5"}]})),
    ("plan-document", "description", put("description", "Filed")),
    ("plan-document", "content", put("content.0.attachment.data", "SGVycw==")),
    ("plan-document", "category", put("category", [{"text": "Other"}])),
    ("plan-message", "status", put("status", "entered-in-error")),
    ("plan-message", "priority", put("priority", "urgent")),
    ("plan-message", "payload", put("payload", [{"contentString": "Hers"}])),
    ("plan-message", "topic", put("topic", {"text": "Other"})),
    ("concern:transportation", "clinicalStatus", put("clinicalStatus.coding.0.code", "resolved")),
    ("concern:transportation", "verificationStatus", put("verificationStatus.coding.0.code", "confirmed")),
    ("concern:transportation", "verificationStatus", put("verificationStatus.coding.0.code", "refuted")),
    ("concern:transportation", "code", put("code", {"text": "No car"})),
    ("concern:transportation", "category", put("category", [{"text": "Problem"}])),
    ("provenance", "activity", put("activity", {"text": "other"})),
]


def edited(key: str, edit: Edit) -> Json:
    """What the EHR holds after a person's edit."""
    current = copy.deepcopy(SENT[key]) | {"id": "9"}
    edit(current)
    return current


def assert_it_stands(edit: Edit, body: Json) -> None:
    """Every edit here, made a second time, changes nothing."""
    again = copy.deepcopy(body)
    edit(again)
    assert again == body


def assert_the_rest_follows_us(key: str, element: str, body: Json) -> None:
    stem = element.removesuffix("[x]")
    for name, part in reword(SENT[key]).items():
        if not name.startswith(stem) and name not in FOLLOWERS.get(element, ()):
            assert still_says(part, body.get(name)), name


#: What stands with a status that is a person's.
FOLLOWERS = {
    "status": {"intent", "requester", "authoredOn", "docStatus", "statusReason"},
    "lifecycleStatus": {"expressedBy", "statusDate", "statusReason"},
    "clinicalStatus": {"verificationStatus"},
    "author": {"contained"},
    "requester": {"contained"},
}


@pytest.mark.parametrize(("key", "element", "edit"), ADDED)
def test_what_a_person_adds_stays_and_keeps_nothing_out(key, element, edit):
    current = edited(key, edit)
    merged = merge(SENT[key], reword(SENT[key]), current)
    assert merged.kept_out == frozenset()
    assert_it_stands(edit, merged.body)
    assert_the_rest_follows_us(key, element, merged.body)
    assert merge(SENT[key], SENT[key], current).is_needed is False
    assert merge(SENT[key], SENT[key], current).body == current


@pytest.mark.parametrize(("key", "element", "edit"), CHANGED)
def test_what_a_person_changes_stands_and_nothing_else_freezes(key, element, edit):
    current = edited(key, edit)
    merged = merge(SENT[key], reword(SENT[key]), current)
    assert merged.kept_out <= {element}
    assert_it_stands(edit, merged.body)
    assert_the_rest_follows_us(key, element, merged.body)
    unchanged = merge(SENT[key], SENT[key], current)
    assert not unchanged.is_needed
    assert unchanged.body == current
    assert unchanged.kept_out == frozenset()


@pytest.mark.parametrize("keeps_ids", [True, False])
def test_what_was_ticked_stays_ticked_when_its_words_change(keeps_ids):
    current = copy.deepcopy(SENT["care-plan"]) | {"id": "9"}
    lesson = next(
        item
        for item in current["activity"]
        if "to use pantry" in item.get("detail", {}).get("code", {}).get("text", "")
    )
    lesson["detail"]["status"] = "completed"
    if not keeps_ids:
        for item in current["activity"]:
            item.pop("id", None)
    merged = merge(SENT["care-plan"], WANTED["care-plan"], current)
    reworded = [
        item["detail"]
        for item in merged.body["activity"]
        if item.get("detail", {}).get("status") == "completed"
    ]
    assert len(merged.body["activity"]) == len(current["activity"])
    assert merged.kept_out == frozenset()
    assert [detail["description"] for detail in reworded] == ["Teach before leaving: How to use kitchen"]
