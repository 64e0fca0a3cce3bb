"""What insurance rules and the patient's own wishes say about the place to go to."""

from datetime import timedelta
from typing import Any

import pytest

from service.domain.assessment import Disposition, Factor
from service.domain.codes import Code, System
from service.domain.record import Coverage, Fact, Kind, Observation, RelatedPerson
from service.domain.sensitivity import Label
from service.pipeline.assess import assess
from tests.builders import ADMITTED, TODAY, answer, fact, record, stay
from tests.unit.pipeline.assess.shipped import CONTENT

DEPENDENT = (answer("96761-2", 40), fact("Z74.2"))
WELL = (answer("96761-2", 95), fact("I50.9"))
MEDICARE = Coverage("Coverage/1", "active", (), "Medicare")
PRIVATE = Coverage("Coverage/2", "active", (), "Example Health")
SELF_PAY = Coverage("Coverage/3", "active", (Code("", "SELFPAY"),))


def _factors(*said: Fact | Observation, **more: Any) -> dict[str, Factor]:
    disposition = assess(record(*said, **more), CONTENT, today=TODAY).disposition
    return {one.text: one for one in disposition.factors}


def _one(factors: dict[str, Factor], words: str) -> Factor:
    (found,) = [one for text, one in factors.items() if words in text]
    return found


def test_medicare_pays_a_nursing_facility_after_three_midnights() -> None:
    factor = _one(_factors(*DEPENDENT, coverages=(MEDICARE,)), "midnights")
    assert factor.text == "4 midnights as an inpatient; Medicare pays a nursing facility after 3"
    assert factor.weighs == "for"
    assert [one.reference for one in factor.evidence] == ["Encounter/e1", "Coverage/1"]


@pytest.mark.parametrize(("days", "weighs"), [(1, "against"), (2, "against"), (3, "for")])
def test_two_midnights_are_one_too_few(days: int, weighs: str) -> None:
    began = stay(start=ADMITTED.replace(year=TODAY.year, month=TODAY.month, day=TODAY.day))
    left = stay(start=(began.start or ADMITTED) - timedelta(days=days))
    factor = _one(_factors(*DEPENDENT, coverages=(MEDICARE,), encounter=left), "midnight")
    assert factor.weighs == weighs
    assert factor.text.startswith(f"{days} midnight")


def test_days_under_observation_do_not_count() -> None:
    watched = stay(class_code="OBSENC")
    factor = _one(_factors(*DEPENDENT, coverages=(MEDICARE,), encounter=watched), "midnights")
    assert (factor.weighs, "observation does not count" in factor.text) == ("against", True)


def test_a_stay_without_a_beginning_leaves_the_midnights_open() -> None:
    factor = _one(_factors(*DEPENDENT, coverages=(MEDICARE,), encounter=stay(start=None)), "midnights")
    assert (factor.weighs, factor.evidence) == ("missing", ())


def test_other_insurers_have_rules_of_their_own() -> None:
    assert not [text for text in _factors(*DEPENDENT, coverages=(PRIVATE,)) if "midnight" in text]


def test_without_insurance_nobody_pays_and_without_a_record_of_it_nobody_knows() -> None:
    assert _one(_factors(*DEPENDENT, coverages=(SELF_PAY,)), "No insurance").weighs == "against"
    assert _one(_factors(*DEPENDENT), "Which insurance").weighs == "missing"


def test_who_goes_home_is_not_asked_for_facility_cover() -> None:
    assert not [text for text in _factors(*WELL, coverages=(MEDICARE,)) if "facility" in text]


def test_medicare_asks_whether_who_gets_a_nurse_at_home_is_homebound() -> None:
    wound = fact("L89.154")
    assert _one(_factors(*WELL, wound, coverages=(MEDICARE,)), "homebound").weighs == "missing"
    assert not [text for text in _factors(*WELL, wound, coverages=(PRIVATE,)) if "omebound" in text]
    assert not [text for text in _factors(answer("96761-2", 95), coverages=(MEDICARE,)) if "omebound" in text]


@pytest.mark.parametrize(
    "said",
    [
        fact("Z74.01"),
        fact("Z99.3"),
        fact("1", Kind.ORDER, system="local", text="Home health nursing, patient is homebound"),
    ],
)
def test_homebound_is_known_from_the_record(said: Fact) -> None:
    factor = _one(_factors(*WELL, fact("L89.154"), said, coverages=(MEDICARE,)), "Homebound")
    assert factor.weighs == "for"
    assert factor.evidence[0].reference == said.reference


def test_any_other_order_says_nothing_of_being_homebound() -> None:
    walk = fact("1", Kind.ORDER, system="local", text="Physical therapy evaluation")
    assert (
        _one(_factors(*WELL, fact("L89.154"), walk, coverages=(MEDICARE,)), "homebound").weighs == "missing"
    )


@pytest.mark.parametrize(
    ("wish", "weighs"),
    [
        ("Return home to live with her daughter", "against"),
        ("Rehab before going home", "for"),
        ("Accepts a nursing facility for some weeks", "for"),
    ],
)
def test_the_patient_s_goal_speaks_for_or_against_a_facility(wish: str, weighs: str) -> None:
    goal = fact("x", Kind.GOAL, system=System.TEXT, text=wish, codes=())
    factor = _one(_factors(*DEPENDENT, goal), "The patient's goal")
    assert (factor.weighs, factor.text) == (weighs, f"The patient's goal: {wish}")


