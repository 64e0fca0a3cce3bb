import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from fhir_mappings.narrative import (
    care_plan_narrative,
    evidence_phrase,
    follow_up_phrase,
    headline,
    referral_phrase,
    score_phrase,
    service_phrase,
)
from service.domain.assessment import Blocker, Disposition, Factor, NamedPlace, Outcome, Readiness, Verdict
from service.domain.codes import Code, System
from service.domain.community_service import Matches
from service.domain.content_origin import ContentOrigin
from service.domain.decision import WHOLE_PLAN, Choice
from service.domain.evidence import Certainty
from service.domain.protocol import Interventions, ProtocolRef, ReferralTemplate, Urgency
from service.domain.record import Gap, GapReason, Kind
from service.domain.risk import RiskScore
from service.domain.sensitivity import Label
from service.pipeline.decide import decide
from tests import builders as a

BH = frozenset({Label.BH})


def told(plan):
    """The narrative as text: each section's title with its lines."""
    div = ET.fromstring(care_plan_narrative(plan.shareable()))  # noqa: S314  our own text
    sections: dict[str, list[str]] = {}
    title = "headline"
    for element in div:
        name = element.tag.rpartition("}")[2]
        if name == "h3":
            title = element.text or ""
        else:
            lines = [x.text or "" for x in element] if name == "ul" else ["".join(element.itertext())]
            sections.setdefault(title, []).extend(lines)
    return sections


def test_readiness_and_destination_stand_in_the_first_line():
    assert told(a.planned(a.need()))["headline"][0] == (
        "Readiness: the verdict stands on the plan's page, for the care team. Going to: no place is named yet; "
        "what the record suggests stands on the plan's page, for the care team. Draft for review by the care team. "
    )


def test_who_may_know_all_reads_the_verdict_with_all_that_stands_behind_it():
    quiet, caveat = Blocker("x", "Secret", "Safe", labels=BH), Blocker("y", "Stairs", "A ramp", blocks=False)
    plan = a.planned(readiness=Readiness.of((quiet, quiet, caveat)))
    assert headline(plan) == "Readiness: not ready (2 blockers, 1 caveat). Going to: Home (suggested). "
    assert headline(a.planned()) == "Readiness: ready. Going to: Home (suggested). "


def test_a_patient_without_needs_is_told_to_have_none_whatever_is_withheld():
    said = ["Needs: none found so far", "First: Social work follow-up before and after discharge"]
    assert told(a.planned())["headline"][1:] == said
    assert told(a.planned(a.need(labels=BH)))["headline"][1:] == said


@pytest.mark.parametrize(
    ("choice", "said"), [(Choice.APPROVED, "Approved by Dana Example"), (Choice.DECLINED, "Declined by Dana")]
)
def test_a_plan_that_somebody_decided_about_is_no_draft(choice, said):
    drafted = a.planned(a.need(interventions=a.interventions()))
    sections = told(decide(drafted, [a.decision(WHOLE_PLAN, choice, reason="Not yet")]))
    assert said in sections["headline"][0]
    assert "Draft" not in sections["headline"][0]
    assert "Referrals" in sections


def test_what_cannot_be_decided_names_what_is_missing():
    place = Disposition("", "", (Factor("a mobility score", "missing"), Factor("lives alone", "against")))
    assert "Going to: cannot be decided yet (a mobility score)." in headline(a.planned(disposition=place))
    assert "Going to: cannot be decided yet." in headline(a.planned(disposition=Disposition("", "")))


def test_a_place_that_somebody_named_is_where_the_patient_goes():
    named = NamedPlace("snf", "Skilled nursing facility", "stay")
    place = Disposition("", "", (Factor("a mobility score", "missing"),), "snf", "Look", named=named)
    assert "Going to: skilled nursing facility (named by the stay). Look." in headline(
        a.planned(disposition=place)
    )


def test_who_left_against_advice_is_not_said_to_go_anywhere():
    place = Disposition("", "", named=NamedPlace("aadvice", "Left against advice", "stay"))
    gone = a.record(encounter=a.stay(end=a.ADMITTED))
    assert headline(a.planned(about=gone, disposition=place)).startswith("The patient left against advice. ")
    assert headline(a.planned(disposition=place)).startswith("The patient is leaving against advice. ")
    assert "Going to" not in headline(a.planned(disposition=place))


def test_words_for_a_place_are_told_to_the_clinician_and_to_nobody_else():
    place = Disposition("", "", unread="SNF per CM", hint="Skilled nursing facility")
    plan = a.planned(disposition=place)
    assert (
        "Going to: cannot be decided yet. The stay names a place that is not understood: SNF per CM "
        "(it may mean skilled nursing facility)."
    ) in headline(plan)
    assert "SNF" not in str(told(plan))


def test_a_psychiatric_hospital_that_is_named_is_not_told():
    named = NamedPlace("psy", "Psychiatric hospital", "order")
    plan = a.planned(disposition=Disposition("", "", (), "psy", labels=frozenset({Label.PSY}), named=named))
    assert "sychiatric" not in str(told(plan))


