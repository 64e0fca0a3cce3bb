from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest

from fhir_mappings import systems
from fhir_mappings.narrative import referral_phrase
from fhir_mappings.outbound.references import Names
from service.domain.assessment import Disposition, NamedPlace, Outcome
from service.domain.codes import Code, System
from service.domain.community_service import Matches
from service.domain.protocol import (
    EducationTemplate,
    FollowUpTemplate,
    GoalTemplate,
    Interventions,
    NeedKind,
    ReferralTemplate,
    TaskTemplate,
    Urgency,
)
from service.domain.record import Gap, GapReason, Kind, Language
from service.domain.sensitivity import Label
from service.presentation.patient_sheet import Reader, patient_sheet
from tests import builders as a

PANTRY = Code(System.SNOMED, "467771000124109")
BH = frozenset({Label.BH})
SDV = frozenset({Label.SDV})


def asking(service="food-pantry", **more):
    return Interventions(referrals=(ReferralTemplate(service, "Food pantry", **more),))


def order(kind=Kind.ORDER, **more):
    return a.fact("7", kind, **{"codes": (), "text": "Food pantry", "reference": "ServiceRequest/7", **more})


def appointment(**more):
    given = {"codes": (), "status": "booked", "began": date(2024, 3, 8), "reference": "Appointment/3"}
    return a.fact("3", Kind.APPOINTMENT, **{**given, **more})


def proposed(plan):
    return [*plan.referrals, *plan.goals, *plan.follow_ups, *plan.education]


def bound_for(code, display="Skilled nursing facility", *, facility=True, labels=frozenset()):
    named = NamedPlace(code, display, "stay", facility=facility)
    return Disposition("", "", (), code, labels=labels, named=named)


def test_who_goes_to_a_facility_gets_nothing_that_comes_to_a_home_and_is_handed_over():
    meals = Interventions(
        referrals=(ReferralTemplate("home-delivered-meals", "Meals", at_home=True),),
        follow_ups=(FollowUpTemplate("call", "Call to ask whether the meals came", 7, at_home=True),),
        tasks=(TaskTemplate("food", "Check that there is food", at_home=True),),
    )
    clinic = Interventions(
        referrals=(
            ReferralTemplate("heart-failure-clinic", "Heart clinic", community=False),
            ReferralTemplate("home-health-nursing", "Nurse", at_home=True),
        ),
        tasks=(
            TaskTemplate("scale", "Make sure that there is a scale at home", at_home=True),
            TaskTemplate("talk", "Talk"),
        ),
        goals=(GoalTemplate("weighs", "Weighs daily", 7, at_home=True),),
        education=(
            EducationTemplate("scale", "How to weigh", at_home=True),
            EducationTemplate("salt", "Salt"),
        ),
    )
    needs = (
        a.need("food-insecurity", interventions=meals),
        a.need("heart-failure-care", kind=NeedKind.CLINICAL, interventions=clinic),
        a.need("self-harm-risk", labels=BH),
    )
    plan = a.planned(*needs, disposition=bound_for("snf"))
    assert [one.service for one in plan.referrals] == ["heart-failure-clinic"]
    assert not plan.follow_ups
    assert not plan.goals
    assert [one.text for one in plan.education] == ["Salt"]
    told = {one.key: (one.text, one.labels) for one in plan.tasks if one.key.startswith("task:handover")}
    titles = {one.code: one.title for one in plan.needs}
    assert set(told) == {"task:handover", "task:handover:private"}
    assert titles["food-insecurity"] in told["task:handover"][0]
    assert titles["heart-failure-care"] in told["task:handover"][0]
    assert titles["self-harm-risk"] in told["task:handover:private"][0]
    assert told["task:handover:private"][1] == BH
    assert [one.text for one in plan.tasks if not one.key.startswith("task:handover")] == ["Talk"]
    assert {one.code for one in plan.present()} == {one.code for one in needs}
    at_home = a.planned(*needs, disposition=bound_for("home", "Home", facility=False))
    assert len(at_home.referrals) == 3
    assert not [one for one in at_home.tasks if one.key.startswith("task:handover")]


def test_who_left_against_advice_is_reached():
    place = bound_for("aadvice", "Left against advice", facility=False)
    (task,) = a.planned(disposition=place).tasks
    assert task.key == "task:against-advice"
    assert task.due == a.TODAY
    assert "medicines" in task.text
    assert "warning signs" in task.text


def test_the_handover_to_a_psychiatric_hospital_is_as_sensitive_as_the_place():
    place = bound_for("psy", "Psychiatric hospital", labels=frozenset({Label.PSY}))
    plan = a.planned(a.need(interventions=a.interventions()), disposition=place)
    assert any(one.key == "task:handover" for one in plan.tasks)
    assert "sychiatric" not in str(plan.shareable())


