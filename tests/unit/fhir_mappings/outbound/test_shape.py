"""Every sample plan in the shape that a vendor's written rules ask for, which the checkers here state by themselves."""

import base64
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fhir_mappings.inbound.bundle_file import read_bundle
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.problem_codes import CODED_NEEDS
from fhir_mappings.outbound.reference_line import reference_of, references_in_text, texts_of
from fhir_mappings.outbound.shape import HospitalFacts, shaped, vanished
from fhir_mappings.outbound.validate import validate
from service.commands.plan_file import plan_of
from service.domain.decision import WHOLE_PLAN
from service.domain.sensitivity import Label
from service.domain.write_shape import AuthorShape, ProblemList, WriteShape
from service.pipeline.decide import decide
from service.pipeline.publishing.ready import as_taken, of_types
from tests import builders as a
from tests.vendors import vendor

PATIENTS = sorted(
    path
    for path in (Path(__file__).parents[4] / "service" / "sandbox" / "patients").glob("*.json")
    if path.name != "hospital.json"
)
ON = date(2026, 12, 2)
RECORDED = datetime(2026, 12, 2, 12, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
PAGE = "https://homeward.example.org/discharges/6d0a1c0e-7f3b-4a59-9d6e-0f1f6c6f8f10"
AUTHOR = Author(
    "Homeward", "Example Hospital", "Organization/1", "t", social_work_reference="Group/9", page=PAGE
)
#: Who is named decides what a vendor gets; all that can be named, and nothing.
HOSPITALS = {
    "names nobody": HospitalFacts(),
    "wants problems": HospitalFacts(
        author_practitioner="Practitioner/1", recipient="Group/9", problems=ProblemList.PROBLEM_LIST
    ),
    "wants diagnoses": HospitalFacts(
        message_sender="Practitioner/2",
        recipient="Practitioner/3",
        problems=ProblemList.ENCOUNTER_DIAGNOSIS,
        note_type="http://loinc.org|11506-3",
    ),
}
LOWER = frozenset({"DocumentReference", "Communication", "Condition"})


@cache
def sample(path, *, signed=True):
    plan = plan_of(read_bundle(path.read_bytes()), encounter=None, today=ON)
    return decide(plan, [a.decision(WHOLE_PLAN)]) if signed else plan


@cache
def drafts_of(path, *, signed=True):
    return lower_resources(sample(path, signed=signed), author=AUTHOR, recorded=RECORDED, zone=ZONE)


def sent_to(name, path, facts, *, signed=True):
    """What a vendor gets of a plan, as publishing makes it ready."""
    capability = replace(vendor(name), problems=facts.problems)
    return of_types(drafts_of(path, signed=signed), LOWER, capability, facts)


def of_type(drafts, resource_type):
    return [draft for draft in drafts if draft.resource_type == resource_type]


def text_of(attachment):
    return base64.b64decode(attachment["data"], validate=True).decode()


def cases(test):
    hospitals = pytest.mark.parametrize("facts", HOSPITALS.values(), ids=HOSPITALS)
    return pytest.mark.parametrize("path", PATIENTS, ids=lambda path: path.stem)(hospitals(test))


# --- Oracle Health ----------------------------------------------------------------------------------
ORACLE_TYPES = {
    "application/pdf",
    "text/plain;charset=utf-8",
    "text/richtext;charset=utf-8",
    "text/rtf;charset=utf-8",
    "text/html;charset=utf-8",
    "application/xml;charset=utf-8",
    "application/xhtml+xml;charset=utf-8",
}
ORACLE_FIELDS = {
    "DocumentReference": {
        *("resourceType", "status", "docStatus", "type", "subject", "author", "authenticator", "content"),
        "context",
    },
    "Condition": {
        *("resourceType", "clinicalStatus", "verificationStatus", "category", "severity", "code", "subject"),
        *("encounter", "onsetDateTime", "abatementDateTime", "note"),
    },
    "Communication": {
        *("resourceType", "status", "category", "priority", "subject", "topic", "encounter", "recipient"),
        *("sender", "payload"),
    },
    "Provenance": {"resourceType", "target", "recorded", "agent", "entity"},
}
WITH_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")


@cases
def test_oracle_gets_only_elements_that_it_keeps(path, facts):
    drafts = sent_to("oracle-like", path, facts)
    assert drafts
    for draft in drafts:
        assert set(draft.body) <= ORACLE_FIELDS[draft.resource_type]


@cases
def test_oracle_gets_one_final_document_as_its_rules_ask(path, facts):
    [draft] = of_type(sent_to("oracle-like", path, facts), "DocumentReference")
    body = draft.body
    assert (body["status"], body["docStatus"]) == ("current", "final")
    [content] = body["content"]
    attachment = content["attachment"]
    assert attachment["contentType"] in ORACLE_TYPES
    assert WITH_TIME.fullmatch(attachment["creation"])
    assert set(attachment) <= {"contentType", "data", "title", "creation"}
    [encounter] = body["context"]["encounter"]
    assert encounter["reference"].startswith("Encounter/")
    assert WITH_TIME.fullmatch(body["context"]["period"]["end"])
    assert len(body["type"]["coding"]) == 1
    authors = [author["reference"] for author in body.get("author", ())]
    assert authors == ([facts.author_practitioner] if facts.author_practitioner else [])
    validate(body)


@cases
def test_oracle_keeps_the_page_whole_when_it_makes_rtf_of_it(path, facts):
    [draft] = of_type(sent_to("oracle-like", path, facts), "DocumentReference")
    page = text_of(draft.body["content"][0]["attachment"])
    root = ET.fromstring(page)  # noqa: S314  our own page
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names & {"applet", "iframe", "link", "script", "style", "form", "button", "img", "table"} == set()
    assert not any(
        name in element.attrib for element in root.iter() for name in ("style", "class", "onclick")
    )
    words = " ".join("".join(root.itertext()).split())
    for referral in sample(path).shareable().referrals:
        assert " ".join(referral.title.split()) in words
    # What stands in a link is also its address, for its tag is dropped and its words are kept.
    assert PAGE in words


@cases
def test_oracle_gets_problems_one_by_one_and_only_where_they_are_wanted(path, facts):
    conditions = of_type(sent_to("oracle-like", path, facts), "Condition")
    if facts.problems is ProblemList.NO:
        assert conditions == []
    for draft in conditions:
        body = draft.body
        [category] = body["category"]
        assert [part["code"] for part in category["coding"]] == [facts.problems.category]
        assert body["clinicalStatus"]["coding"][0]["code"] == "active"
        assert body["verificationStatus"]["coding"][0]["code"] not in {"entered-in-error", "refuted"}
        [code] = body["code"]["coding"]
        assert code["system"] == "http://hl7.org/fhir/sid/icd-10-cm"
        assert body["encounter"]["reference"].startswith("Encounter/")
        assert draft.key.removeprefix("concern:") in CODED_NEEDS
        validate(body)


@cases
def test_oracle_gets_a_provenance_for_each_target_that_may_have_one(path, facts):
    drafts = sent_to("oracle-like", path, facts)
    spoken_of = {
        draft.full_url for draft in drafts if draft.resource_type in {"DocumentReference", "Condition"}
    }
    sources = of_type(drafts, "Provenance")
    targets = [part["reference"] for draft in sources for part in draft.body["target"]]
    assert sorted(targets) == sorted(spoken_of)
    assert all(len(draft.body["target"]) == 1 for draft in sources)
    assert all(agent.get("who") for draft in sources for agent in draft.body["agent"])
    names = [(draft.key, draft.identifier, draft.full_url) for draft in sources]
    assert len({key for key, _, _ in names}) == len({url for _, _, url in names}) == len(sources)


@cases
def test_oracle_gets_a_message_only_from_and_to_people(path, facts):
    messages = of_type(sent_to("oracle-like", path, facts), "Communication")
    named = facts.message_sender or facts.author_practitioner
    assert len(messages) == (1 if named else 0)
    for draft in messages:
        body = draft.body
        assert body["status"] == "completed"
        assert body["sender"] == {"reference": named}
        assert body["recipient"]
        assert all(
            part["reference"].partition("/")[0] in {"Practitioner", "Group"} for part in body["recipient"]
        )
        [payload] = body["payload"]
        attachment = payload["contentAttachment"]
        assert attachment["contentType"] == "text/plain;charset=utf-8"
        assert {"subject", "encounter"} <= set(body)
        assert "Approved by" in text_of(attachment)
        validate(body)


# --- Epic -------------------------------------------------------------------------------------------
@cases
def test_epic_gets_one_plain_note_of_the_stay_and_problems_where_they_are_wanted(path, facts):
    drafts = sent_to("epic-like", path, facts)
    assert {draft.resource_type for draft in drafts} <= {"DocumentReference", "Condition"}
    [note] = of_type(drafts, "DocumentReference")
    body = note.body
    assert (body["status"], body["docStatus"]) == ("current", "final")
    [content] = body["content"]
    assert content["attachment"]["contentType"] == "text/plain"
    [encounter] = body["context"]["encounter"]
    assert encounter["reference"].startswith("Encounter/")
    assert not any(author.get("type") == "Device" for author in body.get("author", ()))
    validate(body)
    problems = of_type(drafts, "Condition")
    if facts.problems is not ProblemList.PROBLEM_LIST:
        assert problems == []
    for draft in problems:
        said = draft.body
        assert [part["code"] for concept in said["category"] for part in concept["coding"]] == [
            "problem-list-item"
        ]
        assert said["verificationStatus"]["coding"][0]["code"] == "provisional"
        assert said["clinicalStatus"]["coding"][0]["code"] == "active"
        assert said["code"].get("text") or said["code"]["coding"][0]["display"]
        [remark] = said["note"]
        assert len(remark["text"]) <= 450
        validate(said)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("path", PATIENTS, ids=lambda path: path.stem)
def test_a_note_reads_well_without_markup(path, signed):
    [note] = of_type(sent_to("epic-like", path, HospitalFacts(), signed=signed), "DocumentReference")
    text = text_of(note.body["content"][0]["attachment"])
    lines = text.splitlines()
    # A word longer than a line, as an address, stands in a line by itself.
    assert [line for line in lines if len(line) > 72 and " " in line.removeprefix("- ").strip()] == []
    assert not re.search(r"</?[a-z]+[^>]*>|&[a-z]+;|\*\*", text)
    assert not re.search(r"\n\n\n", text)
    heading, first = lines[0], lines[0] if signed else lines[2]
    assert heading == ("PROPOSAL, NOT SIGNED" if not signed else first)
    assert first.startswith(("Readiness: ", "No discharge home", "The patient "))
    signature = "Signed by Dana Example, MSW, 5 March 2024, 13:00." if signed else "Draft for review"
    assert signature in " ".join(lines)
    plan = sample(path, signed=signed).shareable()
    flat = " ".join(text.split())
    for item in (*plan.referrals, *plan.goals, *plan.tasks):
        assert " ".join((getattr(item, "title", "") or item.text).split()) in flat
    assert PAGE in lines


@pytest.mark.parametrize("name", ["epic-like", "oracle-like"])
@cases
def test_every_text_ends_with_the_reference_of_its_draft(path, facts, name):
    for draft in sent_to(name, path, facts):
        for text in texts_of(draft.body):
            assert references_in_text(text) == {reference_of(draft.identifier)}
            assert reference_of(draft.identifier) in text[-40:]


def test_nothing_sensitive_is_in_any_shape():
    secret = a.need("alcohol-use", labels=frozenset({Label.ETH}), interventions=a.interventions("detox"))
    plan = a.planned(a.need(interventions=a.interventions()), secret)
    drafts = lower_resources(plan, author=AUTHOR, recorded=RECORDED)
    for name in ("epic-like", "oracle-like"):
        facts = HOSPITALS["wants problems"]
        for draft in of_types(drafts, LOWER, replace(vendor(name), problems=facts.problems), facts):
            said = repr(draft) + "".join(texts_of(draft.body))
            assert "lcohol" not in said
            assert "etox" not in said


# --- shapes of any kind -----------------------------------------------------------------------------
@cases
def test_a_draft_shaped_again_stays_as_it_is(path, facts):
    for name in ("epic-like", "oracle-like"):
        capability = replace(vendor(name), problems=facts.problems)
        once = as_taken(drafts_of(path), capability, facts)
        assert as_taken(once, capability, facts) == once


def test_without_a_rule_a_draft_goes_as_it_is():
    for draft in drafts_of(PATIENTS[0]):
        assert shaped(draft, WriteShape()) == (draft,)


BODY: dict[str, Any] = {
    "resourceType": "DocumentReference",
    "meta": {"tag": [{"code": "homeward"}]},
    "status": "current",
    "date": "2026-12-02T12:00:00+00:00",
    "type": {"text": "Plan", "coding": [{"code": "18776-5"}]},
    "author": [{"reference": "Device/1"}],
    "content": [
        {"attachment": {"contentType": "text/plain", "data": base64.b64encode(b"Words").decode(), "size": 5}},
        {"attachment": {"contentType": "application/pdf", "data": "JVBERi0="}},
    ],
}


def only(shape, body=BODY, facts=HospitalFacts(), key="plan-document"):  # noqa: B008
    return [draft.body for draft in shaped(a.draft_of(key, body), shape, facts)]


def test_elements_left_out_set_and_dropped():
    [body] = only(WriteShape(elements=("status", "content.attachment.data")))
    assert body == {
        "resourceType": "DocumentReference",
        "status": "current",
        "content": [{"attachment": {"data": part["attachment"]["data"]}} for part in BODY["content"]],
    }
    [body] = only(
        WriteShape(drop=frozenset({"meta.tag", "content.attachment.size"}), fixed={"docStatus": "final"})
    )
    assert "meta" not in body
    assert body["docStatus"] == "final"
    assert "size" not in body["content"][0]["attachment"]


def test_the_first_content_type_that_there_is_is_sent_and_none_where_there_is_none():
    [body] = only(WriteShape(attachments=("text/rtf", "application/pdf", "text/plain")))
    assert [part["attachment"]["contentType"] for part in body["content"]] == ["application/pdf"]
    assert only(WriteShape(attachments=("text/rtf",))) == []


def test_authors():
    practitioner = HospitalFacts(author_practitioner="Practitioner/1")
    assert (
        only(WriteShape(author=AuthorShape.NONE, read_back=True), facts=practitioner)[0].get("author") is None
    )
    assert only(WriteShape(author=AuthorShape.PRACTITIONER), facts=practitioner)[0]["author"] == [
        {"reference": "Practitioner/1"}
    ]
    assert "author" not in only(WriteShape(author=AuthorShape.PRACTITIONER))[0]


def test_a_hospitals_own_type_is_for_the_plans_note_alone():
    named = HospitalFacts(note_type="urn:oid:1.2.3|77")
    assert only(WriteShape(), facts=named)[0]["type"] == {
        "text": "Plan",
        "coding": [{"system": "urn:oid:1.2.3", "code": "77"}],
    }
    other = {**BODY, "type": {"coding": [{"code": "34109-9"}]}}
    assert only(WriteShape(), other, facts=named)[0]["type"] == other["type"]


def test_what_is_not_taken_or_whose_labels_would_be_lost_is_not_sent():
    assert only(WriteShape(taken=False, why="No.")) == []
    restricted = {**BODY, "meta": {"security": [{"code": "ETH"}]}}
    assert only(WriteShape(elements=("status", "content")), restricted) == []
    assert len(only(WriteShape(elements=("meta.security", "content")), restricted)) == 1


def test_a_message_as_a_whole_document_of_xhtml():
    message = {
        "resourceType": "Communication",
        "topic": {"text": "Discharge plan"},
        "payload": [{"contentString": "One & two\n<three>"}],
    }
    shape = WriteShape(attachments=("application/xhtml+xml;charset=utf-8",))
    [body] = only(shape, message)
    page = text_of(body["payload"][0]["contentAttachment"])
    root = ET.fromstring(page)  # noqa: S314  our own page
    assert root.tag == "{http://www.w3.org/1999/xhtml}html"
    assert "One & two" in "".join(root.itertext())
    assert "<three>" in "".join(root.itertext())
    assert only(shape, {**message, "payload": []}) == []


def test_texts_are_cut_at_a_line_and_keep_their_reference():
    [draft] = [draft for draft in drafts_of(PATIENTS[0]) if draft.resource_type == "DocumentReference"]
    [cut] = shaped(draft, WriteShape(attachments=("text/plain",), text_limit=1000))
    text = text_of(cut.body["content"][0]["attachment"])
    assert 900 < len(text) <= 1000
    assert "The rest stands on Homeward's page." in text
    assert references_in_text(text) == {reference_of(draft.identifier)}
    assert text.splitlines()[0].startswith("Readiness: ")


def test_a_long_note_is_cut_and_keeps_its_reference():
    body = {"resourceType": "Condition", "note": [{"text": "word " * 200}, {"text": "more"}]}
    [note] = only(WriteShape(note_limit=450), body, key="concern:stress")[0]["note"]
    assert len(note["text"]) <= 450
    assert references_in_text(note["text"]) == {reference_of(a.draft_of("concern:stress", body).identifier)}


def test_the_first_category_that_is_taken_is_sent():
    body = {
        "resourceType": "Communication",
        "category": [{"coding": [{"code": "alert"}, {"code": "notification"}]}],
    }
    assert only(WriteShape(categories=("notification",)), body)[0]["category"] == [
        {"coding": [{"code": "notification"}]}
    ]
    assert only(WriteShape(categories=("reminder",)), body) == []


# --- what vanished ----------------------------------------------------------------------------------
def test_what_an_ehr_has_let_vanish_is_named_by_element():
    read = {
        **{name: BODY[name] for name in ("resourceType", "status", "type")},
        "id": "7",
        "content": [{"attachment": {"contentType": "text/plain", "url": "Binary/1"}}],
    }
    assert vanished(BODY, read) == ("meta", "date", "author", "content", "content.attachment.size")
    assert vanished(BODY, {**BODY, "id": "7", "text": {"status": "generated"}}) == ()
    assert vanished({"note": [], "text": ""}, {}) == ()
    assert vanished(
        {"code": {"coding": [{"code": "1", "display": "x"}]}}, {"code": {"coding": [{"code": "1"}]}}
    ) == ("code.coding.display",)
