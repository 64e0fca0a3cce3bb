"""Nobody plans a way home for the dead, by whichever spelling of a death: at each door, nothing but support for the family."""

import json
from datetime import UTC, datetime

import pytest

from config.tenants import Tenant
from fhir_mappings.inbound.encounter import told_of_stay
from fhir_mappings.inbound.patient import has_died
from fhir_mappings.inbound.record import build_record
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.cards import Place, plan_cards
from fhir_mappings.outbound.plan import plan_resources
from service.domain.assessment import Outcome
from service.domain.community_service import Matches
from service.domain.plan import Plan
from service.errors import PatientMerged
from service.pipeline.assess import assess, glance, require_one_patient
from service.pipeline.draft import draft
from service.pipeline.look import asked_by
from service.presentation.document import plan_document
from service.presentation.patient_sheet import Reader, patient_sheet
from service.presentation.table import plan_table
from tests import builders as a
from tests.unit.pipeline.assess.shipped import CONTENT
from tests.unit.pipeline.assess.test_death import ALIVE, DEAD

#: What would bring visits, orders and a sheet for somebody who goes home.
ILL = (a.condition("hf", "I50.9"), a.condition("food", "Z59.41"), a.condition("alone", "Z60.2"))
PLACE = Place(
    "https://homeward.example.org", "https://homeward.example.org/discharges/7", "{}", "https://x.example"
)
RECORDED = datetime(2024, 3, 5, tzinfo=UTC)


def _plan(resource: a.Json, judge=assess) -> Plan:
    there = {resource["resourceType"]}
    given = [resource, *ILL]
    given += [] if "Patient" in there else [a.patient()]
    given += [] if "Encounter" in there else [a.encounter()]
    record = build_record(given, encounter=a.ENCOUNTER, today=a.TODAY)
    return draft(record, judge(record, CONTENT, today=a.TODAY), Matches(), tenant="example")


@pytest.mark.parametrize("judge", [assess, glance])
@pytest.mark.parametrize("resource", DEAD)
def test_a_plan_for_the_dead_holds_support_for_the_family_alone(resource, judge):
    plan = _plan(resource, judge)
    assert plan.outcome is Outcome.DIED
    assert not any((plan.referrals, plan.goals, plan.follow_ups, plan.education, plan.bookings))
    assert [task.key for task in plan.tasks] == ["task:bereavement-support"]
    assert (plan.disposition, plan.readiness) == (None, None)


@pytest.mark.parametrize("resource", DEAD)
def test_no_sheet_no_order_and_no_blocker_leaves_by_any_door(resource):
    plan = _plan(resource)
    made = plan_resources(plan, author=Author("Homeward", "Example"), recorded=RECORDED)
    assert {resource.resource_type for resource in made} <= {"CarePlan", "Provenance", "Task"}
    assert all(patient_sheet(plan, reader) == "" for reader in (*Reader, ""))
    document = plan_document(plan, bundle={})
    assert not any((document["follow_ups"][1:], document["referrals"], document["patient_instructions"]))
    (card,) = (shown.card for shown in plan_cards(plan, PLACE))
    assert "suggestions" not in card
    assert "has died" in json.dumps(card)
    assert plan_table(plan)


@pytest.mark.parametrize("resource", ALIVE)
def test_who_lives_is_planned_for(resource):
    plan = _plan(resource)
    assert plan.follow_ups
    assert patient_sheet(plan, Reader.PATIENT)


def test_a_death_that_is_told_later_makes_a_plan_outdated_in_each_spelling():
    alive = told_of_stay(a.encounter())
    for resource in DEAD:
        if resource["resourceType"] == "Encounter" and "location" not in resource:
            assert told_of_stay(resource) != alive
        if resource["resourceType"] == "Patient":
            assert told_of_stay(a.encounter(), died=has_died(resource)) != alive


CLOSED: tuple[a.Json, ...] = (
    {},
    {"active": False},
    {"active": "false"},
    {"active": False, "link": [{"type": "replaced-by", "other": {"reference": "Patient/other"}}]},
)


def _closed(resource: a.Json, closed: a.Json) -> list[a.Json]:
    return [resource | closed] if resource["resourceType"] == "Patient" else [resource, a.patient() | closed]


@pytest.mark.parametrize("closed", CLOSED)
@pytest.mark.parametrize("resource", DEAD)
def test_whoever_has_died_is_planned_for_as_dead_however_their_record_was_closed(resource, closed):
    resources = _closed(resource, closed)
    resources += [] if resource["resourceType"] == "Encounter" else [a.encounter()]
    record = build_record(resources, encounter=a.ENCOUNTER, today=a.TODAY)
    assessment = assess(record, CONTENT, today=a.TODAY)
    require_one_patient(record, assessment)
    assert assessment.outcome is Outcome.DIED


@pytest.mark.parametrize("closed", CLOSED[1:])
def test_whoever_lives_and_is_one_no_longer_is_a_persons(closed):
    record = build_record([a.patient() | closed, a.encounter()], encounter=a.ENCOUNTER, today=a.TODAY)
    with pytest.raises(PatientMerged):
        require_one_patient(record, assess(record, CONTENT, today=a.TODAY))


@pytest.mark.parametrize("closed", CLOSED)
@pytest.mark.parametrize(
    "resource", [resource for resource in DEAD if resource["resourceType"] in {"Patient", "Encounter"}]
)
def test_what_a_look_tells_of_the_dead_is_what_their_plan_was_made_of(resource, closed):
    """Else each hourly look would have them planned anew."""
    given = {resource["resourceType"]: resource for resource in _closed(resource, closed)}
    stay, patient = given.get("Encounter", a.encounter()), given["Patient"]
    record = build_record([stay, patient], encounter=a.ENCOUNTER, today=a.TODAY)
    at = datetime(a.TODAY.year, a.TODAY.month, a.TODAY.day, 12, tzinfo=UTC)
    tenant = Tenant(id="example", fhir_base_url="https://ehr.example.org/fhir", organization="Example")
    [trigger] = asked_by(stay, patient, tenant, at, door="look")
    assert (trigger.told, trigger.stay) == (record.encounter.told, record.encounter.status)
