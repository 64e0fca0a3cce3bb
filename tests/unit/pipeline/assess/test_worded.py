"""Screenings and social history in words: what raises a need to be confirmed, what says nothing, what is a gap."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from service.domain.assessment import Assessment
from service.domain.codes import Code, System
from service.domain.evidence import Certainty
from service.domain.need import NeedState
from service.domain.record import Gap, GapReason, Observation, Quantity
from service.domain.sensitivity import Label
from service.domain.worded import tidy_question
from service.pipeline.assess import assess
from tests.builders import TODAY, planned, record
from tests.unit.pipeline.assess.shipped import CONTENT

LOCAL = "https://ehr.example/nomenclature"
SOCIAL = frozenset({"social-history"})


def _said(question: str, answer: str = "", **more: Any) -> Observation:
    given: dict[str, Any] = {
        "reference": "Observation/o1",
        "codes": (Code(LOCAL, "4711", question),),
        "asked": question,
        "text": answer,
        "categories": SOCIAL,
        "at": datetime(2024, 3, 2, 10, tzinfo=UTC),
    }
    return Observation(**{**given, **more})


def _assess(*observations: Observation) -> Assessment:
    return assess(record(*observations), CONTENT, today=TODAY)


def _raised(*observations: Observation) -> set[str]:
    """The needs for which these words are a reason to ask."""
    cited = {observation.reference for observation in observations}
    needs = _assess(*observations).needs
    return {need.code for need in needs if cited & {evidence.reference for evidence in need.evidence}}


def _not_understood(*observations: Observation) -> list[Gap]:
    return [gap for gap in _assess(*observations).gaps if gap.reason is GapReason.NOT_UNDERSTOOD]


RAISES = [
    ("Living situation:", "Homeless", "homelessness"),
    ("Living situation", "Staying in a shelter", "homelessness"),
    ("Living situation", "Sleeps in his car", "homelessness"),
    ("Housing status", "Unhoused", "homelessness"),
    ("Where do you live?", "on the street", "homelessness"),
    ("Homeless", "Yes", "homelessness"),
    ("Do you have a place to live?", "No", "homelessness"),
    ("In the past 12 months, was there a time when you did not have a steady place to sleep?", "Yes", "homelessness"),
    ("Housing stability vital sign", "Positive", "housing-instability"),
    ("Stable housing", "No", "housing-instability"),
    ("Unable to pay for housing in the last year", "Yes", "housing-instability"),
    ("Living situation", "Worried about losing apartment", "housing-instability"),
    ("Food insecurity risk", "At risk", "food-insecurity"),
    ("Food insecurity", "Positive", "food-insecurity"),
    ("Within the past year, we worried whether our food would run out", "Often true", "food-insecurity"),
    ("Do you have enough food?", "No", "food-insecurity"),
    ("Food", "Skips meals", "food-insecurity"),
    ("Feels unsafe at home:", "Yes", "intimate-partner-violence"),
    ("Feels safe at home", "No", "intimate-partner-violence"),
    ("Feels safe at home", "Sometimes", "intimate-partner-violence"),
    ("Do you feel physically and emotionally safe where you currently live?", "No", "intimate-partner-violence"),
    ("Within the last year, have you been afraid of your partner or ex-partner?", "Yes", "intimate-partner-violence"),
    ("How often does anyone, including family, threaten you with harm?", "Rarely", "intimate-partner-violence"),
    ("Has lack of transportation kept you from medical appointments?", "Y", "transportation-insecurity"),
    ("Reliable transportation", "No", "transportation-insecurity"),
    ("Transportation needs", "1", "transportation-insecurity"),
    ("Do you have trouble paying for utilities?", "often", "utility-insecurity"),
    ("Has the electric company threatened to shut off services?", "Already shut off", "utility-insecurity"),
    ("How hard is it for you to pay for the very basics?", "Very hard", "financial-insecurity"),
    ("Financial resource strain", "High risk", "financial-insecurity"),
    ("Can you afford your medications?", "Able to afford medications: no", ""),
    ("Able to afford medications", "No", "medical-cost-burden"),
    ("Thoughts that you would be better off dead", "Several days", "self-harm-risk"),
    ("Suicidal ideation", "Present", "self-harm-risk"),
    ("Little interest or pleasure in doing things", "Nearly every day", "behavioral-health"),
    ("Alcohol use", "Daily", "substance-use-treatment"),
    ("Illicit drug use", "Yes", "substance-use-treatment"),
    ("Drugs", "heroin", "substance-use-treatment"),
    ("Smoking status", "Current every day smoker", "tobacco-cessation"),
    ("How often do you feel lonely or isolated?", "Always", "social-connection"),
    ("Internet access at home", "No", "digital-access"),
    ("Employment status", "Unemployed, looking for work", "employment-status"),
    ("Number of falls in the last year", "2", "fall-risk"),
    ("Has anyone neglected by a caregiver", "Yes", "elder-abuse"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "answer", "need"), RAISES)
def test_words_that_speak_for_a_need_raise_it(question: str, answer: str, need: str) -> None:
    raised = _raised(_said(question, answer))
    assert need in raised if need else raised == set()


NEAR_MISSES = [
    ("What is your housing situation today?", "I have housing"),
    ("Unable to pay for housing in the last year", "No"),
    ("Living situation", "Not homeless"),
    ("Living situation", "Denies homelessness"),
    ("Living situation", "No longer homeless, has an apartment"),
    ("Homeless", "denies"),
    ("History of homelessness", "none"),
    ("Homelessness", "No"),
    ("Do you have a place to live?", "Yes"),
    ("Did you not have a steady place to sleep?", "No"),
    ("Living situation", "Lives with sister in a house"),
    ("Living situation", "Nursing home"),
    ("Food insecurity", "Negative"),
    ("Food insecurity risk", "Not at risk"),
    ("Worried that food would run out", "Never true"),
    ("Worried that food would run out", "Patient refuses"),
    ("Do you have enough food?", "Yes"),
    ("Feels unsafe at home", "No"),
    ("Feels safe at home", "Yes"),
    ("Feels safe at home", "Patient declined to answer"),
    ("Denies abuse at home", "Yes"),
    ("Do you have trouble paying for utilities?", "never"),
    ("Reliable transportation", "Yes"),
    ("Has lack of transportation kept you from medical appointments?", "0"),
    ("How hard is it for you to pay for the very basics?", "Not hard at all"),
    ("Suicidal ideation", "Denies"),
    ("Family history of suicide", "Yes"),
    ("Alcohol use", "Never"),
    ("Alcohol use", "Social drinker"),
    ("Smoking status", "Never smoker"),
    ("Smoking status", "Former smoker"),
    ("Number of falls in the last year", "0"),
    ("Internet access at home", "Yes"),
    ("Employment status", "Retired"),
    ("Race", "White"),
    ("Living situation", "Unknown"),
    ("Food insecurity", "Unable to assess"),
]


@pytest.mark.parametrize(("question", "answer"), NEAR_MISSES)
def test_words_that_speak_against_a_need_or_for_none_raise_nothing(question: str, answer: str) -> None:
    assert _raised(_said(question, answer)) == set()
    assert _not_understood(_said(question, answer)) == []


def test_words_decide_nothing() -> None:
    needs = {need.code: need for need in _assess(_said("Feels unsafe at home", "Yes")).needs}
    need = needs["intimate-partner-violence"]
    assert need.state is NeedState.NOT_ASSESSED
    assert {evidence.certainty for evidence in need.evidence} == {Certainty.UNCERTAIN}
    assert all(evidence.labels == {Label.SDV} or Label.SDV in need.labels for evidence in need.evidence)


def test_a_coded_answer_in_local_numbers_is_read_by_its_words() -> None:
    answer = (Code(LOCAL, "960439", "Yes"),)
    assert "intimate-partner-violence" in _raised(_said("Feels unsafe at home:", answers=answer))


def test_a_bare_yes_to_a_known_question_that_has_no_yes_is_a_reason_to_ask() -> None:
    said = _said("", "true", codes=(Code(System.LOINC, "88122-7"),), asked="")
    needs = {need.code: need.state for need in _assess(said).needs}
    assert needs["food-insecurity"] is NeedState.NOT_ASSESSED
    assert "food-insecurity" in _raised(said)


def test_words_that_mean_another_question_than_their_code_are_a_reason_to_ask() -> None:
    answer = (Code(System.LOINC, "LA6569-3", "Daily or almost daily"),)
    said = _said("TAPS: alcohol", codes=(Code(System.LOINC, "96842-0", "TAPS: alcohol"),), answers=answer)
    assert "substance-use-treatment" in _raised(said)


def test_the_later_words_stand() -> None:
    early = _said("Living situation", "Homeless", at=datetime(2024, 1, 2, 10, tzinfo=UTC))
    late = _said("Living situation", "Lives with spouse", reference="Observation/o2")
    assert _raised(early, late) == set()


def _negative_screen(day: int) -> list[Observation]:
    """Both questions on food, answered never true."""
    answer = (Code(System.LOINC, "LA28398-8"),)
    at = datetime(2024, 3, day, 10, tzinfo=UTC)
    asked = ("88122-7", "88123-5")
    return [
        _said(
            "",
            reference=f"Observation/{code}",
            codes=(Code(System.LOINC, code),),
            answers=answer,
            at=at,
            asked="",
        )
        for code in asked
    ]


@pytest.mark.parametrize(("day", "state"), [(2, NeedState.NOT_ASSESSED), (4, NeedState.ABSENT)])
def test_words_reopen_what_an_older_screen_ruled_out(day: int, state: NeedState) -> None:
    said = _said("Food insecurity", "Yes", at=datetime(2024, 3, 3, 10, tzinfo=UTC))
    needs = {need.code: need.state for need in _assess(said, *_negative_screen(day)).needs}
    assert needs["food-insecurity"] is state


def test_what_nobody_understands_is_one_gap_with_its_words() -> None:
    said = [_said(f"Local question {n}", "purple", reference=f"Observation/{n}") for n in range(60)]
    (gap,) = _not_understood(*said)
    assert (gap.about, gap.count) == ("Observation", 60)
    assert gap.said[0] == "Local question 0: purple"
    assert gap.said[-1] == "and 55 more"
    assert "purple" not in gap.detail


def test_sensitive_words_that_nobody_understands_are_labelled() -> None:
    sensitive = _said("Domestic violence comments", "see note", reference="Observation/2")
    gaps = _not_understood(_said("Local question", "purple"), sensitive)
    assert [(bool(gap.labels), gap.count) for gap in gaps] == [(False, 1), (True, 1)]


def test_what_is_shared_names_neither_the_words_nor_the_sensitive_gap() -> None:
    open_words = _said("Local question", "purple")
    sensitive = _said("Domestic violence comments", "see note", reference="Observation/2")
    shared = [
        replace(planned(), gaps=_assess(*observations).gaps).shareable().gaps
        for observations in ((open_words,), (open_words, sensitive))
    ]
    assert shared[0] == shared[1]
    assert [gap.said for gap in shared[0]] == [()]


@pytest.mark.parametrize(
    "observation",
    [
        _said("Local question", "No"),
        _said("Local question", "Patient declined"),
        _said("Local question", absent="asked-declined"),
        _said("Local question"),
        _said("Local question", "purple", categories=frozenset({"laboratory"})),
        _said("Local question", "purple", status="entered-in-error"),
    ],
)
def test_what_says_nothing_or_is_no_screening_is_no_gap(observation: Observation) -> None:
    assert _not_understood(observation) == []


def test_every_row_names_a_need_of_the_shipped_content() -> None:
    known = {protocol.ref.id for protocol in CONTENT.protocols}
    named = {row.need for row in CONTENT.worded.rows} - {""}
    assert named <= known
    assert len(named) > 30


def test_a_long_question_is_read_in_bounded_time() -> None:
    assert CONTENT.worded.about(tidy_question("feel " * 100_000)) == ()


BARE = [
    "In the past year?",
    "Ever?",
    "In the last 12 months",
    "Currently",
    "Response:",
    "Is this a problem?",
    "If yes, how often?",
]


@pytest.mark.parametrize("asked", BARE)
def test_a_bare_question_is_asked_by_the_group_above(asked: str) -> None:
    assert "homelessness" in _raised(_said(asked, "Yes", under=("Homelessness",)))
    # The innermost group that says something counts, and a group of bare words says nothing.
    assert "homelessness" in _raised(_said(asked, "Yes", under=("Status", "Homelessness:", "Food")))
    assert "homelessness" not in _raised(_said(asked, "No", under=("Homelessness",)))
    assert _raised(_said(asked, "Yes")) == set()


@pytest.mark.parametrize("asked", ["Do you own a car?", "In the past year, did you move?", "Household size"])
def test_a_question_that_asks_something_is_not_its_groups(asked: str) -> None:
    assert "homelessness" not in _raised(_said(asked, "Yes", under=("Homelessness",)))


def test_what_a_sensitive_group_asks_is_labelled() -> None:
    found = _assess(_said("In the past year?", "Yes", under=("Intimate partner violence",)))
    (need,) = (need for need in found.needs if need.code == "intimate-partner-violence")
    assert any(Label.SDV in evidence.labels for evidence in need.evidence)
    assert found.for_everybody is not None
    everybodys = found.for_everybody.record.observations
    assert everybodys == ()


@pytest.mark.parametrize(
    ("made", "is_gap"),
    [
        ({}, True),
        ({"asked": "", "codes": (Code(LOCAL, "4711"),)}, True),
        ({"categories": frozenset({"survey"})}, True),
        ({"categories": frozenset({"laboratory"})}, False),
        ({"codes": (Code(LOCAL, "4711"), Code(System.LOINC, "63504-5"))}, False),
    ],
)
def test_a_number_under_a_hospitals_own_code_is_a_gap(made: dict[str, Any], *, is_gap: bool) -> None:
    number = _said("Unit score 7", **{"quantity": Quantity(3), **made})
    assert bool(_not_understood(number)) is is_gap


@pytest.mark.parametrize(
    ("question", "answer", "raised"),
    [
        ("Cognition", "dementia", True),
        ("Cognition", "no sign of dementia", False),
        ("Cognition", "fear of dementia", False),
        ("Cognition", "mother with dementia", False),
        ("Cognition", "at risk of dementia", False),
    ],
)
def test_a_diagnosis_in_an_answer_is_read_as_one_in_a_list_is(
    question: str, answer: str, *, raised: bool
) -> None:
    assert bool(_raised(_said(question, answer))) is raised


def _unworded(answer: str, number: str = "1") -> Observation:
    """An answer to an item of a form that is not here: only its linkId is known."""
    form, survey = "https://ehr.example/Questionnaire/x", frozenset({"survey"})
    return _said("", answer, codes=(Code(form, number),), reference="Observation/q", categories=survey)


def test_an_answer_whose_question_nobody_named_is_told_or_shown() -> None:
    assert "homelessness" in _raised(_unworded("Homeless"))
    assert _not_understood(_unworded("Homeless")) == []
    (gap,) = _not_understood(_unworded("true"), _unworded("Often true", "2"))
    assert set(gap.said) == {"1: true", "2: Often true"}
    assert _not_understood(_unworded("false")) == []