def test_only_present_needs_bring_items():
    plan = a.planned(a.need(interventions=a.interventions(), present=False))
    assert proposed(plan) == []
    assert not plan.tasks


def test_a_present_need_brings_all_its_interventions_with_dates_from_the_discharge():
    plan = a.planned(a.need(interventions=a.interventions()))
    assert [(x.key, x.due) for x in plan.referrals] == [("referral:food-pantry", date(2024, 3, 8))]
    assert [(x.key, x.due) for x in plan.goals] == [("goal:food-insecurity:enough", date(2024, 4, 4))]
    assert [(x.key, x.due) for x in plan.follow_ups] == [
        ("follow-up:food-insecurity:call", date(2024, 3, 12))
    ]
    assert [x.key for x in plan.education] == ["education:food-insecurity:how"]


def test_days_count_from_the_end_of_the_stay():
    stay = a.stay(end=datetime(2024, 3, 3, 23, 30, tzinfo=UTC))
    plan = a.planned(a.need(interventions=a.interventions()), about=a.record(encounter=stay))
    assert plan.discharge_date == date(2024, 3, 3)
    assert plan.referrals[0].due == date(2024, 3, 6)


def test_a_stay_that_ends_in_the_future_has_not_ended():
    stay = a.stay(end=datetime(2024, 3, 9, tzinfo=UTC))
    assert a.planned(about=a.record(encounter=stay)).discharge_date == a.TODAY


def test_days_count_from_the_day_that_is_planned_and_what_comes_before_leaving_is_due_that_day():
    before = a.interventions(
        tasks=(
            TaskTemplate("x", "Teach"),
            TaskTemplate("y", "Call", before_discharge=False),
            TaskTemplate("z", "Talk today", at_once=True),
        )
    )
    needs = [a.need(interventions=before), a.need("b", interventions=asking("b", within_days=0))]
    planned = a.record(a.fact("8", Kind.APPOINTMENT, status="booked", began=date(2024, 3, 7)))
    planned = replace(planned, encounter=a.stay(planned_end=date(2024, 3, 8)))
    plan = a.planned(*needs, about=planned)
    assert (plan.today, plan.discharge_date) == (a.TODAY, date(2024, 3, 8))
    assert {x.service: x.due for x in plan.referrals} == {
        "b": date(2024, 3, 8),
        "food-pantry": date(2024, 3, 11),
    }
    assert [(x.start, x.due) for x in plan.goals] == [(a.TODAY, date(2024, 4, 7))]
    assert [(x.not_before, x.due) for x in plan.follow_ups] == [(date(2024, 3, 8), date(2024, 3, 15))]
    assert {x.text: x.due for x in plan.tasks if not x.key.startswith("task:referral")} == {
        "Talk today": a.TODAY,
        "Teach": date(2024, 3, 8),
        "Call": date(2024, 3, 10),
    }
    assert {x.due for x in plan.tasks if x.key.startswith("task:referral")} == {date(2024, 3, 8)}
    assert plan.bookings == ()


def test_a_day_planned_that_has_passed_is_no_day_of_leaving():
    stay = a.stay(planned_end=date(2024, 3, 4))
    assert a.planned(about=a.record(encounter=stay)).discharge_date == a.TODAY


def test_the_same_record_gives_the_same_plan_whenever_on_the_day_it_is_made():
    about = a.record(encounter=a.stay(planned_end=date(2024, 3, 8)))
    needs = [a.need(interventions=a.interventions())]
    assert a.planned(*needs, about=about) == a.planned(*needs, about=about)


def test_two_needs_that_ask_for_one_service_get_one_referral():
    soon = asking(within_days=2, code=PANTRY)
    urgent = asking(within_days=9, priority=Urgency.URGENT, patient_text="Get food.")
    first = a.need(interventions=soon)
    second = a.need("heart-failure-care", evidence=(a.evidence(),), interventions=urgent)
    (referral,) = a.planned(first, second).referrals
    assert (referral.need, referral.also_for) == ("food-insecurity", ("heart-failure-care",))
    assert (referral.due, referral.priority) == (a.TODAY + timedelta(days=2), Urgency.URGENT)
    assert referral.evidence == (*first.evidence, *second.evidence)
    assert (referral.code, referral.patient_text) == (PANTRY, "Get food.")


def test_an_urgent_need_makes_its_referrals_urgent():
    (referral,) = a.planned(a.need(urgency=Urgency.STAT, interventions=asking())).referrals
    assert referral.priority is Urgency.STAT


