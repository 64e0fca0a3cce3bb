"""Where one side of a limit ends and the other begins."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from service.domain.codes import Code, System
from service.domain.expression import (
    CodeTest,
    MeasureTest,
    RelatedTest,
    Scope,
    ScreenedTest,
    Truth,
)
from service.domain.record import (
    Coverage,
    Encounter,
    Kind,
    Language,
    Observation,
    Quantity,
    Record,
    RelatedPerson,
)
from service.pipeline.assess import assess
from service.pipeline.assess.answers import answer_codes
from service.pipeline.assess.counting import certainty_of, is_recent, observation_counts
from service.pipeline.assess.findings import Findings, collect
from service.pipeline.assess.logic import evaluate
from service.pipeline.assess.result import truth_between
from service.pipeline.assess.units import converted, quantity_of
from tests.builders import ADMITTED, ENCOUNTER, TODAY, answer, fact, person, record, stay
from tests.unit.pipeline.assess.shipped import CONTENT

DAY = timedelta(days=1)
F, U, T = Truth.FALSE, Truth.UNKNOWN, Truth.TRUE


def _findings(*said: Any, **more: Any) -> Findings:
    return collect(record(*said, **more), CONTENT, today=TODAY, site_language="en")


@pytest.mark.parametrize(
    ("low", "high", "at_least", "below", "expected"),
    [
        (10, 10, 10, None, T),
        (9, 10, 10, None, U),
        (9, 9, 10, None, F),
        (9, 9, None, 10, T),
        (9, 10, None, 10, U),
        (10, 11, None, 10, F),
        (10, 10, None, 10, F),
        (3, 4, None, None, T),
    ],
)
def test_a_range_is_past_a_threshold_only_as_a_whole(
    low: float, high: float, at_least: float | None, below: float | None, expected: Truth
) -> None:
    assert truth_between(low, high, at_least=at_least, below=below) is expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"above": 12}, F),
        ({"above": 11.9}, T),
        ({"at_least": 12}, T),
        ({"at_least": 12.1}, F),
        ({"below": 12}, F),
        ({"below": 12.1}, T),
        ({"at_most": 12}, T),
        ({"at_most": 11.9}, F),
    ],
)
def test_a_measurement_on_the_threshold_counts_as_the_words_say(
    asked: dict[str, Any], expected: Truth
) -> None:
    found = _findings(answer("718-7", 12, unit="g/dL"))
    assert evaluate(MeasureTest(("718-7",), "g/dL", **asked), found).truth is expected


def test_a_statement_is_recent_on_its_last_day() -> None:
    assert is_recent(TODAY - 30 * DAY, 30, TODAY)
    assert not is_recent(TODAY - 31 * DAY, 30, TODAY)
    assert not is_recent(None, 30, TODAY)
    assert is_recent(None, None, TODAY)


def test_tomorrow_may_already_have_begun_elsewhere_and_the_day_after_has_not() -> None:
    def on(day: date) -> Observation:
        return answer("718-7", 12, at=datetime(day.year, day.month, day.day, tzinfo=UTC))

    assert observation_counts(on(TODAY + DAY), TODAY)
    assert not observation_counts(on(TODAY + 2 * DAY), TODAY)
    assert certainty_of(fact("I10", began=TODAY + DAY), Scope.ANY, record(), TODAY)
    assert certainty_of(fact("I10", began=TODAY + 2 * DAY), Scope.ANY, record(), TODAY) is None


@pytest.mark.parametrize(
    ("kind", "scope", "said", "counts"),
    [
        (Kind.CONDITION, Scope.ANY, {"ended": TODAY}, False),
        (Kind.CONDITION, Scope.ANY, {"ended": TODAY + DAY}, True),
        (Kind.CONDITION, Scope.STAY, {"ended": ADMITTED.date()}, True),
        (Kind.CONDITION, Scope.STAY, {"ended": ADMITTED.date() - DAY}, False),
        (Kind.MEDICATION, Scope.ANY, {"status": "completed"}, False),
        (Kind.MEDICATION, Scope.ANY, {"ended": TODAY}, True),
        (Kind.MEDICATION, Scope.ANY, {"ended": TODAY - DAY}, False),
        (Kind.MEDICATION, Scope.STAY, {"status": "completed"}, True),
        (Kind.MEDICATION, Scope.STAY, {"ended": TODAY - DAY}, True),
        (Kind.MEDICATION, Scope.ANY, {"intent": "proposal"}, False),
        (Kind.MEDICATION, Scope.ANY, {"intent": "order"}, True),
        (Kind.PROCEDURE, Scope.ANY, {"status": "completed", "ended": TODAY - DAY}, True),
        (Kind.CARE_TEAM, Scope.ANY, {"status": "entered-in-error"}, False),
        (Kind.CARE_TEAM, Scope.ANY, {"status": "active"}, True),
        (Kind.APPOINTMENT, Scope.UPCOMING, {"began": TODAY}, True),
        (Kind.APPOINTMENT, Scope.UPCOMING, {"began": TODAY - DAY}, False),
        (Kind.APPOINTMENT, Scope.UPCOMING, {"began": None}, False),
    ],
)
def test_a_statement_counts_by_its_kind_scope_and_end(
    kind: Kind, scope: Scope, said: dict[str, Any], *, counts: bool
) -> None:
    given = fact("x", kind, system="local", **said)
    assert (certainty_of(given, scope, record(), TODAY) is not None) is counts


def test_what_was_said_in_a_part_of_the_stay_is_of_the_stay() -> None:
    inner = Encounter("Encounter/icu", "finished", "IMP", part_of=ENCOUNTER)
    other = Encounter("Encounter/old", "finished", "IMP", part_of="Encounter/e0")
    given = record(encounters=(inner, other))
    said = {where: fact("I10", encounter=where) for where in ("Encounter/icu", "Encounter/old")}
    assert certainty_of(said["Encounter/icu"], Scope.STAY, given, TODAY)
    assert certainty_of(said["Encounter/old"], Scope.STAY, given, TODAY) is None


def test_what_has_no_stay_is_of_the_one_in_which_it_was_observed() -> None:
    test = MeasureTest(("718-7",), "g/dL", below=13, scope=Scope.STAY)
    for at, expected in ((ADMITTED, T), (ADMITTED - DAY, U)):
        found = _findings(answer("718-7", 12, unit="g/dL", encounter="", at=at))
        assert evaluate(test, found).truth is expected


def test_an_answer_is_valid_through_its_last_day() -> None:
    days = CONTENT.valid_days["88122-7"]
    for age, known in ((days, True), (days + 1, False)):
        at = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) - age * DAY
        found = _findings(answer("88122-7", "LA28397-0", encounter="", at=at))
        assert ("88122-7" in found.answers) is known


def test_words_are_looked_for_within_their_time() -> None:
    worded = next(
        leaf
        for leaf in CONTENT.words
        if isinstance(leaf, CodeTest) and leaf.words and leaf.within_days is None and leaf.kind is Kind.ORDER
    )
    found = _findings(fact("x", Kind.ORDER, codes=(), text=f"see {worded.words[0]} today"))
    assert evaluate(worded, found).truth is U
    inside = _findings(fact("x", Kind.ORDER, codes=(), text=f"x{worded.words[0]}x"))
    assert evaluate(worded, inside).truth is F


def test_a_coded_statement_is_cited_once_however_many_of_its_codes_match() -> None:
    both = fact("I50.9", codes=(Code(System.ICD10CM, "I50.9"), Code(System.SNOMED, "42343007")))
    assessed = assess(record(both), CONTENT, today=TODAY)
    need = next(need for need in assessed.needs if need.code == "heart-failure-care")
    assert len(need.evidence) == 1


def test_a_resolved_diagnosis_of_the_stay_counts_for_the_scores() -> None:
    gone = fact("I21.4", status="resolved", ended=TODAY)
    old = fact("I50.9", status="resolved", ended=ADMITTED.date() - 30 * DAY, encounter="")
    parts = {part.name: part for part in _lace(gone, old)}
    assert parts["Comorbidity"].explanation == "Myocardial infarction 1"


def _lace(*said: Any) -> tuple[Any, ...]:
    scores = assess(record(*said), CONTENT, today=TODAY).risk_scores
    return next(score.parts for score in scores if score.name == "LACE")


def test_a_screen_done_on_the_day_of_the_question_follows_it() -> None:
    asked = answer("44260-8", "LA6569-3")
    test = ScreenedTest("phq-2", since="44260-8")
    items = [item.question for item in CONTENT.instruments["phq-2"].items]
    for shift, expected in ((0, T), (-1, F)):
        done = [answer(question, "LA6568-5", at=ADMITTED + (1 + shift) * DAY) for question in items]
        assert evaluate(test, _findings(asked, *done)).truth is expected
    undated = answer("44260-8", "LA6569-3", at=None)
    done = [answer(question, "LA6568-5") for question in items]
    assert evaluate(test, _findings(undated, *done)).truth is T
    assert evaluate(ScreenedTest("phq-2"), _findings(*done)).truth is T


@pytest.mark.parametrize(
    ("asked_at", "screened_at", "follows"),
    [
        ("2024-03-01T15:00:00-06:00", "2024-03-01T08:00:00-06:00", F),
        ("2024-03-01T08:00:00-06:00", "2024-03-01T15:00:00-06:00", T),
        ("2024-03-02T01:00:00+00:00", "2024-03-01T23:30:00-06:00", T),
        ("2024-03-01T15:00:00-06:00", "2024-03-01T00:00:00+00:00", T),
        ("2024-03-02T00:00:00+00:00", "2024-03-01T00:00:00+00:00", F),
    ],
    ids=["earlier that day", "later that day", "later in another zone", "on a day alone", "a day before"],
)
def test_a_screen_follows_the_question_by_the_clock(asked_at: str, screened_at: str, follows: Truth) -> None:
    asked = answer("44260-8", "LA6570-1", at=datetime.fromisoformat(asked_at))
    done = [
        answer(one, "LA32-8", at=datetime.fromisoformat(screened_at))
        for one in CONTENT.instruments["c-ssrs-screener"].complete
    ]
    test = ScreenedTest("c-ssrs-screener", since="44260-8")
    assert evaluate(test, _findings(asked, *done)).truth is follows


def test_an_item_of_points_counts_from_its_lowest_to_its_highest() -> None:
    braden = CONTENT.instruments["braden"]
    item = next(one for one in braden.items if one.high is not None)
    rest = [answer(one.question, one.high) for one in braden.items if one is not item]
    full = sum(one.high or 0 for one in braden.items)
    for points, low in ((item.low, full - (item.high or 0) + (item.low or 0)), (item.high, full)):
        found = _findings(*rest, answer(item.question, points)).scores["braden"]
        assert (found.low, found.high) == (low, low)
    outside = _findings(*rest, answer(item.question, (item.low or 0) - 1)).scores["braden"]
    assert outside.low < outside.high


def test_a_score_on_the_edge_of_a_band_is_in_the_upper_one() -> None:
    for total, bands in ((9, {"mild"}), (10, {"moderate"}), (14, {"moderate"}), (15, {"moderately severe"})):
        assert _findings(answer("44261-6", total)).scores["phq-9"].bands("female") == bands


def test_a_range_that_reaches_a_band_may_be_in_it() -> None:
    questions = [item.question for item in CONTENT.instruments["phq-9"].items if item.scored]
    items = [answer(question, "LA6570-1") for question in questions[:5]]
    score = _findings(*items).scores["phq-9"]
    assert (score.low, score.high) == (10, 22)
    assert score.bands("female") == {"moderate", "moderately severe", "severe"}
    less = _findings(*items[:3], *(answer(question, "LA6569-3") for question in questions[3:6]))
    assert (less.scores["phq-9"].low, less.scores["phq-9"].high) == (9, 18)
    assert less.scores["phq-9"].bands("male") == {"mild", "moderate", "moderately severe"}


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "expected"),
    [
        (120, "g/l", "g/dL", 12),
        (12, "GM/DL", "g/dL", 12),
        (5, "Percent", "%", 5),
        (5, "furlong", "%", None),
        (5, "", "", 5),
        (0, "{score}", "1", 0),
        (0, "%", "%", None),
        (-1, "kg", "kg", None),
        (0.1, "kg", "g", 100),
    ],
)
def test_a_unit_is_known_in_every_way_it_is_written(
    value: float, unit: str, wanted: str, expected: float | None
) -> None:
    found = converted(Quantity(value, unit), wanted)
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_quantity_is_read_from_text_or_from_a_coded_value() -> None:
    assert quantity_of(answer("x", "12.1 g/dL")) == Quantity(12.1, "g/dL")
    assert quantity_of(answer("x", "12")) == Quantity(12.0, "")
    assert quantity_of(answer("x", answers=(Code("", "7", "12 kg"),))) == Quantity(12.0, "kg")
    assert quantity_of(answer("x", answers=(Code("", "7"),))) == Quantity(7.0, "")
    assert quantity_of(answer("x")) is None
    for sign in "<>":
        assert quantity_of(answer("x", 12, text=f"{sign}12")) is None


def test_someone_is_there_through_the_last_day() -> None:
    for end, expected in ((TODAY, T), (TODAY - DAY, F)):
        someone = RelatedPerson("RelatedPerson/1", end=end)
        assert evaluate(RelatedTest(), _findings(related_persons=(someone,))).truth is expected


def test_points_answer_a_question_only_where_no_words_do() -> None:
    item = CONTENT.items["44250-9"]
    by_points = answer("44250-9", 2)
    assert answer_codes(item, by_points) == ("LA6570-1",)
    both = answer("44250-9", 2, text="Not at all")
    assert answer_codes(item, both) == ("LA6568-5",)
    assert answer_codes(item, answer("44250-9", "nonsense")) == ()


def test_a_language_named_in_words_is_known() -> None:
    named: Record = record(patient=person(languages=(Language("", "English"),)))
    codes = {need.code: need.state for need in assess(named, CONTENT, today=TODAY).needs}
    assert codes["language-access"] != "present"


def test_a_coverage_without_a_status_is_in_force() -> None:
    for status, insured in (("", True), ("active", True), ("draft", False)):
        given = record(coverages=(Coverage("Coverage/1", status, (), "Plan"),))
        states = {need.code: need.state for need in assess(given, CONTENT, today=TODAY).needs}
        assert (states["health-insurance-coverage-status"] == "absent") is insured


def test_a_stay_that_ended_is_assessed_up_to_its_end() -> None:
    left = stay(end=ADMITTED + 2 * DAY)
    parts = {part.name: part for part in _lace_of(left)}
    assert parts["Length of stay"].points == 2


def _lace_of(planned: Encounter) -> tuple[Any, ...]:
    scores = assess(record(encounter=planned), CONTENT, today=TODAY).risk_scores
    return next(score.parts for score in scores if score.name == "LACE")
