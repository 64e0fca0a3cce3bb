"""What a person's decision makes of our resources; each is valid by `validate`, which every draft passes."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.plan import plan_resources
from service.domain.community_service import Matches
from service.domain.decision import SOCIAL_WORK, WHOLE_PLAN, Choice, Edit, Signer
from service.domain.sensitivity import Label
from service.pipeline.decide import decide
from tests import builders as a

PANTRY = "referral:food-pantry"
GOAL = "goal:food-insecurity:enough"
RECORDED = datetime(2024, 3, 5, 12, 0, tzinfo=UTC)
WHY = "Her brother cooks"
FOUND = Matches((("food-pantry", (a.match(),)),))
PLAN = a.planned(a.need(interventions=a.interventions()), matches=FOUND)


def written(*decisions, plan=PLAN):
    decided = decide(plan, decisions)
    drafts = plan_resources(decided, author=Author("Homeward", "Example Hospital"), recorded=RECORDED)
    return {draft.key: draft.body for draft in drafts}


def test_an_approved_referral_is_the_order_of_whoever_signed():
    order = written(a.decision(PANTRY))[PANTRY]
    assert (order["status"], order["intent"]) == ("active", "order")
    assert order["requester"] == {
        "reference": "Practitioner/dana",
        "type": "Practitioner",
        "display": "Dana Example, MSW",
    }
    assert order["authoredOn"] == "2024-03-05T18:00:00+00:00"
    assert "contained" not in order


def test_a_person_whose_entry_is_not_known_is_named():
    order = written(a.decision(PANTRY, by=Signer("Dana Example")))[PANTRY]
    assert order["requester"] == {"type": "Practitioner", "display": "Dana Example"}


def test_an_approved_social_referral_has_a_task_for_whoever_fulfils_it():
    bodies = written(a.decision(PANTRY))
    [task] = [body for body in bodies.values() if body["resourceType"] == "Task"]
    assert (task["status"], task["intent"]) == ("requested", "order")
    assert task["code"]["coding"][0]["code"] == "fulfill"
    assert task["focus"]["reference"] in json.dumps(bodies["care-plan"])
    assert task["for"] == {"reference": "Patient/p1"}
    assert task["requester"] == {"type": "Organization", "display": "Example Hospital"}
    assert "owner" not in task


def test_who_signs_in_a_role_asks_for_it_in_that_role():
    by = Signer("Dana Example", reference="PractitionerRole/dana")
    [task] = [body for body in written(a.decision(PANTRY, by=by)).values() if body["resourceType"] == "Task"]
    assert task["requester"]["reference"] == "PractitionerRole/dana"


def test_a_clinical_referral_has_no_task():
    plan = replace(PLAN, referrals=(replace(PLAN.referrals[0], category="clinical"),))
    bodies = written(a.decision(PANTRY), plan=plan)
    assert "Task" not in {body["resourceType"] for body in bodies.values()}


def test_a_chosen_service_is_the_performer_and_the_tasks_owner():
    service = a.match("Meals for All", address="1 Example Street", city="Testville").service
    chosen = a.decision(PANTRY, Choice.EDITED, edit=Edit(service=service))
    bodies = written(chosen, a.decision(PANTRY))
    order = bodies[PANTRY]
    [performer] = order["performer"]
    assert (performer["type"], performer["display"]) == ("Organization", "Example Council")
    [note] = [note["text"] for note in order["note"] if "Chosen: Meals for All" in note["text"]]
    assert note.endswith("; 1 Example Street, Testville")
    [task] = [body for body in bodies.values() if body["resourceType"] == "Task"]
    assert task["owner"] == performer


def test_a_declined_referral_is_revoked_with_the_reason_and_stands_in_no_plan():
    bodies = written(a.decision(PANTRY, Choice.DECLINED, reason=WHY))
    assert bodies[PANTRY]["status"] == "revoked"
    assert bodies[PANTRY]["note"][-1] == {
        "authorReference": {
            "reference": "Practitioner/dana",
            "type": "Practitioner",
            "display": "Dana Example, MSW",
        },
        "time": "2024-03-05T18:00:00+00:00",
        "text": f"Declined: {WHY}",
    }
    shown = [one["reference"]["reference"] for one in bodies["care-plan"]["activity"] if "reference" in one]
    assert len(shown) == 1  # the neutral follow-up


def test_an_order_that_is_declined_keeps_who_ordered_it_and_its_task_is_called_off():
    bodies = written(a.decision(PANTRY), a.decision(PANTRY, Choice.DECLINED, reason=WHY))
    assert (bodies[PANTRY]["status"], bodies[PANTRY]["intent"]) == ("revoked", "order")
    [task] = [body for body in bodies.values() if body["resourceType"] == "Task"]
    assert (task["status"], task["statusReason"]["text"]) == ("cancelled", f"Declined: {WHY}")


def test_a_goal_is_accepted_or_rejected():
    accepted = written(a.decision(GOAL))[GOAL]
    assert (accepted["lifecycleStatus"], accepted["expressedBy"]["display"]) == (
        "accepted",
        "Dana Example, MSW",
    )
    rejected = written(a.decision(GOAL, Choice.DECLINED, reason=WHY))[GOAL]
    assert (rejected["lifecycleStatus"], rejected["statusReason"]) == ("rejected", f"Declined: {WHY}")


@pytest.mark.parametrize(("choice", "status"), [(Choice.APPROVED, "active"), (Choice.DECLINED, "revoked")])
def test_the_plan_itself_is_active_or_revoked(choice, status):
    assert written(a.decision(WHOLE_PLAN, choice, reason=WHY))["care-plan"]["status"] == status
    assert written()["care-plan"]["status"] == "draft"


def test_each_act_has_one_provenance_over_all_it_was_about():
    act = uuid4()
    bodies = written(a.decision(PANTRY, act=act), a.decision(GOAL, act=act), a.decision(WHOLE_PLAN, act=act))
    signature = bodies[f"signature:{act}"]
    assert len(signature["target"]) == 4  # request, its task, goal, plan
    [agent] = signature["agent"]
    assert (agent["who"]["display"], agent["type"]["coding"][0]["code"]) == ("Dana Example, MSW", "verifier")
    assert agent["onBehalfOf"]["display"] == "Example Hospital"


def test_whoever_changed_words_is_their_author():
    made = a.decision(GOAL, Choice.EDITED, edit=Edit("Eats twice a day"))
    bodies = written(made)
    assert bodies[GOAL]["description"]["text"] == "Eats twice a day"
    assert bodies[f"signature:{made.act}"]["agent"][0]["type"]["coding"][0]["code"] == "author"


def test_a_decision_about_something_sensitive_is_told_nowhere():
    hidden = a.planned(
        a.need(labels=frozenset({Label.SDV}), interventions=a.interventions("violence-advocacy"))
    )
    [referral] = hidden.referrals
    told = json.dumps(
        written(a.decision(referral.key), a.decision(SOCIAL_WORK, Choice.DECLINED, reason=WHY), plan=hidden)
    )
    assert "iolence" not in told
    assert WHY in told  # about the neutral request, which tells nothing
    silent = json.dumps(
        written(a.decision(referral.key, Choice.DECLINED, reason="He watches her"), plan=hidden)
    )
    assert "He watches her" not in silent


def test_without_approvals_everything_is_a_draft():
    decided = decide(PLAN, [a.decision(PANTRY), a.decision(WHOLE_PLAN)]).unsigned()
    drafts = plan_resources(decided, author=Author("Homeward", "Example Hospital"), recorded=RECORDED)
    told = {draft.body["resourceType"]: draft.body.get("status") for draft in drafts}
    assert (told["ServiceRequest"], told["CarePlan"]) == ("draft", "draft")
    assert "Task" not in told
