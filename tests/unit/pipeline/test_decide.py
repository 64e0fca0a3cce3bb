"""What people decided about a plan, put over what is proposed."""

from dataclasses import replace
from datetime import date

import pytest

from service.domain.assessment import Outcome
from service.domain.community_service import Matches
from service.domain.decision import SOCIAL_WORK, WHOLE_PLAN, Choice, Edit
from service.domain.sensitivity import Label
from service.errors import IllegalTransition, Unusable
from service.pipeline.decide import check, decidable, decide, difference, state_of, still_open
from tests import builders as a

PANTRY = "referral:food-pantry"
GOAL = "goal:food-insecurity:enough"
FOUND = Matches((("food-pantry", (a.match(), a.match("Other Pantry"))),))
PLAN = a.planned(a.need(interventions=a.interventions()), matches=FOUND)
NOTHING_FOUND = a.planned(a.need(interventions=a.interventions()))
OTHER = a.match("Other Pantry").service


def keys(plan):
    return {item.key for item in plan.items()}


def test_without_decisions_the_plan_is_as_proposed():
    assert decide(PLAN, ()) == PLAN


def test_what_is_declined_is_asked_for_nowhere_and_kept_apart():
    plan = decide(PLAN, [a.decision(PANTRY, Choice.DECLINED)])
    assert PANTRY not in keys(plan)
    assert [item.key for item in plan.declined.items()] == [PANTRY]
    assert state_of(plan, PANTRY) == "declined"


def test_deciding_a_decided_plan_again_changes_nothing():
    made = [a.decision(PANTRY, Choice.DECLINED), a.decision(GOAL, Choice.EDITED, edit=Edit("Eats daily"))]
    once = decide(PLAN, made)
    assert decide(once, made, before=once) == once


def test_a_declined_item_stays_declined_when_it_is_proposed_again():
    made = [a.decision(PANTRY, Choice.DECLINED)]
    assert PANTRY not in keys(decide(PLAN, made, before=decide(PLAN, made)))


def test_a_reopened_item_is_proposed_again():
    made = [a.decision(PANTRY, Choice.DECLINED), a.decision(PANTRY, Choice.REOPENED)]
    plan = decide(decide(PLAN, made[:1]), made)
    assert PANTRY in keys(plan)
    assert state_of(plan, PANTRY) == "proposed"


def test_nobody_looks_for_a_service_that_was_declined_or_chosen():
    search = f"task:{PANTRY}"
    assert search in keys(NOTHING_FOUND)
    assert search not in keys(decide(NOTHING_FOUND, [a.decision(PANTRY, Choice.DECLINED)]))
    chosen = a.decision(PANTRY, Choice.EDITED, edit=Edit(service=OTHER))
    assert search not in keys(decide(NOTHING_FOUND, [chosen]))


def test_an_edit_changes_words_due_date_and_service_and_a_later_one_only_what_it_says():
    first = a.decision(PANTRY, Choice.EDITED, edit=Edit("Groceries", date(2024, 3, 20), OTHER))
    second = a.decision(PANTRY, Choice.EDITED, edit=Edit("Groceries to the door"))
    [referral] = decide(PLAN, [first, second]).referrals
    assert (referral.title, referral.due, referral.chosen) == (
        "Groceries to the door",
        date(2024, 3, 20),
        OTHER,
    )


def test_no_period_ends_before_it_begins_after_an_edit():
    early = Edit(due=a.TODAY)
    keys_of = {kind: next(i.key for i in getattr(PLAN, kind)) for kind in ("goals", "follow_ups")}
    plan = decide(PLAN, [a.decision(key, Choice.EDITED, edit=early) for key in keys_of.values()])
    assert all(goal.start <= goal.due == a.TODAY for goal in plan.goals)
    assert all(visit.not_before <= visit.due == a.TODAY for visit in plan.follow_ups)


def test_what_was_signed_stays_as_it_was_signed():
    signed = decide(PLAN, [a.decision(PANTRY)])
    [proposed] = PLAN.referrals
    anew = replace(PLAN, referrals=(replace(proposed, title="Something else"),))
    [referral] = decide(anew, signed.decisions, before=signed).referrals
    assert referral == proposed


def test_what_a_person_touched_stays_when_it_is_no_longer_proposed_and_the_rest_goes():
    before = decide(PLAN, [a.decision(PANTRY)])
    assert keys(decide(a.planned(), before.decisions, before=before)) == {PANTRY}


def test_who_does_not_go_home_goes_home_to_nothing_that_was_signed():
    before = decide(PLAN, [a.decision(PANTRY)])
    died = a.planned(outcome=Outcome.DIED)
    plan = decide(died, before.decisions, before=before)
    assert PANTRY not in keys(plan)
    assert list(decidable(plan)) == [WHOLE_PLAN]


def test_everything_open_can_be_decided_and_what_the_ehr_has_cannot():
    assert set(still_open(PLAN)) == keys(PLAN) | {WHOLE_PLAN, SOCIAL_WORK}
    there = replace(PLAN, referrals=(replace(PLAN.referrals[0], existing="ServiceRequest/7"),))
    assert PANTRY not in still_open(there)
    with pytest.raises(Unusable, match="EHR has this"):
        check(there, a.decision(PANTRY))


def test_the_neutral_request_can_be_decided_in_every_plan():
    hidden = a.planned(a.need(labels=frozenset({Label.SDV}), interventions=a.interventions()))
    assert SOCIAL_WORK in decidable(hidden)
    assert SOCIAL_WORK in decidable(PLAN)
    with pytest.raises(Unusable, match="no words"):
        check(hidden, a.decision(SOCIAL_WORK, Choice.EDITED, edit=Edit("Else")))


@pytest.mark.parametrize(
    ("made", "next_one"),
    [
        ([], Choice.REOPENED),
        ([Choice.APPROVED], Choice.APPROVED),
        ([Choice.APPROVED], Choice.REOPENED),
        ([Choice.DECLINED], Choice.APPROVED),
        ([Choice.DECLINED], Choice.DECLINED),
        ([Choice.DECLINED], Choice.EDITED),
    ],
)
def test_what_does_not_fit_how_an_item_stands_is_refused(made, next_one):
    plan = decide(PLAN, [a.decision(PANTRY, choice) for choice in made])
    with pytest.raises(IllegalTransition):
        check(plan, a.decision(PANTRY, next_one, edit=Edit("Words")))


@pytest.mark.parametrize(
    ("key", "edit", "remedy"),
    [
        (PANTRY, Edit(due=date(2024, 3, 4)), "before the day"),
        ("education:food-insecurity:how", Edit(due=date(2024, 3, 9)), "no due date"),
        (GOAL, Edit(service=OTHER), "Only a referral"),
        (
            PANTRY,
            Edit(next(one.title for one in PLAN.referrals if one.key == PANTRY)),
            "Nothing is different",
        ),
    ],
)
def test_an_edit_that_cannot_be_says_why(key, edit, remedy):
    with pytest.raises(Unusable, match=remedy):
        check(PLAN, a.decision(key, Choice.EDITED, edit=edit))


def test_an_edit_is_what_differs():
    [referral] = PLAN.referrals
    changed = difference(referral, Edit(referral.title, date(2024, 3, 20)))
    assert changed == Edit(due=date(2024, 3, 20))
    with pytest.raises(Unusable, match="Nothing is different"):
        difference(referral, Edit(referral.title, referral.due))
