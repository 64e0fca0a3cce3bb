from datetime import date

import pytest

from service.domain.assessment import Outcome
from service.domain.codes import Code, System
from service.domain.community_service import Matches
from service.domain.protocol import EducationTemplate, FollowUpTemplate, Interventions, ReferralTemplate
from service.domain.record import Kind
from service.domain.sensitivity import Label
from service.presentation.patient_sheet import patient_sheet, plain_date
from tests import builders as a

SUD = frozenset({Label.SUD})
SDV = frozenset({Label.SDV})
FOUND = Matches((("food-pantry", (a.match(),)),))


def sheet(*needs, matches=FOUND, **more):
    return patient_sheet(a.planned(*needs, matches=matches, **more))


def test_the_sheet_says_what_to_do_when_and_whom_to_call():
    assert sheet(a.need(interventions=a.interventions())) == (
        "YOUR PLAN FOR GOING HOME\n"
        "\n"
        "WHAT WE ARE SETTING UP FOR YOU\n"
        "- Plain food pantry. One place that can help: Example Pantry, Example Council. Call 555-0100. You may choose another.\n"
        "\n"
        "VISITS AND CALLS\n"
        "- A call: food pantry. (By Tuesday, March 12.)\n"
        "\n"
        "GOOD TO KNOW\n"
        "- Learn: food pantry.\n"
        "\n"
        "WHEN TO CALL\n"
        "- Call if food pantry does not come.\n"
        "- Call your doctor if you feel worse or are not sure what to do.\n"
        "\n"
        "WHO CAN HELP\n"
        "- In an emergency, call 911.\n"
        "- If you feel very upset or need to talk, call or text 988. It is free, day and night.\n"
        "- For help with food, housing, rides or bills, call 211. It is free.\n"
        "- If you have a question about this plan, call the hospital and ask for the social worker.\n"
    )


@pytest.mark.parametrize("outcome", [Outcome.DIED, Outcome.TRANSFERRED])
def test_who_does_not_go_home_has_no_sheet(outcome):
    assert sheet(a.need(interventions=a.interventions()), outcome=outcome) == ""


def test_the_lines_about_help_say_nothing_about_anyone():
    quiet = a.need("self-harm-risk", labels=SDV, interventions=a.interventions())
    assert sheet(quiet) == sheet()
    assert "988" in sheet()
    assert "211" in sheet()


def test_sensitive_care_stands_in_its_plain_words_without_the_name_of_a_service():
    words = Interventions(
        referrals=(ReferralTemplate("food-pantry", "Methadone clinic", patient_text="See your clinic."),),
        follow_ups=(FollowUpTemplate("x", "AUDIT-C again", 7, patient_text="A visit in the first week"),),
        warning_signs=("Call 911 for very slow breathing",),
    )
    need = a.need("substance-use-treatment", title="Opioid use", labels=SUD, interventions=words)
    text = sheet(need)
    assert "- See your clinic.\n" in text
    assert "- A visit in the first week. (By Tuesday, March 12.)\n" in text
    assert "- Call 911 for very slow breathing.\n" in text
    for told in ("Methadone", "Opioid", "AUDIT", "Example Pantry", "555-0100", "Invented finding"):
        assert told not in text


def test_sensitive_care_without_plain_words_stands_as_the_neutral_title_of_its_need():
    words = Interventions(
        referrals=(ReferralTemplate("x", "Methadone clinic"),),
        follow_ups=(FollowUpTemplate("x", "Methadone visit", 7),),
        education=(EducationTemplate("x", "Methadone"),),
    )
    named = a.need("x", labels=SUD, neutral_title="Support for your health", interventions=words)
    text = sheet(named)
    assert "- Support for your health.\n" in text
    assert "Methadone" not in text


def test_sensitive_care_with_no_neutral_words_at_all_is_left_out():
    words = Interventions(
        referrals=(ReferralTemplate("x", "Methadone clinic"),),
        follow_ups=(FollowUpTemplate("x", "Methadone visit", 7),),
    )
    assert sheet(a.need("x", labels=SUD, interventions=words)) == sheet()


def test_a_shelter_is_never_the_place_that_can_help():
    shelter = a.match("Hidden House", labels=frozenset({Label.SSP}))
    need = a.need(interventions=a.interventions())
    assert "Hidden House" not in sheet(need, matches=Matches((("food-pantry", (shelter,)),)))
    second = sheet(need, matches=Matches((("food-pantry", (shelter, a.match(phone=""))),)))
    assert "One place that can help: Example Pantry, Example Council. You may choose another.\n" in second


def test_what_is_ordered_already_names_no_other_place():
    there = a.fact("7", Kind.ORDER, text="Food pantry", reference="ServiceRequest/7")
    text = sheet(a.need(interventions=a.interventions()), about=a.record(there))
    assert "- Plain food pantry.\n" in text


def test_open_care_without_plain_words_stands_as_its_title():
    words = Interventions(referrals=(ReferralTemplate("x", "Wound clinic"),))
    assert "- Wound clinic.\n" in sheet(a.need(interventions=words))


def test_a_booked_visit_says_so_and_a_visit_of_one_day_names_it():
    there = a.fact("3", Kind.APPOINTMENT, text="Clinic visit", status="booked", began=date(2024, 3, 6))
    words = Interventions(
        follow_ups=(FollowUpTemplate("x", "Clinic visit", 1, not_before_days=1, patient_text="Go!"),)
    )
    text = sheet(a.need(interventions=words), about=a.record(there))
    assert "- Go! (On Wednesday, March 6.) It is booked: ask for the day and time before you leave.\n" in text


@pytest.mark.parametrize(("labels", "linked"), [(frozenset(), True), (SUD, False)])
def test_a_link_to_read_more_stands_only_where_its_code_gives_nothing_away(labels, linked):
    lesson = EducationTemplate("x", "HF", Code(System.ICD10CM, "I50.9"), "Weigh yourself each day")
    text = sheet(a.need(labels=labels, interventions=Interventions(education=(lesson,))))
    assert "- Weigh yourself each day." in text
    assert ("I50.9" in text) is linked


def test_what_is_said_twice_stands_once():
    first = a.need(interventions=a.interventions(warning_signs=("Call us",)))
    second = a.need("stress", interventions=a.interventions(warning_signs=("Call us",)))
    assert sheet(first, second).count("Call us") == 1


def test_a_date_is_written_as_people_say_it():
    assert plain_date(date(2026, 12, 31)) == "Thursday, December 31"
