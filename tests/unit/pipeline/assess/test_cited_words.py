"""What a reader is told: every evidence with its resource, code, day, words, certainty and labels, and each sentence."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from service.domain.assessment import Assessment, Blocker
from service.domain.codes import Code, System
from service.domain.evidence import Certainty, Evidence
from service.domain.expression import (
    AnyOf,
    CodeTest,
    CoverageTest,
    Expression,
    Insured,
    PatientTest,
    RelatedTest,
    StayTest,
)
from service.domain.need import NEUTRAL_TITLE, Need, NeedState
from service.domain.protocol import NOTHING
from service.domain.record import (
    Coverage,
    Encounter,
    Gap,
    GapReason,
    Kind,
    Language,
    Quantity,
    Record,
    RelatedPerson,
)
from service.domain.risk import ScorePart
from service.domain.sensitivity import Label
from service.pipeline.assess import assess
from service.pipeline.assess.citing import Citing
from service.pipeline.assess.findings import collect
from service.pipeline.assess.function import function_of
from service.pipeline.assess.logic import evaluate
from service.pipeline.assess.needs import certainty_of
from service.pipeline.assess.risk.visits import NOT_RECORDED
from service.pipeline.assess.stay import cite_stay
from tests.builders import ADMITTED, ENCOUNTER, TODAY, answer, fact, person, record, stay
from tests.unit.pipeline.assess.shipped import CONTENT

SECRET = frozenset({Label.HIV})
BARTHEL = "96761-2"
DAY = date(2024, 3, 2)
GAD7 = tuple(item.question for item in CONTENT.instruments["gad-7"].items)


def _said(expression: Expression, given: Record) -> tuple[Evidence, ...]:
    return evaluate(expression, collect(given, CONTENT, today=TODAY, site_language="en")).evidence


def _assess(*said: Any, **more: Any) -> Assessment:
    return assess(record(*said, **more), CONTENT, today=TODAY)


def _need(code: str, assessment: Assessment) -> Need:
    return next(need for need in assessment.needs if need.code == code)


def _blocker(key: str, assessment: Assessment) -> Blocker:
    return next(one for one in assessment.readiness.blockers if one.key == key)


def _parts(name: str, assessment: Assessment) -> dict[str, ScorePart]:
    (score,) = (one for one in assessment.risk_scores if one.name == name)
    return {part.name: part for part in score.parts}


# --- statements --------------------------------------------------------------------------------------
HEART = _need("heart-failure-care", _assess(fact("I50.9")))


def test_a_diagnosis_is_cited_by_its_words_else_by_its_display_else_by_its_code() -> None:
    citing = Citing(CONTENT)
    code, bare = Code(System.ICD10CM, "I50.9", "Heart failure"), Code(System.ICD10CM, "I50.9")
    worded = fact("I50.9", text="CHF, known for years", labels=SECRET)
    cited = citing.fact(worded, code, Certainty.UNCERTAIN)
    began = ADMITTED.date()
    assert cited == Evidence(
        worded.reference, code, began, "CHF, known for years", Certainty.UNCERTAIN, SECRET, by=worded.by
    )
    assert citing.fact(fact("I50.9"), code, Certainty.SUPPORTED).text == "Heart failure"
    assert citing.fact(fact("I50.9"), bare, Certainty.SUPPORTED).text == "I50.9"
    assert citing.fact(fact("I50.9"), None, Certainty.SUPPORTED).text == ""


def test_an_answer_is_cited_with_question_answer_day_and_labels() -> None:
    asked = answer("88122-7", "LA28397-0", labels=SECRET)
    (cited,) = _need("food-insecurity", _assess(asked)).evidence
    assert cited == Evidence(
        asked.reference,
        Code(System.LOINC, "88122-7"),
        DAY,
        "Worried that food would run out: Often true",
        Certainty.SUPPORTED,
        SECRET,
        by=asked.by,
    )


def test_a_question_of_violence_is_labelled_by_itself() -> None:
    (cited, *_) = _need("intimate-partner-violence", _assess(answer("95614-4", 15))).evidence
    assert Label.SDV in cited.labels
    assert cited.text.endswith(": 15")


@pytest.mark.parametrize(
    ("more", "certainty"),
    [
        ({}, Certainty.SUPPORTED),
        ({"status": "preliminary"}, Certainty.UNCERTAIN),
        ({"at": None}, Certainty.UNCERTAIN),
    ],
)
def test_a_preliminary_or_undated_answer_is_uncertain(more: dict[str, Any], certainty: Certainty) -> None:
    assert _need("food-insecurity", _assess(answer("88122-7", "LA28397-0", **more))).certainty is certainty


def test_whoever_declined_is_not_asked_as_if_nobody_had() -> None:
    asked = answer("88122-7", absent="asked-declined")
    question = _need("food-insecurity", _assess(asked)).question
    assert question.endswith(
        f"(Asked before on {asked.at and asked.at.date()} and not answered; ask again only if that is welcome.)"
    )
    assert "Asked before" not in _need("food-insecurity", _assess()).question


def test_a_declined_answer_says_so() -> None:
    asked = answer("88122-7", absent="asked-declined")
    (cited,) = _need("food-insecurity", _assess(asked)).evidence
    assert cited.text == "Worried that food would run out: declined"


def test_several_answers_in_one_text_are_each_known() -> None:
    told = answer("93031-3", "Food; Utilities")
    assert _need("food-insecurity", _assess(told)).state == "present"
    assert _need("utility-insecurity", _assess(told)).state == "present"


def test_a_finding_asserted_by_an_observation_is_cited_as_one() -> None:
    code = Code(System.SNOMED, "32911000", "Homeless")
    told = answer("71802-3", answers=(code,), labels=SECRET)
    cited = _need("homelessness", _assess(told)).evidence
    assert Evidence(told.reference, code, DAY, "Homeless", Certainty.SUPPORTED, SECRET) in cited
    bare = answer("71802-3", answers=(Code(System.SNOMED, "32911000"),))
    assert "32911000" in {one.text for one in _need("homelessness", _assess(bare)).evidence}


def test_a_finding_denied_by_its_answer_asserts_nothing() -> None:
    code = Code(System.SNOMED, "32911000", "Homeless")
    for said, state in (("no", "not_assessed"), ("yes", "present")):
        told = answer("x", said, codes=(code,))
        assert _need("homelessness", _assess(told)).state == state


def test_the_latest_statement_stands_first_and_undated_ones_last() -> None:
    dated = [fact("I50.9", reference=f"Condition/{day}", began=date(2024, 3, day)) for day in (1, 3, 2)]
    undated = fact("I50.9", reference="Condition/0", began=None)
    cited = _need("heart-failure-care", _assess(*dated, undated)).evidence
    assert [one.reference for one in cited] == ["Condition/3", "Condition/2", "Condition/1", "Condition/0"]


def test_a_product_s_name_is_cited_with_its_code() -> None:
    code = Code(System.RXNORM, "999999", "warfarin sodium 5 MG Oral Tablet")
    drug = fact("999999", Kind.MEDICATION, codes=(code,))
    content_test = next(
        leaf
        for leaf in CONTENT.words
        if isinstance(leaf, CodeTest) and leaf.kind is Kind.MEDICATION and "warfarin" in leaf.words
    )
    (cited,) = _said(content_test, record(drug))
    assert (cited.code, cited.certainty) == (code, Certainty.SUPPORTED)
    (unsure,) = _said(content_test, record(fact("x", Kind.MEDICATION, codes=(), text="Warfarin")))
    assert (unsure.code, unsure.certainty) == (None, Certainty.UNCERTAIN)


def test_one_firm_statement_makes_a_need_firm_and_without_any_it_is_firm() -> None:
    def said(certainty: Certainty) -> Evidence:
        return Evidence("Condition/1", None, None, "", certainty)

    assert certainty_of([said(Certainty.UNCERTAIN), said(Certainty.SUPPORTED)]) is Certainty.SUPPORTED
    assert certainty_of([said(Certainty.UNCERTAIN), said(Certainty.CONFLICTED)]) is Certainty.CONFLICTED
    assert certainty_of([said(Certainty.UNCERTAIN)]) is Certainty.UNCERTAIN
    assert certainty_of([]) is Certainty.SUPPORTED


# --- person, insurance, stay, people ------------------------------------------------------------------
def test_age_language_and_flags_are_cited_with_the_patient() -> None:
    given = record(
        patient=person(
            languages=(Language("es", "Spanish", preferred=True),), interpreter=True, veteran=False
        )
    )
    test = PatientTest(age_at_least=60, foreign_language=True, interpreter=True, veteran=True)
    cited = _said(test, given)
    assert [one.text for one in cited] == [
        "Age 73",
        "Preferred language: Spanish",
        "Interpreter needed",
        "Not: Veteran",
    ]
    assert {one.reference for one in cited} == {"Patient/p1"}


@pytest.mark.parametrize(
    ("coverage", "on", "text"),
    [
        (Coverage("Coverage/1", "active", (), "Example Health", date(2024, 1, 1)), date(2024, 1, 1), "Example Health"),
        (
            Coverage("Coverage/1", "active", (Code("", "HMO", "A plan"),), "", None, date(2024, 3, 4)),
            date(2024, 3, 4),
            "A plan (not in force)",
        ),
        (Coverage("Coverage/1", "active", (Code("", "HMO"),), "", None, TODAY), None, "HMO"),
        (Coverage("Coverage/1", "cancelled"), None, "Coverage (not in force)"),
        (Coverage("Coverage/1", "", (), "Plan", TODAY), TODAY, "Plan"),
        (Coverage("Coverage/1", "cancelled", (), "Plan", TODAY, TODAY), TODAY, "Plan"),
    ],
    ids=str,
)  # fmt: skip
def test_an_insurance_is_cited_with_its_name_and_the_day_that_matters(
    coverage: Coverage, on: date | None, text: str
) -> None:
    (cited,) = _said(CoverageTest(Insured.UNINSURED), record(coverages=(coverage,)))
    assert (cited.reference, cited.on, cited.text) == ("Coverage/1", on, text)


def test_an_insurance_is_cited_with_its_code_and_labels_the_longest_first() -> None:
    text, code = Code(System.TEXT, "Plan"), Code("", "HMO")
    first = Coverage("Coverage/1", "active", (text, code), "A", labels=SECRET)
    ending = Coverage("Coverage/2", "active", (), "B", None, date(2024, 4, 1))
    cited = _said(CoverageTest(Insured.INSURED), record(coverages=(ending, first)))
    assert [one.reference for one in cited] == ["Coverage/1", "Coverage/2"]
    assert (cited[0].code, cited[0].labels) == (code, SECRET)


def test_a_number_of_another_system_is_no_payment_typology() -> None:
    given = record(coverages=(Coverage("Coverage/1", "active", (Code("local", "1"),), "Plan"),))
    assert _said(CoverageTest(Insured.MEDICARE), given) == ()


def test_the_stay_is_cited_by_its_disposition_else_its_type_else_its_class() -> None:
    began = ADMITTED.date()
    test = StayTest(classes=frozenset({"IMP"}))
    plain = stay(labels=SECRET)
    assert _said(test, record(encounter=plain)) == (Evidence(ENCOUNTER, None, began, "IMP", labels=SECRET),)
    typed = stay(types=(Code("", "x", "Stroke unit"),))
    assert _said(test, record(encounter=typed))[0].text == "Stroke unit"
    assert _said(test, record(encounter=stay(start=None)))[0].on is None
    assert cite_stay(plain, "4 days") == Evidence(ENCOUNTER, None, began, "4 days", labels=SECRET)
    assert cite_stay(stay(start=None), "?").on is None


@pytest.mark.parametrize(
    ("relationships", "text"),
    [((Code("", "SIS", "sister"),), "sister"), ((Code("", "SIS"),), "SIS"), ((), "Related person")],
)
def test_someone_around_is_cited_by_relationship(relationships: tuple[Code, ...], text: str) -> None:
    sister = RelatedPerson("RelatedPerson/1", relationships, labels=SECRET)
    (cited,) = _said(RelatedTest(), record(related_persons=(sister,)))
    assert cited == Evidence("RelatedPerson/1", None, None, text, labels=SECRET)


# --- needs ---------------------------------------------------------------------------------------------
def _words(need: Need) -> Iterable[str]:
    given = need.interventions
    for items in (given.referrals, given.goals, given.follow_ups, given.education):
        yield from (item.patient_text for item in items)


def test_a_need_has_all_that_its_protocol_offers() -> None:
    given = HEART.interventions
    assert all((given.referrals, given.goals, given.follow_ups, given.education, given.tasks))
    assert given.warning_signs
    assert any(_words(HEART))
    assert (HEART.question, HEART.neutral_title) == ("", "")
    food = _need("food-insecurity", _assess(answer("88122-7", "LA28397-0")))
    assert food.gravity_domain == "food-insecurity"


def test_a_need_that_is_sensitive_only_by_what_it_was_found_in_loses_its_plain_words() -> None:
    found = _need("heart-failure-care", _assess(fact("I50.9", labels=SECRET)))
    given = found.interventions
    assert found.neutral_title == NEUTRAL_TITLE
    assert {*_words(found)} == {""}
    counts = [len(items) for items in (given.referrals, given.goals, given.follow_ups, given.education)]
    plain = HEART.interventions
    assert counts == [len(x) for x in (plain.referrals, plain.goals, plain.follow_ups, plain.education)]


def test_a_sensitive_protocol_keeps_its_own_neutral_words() -> None:
    found = _need("self-harm-risk", _assess(answer("93249-1", "LA33-6")))
    assert found.neutral_title not in {"", NEUTRAL_TITLE}
    assert any(_words(found))


def test_what_speaks_against_a_need_is_cited_only_when_it_is_contradicted() -> None:
    no = (answer("88122-7", "LA28398-8"), answer("88123-5", "LA28398-8"))
    both = _need("food-insecurity", _assess(fact("Z59.41"), *no))
    assert len(both.evidence) == 3
    half = _need("food-insecurity", _assess(fact("Z59.41"), no[0]))
    assert [one.reference for one in half.evidence] == ["Condition/z59-41"]


def test_a_need_whose_care_hospice_takes_over_says_so_and_asks_for_nothing() -> None:
    to_hospice = stay(disposition=(Code(System.DISPOSITION, "hosp"),))
    need = _need("heart-failure-care", _assess(fact("I50.9"), encounter=to_hospice))
    assert need.state is NeedState.PRESENT
    assert need.evidence == (
        *HEART.evidence,
        Evidence(to_hospice.reference, None, ADMITTED.date(), "Going to: hospice"),
    )
    assert need.interventions == NOTHING


def test_context_is_shown_with_a_need() -> None:
    alone = _need("caregiver-support", _assess(fact("Z60.2")))
    assert "Condition/z60-2" in {one.reference for one in alone.evidence}


# --- function ------------------------------------------------------------------------------------------
def test_the_worst_score_is_what_daily_function_rests_on() -> None:
    found = collect(
        record(answer(BARTHEL, 90), answer("79529-4", 35)), CONTENT, today=TODAY, site_language="en"
    )
    assert [one.reference for one in function_of(found).evidence] == ["Observation/79529-4"]
    own_word = collect(record(answer("96781-0", "LA31976-6")), CONTENT, today=TODAY, site_language="en")
    assert [one.reference for one in function_of(own_word).evidence] == ["Observation/96781-0"]


@pytest.mark.parametrize(
    ("points", "text", "weighs"),
    [
        (69, "Needs help with most daily activities", "for"),
        (70, "Needs help with some daily activities", "against"),
        (84, "Needs help with some daily activities", "against"),
        (85, "Manages daily activities", "for"),
    ],
)
def test_the_first_factor_says_how_the_patient_manages(points: int, text: str, weighs: str) -> None:
    (factor, *_) = _assess(answer(BARTHEL, points)).disposition.factors
    assert (factor.text, factor.weighs) == (text, weighs)
    assert [one.text for one in factor.evidence] == [f"Barthel index: {points}"]


def test_a_score_known_only_by_its_name_decides_nothing() -> None:
    named = answer("x", 95, codes=(Code(System.TEXT, "Barthel index"),))
    disposition = _assess(named).disposition
    assert (disposition.suggested, disposition.display) == ("", "Cannot be decided yet")
    assert disposition.factors[0].text == "Daily function (no Barthel, Katz or AM-PAC was recorded)"
    assert disposition.factors[0].weighs == "missing"


# --- disposition -----------------------------------------------------------------------------------------
def test_a_suggestion_has_the_name_of_its_place() -> None:
    assert _assess(answer(BARTHEL, 95)).disposition.display == "Home"


def test_each_need_that_speaks_against_home_is_named_with_its_evidence() -> None:
    factors = {one.text: one for one in _assess(answer(BARTHEL, 75), fact("L89.154")).disposition.factors}
    wound = next(one for text, one in factors.items() if "ound" in text)
    assert (wound.weighs, [one.reference for one in wound.evidence]) == ("against", ["Condition/l89-154"])
    facility = _assess(answer(BARTHEL, 40), fact("L89.154")).disposition
    assert [one.weighs for one in facility.factors if "ound" in one.text] == ["for"]


def test_what_is_needed_for_rehabilitation_and_for_another_home_is_named() -> None:
    def missing(*said: Any) -> set[str]:
        return {one.text for one in _assess(*said).disposition.factors if one.weighs == "missing"}

    stroke = (answer(BARTHEL, 40), fact("I63.9"))
    assert "Whether the patient tolerates three hours of therapy a day" in missing(*stroke)
    assert "Whether a caregiver can give the help needed at home" in missing(*stroke)
    assert "A confirmed place to go to" in missing(answer(BARTHEL, 95), fact("Z59.02"))
    assert missing(answer(BARTHEL, 95)) == set()


def test_therapies_count_by_words_of_orders_that_stand() -> None:
    def suggested(**more: Any) -> str:
        therapy = fact("1", Kind.ORDER, system="local", text="Physical therapy", **more)
        speech = fact("2", Kind.ORDER, codes=(Code("local", "2", "Speech therapy"),))
        return _assess(answer(BARTHEL, 40), fact("I63.9"), therapy, speech).disposition.suggested

    assert suggested() == "rehab"
    assert suggested(status="revoked") == ""


def test_hospice_comes_before_anything_else() -> None:
    chosen = stay(disposition=(Code(System.DISPOSITION, "hosp"),))
    assert _assess(encounter=chosen).disposition.suggested == "hosp"


# --- readiness -------------------------------------------------------------------------------------------
def test_an_open_place_is_a_caveat_that_names_what_is_missing() -> None:
    caveat = _blocker("disposition-open", _assess(answer(BARTHEL, 40)))
    assert caveat.text == (
        "Where the patient can go cannot be decided yet: Whether a caregiver can give the help needed at home: "
        "Who will help you at home? Are they able and willing, and what do they need themselves? "
        "Which insurance pays for a facility: "
        "Which insurance does the patient have, and does it pay for a facility? "
        "What the patient prefers (no goal about the place is on record): "
        "Where does the patient want to go from here, and what matters most there?"
    )
    assert (caveat.clears, caveat.blocks) == ("What is missing is recorded", False)


def test_a_mismatch_with_the_order_is_a_caveat_for_the_care_team() -> None:
    ordered = stay(disposition=(Code(System.DISPOSITION, "home"),))
    caveat = _blocker("disposition-mismatch", _assess(fact("Z59.02"), encounter=ordered))
    assert caveat.text == "The order says home, and the record says that the patient is homeless."
    assert (caveat.clears, caveat.blocks) == ("The care team confirms where the patient goes", False)


def test_what_could_not_be_read_is_a_caveat_that_names_it() -> None:
    gaps = tuple(Gap(about, GapReason.REFUSED, "…") for about in ("Observation", "Condition"))
    foreign = Gap("Goal", GapReason.FOREIGN, "…")
    caveat = _blocker("record-incomplete", _assess(gaps=(*gaps, foreign)))
    assert caveat.text == "Parts of the record could not be read: Condition, Observation"
    assert (caveat.clears, caveat.blocks) == ("A person looks at these parts in the EHR", False)


def test_what_nobody_asked_is_a_caveat_that_lists_it() -> None:
    caveat = _blocker("not-assessed", _assess(patient=person(birth_date=date(1990, 1, 1))))
    assert caveat.text.startswith("Not assessed: ")
    assert "food insecurity, " in caveat.text
    assert (caveat.clears, caveat.blocks) == ("The bedside questions are asked", False)


def test_a_blocker_has_the_words_of_its_protocol_and_the_need_s_evidence() -> None:
    blocker = _blocker("dialysis-chair-unconfirmed", _assess(fact("N18.6", labels=SECRET)))
    assert blocker.text == "No outpatient dialysis chair is confirmed"
    assert blocker.clears == "Unit, days and first treatment confirmed, within three days of leaving"
    assert [one.reference for one in blocker.evidence] == ["Condition/n18-6"]
    assert blocker.labels == SECRET


# --- scores ----------------------------------------------------------------------------------------------
def test_a_disagreement_asks_a_person_to_check_the_form() -> None:
    items = [answer(question, "LA6568-5") for question in GAD7]
    (gap,) = _assess(*items, answer("70274-6", 20)).gaps
    assert (gap.about, gap.reason) == ("Screening", GapReason.DISAGREES)
    assert gap.detail == "A recorded total is not the sum of its answers; check the form."


def test_totals_are_cited_by_the_name_of_the_instrument() -> None:
    total = answer("44261-6", 20)
    cited = _need("behavioral-health", _assess(total)).evidence
    assert "PHQ-9: 20" in {one.text for one in cited}


def _visit(number: int, class_code: str, days_before: float, **more: Any) -> Encounter:
    began = ADMITTED - timedelta(days=days_before)
    given = {"end": began + timedelta(hours=3), **more}
    return Encounter(f"Encounter/v{number}", "finished", class_code, began, **given)


def test_visits_are_cited_one_by_one_with_their_day_and_labels_in_order() -> None:
    visits = (_visit(1, "EMER", 20), _visit(2, "EMER", 40, labels=SECRET), _visit(3, "IMP", 300))
    assessed = _assess(fact("I10"), encounters=visits)
    came = _parts("LACE", assessed)["Emergency visits"]
    assert came.explanation == "2 in the 6 months before admission"
    days = [(ADMITTED - timedelta(days=days)).date() for days in (40, 20)]
    assert list(came.evidence) == [
        Evidence("Encounter/v2", None, days[0], "Emergency visit", labels=SECRET),
        Evidence("Encounter/v1", None, days[1], "Emergency visit"),
    ]
    stays = _parts("HOSPITAL", assessed)["Admissions in the year before"]
    assert stays.explanation == "1 in the 12 months before"
    assert [one.text for one in stays.evidence] == ["Hospital stay"]


def test_a_visit_within_a_day_of_admission_or_on_the_same_day_led_to_it() -> None:
    def counted(*visits: Encounter) -> float | None:
        return _parts("LACE", _assess(fact("I10"), encounters=visits))["Emergency visits"].points

    old = _visit(9, "AMB", 500)
    assert counted(old, _visit(1, "EMER", 1.125)) == 0  # ended 24 hours before
    assert counted(old, _visit(1, "EMER", 1.25)) == 1
    assert counted(old, _visit(1, "EMER", 0.5, end=None)) == 0
    assert counted(old, _visit(1, "EMER", -0.1)) == 0  # recorded as begun after the admission
    assert counted(old, _visit(1, "EMER", -2)) == 0
    assert counted(old, _visit(1, "EMER", 0)) == 0
    assert counted(old, _visit(1, "EMER", 30, part_of=ENCOUNTER)) == 0


def test_an_earlier_stay_is_within_a_year_and_no_part_of_this_one() -> None:
    def counted(*visits: Encounter) -> str:
        return _parts("HOSPITAL", _assess(fact("I10"), encounters=visits))[
            "Admissions in the year before"
        ].explanation[:1]

    assert counted(_visit(1, "IMP", 365)) == "1"
    assert counted(_visit(1, "IMP", 366)) == "0"
    assert counted(_visit(1, "AMB", 30)) == "0"
    assert counted(_visit(1, "IMP", 30, part_of="Encounter/other")) == "1"
    held = Encounter("Encounter/c", "cancelled", "IMP", ADMITTED - timedelta(days=30))
    assert counted(held) == "0"


@pytest.mark.parametrize(
    ("code", "points"),
    [
        (Code("", "UR"), 3),
        (Code("", "EL"), 0),
        (Code("x", "7", "Urgent"), 3),
        (Code("x", "UR", "Elective, urgent list"), 0),
        (Code("x", "x", "Non-urgent"), 0),
    ],
)
def test_priority_says_whether_the_admission_was_planned(code: Code, points: int) -> None:
    part = _parts("LACE", _assess(encounter=stay(priority=(code,))))["Acuity of admission"]
    assert part.points == points
    assert part.explanation == (
        "Urgent or emergent admission" if points else "Nothing says that the admission was unplanned"
    )
    told = code.display or code.code
    assert [one.text for one in part.evidence] == ([f"Admission: {told}"] if points else [])


def test_each_point_of_lace_is_told_with_what_it_rests_on() -> None:
    parts = _parts("LACE", _assess(fact("I50.9"), fact("E11.9")))
    assert parts["Length of stay"].explanation == "4 days in hospital"
    assert [one.reference for one in parts["Length of stay"].evidence] == [ENCOUNTER]
    assert parts["Comorbidity"].explanation == (
        "Congestive heart failure 2, Diabetes without chronic complication 1"
    )
    assert {one.reference for one in parts["Comorbidity"].evidence} == {
        "Condition/i50-9",
        "Condition/e11-9",
    }
    none = _parts("LACE", _assess(fact("I10")))["Comorbidity"]
    assert (none.points, none.explanation, none.evidence) == (0, "None of Charlson's", ())


def test_what_a_score_misses_is_told_with_the_range_it_leaves() -> None:
    empty = record(encounter=stay(start=None))
    lace, hospital = (_parts(name, assess(empty, CONTENT, today=TODAY)) for name in ("LACE", "HOSPITAL"))
    told = {
        name: (part.low, part.high, part.explanation) for name, part in (*lace.items(), *hospital.items())
    }
    assert told == {
        "Length of stay": (0, 2, "The stay has no admission date."),
        "Acuity of admission": (0, 3, NOT_RECORDED),
        "Comorbidity": (0, 5, "The record holds no diagnosis."),
        "Emergency visits": (0, 4, "The record holds no other visit."),
        "Hemoglobin at discharge": (0, 1, "The record holds no hemoglobin."),
        "Oncology service": (0, 2, "The stay names no service."),
        "Sodium at discharge": (0, 1, "The record holds no sodium."),
        "Procedure in the stay": (0, 1, "The record holds no procedure."),
        "Index admission type": (0, 1, NOT_RECORDED),
        "Admissions in the year before": (0, 5, "The record holds no other visit."),
    }
    assert lace["Length of stay"].high == 7


def test_each_point_of_hospital_is_told_with_what_it_rests_on() -> None:
    done = fact("38102005", Kind.PROCEDURE, system=System.SNOMED, status="completed")
    given = (
        done,
        answer("718-7", 11.5, unit="g/dL"),
        answer("2951-2", 140, unit="mmol/L"),
    )
    service = stay(service_type=(Code("local", "7", "Medical oncology"),))
    parts = _parts("HOSPITAL", _assess(*given, encounter=service))
    told = {name: (part.points, part.explanation) for name, part in parts.items()}
    assert told["Hemoglobin at discharge"] == (1, "Hemoglobin 11.5 g/dL")
    assert told["Sodium at discharge"] == (0, "Sodium 140 mmol/L")
    assert told["Oncology service"] == (2, "Medical oncology")
    assert told["Procedure in the stay"] == (1, "1 in this stay")
    assert told["Length of stay"] == (0, "4 days in hospital")
    assert parts["Hemoglobin at discharge"].evidence[0].reference == "Observation/718-7"
    assert parts["Oncology service"].evidence[0].text == "Service: Medical oncology"
    assert parts["Procedure in the stay"].evidence[0].reference == done.reference
    assert parts["Procedure in the stay"].evidence[0].code == done.codes[0]


@pytest.mark.parametrize(
    ("service", "points"),
    [
        (Code("local", "7", "Cancer centre"), 2),
        (Code(System.SNOMED, "394593009"), 2),
        (Code("local", "ONCOLOGY"), 2),
        (Code("local", "7", "Surgery"), 0),
    ],
)
def test_an_oncology_service_is_known_by_code_or_name(service: Code, points: int) -> None:
    parts = _parts("HOSPITAL", _assess(encounter=stay(service_type=(service,))))
    assert parts["Oncology service"].points == points


def test_each_group_of_frailty_is_told_with_its_diagnosis() -> None:
    old = person(birth_date=date(1940, 1, 1))
    diagnosis = fact("F00.1", verification="provisional")
    parts = _parts("HFRS", _assess(diagnosis, patient=old))
    part = parts["Dementia in Alzheimer's disease"]
    assert (part.points, part.explanation) == (7.1, "Dementia in Alzheimer's disease: 7.1")
    assert part.evidence == (
        Evidence(
            diagnosis.reference,
            diagnosis.codes[0],
            ADMITTED.date(),
            "F00.1",
            Certainty.UNCERTAIN,
            part.evidence[0].labels,
            by=diagnosis.by,
        ),
    )
    unread = _parts("HFRS", _assess(patient=old))["Frailty diagnoses"]
    assert unread.explanation == "The record holds no diagnosis coded in ICD-10."


def test_a_value_after_leaving_is_no_value_at_discharge() -> None:
    left = stay(end=ADMITTED + timedelta(days=2))
    early = answer("718-7", 13, unit="g/dL", reference="Observation/a", at=ADMITTED)
    late = answer("718-7", 9, unit="g/dL", reference="Observation/b", at=ADMITTED + timedelta(days=3))
    undated = answer("718-7", 8, unit="g/dL", reference="Observation/c", at=None)
    parts = _parts("HOSPITAL", _assess(early, late, undated, encounter=left))
    assert parts["Hemoglobin at discharge"].explanation == "Hemoglobin 13 g/dL"


def test_a_quantity_without_a_unit_and_a_text_without_one_are_bare_numbers() -> None:
    bare = answer(BARTHEL, "95")
    assert _assess(bare).disposition.suggested == "home"
    whole = answer("x", codes=(Code(System.LOINC, BARTHEL),), quantity=Quantity(95.0))
    assert _assess(whole).disposition.suggested == "home"


def test_any_of_nothing_known_cites_nothing() -> None:
    assert _said(AnyOf((PatientTest(interpreter=True),)), record()) == ()


def test_a_moment_keeps_its_own_day() -> None:
    late = answer("88122-7", "LA28397-0", at=datetime(2024, 3, 2, 23, 59, tzinfo=UTC))
    assert _need("food-insecurity", _assess(late)).evidence[0].on == DAY
