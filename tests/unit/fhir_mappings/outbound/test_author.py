"""Who writes is named by a reference of its own in every resource, and nothing is contained in any."""

from datetime import UTC, datetime
from itertools import product

import pytest

from fhir_mappings import systems
from fhir_mappings.merge import merge
from fhir_mappings.outbound.author import Author, device_identifier, partner_identifier, without_orphans
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.plan import plan_resources
from fhir_mappings.outbound.shared import device_draft, partner_draft
from fhir_mappings.own_marks import TAG
from fhir_mappings.resumption import resume
from fhir_mappings.withdrawal import hold_task, retire, withdraw
from service.domain.decision import Choice, Edit
from service.pipeline.decide import decide
from tests import builders as a

RECORDED = datetime(2024, 3, 5, 12, tzinfo=UTC)
PANTRY = "referral:food-pantry"
SERVICE = a.match("Meals for All", address="1 Example Street", city="Testville").service
BARE = Author("Homeward", "Example Hospital", tenant="example")
AUTHORS = [
    Author(
        "Homeward",
        "Example Hospital",
        reference,
        tenant="example",
        device_reference=device,
        partners=partners,
    )
    for reference, device, partners in product(
        ("", "Organization/1"), ("", "Device/7"), ({}, {SERVICE.id: "Organization/9"})
    )
]


def decided():
    plan = a.planned(a.need(interventions=a.interventions()))
    chosen = a.decision(PANTRY, Choice.EDITED, edit=Edit(service=SERVICE))
    return decide(plan, [chosen, a.decision(PANTRY)])


def made(author):
    plans = (a.planned(a.need(interventions=a.interventions())), decided())
    ways = (plan_resources, lower_resources)
    return [
        draft for way, plan in product(ways, plans) for draft in way(plan, author=author, recorded=RECORDED)
    ]


@pytest.mark.parametrize("author", AUTHORS)
def test_nothing_is_contained_in_anything_and_all_of_it_has_our_marks(author):
    shared = [device_draft(author), partner_draft(SERVICE, author.tenant)]
    for draft in (*made(author), *shared):
        assert "contained" not in draft.body
        assert dict(TAG) in draft.body["meta"]["tag"]
        assert {name["system"] for name in draft.body.get("identifier", ())} <= {systems.OWN_IDENTIFIER}
        named = [tag["code"] for tag in draft.body["meta"]["tag"] if tag["system"] == systems.OWN_IDENTIFIER]
        assert [*(name["value"] for name in draft.body.get("identifier", ())), *named] == [draft.identifier]


@pytest.mark.parametrize(
    ("author", "writer"),
    [
        (
            BARE,
            {
                "identifier": {"system": systems.OWN_IDENTIFIER, "value": device_identifier("example")},
                "type": "Device",
                "display": "Homeward",
            },
        ),
        (
            Author("Homeward", "Example Hospital", "Organization/1", tenant="example"),
            {"reference": "Organization/1", "type": "Organization", "display": "Example Hospital"},
        ),
        (
            Author("Homeward", "H", "Organization/1", tenant="example", device_reference="Device/7"),
            {"reference": "Device/7", "type": "Device", "display": "Homeward"},
        ),
    ],
)
def test_the_author_is_our_device_or_the_hospital_or_the_device_by_its_identifier(author, writer):
    bodies = {draft.key: draft.body for draft in made(author)}
    proposed = plan_resources(
        a.planned(a.need(interventions=a.interventions())), author=author, recorded=RECORDED
    )
    assert bodies["care-plan"]["author"] == writer
    assert bodies["plan-document"]["author"] == [writer]
    assert bodies["plan-message"]["sender"] == writer
    assert [draft.body["requester"] for draft in proposed if draft.resource_type == "ServiceRequest"] == [
        writer
    ] * 2


@pytest.mark.parametrize("organization", ["", "Organization/1"])
def test_a_device_that_has_come_to_the_ehr_is_no_reason_to_write_again(organization):
    without, with_device = (
        {
            draft.key: draft.meaning
            for draft in made(
                Author("Homeward", "H", organization, tenant="example", device_reference=device)
            )
            if draft.resource_type != "Provenance"
        }
        for device in ("", "Device/7")
    )
    assert without == with_device


def test_a_chosen_service_is_named_by_its_organization_where_the_ehr_has_it():
    known = Author("Homeward", "H", tenant="example", partners={SERVICE.id: "Organization/9"})
    for author, naming in (
        (known, {"reference": "Organization/9"}),
        (
            BARE,
            {
                "identifier": {
                    "system": systems.OWN_IDENTIFIER,
                    "value": partner_identifier("example", SERVICE.id),
                }
            },
        ),
    ):
        whole = {**naming, "type": "Organization", "display": SERVICE.organization}
        bodies = {
            draft.key: draft.body for draft in plan_resources(decided(), author=author, recorded=RECORDED)
        }
        assert bodies[PANTRY]["performer"] == [whole]
        assert [body["owner"] for key, body in bodies.items() if key.startswith("fulfil:")] == [whole]


def test_the_organization_of_a_service_is_the_same_for_every_stay_and_another_in_another_hospital():
    one, other = partner_draft(SERVICE, "example"), partner_draft(SERVICE, "elsewhere")
    assert one == partner_draft(SERVICE, "example")
    assert one.identifier != other.identifier
    assert one.body["name"] == SERVICE.organization
    assert one.body["address"][0]["text"] == "1 Example Street, Testville"


# --- what earlier releases contained -------------------------------------------------------------
DEVICE = {"resourceType": "Device", "id": "author"}
THEIRS = {"resourceType": "Practitioner", "id": "theirs"}


def request(requester, *contained, **more):
    return {
        "resourceType": "ServiceRequest",
        "id": "9",
        "status": "draft",
        "requester": requester,
        "contained": list(contained),
        **more,
    }


@pytest.mark.parametrize(
    ("resource", "left"),
    [
        (request({"reference": "#author"}, DEVICE), [DEVICE]),
        (request({"reference": "Practitioner/1"}, DEVICE), []),
        (request({"reference": "Practitioner/1"}, DEVICE, THEIRS), [THEIRS]),
    ],
)
def test_what_is_contained_and_ours_stays_while_something_names_it(resource, left):
    assert without_orphans(resource).get("contained", []) == left


@pytest.mark.parametrize("signed", [False, True])
def test_taking_back_and_bringing_back_leave_no_orphan(signed):
    resource = request({"reference": "Practitioner/1" if signed else "#author"}, DEVICE)
    for take_back in (withdraw, retire):
        taken = take_back(resource, resource, author=BARE, recorded=RECORDED)
        assert taken is not None
        back = resume(taken.said, resource, taken.body, before=taken.before, given=taken.given)
        assert back is not None
        assert [("contained" in body) for body in (taken.body, back.body)] == [not signed] * 2


def test_an_update_takes_the_contained_author_of_an_earlier_release_out():
    drafts = plan_resources(decided(), author=BARE, recorded=RECORDED)
    order = next(draft.body for draft in drafts if draft.key == PANTRY)
    said = request({"reference": "#author"}, DEVICE)
    assert "contained" not in merge(said, order, said).body


def test_the_task_about_a_referral_on_hold_contains_nothing():
    order = next(
        draft for draft in plan_resources(decided(), author=BARE, recorded=RECORDED) if draft.key == PANTRY
    )
    task = hold_task({"id": "9"}, order, 1, author=BARE, recorded=RECORDED)
    assert task.body["requester"] == BARE.writer()
    assert "contained" not in task.body
