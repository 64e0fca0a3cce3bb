"""What we write leads to the page where one decides, and reaches somebody."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from fhir_mappings import systems
from fhir_mappings.narrative import care_plan_narrative
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.document import plain_text
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.plan import plan_resources
from fhir_mappings.outbound.validate import validate
from fhir_mappings.withdrawal import hold_task
from service.errors import InvalidResource
from service.pipeline.decide import decide
from tests import builders as a

RECORDED = datetime(2024, 3, 5, 12, tzinfo=UTC)
PAGE = f"https://homeward.example/discharges/{UUID(int=7)}"
PANTRY = "referral:food-pantry"
SILENT = Author("Homeward", "Example Hospital", tenant="example")
LINKED = replace(SILENT, page=PAGE, social_work_reference="CareTeam/social-work")


def plan(*decisions, **more):
    return replace(decide(a.planned(a.need(interventions=a.interventions())), decisions), **more)


def made(author, *decisions, **more):
    told = plan(*decisions, **more)
    drafts = [
        *plan_resources(told, author=author, recorded=RECORDED),
        *lower_resources(told, author=author, recorded=RECORDED),
    ]
    return {draft.key: draft.body for draft in drafts}


# --- links ---------------------------------------------------------------------------------------
def test_every_resource_names_the_page_as_its_source_and_none_does_without_a_public_address():
    assert {body["meta"].get("source") for body in made(LINKED, a.decision(PANTRY)).values()} == {PAGE}
    assert {body["meta"].get("source") for body in made(SILENT, a.decision(PANTRY)).values()} == {None}


def test_the_plan_the_document_and_the_message_give_the_address_in_words():
    bodies = made(LINKED)
    document = bodies["plan-document"]
    shown = {
        "care plan": bodies["care-plan"]["text"]["div"],
        "description": document["description"],
        "message": bodies["plan-message"]["payload"][0]["contentString"],
        **{
            part["attachment"]["contentType"]: base64.b64decode(part["attachment"]["data"]).decode()
            for part in document["content"]
        },
    }
    assert {name for name, words in shown.items() if f"{PAGE}" in words} == set(shown)
    assert PAGE not in json.dumps(made(SILENT))


def test_the_link_keeps_its_address_where_links_are_dropped():
    assert f"Decide here: {PAGE}" in plain_text(care_plan_narrative(plan().shareable(), page=PAGE))
    assert "Decide here" not in care_plan_narrative(plan().shareable())


@pytest.mark.parametrize(
    ("link", "taken"),
    [
        ('<a href="https://homeward.example/x">x</a>', True),
        ('<a href="javascript:x">x</a>', False),
        ('<a href="https://homeward.example/x" onclick="x">x</a>', False),
        ("<a>x</a>", False),
        ('<p href="https://homeward.example/x">x</p>', False),
    ],
)
def test_a_narrative_may_link_to_a_page_and_do_no_more(link, taken):
    body = made(SILENT)["care-plan"] | {
        "text": {"status": "additional", "div": f'<div xmlns="{systems.XHTML}">{link}</div>'}
    }
    if taken:
        assert validate(body)
    else:
        with pytest.raises(InvalidResource):
            validate(body)


def test_the_address_tells_nothing_of_the_patient():
    who = plan().patient
    for part in (who.reference.rpartition("/")[2], who.name, plan().encounter.reference.rpartition("/")[2]):
        assert part not in PAGE.rpartition("/")[2].split("-")


# --- recipients ----------------------------------------------------------------------------------
def test_no_resource_names_a_recipient_an_owner_or_a_performer_in_words_only():
    for author in (SILENT, LINKED):
        for body in made(author, a.decision(PANTRY)).values():
            receivers = [*body.get("recipient", ()), *body.get("performer", ())]
            receivers += [body["owner"]] if "owner" in body else []
            assert all(receiver.keys() & {"reference", "identifier"} for receiver in receivers)


def test_what_nobody_was_chosen_for_is_the_social_workers():
    team = {"reference": "CareTeam/social-work"}
    bodies = made(LINKED, a.decision(PANTRY))
    assert bodies["social-work-follow-up"]["performer"] == [team]
    assert [body["owner"] for key, body in bodies.items() if key.startswith("fulfil:")] == [team]
    group = made(replace(LINKED, social_work_reference="Group/9"), a.decision(PANTRY))
    assert "performer" not in group["social-work-follow-up"]
    assert not [body for body in group.values() if "owner" in body]


@pytest.mark.parametrize(
    ("requester", "author", "owner"),
    [
        ({"reference": "Practitioner/9"}, LINKED, {"reference": "Practitioner/9"}),
        (
            {"reference": "https://ehr.example/fhir/PractitionerRole/9"},
            LINKED,
            {"reference": "https://ehr.example/fhir/PractitionerRole/9"},
        ),
        ({"reference": "Device/9"}, LINKED, {"reference": "CareTeam/social-work"}),
        ({"display": "Dana Example"}, LINKED, {"reference": "CareTeam/social-work"}),
        (None, SILENT, None),
    ],
)
def test_a_referral_on_hold_is_seen_to_by_who_signed_it_or_by_the_social_workers(requester, author, owner):
    order = next(
        draft for draft in plan_resources(plan(), author=author, recorded=RECORDED) if draft.key == PANTRY
    )
    request = {"id": "9"} | ({"requester": requester} if requester else {})
    task = hold_task(request, order, 1, author=author, recorded=RECORDED).body
    assert task.get("owner") == owner
    assert author.page in task["description"]
    assert task["meta"].get("source", "") == author.page
    assert validate(task)