@pytest.mark.parametrize(("days", "priority"), [(14, Urgency.URGENT), (15, Urgency.ROUTINE)])
def test_what_may_wait_for_weeks_is_not_urgent_because_its_need_is(days, priority):
    later = a.need(urgency=Urgency.URGENT, interventions=asking(within_days=days))
    assert a.planned(later).referrals[0].priority is priority


def test_readers_of_different_kinds_never_share_a_referral():
    needs = [
        a.need(interventions=asking()),
        a.need("behavioral-health", labels=BH, interventions=asking()),
        a.need("intimate-partner-violence", labels=SDV, interventions=asking()),
    ]
    found = {x.key: (x.need, x.also_for, x.labels) for x in a.planned(*needs).referrals}
    assert found == {
        "referral:food-pantry": ("food-insecurity", (), frozenset()),
        "referral:food-pantry:private": ("behavioral-health", (), BH),
        "referral:food-pantry:protected": ("intimate-partner-violence", (), SDV),
    }


def test_a_service_that_gives_something_away_is_labelled_for_an_open_need_too():
    shelter = asking("violence-advocacy", labels=SDV)
    (referral,) = a.planned(a.need(interventions=shelter)).referrals
    assert referral.labels == SDV


def test_the_most_urgent_and_earliest_referral_stands_first_whatever_the_order_of_the_needs():
    needs = [
        a.need("b", interventions=asking("b", within_days=1)),
        a.need("c", interventions=asking("c", within_days=9, priority=Urgency.ASAP)),
        a.need("d", interventions=asking("d", within_days=1)),
    ]
    orders = {tuple(x.service for x in a.planned(*some).referrals) for some in permutations(needs)}
    assert orders == {("c", "b", "d")}


@pytest.mark.parametrize(
    ("kind", "domain", "category"),
    [
        (NeedKind.SOCIAL, "food-insecurity", "food-insecurity"),
        (NeedKind.SOCIAL, "", "sdoh-category-unspecified"),
        (NeedKind.CLINICAL, "", "clinical"),
    ],
)
def test_a_referral_has_the_gravity_domain_or_the_kind_of_its_need(kind, domain, category):
    (referral,) = a.planned(a.need(kind=kind, gravity_domain=domain, interventions=asking())).referrals
    assert referral.category == category


def test_a_service_from_the_community_stands_in_the_referral():
    found = Matches((("food-pantry", (a.match(),)),))
    plan = a.planned(a.need(interventions=asking()), matches=found)
    assert [x.service.name for x in plan.referrals[0].community_services] == ["Example Pantry"]
    assert not plan.tasks


def test_where_nothing_was_found_the_social_worker_is_asked_to_look():
    plan = a.planned(a.need(labels=BH, interventions=asking()))
    (task,) = plan.tasks
    assert (task.key, task.owner, task.labels) == ("task:referral:food-pantry:private", "social worker", BH)
    assert "No community service was found for: Food pantry" in task.text


def test_a_referral_that_asks_nobody_in_the_community_brings_no_search():
    found = Matches((("food-pantry", (a.match(),)),))
    plan = a.planned(a.need(interventions=asking(community=False)), matches=found)
    assert plan.referrals[0].community_services == ()
    assert not plan.tasks


@pytest.mark.parametrize(
    "there",
    [
        order(),
        order(text="FOOD  pantry."),
        order(text="", codes=(PANTRY,), status="draft"),
        order(text="", codes=(Code(System.LOINC, "1", "Food pantry"),), status="on-hold"),
        order(kind=Kind.DEVICE, reference="DeviceRequest/7"),
    ],
)
def test_what_is_ordered_already_is_not_ordered_again(there):
    plan = a.planned(a.need(interventions=asking(code=PANTRY)), about=a.record(there))
    assert plan.referrals[0].existing == there.reference
    assert not plan.tasks


@pytest.mark.parametrize(
    "there",
    [
        order(status="completed"),
        order(text="Food pantry volunteers"),
        order(text="", codes=(Code(System.LOINC, PANTRY.code),)),
        a.fact("Z59.41", text="Food pantry"),
    ],
)
def test_what_is_not_the_same_open_order_leaves_the_referral(there):
    plan = a.planned(a.need(interventions=asking(code=PANTRY)), about=a.record(there))
    assert plan.referrals[0].existing == ""