def test_an_alert_about_the_destination_is_not_missed():
    place = Disposition("snf", "Skilled nursing facility", alert="Ordered home.")
    assert "Skilled nursing facility (suggested). Ordered home." in headline(a.planned(disposition=place))


def test_a_verdict_that_rests_on_something_withheld_is_not_told():
    quiet = Blocker("x", "Secret", "Secret", labels=BH)
    open_caveat = Blocker("y", "Stairs", "A ramp", blocks=False)
    plan = a.planned(readiness=Readiness.of((quiet, open_caveat)), disposition=Disposition("psy", "Psych"))
    assert told(plan)["headline"] == told(a.planned(readiness=None))["headline"]
    assert told(plan)["Before leaving"] == ["Stairs. Cleared by: A ramp"]


@pytest.mark.parametrize("blocks", [True, False])
def test_a_verdict_is_told_to_nobody_who_may_not_know_all_not_even_where_nothing_is_withheld(blocks):
    open_point = Blocker("y", "Stairs", "A ramp", blocks=blocks)
    sections = told(a.planned(readiness=Readiness.of((open_point,))))
    assert sections["headline"] == told(a.planned())["headline"]
    assert sections["Before leaving"] == ["Stairs. Cleared by: A ramp"]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [(Outcome.DIED, "has died"), (Outcome.TRANSFERRED, "is transferred to another hospital")],
)
def test_a_stay_that_does_not_end_at_home_says_so(outcome, said):
    assert f"the patient {said}" in headline(a.planned(outcome=outcome))


def test_each_section_is_there_in_the_order_of_reading():
    blocker = Blocker("x", "Oxygen not arranged", "A delivery date")
    plan = a.planned(
        a.need(interventions=a.interventions()),
        a.need("stress", present=False),
        readiness=Readiness(Verdict.NOT_READY, (blocker,)),
        about=a.record(gaps=(Gap("Coverage", GapReason.REFUSED, "403"),)),
    )
    sections = told(plan)
    assert list(sections) == [
        "headline",
        "Before leaving",
        "Needs",
        "Referrals (proposed)",
        "Goals",
        "Follow-up",
        "To ask at the bedside",
        "To teach",
        "Tasks",
        "Risk, from what may be shown here",
        "Could not be read",
    ]
    assert sections["Before leaving"] == ["Oxygen not arranged. Cleared by: A delivery date"]
    assert sections["Needs"] == [
        "Food insecurity: Invented finding Z59.41, 2024-03-02 [protocol food-insecurity 1.0]"
    ]
    assert sections["Referrals (proposed)"][-1] == "Social work follow-up before and after discharge"
    assert sections["Follow-up"] == ["Call about food pantry: 2024-03-05 to 2024-03-12"]
    assert sections["Could not be read"] == ["Coverage: refused"]


@pytest.mark.parametrize(("pending", "said"), [(57, True), (0, False)])
def test_how_much_of_the_content_waits_for_review_is_said_once_for_the_whole_of_it(pending, said):
    plan = replace(
        a.planned(a.need(protocol=ProtocolRef("x", "2"))), content=ContentOrigin("sha256:0", 61, pending)
    )
    (line,) = told(plan)["Needs"]
    assert line.endswith("[protocol x 2]")
    shown = care_plan_narrative(plan)
    assert shown.count("57 of its 61 protocols wait for clinical review") == said
    assert ("wait for" in shown) == said


def test_more_evidence_than_can_be_read_at_a_glance_is_counted():
    many = tuple(a.evidence(f"Z59.4{n}") for n in range(5))
    (line,) = told(a.planned(a.need(evidence=many, certainty=Certainty.CONFLICTED)))["Needs"]
    assert line.startswith("Food insecurity, conflicted: Invented finding Z59.40")
    assert "; and 2 more [" in line


def test_the_name_of_an_instrument_that_could_not_be_read_is_not_told():
    gaps = tuple(Gap(about, GapReason.DISAGREES, "total") for about in ("HARK", "PHQ-9", "Observation"))
    assert told(a.planned(about=a.record(gaps=gaps)))["Could not be read"] == [
        "Other parts of the record are incomplete or disagree; the full plan names them",
        "Observation: disagrees",
    ]


def test_an_urgent_referral_and_its_service_stand_in_one_line():
    template = ReferralTemplate("food-pantry", "Food pantry", priority=Urgency.URGENT, within_days=3)
    plan = a.planned(
        a.need(interventions=Interventions(referrals=(template,))),
        matches=Matches((("food-pantry", (a.match(), a.match("Other"))),)),
    )
    assert told(plan)["Referrals (proposed)"] == [
        (
            "Food pantry, by 2024-03-08, urgent: Example Pantry (Example Council), 3.2 km, 555-0100, "
            "last verified 2024-01-31, and 1 more"
        ),
        "Social work follow-up before and after discharge",
    ]


