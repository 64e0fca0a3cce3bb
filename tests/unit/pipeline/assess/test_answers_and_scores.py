"""Answers and scores: which one counts, what a total says against its items, what stays open."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.codes import Code, System
from service.domain.content import Content
from service.domain.evidence import Certainty
from service.domain.expression import MeasureTest, Scope, ScoreTest, ScreenedTest, Truth, Which
from service.domain.record import GapReason, Observation, Quantity
from service.pipeline.assess import assess
from service.pipeline.assess.findings import Findings, collect
from service.pipeline.assess.logic import evaluate
from service.pipeline.assess.units import converted, quantity_of
from tests.builders import TODAY, answer, person, record
from tests.unit.pipeline.assess.shipped import CONTENT

PHQ9 = ("44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3", "44260-8")
POINTS = ("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9")


def _on(day: int) -> datetime:
    return datetime(2024, 3, day, 10, tzinfo=UTC)


def _findings(content: Content, *statements: Observation, **more: Any) -> Findings:
    return collect(record(*statements, **more), content, today=TODAY, site_language="en")


def _phq9(*points: int, day: int = 2) -> list[Observation]:
    return [
        answer(question, POINTS[point], at=_on(day)) for question, point in zip(PHQ9, points, strict=False)
    ]


def test_a_complete_sum_is_one_number(content: Content) -> None:
    score = _findings(content, *_phq9(1, 1, 1, 1, 1, 2, 2, 2, 0)).scores["phq-9"]
    assert (score.low, score.high, score.complete) == (11, 11, True)
    assert score.bands("female") == {"moderate"}
    assert "Mood: Several days" in {one.text for one in score.evidence}


def test_missing_items_make_a_range(content: Content) -> None:
    score = _findings(content, *_phq9(3, 3, 3, 0, 0, 0, 0, 0)).scores["phq-9"]
    assert (score.low, score.high) == (9, 12)
    assert score.bands("female") == {"mild", "moderate"}


def test_a_recorded_total_that_disagrees_is_a_gap_and_leaves_the_score_open(content: Content) -> None:
    total = answer("44261-6", 20)
    findings = _findings(content, *_phq9(1, 1, 1, 1, 1, 1, 1, 1, 1), total)
    assert (findings.scores["phq-9"].low, findings.scores["phq-9"].high) == (9, 20)
    assert {one.certainty for one in findings.scores["phq-9"].evidence} == {Certainty.CONFLICTED}
    (gap,) = findings.gaps
    assert (gap.reason, gap.about) == (
        GapReason.DISAGREES,
        "Screening",
    )  # the instrument's name would give it away


def test_a_high_total_over_low_answers_is_no_no(content: Content) -> None:
    """Nor does an older score without doubt stand for it."""
    older = [answer("44261-6", 2, at=_on(1), reference="Observation/old")]
    said = (*older, *_phq9(1, 1, 1, 1, 1, 1, 1, 1, 0), answer("44261-6", 22, at=_on(2)))
    score = _findings(content, *said).scores["phq-9"]
    assert (score.low, score.high) == (8, 22)
    (need,) = [
        one for one in assess(record(*said), content, today=TODAY).needs if one.code == "behavioral-health"
    ]
    assert str(need.state) == "not_assessed"


def test_a_disagreement_of_an_open_instrument_names_it(content: Content) -> None:
    items = [answer(q, 2) for q in ("38222-6", "38229-1", "38223-4", "38224-2", "38225-9", "38226-7")]
    (gap,) = _findings(content, *items, answer("38227-5", 20)).gaps
    assert gap.about == "Braden Scale"


def test_two_totals_of_one_day_that_differ_make_a_range(content: Content) -> None:
    first = answer("59460-6", 20, reference="Observation/a")
    second = answer("59460-6", 50, reference="Observation/b")
    score = _findings(content, first, second).scores["morse"]
    assert (score.low, score.high) == (20, 50)


@pytest.mark.parametrize("total", [-1, 28, 900])
def test_a_total_out_of_range_is_not_used(total: int, content: Content) -> None:
    assert "phq-9" not in _findings(content, answer("44261-6", total)).scores


@pytest.mark.parametrize("given", ["12", "12 points"])
def test_a_total_written_as_text_counts(given: str, content: Content) -> None:
    assert _findings(content, answer("44261-6", given)).scores["phq-9"].low == 12


def test_a_total_sent_as_a_coded_value_counts(content: Content) -> None:
    odd = answer("95614-4", None, answers=(Code("", "{score}", "12"),))
    assert _findings(content, odd).scores["hits"].bands("female") == {"positive"}


def test_points_as_numbers_are_answers_too(content: Content) -> None:
    items = [answer(question, 1) for question in PHQ9]
    assert _findings(content, *items).scores["phq-9"].low == 9


def test_the_cut_of_alcohol_use_differs_by_sex(content: Content) -> None:
    score = _findings(content, answer("75626-2", 3)).scores["audit-c"]
    assert score.bands("female") == {"positive"}
    assert score.bands("male") == {"negative"}
    assert score.bands("") == {"positive", "negative"}
    test = ScoreTest("audit-c", frozenset({"positive", "high"}))
    unknown = _findings(content, answer("75626-2", 3), patient=person(sex=""))
    assert evaluate(test, unknown).truth is Truth.UNKNOWN


def test_a_later_complete_screen_wins_over_an_earlier_one(content: Content) -> None:
    items = [*_phq9(3, 3, 3, 3, 3, 3, 3, 3, 3, day=1), *_phq9(0, 0, 0, 0, 0, 0, 0, 0, 0, day=3)]
    assert _findings(content, *items).scores["phq-9"].high == 0


def test_two_questions_of_another_screen_do_not_replace_a_complete_one(content: Content) -> None:
    items = [*_phq9(1, 1, 1, 1, 1, 1, 1, 1, 1, day=1), *_phq9(0, 0, day=3)]
    findings = _findings(content, *items)
    assert findings.scores["phq-9"].low == 9
    assert findings.scores["phq-2"].high == 0


def test_screened_asks_for_all_of_a_screen(content: Content) -> None:
    test = ScreenedTest("c-ssrs-screener")
    some = [answer("93246-7", "LA32-8"), answer("93247-5", "LA32-8")]
    assert evaluate(test, _findings(content, *some)).truth is Truth.FALSE
    assert evaluate(test, _findings(content, *some, answer("93267-3", "LA32-8"))).truth is Truth.TRUE
    declined = answer("93267-3", absent="asked-declined")
    assert evaluate(test, _findings(content, *some, declined)).truth is Truth.FALSE


def test_a_total_makes_a_screen_complete(content: Content) -> None:
    after = ScreenedTest("phq-9", "93246-7")
    asked = answer("93246-7", "LA32-8", at=_on(3))
    late, early = answer("44261-6", 4, at=_on(3)), answer("44261-6", 4, at=_on(2))
    assert evaluate(after, _findings(content, asked, late)).truth is Truth.TRUE
    assert evaluate(after, _findings(content, asked, early)).truth is Truth.FALSE


@pytest.mark.parametrize("points", [0, 5, 2.5])
def test_an_item_answered_by_a_number_counts_within_its_bounds(points: float, content: Content) -> None:
    score = _findings(content, answer("38222-6", points), answer("38229-1", 4)).scores["braden"]
    known = points if 1 <= points <= 4 else None
    assert (score.low, score.high) == ((known or 1) + 4 + 4, (known or 4) + 4 + 4 + 4 + 4 + 3)


def test_a_measurement_of_another_stay_is_none_of_this_one(content: Content) -> None:
    elsewhere = answer("59408-5", 80, unit="%", encounter="Encounter/other")
    assert _value_past(content, elsewhere, scope=Scope.STAY) is Truth.UNKNOWN
    assert _value_past(content, elsewhere) is Truth.TRUE


def test_an_undated_answer_is_uncertain_and_loses_to_a_dated_one(content: Content) -> None:
    undated = answer("88122-7", "LA28397-0", at=None, reference="Observation/undated")
    dated = answer("88122-7", "LA28398-8", reference="Observation/dated")
    alone = _findings(content, undated).answers["88122-7"]
    assert {one.certainty for one in alone.evidence} == {Certainty.UNCERTAIN}
    assert _findings(content, undated, dated).answers["88122-7"].codes == {"LA28398-8"}


def test_an_answer_from_the_future_does_not_count(content: Content) -> None:
    assert (
        _findings(content, answer("88122-7", "LA28397-0", at=datetime(2030, 1, 1, tzinfo=UTC))).answers == {}
    )


def test_an_answer_of_the_stay_stays_valid_however_long_ago(content: Content) -> None:
    findings = collect(
        record(answer("96761-2", 40)), content, today=TODAY.replace(year=2026), site_language="en"
    )
    assert findings.scores["barthel"].low == 40


def test_several_answers_to_a_question_that_allows_them_are_no_conflict(content: Content) -> None:
    both = answer("96778-6", None, answers=(Code(System.LOINC, "LA31996-4"), Code(System.LOINC, "LA28580-1")))
    answered = _findings(content, both).answers["96778-6"]
    assert not answered.conflicted
    assert answered.evidence[0].text == "Problems with the home: Pests, Mold"


def test_opposite_answers_of_one_day_are_a_conflict(content: Content) -> None:
    yes = answer("96779-4", "LA33-6", reference="Observation/a")
    no = answer("96779-4", "LA32-8", reference="Observation/b")
    answered = _findings(content, yes, no).answers["96779-4"]
    assert answered.conflicted
    assert {one.certainty for one in answered.evidence} == {Certainty.CONFLICTED}


def test_an_answer_nobody_knows_is_no_answer(content: Content) -> None:
    assert "88122-7" not in _findings(content, answer("88122-7", "LA1-1")).answers


def test_a_boolean_answers_yes_or_no(content: Content) -> None:
    assert _findings(content, answer("96779-4", "true")).answers["96779-4"].codes == {"LA33-6"}
    assert _findings(content, answer("96779-4", "false")).answers["96779-4"].codes == {"LA32-8"}


def _value_past(content: Content, *statements: Observation, **more: Any) -> Truth:
    asked: dict[str, Any] = {"questions": ("59408-5",), "unit": "%", "at_most": 88, **more}
    return evaluate(MeasureTest(**asked), _findings(content, *statements)).truth


def test_a_measurement_is_compared_in_its_unit(content: Content) -> None:
    # 59408-5 is asked for by a shipped protocol, so it is kept.
    assert _value_past(content, answer("59408-5", 88, unit="%")) is Truth.TRUE
    assert _value_past(content, answer("59408-5", 89, unit="%")) is Truth.FALSE
    assert _value_past(content, answer("59408-5", 88, unit="kPa")) is Truth.UNKNOWN
    assert _value_past(content, answer("59408-5", 88)) is Truth.UNKNOWN
    assert _value_past(content, answer("59408-5", "87 %")) is Truth.TRUE
    assert _value_past(content) is Truth.UNKNOWN


def test_the_latest_lowest_or_highest_measurement_is_compared(content: Content) -> None:
    low = answer("59408-5", 85, unit="%", at=_on(2), reference="Observation/low")
    high = answer("59408-5", 97, unit="%", at=_on(3), reference="Observation/high")
    assert _value_past(content, low, high) is Truth.FALSE
    assert _value_past(content, low, high, which=Which.LOWEST) is Truth.TRUE
    assert _value_past(content, low, high, which=Which.HIGHEST) is Truth.FALSE
    assert _value_past(content, low, within_days=2) is Truth.UNKNOWN


@pytest.mark.parametrize(
    ("quantity", "unit", "expected"),
    [
        (Quantity(121, "g/L"), "g/dL", 12.1),
        (Quantity(12.1, "g/dl"), "g/dL", 12.1),
        (Quantity(135, "mEq/L"), "mmol/L", 135),
        (Quantity(150, "[lb_av]"), "kg", 68.0388555),
        (Quantity(7.5, "mmol/L"), "g/dL", None),
        (Quantity(12, ""), "g/dL", None),
        (Quantity(12, "furlong"), "g/dL", None),
    ],
)
def test_units_convert_only_where_it_is_certain(
    quantity: Quantity, unit: str, expected: float | None
) -> None:
    assert converted(quantity, unit) == (None if expected is None else pytest.approx(expected))


def test_a_number_is_read_from_text_and_never_from_a_comparison() -> None:
    assert quantity_of(answer("718-7", "12.1 g/dL")) == Quantity(12.1, "g/dL")
    assert quantity_of(answer("718-7", "low")) is None
    assert quantity_of(answer("718-7", None, quantity=Quantity(7, "g/dL"), text="<7 g/dL")) is None


@given(points=st.lists(st.sampled_from(range(4)), max_size=9))
def test_the_range_of_a_partial_sum_holds_every_completion(points: list[int]) -> None:
    score = _findings(CONTENT, *_phq9(*points)).scores.get("phq-9")
    if not points:
        assert score is None
        return
    assert score is not None
    assert score.low == sum(points)
    assert score.high == sum(points) + 3 * (9 - len(points))


def test_a_screening_gap_reaches_the_assessment(content: Content) -> None:
    total = answer("44261-6", 20)
    assessment = assess(record(*_phq9(1, 1, 1, 1, 1, 1, 1, 1, 1), total), content, today=TODAY)
    assert GapReason.DISAGREES in {gap.reason for gap in assessment.gaps}
