import json
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from fhir_mappings import systems
from fhir_mappings.bundle import transaction_bundle
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.plan import plan_resources
from fhir_mappings.references import references_in
from service.domain.assessment import Outcome
from service.domain.codes import Code, System
from service.domain.community_service import Matches
from service.domain.plan import Plan
from service.domain.protocol import (
    EducationTemplate,
    FollowUpTemplate,
    GoalTemplate,
    Interventions,
    NeedKind,
    ProtocolRef,
    ReferralTemplate,
    Urgency,
)
from service.domain.record import Kind
from service.domain.sensitivity import Label
from tests import builders as a

AUTHOR = Author("Homeward", "Example Hospital", "Organization/1")
RECORDED = datetime(2024, 3, 5, 9, 30, tzinfo=UTC)
BH = frozenset({Label.BH})
FOUND = Matches((("food-pantry", (a.match(),)),))


def written(plan: Plan, author=AUTHOR):
    return {draft.key: draft for draft in plan_resources(plan, author=author, recorded=RECORDED)}


def bodies(plan: Plan, author=AUTHOR):
    return {key: draft.body for key, draft in written(plan, author).items()}


def usual(**more):
    return a.planned(a.need(interventions=a.interventions()), matches=FOUND, **more)


def test_a_plan_is_goals_requests_the_care_plan_and_their_provenance():
    assert [(x.key, x.resource_type) for x in plan_resources(usual(), author=AUTHOR, recorded=RECORDED)] == [
        ("goal:food-insecurity:enough", "Goal"),
        ("referral:food-pantry", "ServiceRequest"),
        ("social-work-follow-up", "ServiceRequest"),
        ("care-plan", "CarePlan"),
        ("provenance", "Provenance"),
    ]


def test_each_resource_is_found_again_by_a_uuid_that_is_not_its_full_url():
    for draft in written(usual()).values():
        token = {"system": systems.OWN_IDENTIFIER, "value": draft.identifier}
        tag = {"system": systems.OWN_IDENTIFIER, "code": draft.identifier}
        assert UUID(draft.identifier.removeprefix("urn:uuid:")).version == 5
        assert token in draft.body.get("identifier", []) or tag in draft.body["meta"]["tag"]
        assert draft.full_url != draft.identifier