def test_a_code_that_several_referrals_share_does_not_tell_which_is_ordered():
    both = Interventions(
        referrals=(
            ReferralTemplate("food-pantry", "Food pantry", PANTRY),
            ReferralTemplate("wic", "WIC", PANTRY),
        )
    )
    plan = a.planned(a.need(interventions=both), about=a.record(order(text="", codes=(PANTRY,))))
    assert {x.existing for x in plan.referrals} == {""}


@pytest.mark.parametrize("key", ["referral:food-pantry", "referral:wic", "social-work-follow-up"])
def test_our_own_draft_is_no_order_that_stands(key):
    identifier = f"{systems.URI_IDENTIFIER}|{Names('example', a.ENCOUNTER).identifier(key)}"
    ours = order(codes=(PANTRY,), identifiers=(identifier,))
    elsewhere = a.need("wic", present=False, interventions=asking("wic"))
    plan = a.planned(a.need(interventions=asking(code=PANTRY)), elsewhere, about=a.record(ours))
    assert plan.referrals[0].existing == ""


def test_an_order_with_a_foreign_uuid_is_an_order_that_stands():
    theirs = (f"{systems.URI_IDENTIFIER}|urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",)
    other = order(text="Bus pass", identifiers=theirs)
    there = order(identifiers=theirs, encounter="")
    plan = a.planned(a.need(interventions=asking()), about=a.record(other, there))
    assert plan.referrals[0].existing == "ServiceRequest/7"


def test_a_sensitive_order_makes_the_referral_it_covers_sensitive():
    plan = a.planned(a.need(interventions=asking()), about=a.record(order(labels=BH)))
    assert plan.referrals[0].labels == BH


@pytest.mark.parametrize(
    "there",
    [
        appointment(text="Heart failure clinic"),
        appointment(text="heart failure clinic visit within 7 days, room 4"),
        appointment(codes=(PANTRY,)),
    ],
)
def test_a_booked_appointment_covers_its_follow_up(there):
    visit = FollowUpTemplate("visit", "Heart failure clinic visit within 7 days", 7, code=PANTRY)
    plan = a.planned(a.need(interventions=Interventions(follow_ups=(visit,))), about=a.record(there))
    assert plan.follow_ups[0].existing == "Appointment/3"


@pytest.mark.parametrize(
    "there",
    [
        appointment(text="Heart failure clinic", began=date(2024, 3, 13)),
        appointment(text="Heart failure clinic", began=a.TODAY),
        appointment(text="Heart failure clinic", began=None),
        appointment(text="Heart failure clinic", status="cancelled"),
        appointment(text="visit"),
        appointment(),
    ],
)
def test_an_appointment_too_late_too_early_or_for_something_else_covers_nothing(there):
    visit = FollowUpTemplate("visit", "Heart failure clinic visit", 7, not_before_days=1)
    plan = a.planned(a.need(interventions=Interventions(follow_ups=(visit,))), about=a.record(there))
    assert plan.follow_ups[0].existing == ""


@pytest.mark.parametrize("said", [{"text": "eats  every DAY"}, {"codes": (PANTRY,)}])
def test_a_goal_that_the_chart_has_already_is_pointed_to(said):
    there = a.fact("4", Kind.GOAL, **{"codes": (), "reference": "Goal/4", **said})
    goal = GoalTemplate("eats", "Eats every day", 30, measure=PANTRY)
    plan = a.planned(a.need(interventions=Interventions(goals=(goal,))), about=a.record(there))
    assert plan.goals[0].existing == "Goal/4"


def test_what_two_needs_say_in_the_same_words_is_said_once_by_the_earlier_date():
    def calls(days):
        return Interventions(
            follow_ups=(FollowUpTemplate("call", "Call the patient", days),),
            goals=(GoalTemplate("home", "Is at home", days),),
            education=(EducationTemplate("call", "When to call"),),
            tasks=(TaskTemplate("list", "Make the list", before_discharge=days < 5),),
        )

    plan = a.planned(a.need("late", interventions=calls(9)), a.need("soon", interventions=calls(2)))
    assert [(x.need, x.due) for x in plan.follow_ups] == [("soon", a.TODAY + timedelta(days=2))]
    assert [x.need for x in plan.goals] == ["soon"]
    assert [x.need for x in plan.education] == ["late"]
    assert [(x.need, x.due) for x in plan.tasks] == [("soon", a.TODAY)]


def test_what_a_sensitive_need_says_in_the_same_words_stays_its_own():
    needs = [a.need(interventions=a.interventions()), a.need("x", labels=BH, interventions=a.interventions())]
    assert [x.labels for x in a.planned(*needs).goals] == [frozenset(), BH]