def test_what_is_due_first_comes_first_and_on_one_day_the_more_urgent():
    templates = (
        ReferralTemplate("a", "Later", priority=Urgency.URGENT, within_days=9),
        ReferralTemplate("b", "Soon", within_days=1),
        ReferralTemplate("c", "Soon and urgent", priority=Urgency.URGENT, within_days=1),
    )
    head = told(a.planned(a.need(interventions=Interventions(referrals=templates))))["headline"]
    assert (
        "First: Soon and urgent by 2024-03-06; Soon by 2024-03-06; Later by 2024-03-14; Social work"
        in str(head)
    )


def test_a_referral_that_needs_no_service_is_only_named():
    template = ReferralTemplate("crisis-support", "Crisis line", within_days=0, community=False)
    plan = a.planned(a.need(interventions=Interventions(referrals=(template,))))
    assert told(plan)["Referrals (proposed)"] == [
        "Crisis line, by 2024-03-05",
        "Social work follow-up before and after discharge",
    ]


def test_an_order_that_stands_is_called_ordered():
    there = a.fact("7", Kind.ORDER, text="Food pantry", reference="ServiceRequest/7")
    plan = a.planned(a.need(interventions=a.interventions()), about=a.record(there))
    assert (
        referral_phrase(plan.referrals[0])
        == "already ordered 2024-03-01 by Practitioner/dana (ServiceRequest/7)"
    )


def test_a_service_of_unknown_place_and_age_says_what_is_known():
    unknown = a.match("Example Council", phone="", verified=None)
    assert service_phrase(type(unknown)(unknown.service, (), None)) == "Example Council, never verified"


@pytest.mark.parametrize(
    ("given", "phrase"),
    [
        ({"text": "Heart failure"}, "Heart failure (I50.23), 2024-03-02"),
        (
            {"text": "", "code": Code(System.ICD10CM, "I50.23", "HF"), "on": None},
            "HF (I50.23)",
        ),
        ({"text": "", "certainty": Certainty.UNCERTAIN}, "I50.23, 2024-03-02, uncertain"),
        ({"text": "", "code": None}, "Condition/i50-23, 2024-03-02"),
        ({"text": "said so", "code": None, "on": date(2024, 1, 1)}, "said so, 2024-01-01"),
    ],
)
def test_evidence_is_what_the_record_says_with_its_code_and_date(given, phrase):
    assert evidence_phrase(a.evidence(**given)) == phrase


def test_a_goal_that_the_chart_has_says_where():
    there = a.fact("2", Kind.GOAL, text="Has enough of food pantry", reference="Goal/2")
    plan = a.planned(a.need(interventions=a.interventions()), about=a.record(there))
    assert told(plan)["Goals"] == ["Has enough of food pantry, by 2024-04-04, in the chart already (Goal/2)"]


def test_a_question_that_two_needs_ask_is_read_once():
    plan = a.planned(*(a.need(code, present=False, question="How are you?") for code in "ab"))
    assert told(plan)["To ask at the bedside"] == ["How are you?"]


def test_a_score_is_its_value_or_its_range_with_what_is_missing():
    assert score_phrase(RiskScore("LACE", "", 9, 9, "moderate", 9)) == "LACE: 9, moderate"
    partial = RiskScore("HOSPITAL", "2013", 3, 7, "low to high", None, ("sodium",))
    assert score_phrase(partial) == "HOSPITAL (2013): 3-7, low to high; missing sodium"


def test_a_visit_of_one_day_has_one_date_and_a_booked_one_its_booking():
    there = a.fact("3", Kind.APPOINTMENT, status="booked", began=a.TODAY, text="Call about food pantry")
    stay = a.stay(end=datetime(2024, 3, 4, tzinfo=UTC))
    plan = a.planned(a.need(interventions=a.interventions()), about=a.record(there, encounter=stay))
    assert follow_up_phrase(plan.follow_ups[0]).endswith("2024-03-04 to 2024-03-11, booked (Appointment/3)")


def test_the_needs_the_first_steps_and_how_much_is_to_be_asked_are_read_at_a_glance():
    plan = a.planned(
        a.need("food-insecurity", title="Food", interventions=a.interventions("food-pantry")),
        a.need("heart", title="Heart", urgency=Urgency.URGENT, interventions=a.interventions("heart-clinic")),
        a.need("ride", present=False),
    )
    social_work = "Social work follow-up before and after discharge"
    assert told(plan)["headline"][1:] == [
        "Needs: Heart; Food",
        f"First: Heart clinic by 2024-03-08; Food pantry by 2024-03-08; {social_work}",
        "Still to ask at the bedside: 1 question, below",
    ]


def test_an_order_known_by_its_words_is_told_with_them():
    plan = a.planned(a.need(interventions=a.interventions()))
    asked = replace(
        plan.referrals[0], existing="ServiceRequest/7", existing_words="Pantry <b>referral</b>, 2024-03-01"
    )
    assert referral_phrase(asked).startswith("perhaps ordered already: Pantry ")
    assert referral_phrase(asked).endswith("2024-03-01 (ServiceRequest/7)")
    assert referral_phrase(replace(asked, existing_words="")) == "already ordered (ServiceRequest/7)"
