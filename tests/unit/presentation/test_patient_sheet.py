from datetime import date

import pytest

from service.domain.assessment import Outcome
from service.domain.codes import Code, System
from service.domain.community_service import Matches
from service.domain.protocol import (
    EducationTemplate,
    FollowUpTemplate,
    GoalTemplate,
    Interventions,
    ReferralTemplate,
)
from service.domain.record import Kind, Language
from service.domain.sensitivity import Label
from service.presentation.patient_sheet import Reader, patient_sheet, sheet_note
from tests import builders as a

SUD = frozenset({Label.SUD})
SDV = frozenset({Label.SDV})
FOUND = Matches((("food-pantry", (a.match(),)),))


def sheet(*needs, matches=FOUND, reader=Reader.PATIENT, speaks="en", **more):
    more.setdefault("about", a.record(patient=a.person(languages=(Language(speaks),) if speaks else ())))
    return patient_sheet(a.planned(*needs, matches=matches, **more), reader)


def test_the_sheet_says_what_to_do_when_and_whom_to_call():
    assert sheet(a.need(interventions=a.interventions())) == (
        "YOUR PLAN FOR LEAVING THE HOSPITAL\n"
        "\n"
        "WHAT WE ARE SETTING UP FOR YOU\n"
        "- Plain food pantry. One place that can help: Example Pantry, Example Council. Call 555-0100. You may choose another.\n"
        "\n"
        "YOUR VISITS AND CALLS\n"
        "- A call: food pantry. By Tuesday, March 12, 2024.\n"
        "\n"
        "GOOD TO KNOW\n"
        "- Learn: food pantry.\n"
        "\n"
        "WHEN TO CALL FOR HELP\n"
        "- Call if food pantry does not come.\n"
        "- Call your doctor if you feel worse or are not sure what to do.\n"
        "- In an emergency, call 911.\n"
        "\n"
        "WHOM YOU CAN CALL\n"
        "- Questions about this plan? Call the hospital. Ask for the social worker.\n"
        "- If you feel very upset or need to talk, call or text 988. It is free, day and night.\n"
        "- For help with food, housing, rides or bills, call 211. It is free.\n"
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
    need = a.need("x", title="Opioid use", neutral_title="Support", labels=SUD, interventions=words)
    text = sheet(need)
    assert "- See your clinic.\n" in text
    assert "- A visit in the first week. By Tuesday, March 12, 2024.\n" in text
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
    assert "- Support for your health. Ask your care team about it.\n" in text
    assert "- Support for your health. Ask your care team about it. By Tuesday, March 12, 2024.\n" in text
    assert "Methadone" not in text


def test_sensitive_care_whose_words_were_not_written_for_it_stands_as_care_after_the_hospital():
    words = Interventions(
        referrals=(ReferralTemplate("x", "HIV clinic", patient_text="Go to the HIV clinic."),),
        follow_ups=(FollowUpTemplate("x", "HIV visit", 7, patient_text="HIV visit."),),
        education=(EducationTemplate("x", "HIV", patient_text="Your HIV pills."),),
        goals=(GoalTemplate("x", "HIV", 7, target="HIV", patient_text="No more HIV."),),
    )
    text = sheet(a.need("x", labels=SUD, interventions=words))
    assert "- Your care after the hospital. Ask your care team about it.\n" in text
    assert "HIV" not in text


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
    booked = "It is booked for Wednesday, March 6, 2024. Ask for the time and place before you leave."
    assert f"- Go! {booked}\n" in text
    assert "- Go! On Wednesday, March 6, 2024.\n" in sheet(a.need(interventions=words))


def test_where_several_visits_are_to_be_booked_one_may_be_enough():
    def visits(*words):
        found = (FollowUpTemplate(word, word, 7, patient_text=f"See {word}.") for word in words)
        return Interventions(follow_ups=tuple(found))

    hint = "- One visit or call may be enough for more than one of these. Ask us.\n- See "
    assert hint in sheet(a.need(interventions=visits("your doctor", "a nurse")))
    assert hint not in sheet(a.need(interventions=visits("your doctor")))
    there = a.fact("3", Kind.APPOINTMENT, text="a nurse", status="booked", began=date(2024, 3, 6))
    booked = sheet(a.need(interventions=visits("your doctor", "a nurse")), about=a.record(there))
    assert "It is booked" in booked
    assert "may be enough" not in booked


def test_every_other_booked_visit_stands_with_its_day_and_without_the_words_of_the_record():
    visits = [
        a.fact("1", Kind.APPOINTMENT, text="Suboxone", status="booked", began=date(2024, 3, 8), labels=SUD),
        a.fact("2", Kind.APPOINTMENT, text="Court", status="booked", began=date(2024, 3, 9), labels=SDV),
        a.fact("3", Kind.APPOINTMENT, text="Over", status="booked", began=date(2024, 3, 1)),
        a.fact("4", Kind.APPOINTMENT, text="Gone", status="cancelled", began=date(2024, 3, 10)),
    ]
    text = sheet(about=a.record(*visits))
    known = "Ask what it is for, and for the time and place."
    assert f"- You also have a visit on Friday, March 8, 2024. {known}\n" in text
    assert text.count("You also have a visit") == 1
    assert not [word for word in ("Suboxone", "Court", "Over", "Gone") if word in text]
    assert "You also have a visit" not in sheet(about=a.record(*visits), reader=Reader.PROXY)


@pytest.mark.parametrize(("labels", "linked"), [(frozenset(), True), (SUD, False)])
def test_a_link_to_read_more_stands_only_where_its_code_gives_nothing_away(labels, linked):
    lesson = EducationTemplate("x", "HF", Code(System.ICD10CM, "I50.9"), "Weigh yourself each day")
    need = a.need(labels=labels, neutral_title="Support", interventions=Interventions(education=(lesson,)))
    text = sheet(need)
    assert "- Weigh yourself each day." in text
    assert ("I50.9" in text) is linked


def test_a_lesson_that_warns_stands_where_it_says_when_to_call_for_help():
    lessons = (
        EducationTemplate("x", "Signs", patient_text="Call 911 if your baby turns blue", warns=True),
        EducationTemplate("y", "Feeding", patient_text="Feed your baby often"),
    )
    text = sheet(a.need(interventions=Interventions(education=lessons)))
    good_to_know, when_to_call = text.split("WHEN TO CALL FOR HELP")
    assert "Call 911 if your baby turns blue." in when_to_call
    assert "turns blue" not in good_to_know
    assert "Feed your baby often." in good_to_know


def test_what_is_said_twice_stands_once():
    first = a.need(interventions=a.interventions(warning_signs=("Call us",)))
    second = a.need("stress", interventions=a.interventions(warning_signs=("Call us",)))
    assert sheet(first, second).count("Call us") == 1


@pytest.mark.parametrize("reader", [Reader.PROXY, "", "sister", "Patient"])
def test_whoever_is_not_known_to_be_the_patient_reads_of_nothing_sensitive(reader):
    words = a.interventions(warning_signs=("Call 911 for slow breathing",))
    quiet = a.need("x", labels=SUD, neutral_title="Support to stay well", interventions=words)
    both = (quiet, a.need(interventions=a.interventions("meals")))
    assert "Plain food pantry" in sheet(*both)
    assert sheet(*both, reader=reader) == sheet(both[1], reader=reader) == sheet(both[1])


def test_the_phone_of_the_hospital_stands_where_it_is_known():
    plan = a.planned()
    assert "Call 555-0199. Ask for the social worker." in patient_sheet(
        plan, Reader.PATIENT, phone="555-0199"
    )


def test_a_sheet_in_spanish_speaks_spanish_down_to_the_date():
    words = Interventions(
        follow_ups=(FollowUpTemplate("x", "HF", 7, patient_text="See your doctor in the first 7 days."),)
    )
    text = sheet(a.need(interventions=words), speaks="es-US")
    visit = "- Vea a su médico en los primeros 7 días. A más tardar el martes, 12 de marzo de 2024.\n"
    assert text.startswith("SU PLAN PARA SALIR DEL HOSPITAL\n\n")
    assert visit in text
    assert "oprima el 2" in text
    assert "inglés" not in text


def test_what_is_not_translated_is_said_so_to_the_patient_and_to_the_staff():
    need = a.need(interventions=a.interventions())
    text = sheet(need, speaks="Spanish")
    assert "- Plain food pantry (en inglés) Un lugar que puede ayudar: Example Pantry" in text
    assert "Lo que dice «en inglés» todavía no está traducido. Pida un intérprete." in text
    note = note_of("es", need)
    assert (note.language, note.wanted) == ("es", "es")
    assert "4 sentences are not translated" in note.text
    assert "review: pending" in note.text
    assert "pending" not in text


@pytest.mark.parametrize(
    ("speaks", "said", "told"),
    [
        ("en", "", "English: the patient's preferred language."),
        ("", "This sheet is in English.", "names no preferred language"),
        (
            "vi",
            "We do not have this sheet in your language yet (Tiếng Việt).",
            "no translation into Vietnamese",
        ),
        ("hmn", "We do not have this sheet in your language yet (Hmong).", "no translation into Hmong"),
        ("som", "We do not have this sheet in your language yet (Soomaali).", "no translation into Somali."),
        (
            "ksw",
            "We do not have this sheet in your language yet (S'gaw Karen).",
            "no translation into S'gaw Karen.",
        ),
        ("yue", "We do not have this sheet in your language yet (粵語).", "no translation into Cantonese."),
        ("ase", "This sheet is in English.", "no translation into American Sign Language."),
        ("../es", "This sheet is in English.", "names no preferred language"),
    ],
)
def test_without_a_translation_the_sheet_is_in_english_and_says_so(speaks, said, told):
    text = sheet(speaks=speaks)
    assert said in text
    assert ("interpreter" in text) is bool(said)
    assert "In an emergency, call 911." in text
    note = note_of(speaks)
    assert note.language == "en"
    assert told in note.text


def note_of(speaks, *needs):
    spoken = (Language(speaks, preferred=True),) if speaks else ()
    return sheet_note(a.planned(*needs, about=a.record(patient=a.person(languages=spoken))))


def test_in_another_language_a_service_is_called_by_what_it_is_and_by_whose_it_is():
    plain = Interventions(
        referrals=(
            ReferralTemplate(
                "food-pantry", "Food pantry", patient_text="Get help.", service_title="Food pantry"
            ),
        )
    )
    spanish = sheet(a.need(interventions=plain), speaks="es")
    assert "Un lugar que puede ayudar: Despensa de alimentos, Example Council. Llame al 555-0100." in spanish
    assert "One place that can help: Example Pantry, Example Council." in sheet(a.need(interventions=plain))
    alone = Matches((("food-pantry", (a.match(organization=""),)),))
    assert "Un lugar que puede ayudar: Example Pantry." in sheet(
        a.need(interventions=plain), matches=alone, speaks="es"
    )


@pytest.mark.parametrize(
    ("born", "labels", "is_private"),
    [
        (date(2009, 6, 15), SUD, True),
        (date(2012, 3, 5), SUD, True),
        (date(2012, 3, 6), SUD, False),
        (date(2006, 3, 5), SUD, False),
        (date(2009, 6, 15), frozenset(), False),
        (None, SUD, False),
    ],
    ids=["14", "12 today", "11", "18 today", "nothing sensitive", "age unknown"],
)
def test_staff_hand_over_a_young_patient_s_sheet_in_private_where_it_holds_something_sensitive(
    born, labels, is_private
):
    plan = a.planned(a.need(labels=labels), about=a.record(patient=a.person(birth_date=born)))
    assert ("hand this sheet over in private" in sheet_note(plan).text) is is_private