def test_a_task_after_leaving_is_due_with_the_first_worklist():
    task = TaskTemplate("ask", "Ask how it went", before_discharge=False)
    plan = a.planned(a.need(interventions=Interventions(tasks=(task,))))
    assert plan.tasks[0].due == a.TODAY + timedelta(days=2)


@pytest.mark.parametrize(("tag", "language"), [("en", "en"), ("es-MX", "es"), ("ht", "en")])
def test_teaching_links_to_medlineplus_in_the_patients_language(tag, language):
    lesson = EducationTemplate("hf", "Heart failure", Code(System.ICD10CM, "I50.9"))
    somebody = a.person(languages=(Language(tag, preferred=True),))
    need = a.need(interventions=Interventions(education=(lesson,)))
    (taught,) = a.planned(need, about=a.record(patient=somebody)).education
    assert taught.link == (
        "https://connect.medlineplus.gov/application?mainSearchCriteria.v.cs=2.16.840.1.113883.6.90"
        f"&mainSearchCriteria.v.c=I50.9&informationRecipient.languageCode.c={language}"
    )


def test_a_topic_that_medlineplus_does_not_know_has_no_link():
    lesson = EducationTemplate("hf", "Heart failure", Code(System.CPT, "99000"))
    assert a.planned(a.need(interventions=Interventions(education=(lesson,)))).education[0].link == ""


def test_what_nobody_asked_becomes_a_question():
    plan = a.planned(
        a.need("stress", present=False, labels=BH), a.need("quiet", present=False, question=""), a.need()
    )
    assert [(x.need, x.question, x.labels) for x in plan.bedside_questions] == [
        ("stress", "How about stress?", BH)
    ]


def test_who_has_died_gets_support_for_the_family_and_nothing_else():
    plan = a.planned(
        a.need(interventions=a.interventions()), a.need("x", present=False), outcome=Outcome.DIED
    )
    assert [(x.text, x.due) for x in plan.tasks] == [("Offer bereavement support to the family.", a.TODAY)]
    assert proposed(plan) == []
    assert not plan.bedside_questions


def test_who_goes_to_another_hospital_gets_nothing_from_this_one():
    plan = a.planned(a.need(interventions=a.interventions()), outcome=Outcome.TRANSFERRED)
    assert proposed(plan) == []
    assert not plan.tasks


def test_gaps_of_reading_and_of_judging_stand_once():
    read = Gap("Coverage", GapReason.REFUSED, "403")
    judged = Gap("PHQ-9", GapReason.DISAGREES, "the total")
    plan = a.planned(about=a.record(gaps=(read,)), gaps=(read, judged))
    assert plan.gaps == (read, judged)


def test_the_same_record_and_date_give_the_same_plan():
    def once():
        return a.planned(a.need(interventions=a.interventions()), about=a.record(order()))

    assert once() == once()


@pytest.mark.parametrize("outcome", [Outcome.DIED, Outcome.TRANSFERRED])
def test_who_does_not_go_home_is_neither_ready_nor_sent_anywhere(outcome):
    plan = a.planned(a.need(), outcome=outcome)
    assert (plan.disposition, plan.readiness) == (None, None)
    assert a.planned(a.need()).readiness is not None


SHELTER = Matches((("emergency-shelter", (a.match("Sample Shelter"),)),))


@pytest.mark.parametrize(
    "more",
    [
        {"labels": SDV},
        {"labels": SDV, "present": False, "evidence": (a.evidence("Y07.01"),)},
        {"labels": SDV, "present": False},
        {"labels": BH},
    ],
    ids=["violence", "violence in words alone", "violence nobody asked about", "another secret"],
)
def test_where_the_patient_will_sleep_is_on_no_paper_so_that_hiding_it_tells_nothing(more):
    told = a.need("intimate-partner-violence", **more)
    homeless = a.need("homelessness", interventions=asking("emergency-shelter"))
    plan = a.planned(told, homeless, matches=SHELTER)
    (shared,) = [one for one in plan.shareable().referrals if one.service == "emergency-shelter"]
    assert not shared.community_services
    assert "no community service found" not in referral_phrase(shared)
    assert "Sample Shelter" not in patient_sheet(plan, Reader.PATIENT)
    (whole,) = [one for one in plan.referrals if one.service == "emergency-shelter"]
    assert [one.service.name for one in whole.community_services] == ["Sample Shelter"]


def test_a_food_pantry_keeps_its_name_where_violence_is_told_of():
    plan = a.planned(
        a.need("intimate-partner-violence", labels=SDV),
        a.need(interventions=asking()),
        matches=Matches((("food-pantry", (a.match(),)),)),
    )
    (shared,) = plan.shareable().referrals
    assert len(shared.community_services) == 1