def test_the_same_plan_gives_the_same_bytes():
    first, second = (json.dumps(transaction_bundle(list(written(usual()).values()))) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("other", [{"reference": "Encounter/e2"}, {"tenant": "elsewhere"}])
def test_another_stay_or_hospital_has_names_of_its_own(other):
    plan = usual()
    stay = a.stay(other.get("reference", a.ENCOUNTER))
    elsewhere = Plan(
        **{name: getattr(plan, name) for name in plan.__dataclass_fields__}
        | {"encounter": stay, "tenant": other.get("tenant", plan.tenant)}
    )
    names = {draft.identifier for draft in written(plan).values()}
    assert names.isdisjoint(draft.identifier for draft in written(elsewhere).values())


def test_every_link_leads_to_a_draft_of_the_bundle_or_to_what_the_ehr_has():
    drafts = written(usual())
    inside = {draft.full_url for draft in drafts.values()}
    named = {x for draft in drafts.values() for x in references_in(draft.body)}
    assert named - inside == {
        "Patient/p1",
        "Encounter/e1",
        "Condition/z59-41",
        "Organization/1",
    }


def test_the_care_plan_is_a_us_core_draft_that_leads_to_everything():
    drafts = written(usual())
    plan = drafts["care-plan"].body
    assert (plan["status"], plan["intent"], plan["text"]["status"]) == ("draft", "plan", "additional")
    assert plan["category"][0]["coding"] == [
        {
            "system": systems.US_CORE_CAREPLAN_CATEGORY,
            "code": "assess-plan",
            "display": "Assessment and Plan of Treatment",
        }
    ]
    assert plan["meta"]["profile"] == [f"{systems.US_CORE}us-core-careplan"]
    assert plan["period"] == {"start": "2024-03-05", "end": "2024-04-04"}
    assert plan["addresses"] == [{"reference": "Condition/z59-41"}]
    assert plan["goal"] == [{"reference": drafts["goal:food-insecurity:enough"].full_url}]
    request, neutral, visit, lesson, task = plan["activity"]
    assert neutral == {"reference": {"reference": drafts["social-work-follow-up"].full_url}}
    assert request == {"reference": {"reference": drafts["referral:food-pantry"].full_url}}
    assert visit["detail"]["scheduledPeriod"] == {"start": "2024-03-05", "end": "2024-03-12"}
    assert lesson["detail"]["description"] == "Teach before leaving: How to use food pantry"
    assert lesson["detail"]["code"] == {"text": "How to use food pantry"}  # a topic is no diagnosis
    assert task["detail"]["description"] == "For the social worker: Check food pantry"


def test_a_social_referral_carries_both_gravitys_and_us_cores_category():
    request = bodies(usual())["referral:food-pantry"]
    assert [category["coding"][0]["code"] for category in request["category"]] == ["sdoh", "food-insecurity"]
    assert (request["status"], request["intent"], request["priority"]) == ("draft", "proposal", "routine")
    assert request["occurrencePeriod"] == {"start": "2024-03-05", "end": "2024-03-08"}
    assert request["authoredOn"] == "2024-03-05"
    assert request["reasonReference"] == [{"reference": "Condition/z59-41"}]
    assert request["reasonCode"] == [{"text": "Food insecurity"}]
    assert request["patientInstruction"] == "Plain food pantry"


def test_a_social_referral_without_a_code_of_its_own_is_a_social_service():
    social, clinical = (
        bodies(a.planned(a.need("x", kind=kind, gravity_domain=domain, interventions=a.interventions())))
        for kind, domain in ((NeedKind.SOCIAL, "food-insecurity"), (NeedKind.CLINICAL, ""))
    )
    assert social["referral:food-pantry"]["code"] == {
        "coding": [
            {"system": systems.SNOMED, "code": "410606002", "display": "Social service procedure"},
        ],
        "text": "Food pantry",
    }
    assert clinical["referral:food-pantry"]["code"] == {"text": "Food pantry"}


@pytest.mark.parametrize("kind", [NeedKind.CLINICAL, NeedKind.SUPPORT, NeedKind.SAFETY])
def test_any_other_referral_claims_no_more_than_to_be_one(kind):
    need = a.need("x", kind=kind, interventions=a.interventions())
    [category] = bodies(a.planned(need))["referral:food-pantry"]["category"]
    assert category["coding"] == [
        {"system": systems.SNOMED, "code": "3457005", "display": "Patient referral"}
    ]


def test_a_person_chooses_who_performs_and_reads_the_candidates_in_a_note():
    request = bodies(usual())["referral:food-pantry"]
    assert "performer" not in request
    assert request["note"][0]["text"] == (
        "May be offered: Example Pantry (Example Council), 3.2 km, 555-0100, last verified 2024-01-31"
    )
    assert request["note"][-1]["text"].startswith("Proposed by protocol food-insecurity 1.0.")


def test_a_referral_for_which_nothing_was_found_says_so():
    notes = bodies(a.planned(a.need(interventions=a.interventions())))["referral:food-pantry"]["note"]
    assert notes[0]["text"].startswith("No community service was found")


def test_a_referral_that_asks_nobody_in_the_community_says_nothing_of_it():
    template = ReferralTemplate("crisis-support", "Crisis line", within_days=0, community=False)
    plan = a.planned(a.need(interventions=Interventions(referrals=(template,))))
    request = bodies(plan)["referral:crisis-support"]
    assert len(request["note"]) == 1
    assert request["occurrenceDateTime"] == "2024-03-05"


def test_a_code_stands_where_its_system_has_a_url_and_its_text_always():
    codes = {
        "snomed": Code(System.SNOMED, "710925007", "Provision of food"),
        "url": Code("http://example.org/codes", "1"),
        "none": Code(System.TEXT, "1"),
    }
    templates = tuple(ReferralTemplate(name, name, code) for name, code in codes.items())
    made = bodies(a.planned(a.need(interventions=Interventions(referrals=templates))))
    assert made["referral:snomed"]["code"] == {
        "coding": [{"system": systems.SNOMED, "code": "710925007", "display": "Provision of food"}],
        "text": "snomed",
    }
    assert made["referral:url"]["code"]["coding"] == [{"system": "http://example.org/codes", "code": "1"}]
    assert made["referral:none"]["code"]["text"] == "none"


def test_a_request_names_the_goals_it_serves():
    drafts = written(usual())
    assert drafts["referral:food-pantry"].body["extension"] == [
        {
            "url": systems.PERTAINS_TO_GOAL,
            "valueReference": {"reference": drafts["goal:food-insecurity:enough"].full_url},
        }
    ]


def test_a_goal_is_proposed_measured_and_dated():
    goal = bodies(usual())["goal:food-insecurity:enough"]
    assert (goal["lifecycleStatus"], goal["startDate"]) == ("proposed", "2024-03-05")
    assert goal["target"] == [
        {
            "measure": {"text": "Has enough of food pantry"},
            "detailString": "Asked again: yes",
            "dueDate": "2024-04-04",
        }
    ]
    assert goal["addresses"] == [{"reference": "Condition/z59-41"}]
    assert goal["category"][0]["coding"] == [
        {"system": systems.SDOHCC, "code": "food-insecurity", "display": "Food Insecurity"}
    ]


def test_goals_are_coded_where_they_can_be_and_safety_is_a_category():
    templates = (
        GoalTemplate("coded", "Coded", 3, Code(System.LOINC, "88124-3"), "not at risk"),
        GoalTemplate("known", "Known", 3, Code(System.LOINC, "29463-7", "Body weight"), "every day"),
        GoalTemplate("plain", "Plain", 3),
        GoalTemplate("text", "Text", 3, Code(System.TEXT, "x")),
    )
    need = a.need("fall-risk", kind=NeedKind.SAFETY, interventions=Interventions(goals=templates))
    made = bodies(a.planned(need))
    assert made["goal:fall-risk:coded"]["target"][0]["measure"] == {
        "coding": [{"system": systems.LOINC, "code": "88124-3"}],
        "text": "Coded",
    }
    assert made["goal:fall-risk:known"]["target"][0]["measure"] == {
        "coding": [{"system": systems.LOINC, "code": "29463-7", "display": "Body weight"}],
        "text": "Body weight",
    }
    assert made["goal:fall-risk:plain"]["target"] == [{"dueDate": "2024-03-08"}]
    assert made["goal:fall-risk:text"]["target"][0]["measure"] == {"text": "Text"}
    assert made["goal:fall-risk:coded"]["category"][0]["coding"][0]["code"] == "safety"


def test_what_the_ehr_has_already_is_pointed_to_and_not_written():
    visit = FollowUpTemplate("visit", "Clinic visit", 7)
    goal = GoalTemplate("eats", "Eats every day", 7)
    things = a.interventions(follow_ups=(visit,), goals=(goal,))
    there = a.record(
        a.fact("1", Kind.ORDER, text="Food pantry", reference="ServiceRequest/1"),
        a.fact("2", Kind.GOAL, text="Eats every day", reference="Goal/2"),
        a.fact(
            "3",
            Kind.APPOINTMENT,
            text="Clinic visit",
            status="booked",
            began=a.TODAY,
            reference="Appointment/3",
        ),
    )
    made = bodies(a.planned(a.need(interventions=things), about=there))
    assert list(made) == ["social-work-follow-up", "care-plan", "provenance"]
    assert made["care-plan"]["goal"] == [{"reference": "Goal/2"}]
    pointed = [x["reference"]["reference"] for x in made["care-plan"]["activity"] if "reference" in x]
    neutral = written(a.planned())["social-work-follow-up"].full_url
    assert pointed == ["ServiceRequest/1", neutral, "Appointment/3"]


def test_evidence_of_a_kind_that_r4_does_not_allow_as_a_reason_stands_as_supporting_information():
    said = (
        a.evidence(reference="QuestionnaireResponse/1"),
        a.evidence(reference="Observation/2"),
        a.evidence(reference="Patient/p1"),
        a.evidence(reference="http://elsewhere.example/Condition/1"),
    )
    made = bodies(a.planned(a.need(evidence=said, interventions=a.interventions())))
    assert made["referral:food-pantry"]["reasonReference"] == [{"reference": "Observation/2"}]
    assert made["referral:food-pantry"]["supportingInfo"] == [{"reference": "QuestionnaireResponse/1"}]
    assert "addresses" not in made["care-plan"]
    assert made["care-plan"]["supportingInfo"] == [
        {"reference": "QuestionnaireResponse/1"},
        {"reference": "Observation/2"},
    ]


def test_the_provenance_says_that_a_device_wrote_for_the_hospital_by_which_protocols():
    drafts = written(usual())
    provenance = drafts["provenance"].body
    (agent,) = provenance["agent"]
    assert agent["who"] == {"type": "Device", "display": "Homeward"}
    assert agent["type"]["coding"][0]["code"] == "author"
    assert agent["onBehalfOf"] == {
        "reference": "Organization/1",
        "type": "Organization",
        "display": "Example Hospital",
    }
    assert provenance["recorded"] == "2024-03-05T09:30:00+00:00"
    assert [x["reference"] for x in provenance["target"]] == [
        draft.full_url for key, draft in drafts.items() if key != "provenance"
    ]
    assert provenance["entity"][0]["what"]["display"] == "Homeward protocol food-insecurity 1.0"


@pytest.mark.parametrize(
    ("organization", "said"),
    [("Example Hospital", "Example Hospital"), ("", "The hospital of this record")],
)
def test_a_hospital_without_a_reference_is_named(organization, said):
    (agent,) = bodies(usual(), Author("Homeward", organization))["provenance"]["agent"]
    assert agent["onBehalfOf"] == {"type": "Organization", "display": said}


def test_only_the_time_of_recording_differs_between_two_writings_of_one_plan():
    later = plan_resources(usual(), author=AUTHOR, recorded=datetime(2024, 3, 6, tzinfo=UTC))
    differing = [x.key for x in later if x.body != written(usual())[x.key].body]
    assert differing == ["provenance"]


def test_a_neutral_follow_up_stands_in_every_plan_whether_anything_is_withheld_or_not():
    quiet = [
        a.need("self-harm-risk", labels=BH, interventions=a.interventions("x")),
        a.need("substance-use-treatment", labels=frozenset({Label.SUD}), urgency=Urgency.STAT),
    ]
    one, other = (written(a.planned(need)) for need in quiet)
    assert list(one) == ["social-work-follow-up", "care-plan", "provenance"]
    assert one["social-work-follow-up"] == other["social-work-follow-up"]
    assert one["care-plan"].body == other["care-plan"].body
    assert one == written(a.planned())
    request = one["social-work-follow-up"].body
    assert request["code"]["text"] == "Social work follow-up before and after discharge"
    assert request["code"]["coding"][0]["code"] == "410606002"
    assert "reasonCode" not in request
    assert "reasonReference" not in request


def test_a_sensitive_referral_of_an_open_need_leaves_the_neutral_follow_up_too():
    template = ReferralTemplate("violence-advocacy", "Shelter", labels=frozenset({Label.SSP}))
    plan = a.planned(a.need(interventions=Interventions(referrals=(template,))))
    assert "social-work-follow-up" in bodies(plan)
    assert "Shelter" not in json.dumps(list(bodies(plan).values()))


def test_an_unasked_sensitive_question_leaves_no_trace():
    asked = a.planned(a.need("self-harm-risk", labels=BH, present=False))
    assert bodies(asked) == bodies(a.planned())


@pytest.mark.parametrize("outcome", [Outcome.DIED, Outcome.TRANSFERRED])
def test_who_does_not_go_home_has_a_care_plan_without_requests(outcome):
    needs = (a.need(interventions=a.interventions()), a.need("x", labels=BH))
    made = bodies(a.planned(*needs, outcome=outcome))
    assert list(made) == ["care-plan", "provenance"]
    assert "addresses" not in made["care-plan"]
    assert "No discharge home is planned" in made["care-plan"]["text"]["div"]


def test_text_of_a_record_can_neither_break_the_json_nor_the_narrative():
    nasty = "<script>alert(1)</script> & \x0b\x00 \ud800 \"'"
    things = a.interventions(education=(EducationTemplate("x", nasty),))
    need = a.need(
        title=nasty,
        evidence=(a.evidence(text=nasty),),
        interventions=things,
        protocol=ProtocolRef("x", "1"),
    )
    made = bodies(a.planned(need))
    root = ET.fromstring(made["care-plan"]["text"]["div"])  # noqa: S314  our own text
    assert not [element for element in root.iter() if "script" in element.tag]
    json.dumps(made).encode()


def test_a_follow_up_window_never_runs_backwards():
    visit = FollowUpTemplate("x", "Visit", 1, not_before_days=3)
    plan = a.planned(a.need(interventions=Interventions(follow_ups=(visit,))))
    _neutral, activity = bodies(plan)["care-plan"]["activity"]
    assert activity["detail"]["scheduledPeriod"] == {"start": "2024-03-06", "end": "2024-03-06"}


def test_a_stay_that_ended_before_the_plan_was_made_has_a_plan_from_its_end():
    stay = a.stay(end=datetime(2024, 3, 1, 12, tzinfo=UTC))
    plan = a.planned(a.need(interventions=a.interventions()), about=a.record(encounter=stay))
    assert plan.discharge_date == date(2024, 3, 1)
    assert bodies(plan)["care-plan"]["period"]["start"] == "2024-03-01"