def test_without_a_goal_about_the_place_the_patient_is_to_be_asked() -> None:
    walk = fact("x", Kind.GOAL, system=System.TEXT, text="Walk ten metres", codes=())
    assert _one(_factors(*DEPENDENT, walk), "What the patient prefers").weighs == "missing"
    given_up = fact("x", Kind.GOAL, system=System.TEXT, text="Return home", codes=(), status="cancelled")
    assert _one(_factors(*DEPENDENT, given_up), "What the patient prefers").weighs == "missing"


def test_a_factor_is_as_sensitive_as_what_it_rests_on() -> None:
    goal = fact(
        "x",
        Kind.GOAL,
        system=System.TEXT,
        text="Return home",
        codes=(),
        labels=frozenset({Label.SDV}),
    )
    assert _one(_factors(*DEPENDENT, goal), "The patient's goal").labels == {Label.SDV}


def test_a_factor_cites_the_statement_with_its_code_and_words() -> None:
    code = Code("local", "7", "Return home")
    goal = fact("7", Kind.GOAL, codes=(code,))
    wish = _one(_factors(*DEPENDENT, goal), "The patient's goal")
    assert [(one.reference, one.code, one.text) for one in wish.evidence] == [
        (goal.reference, code, "Return home")
    ]
    nights = _one(_factors(*DEPENDENT, coverages=(MEDICARE,)), "midnights").evidence
    assert [one.text for one in nights] == ["4 midnights as an inpatient", "Medicare"]
    bound = _one(_factors(*WELL, fact("L89.154"), fact("Z74.01"), coverages=(MEDICARE,)), "Homebound")
    assert [one.code for one in bound.evidence] == [Code(System.ICD10CM, "Z74.01")]


def test_what_is_missing_is_said_in_whole_sentences() -> None:
    wound = fact("L89.154")
    home = _factors(*WELL, wound, coverages=(MEDICARE,))
    assert "Whether the patient is homebound, as Medicare asks for before care at home" in home
    undated = _factors(*DEPENDENT, coverages=(MEDICARE,), encounter=stay(start=None))
    assert "How many midnights the stay has had: Medicare asks for three" in undated


def test_a_goal_from_the_future_is_not_yet_the_patient_s() -> None:
    later = fact(
        "x",
        Kind.GOAL,
        system=System.TEXT,
        text="Return home",
        codes=(),
        began=TODAY + timedelta(days=30),
    )
    assert _one(_factors(*DEPENDENT, later), "What the patient prefers").weighs == "missing"


def _disposition(*said: Fact | Observation, **more: Any) -> Disposition:
    return assess(record(*said, **more), CONTENT, today=TODAY).disposition


def test_who_has_dementia_and_nobody_on_record_cannot_be_sent_home_unasked() -> None:
    found = _disposition(answer("96761-2", 100), fact("F03.90"))
    assert found.suggested == ""
    factors = {one.text: one for one in found.factors}
    assert _one(factors, "day and night").weighs == "missing"
    assert _one(factors, "Dementia").weighs == "against"


def test_who_has_dementia_and_somebody_who_could_be_there_may_go_home() -> None:
    daughter = RelatedPerson("RelatedPerson/1")
    found = _disposition(answer("96761-2", 100), fact("F03.90"), related_persons=(daughter,))
    assert found.suggested == "home"
    assert not any("day and night" in one.text for one in found.factors)


def test_whoever_is_no_longer_there_is_nobody_who_could_be_with_the_patient() -> None:
    husband = RelatedPerson("RelatedPerson/1", active=False)
    assert _disposition(answer("96761-2", 100), fact("F03.90"), related_persons=(husband,)).suggested == ""
    alert = _disposition(
        *DEPENDENT[:1], related_persons=(husband,), encounter=stay(disposition=(Code("", "home"),))
    ).alert
    assert "nobody who can give it" in alert


def test_a_positive_screen_of_thinking_leaves_open_whether_the_patient_can_be_alone() -> None:
    found = _disposition(answer("96761-2", 100), answer("72233-0", 1))
    assert found.suggested == "home"
    factor = _one({one.text: one for one in found.factors}, "can be alone")
    assert factor.weighs == "missing"
    assert [one.text for one in factor.evidence] == ["Mini-Cog: 1"]


def test_a_home_without_heat_speaks_against_going_home() -> None:
    found = _disposition(answer("96761-2", 100), answer("96778-6", "LA31998-0"))
    assert _one({one.text: one for one in found.factors}, "Inadequate housing").weighs == "against"


def test_a_nursing_facility_is_told_from_long_term_care_and_from_weaning() -> None:
    assert "long-term care (PASRR)" in " ".join(_factors(*DEPENDENT))
    ventilated = " ".join(_factors(*DEPENDENT, fact("Z99.11")))
    assert "UB-04 63" in ventilated
    assert "PASRR" not in ventilated


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (Code(System.DISPOSITION, "hosp"), "Going to: hospice"),
        (Code(System.UB04, "50"), "Going to: hospice"),
        (Code(System.DISPOSITION, "hosp", "Hospice"), "Hospice"),
    ],
    ids=["FHIR", "UB-04", "named"],
)
def test_a_bare_code_of_a_place_is_told_in_words(code: Code, words: str) -> None:
    needs = assess(record(encounter=stay(disposition=(code,))), CONTENT, today=TODAY).needs
    (hospice,) = [need for need in needs if need.code == "hospice"]
    assert [one.text for one in hospice.evidence] == [words]
