"""Leaves that ask for statements of the record: codes, answers, scores, measurements."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from service.domain.evidence import Certainty, Evidence
from service.domain.expression import (
    AnswerTest,
    CodeTest,
    MeasureTest,
    RiskTest,
    Scope,
    ScoreTest,
    ScreenedTest,
    Truth,
    Which,
)
from service.domain.record import Observation
from service.domain.risk import URGENCY
from service.pipeline.assess.answers import Answered
from service.pipeline.assess.citing import day_of, in_time, once
from service.pipeline.assess.counting import is_recent, observed_in_stay
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.result import UNKNOWN, Result, truth_between, truth_of
from service.pipeline.assess.scores import Scored
from service.pipeline.assess.units import converted, quantity_of


def coded(test: CodeTest, findings: Findings) -> Result:
    """True with a coded statement; words alone leave it unknown; otherwise the record does not say so."""
    if found := findings.hits.get(test):
        return Result(Truth.TRUE, found)
    hints = findings.hints.get(test, ())
    return Result(Truth.UNKNOWN if hints else Truth.FALSE, hints)


def answered(test: AnswerTest, findings: Findings) -> Result:
    """Any of the questions was last answered so."""
    known = findings.answers
    each = [_one_answer(known[question], test, findings) for question in test.questions if question in known]
    if not each:
        return UNKNOWN
    for truth in (Truth.TRUE, Truth.UNKNOWN):
        if any(result.truth is truth for result in each):
            return Result(truth, _evidence(result for result in each if result.truth is truth))
    return Result(Truth.FALSE, _evidence(each)) if len(each) == len(test.questions) else UNKNOWN


def scored(test: ScoreTest, findings: Findings) -> Result:
    """The latest score lies where the leaf asks; text without a code never decides."""
    score = findings.scores.get(test.instrument)
    if score is None:
        return UNKNOWN
    truth = _score_truth(test, score, findings.record.patient.sex)
    return Result(Truth.UNKNOWN if score.named_only else truth, score.evidence)


def screened(test: ScreenedTest, findings: Findings) -> Result:
    """The instrument was answered completely, and not before the question it must follow."""
    if test.questions:
        return _begun(test, findings)
    instrument = findings.content.instruments[test.instrument]
    told = [findings.answers.get(question) for question in instrument.complete]
    given = [one for one in told if one is not None and not one.declined]
    score = findings.scores.get(test.instrument)
    if score is not None and score.complete and not score.named_only:
        return Result(truth_of(_follows(score.on, None, test, findings)), score.evidence)
    done = bool(given) and len(given) == len(told)
    done = done and all(_follows(one.on, one.at, test, findings) for one in given)
    return Result(truth_of(done), _cited(given) if done else ())


def _begun(test: ScreenedTest, findings: Findings) -> Result:
    told = [findings.answers.get(question) for question in test.questions]
    said = [one for one in told if one is not None and not one.declined]
    given = [one for one in said if _follows(one.on, one.at, test, findings)]
    return Result(truth_of(given), _cited(given))


def measured(test: MeasureTest, findings: Findings) -> Result:
    """The latest (lowest, highest) measurement is past the threshold; an unknown unit leaves it unknown."""
    said = [one for question in test.questions for one in findings.observed.get(question, ())]
    usable = [one for one in said if _in_reach(one, test, findings)]
    values = [(one, value) for one in usable if (value := _value(one, test)) is not None]
    if not values:
        return _unread(usable, findings)
    chosen, value = _chosen(values, test.which)
    shown = f"{_name_of(chosen, findings)}: {value:g} {test.unit}".strip()
    return Result(truth_of(_past(value, test)), (findings.citing.observation(chosen, shown),))


def _unread(said: Sequence[Observation], findings: Findings) -> Result:
    """Something was measured, in a unit or words that cannot be compared: to be looked at, never taken for none."""
    told = [one for one in said if one.quantity is not None or one.text]
    if not told:
        return UNKNOWN
    last = max(told, key=in_time)
    shown = f"{_name_of(last, findings)}: a value that cannot be compared"
    return Result(Truth.UNKNOWN, (findings.citing.observation(last, shown, Certainty.UNCERTAIN),))


def _name_of(observation: Observation, findings: Findings) -> str:
    """What was measured, by the code that somebody asks for, in whichever words stand at any of them."""
    asked = findings.citing.asked(observation)
    displays = (code.display for code in (asked, *observation.codes) if code)
    return next(filter(None, displays), asked.code if asked else "")


def at_risk(test: RiskTest, findings: Findings) -> Result:
    """A risk score is past the threshold, for certain."""
    for score in findings.risks:
        if score.name == test.score:
            truth = truth_between(score.low, score.high, at_least=test.at_least, below=test.below)
            is_open = test.urgency_known and URGENCY.get(test.score) in score.missing
            if truth is Truth.UNKNOWN or (is_open and truth is Truth.TRUE):
                return UNKNOWN
            return Result(truth, once(one for part in score.parts for one in part.evidence))
    return UNKNOWN


def _one_answer(answered: Answered, test: AnswerTest, findings: Findings) -> Result:
    if not is_recent(answered.on, test.within_days, findings.today):
        return UNKNOWN
    if answered.declined:
        return Result(Truth.UNKNOWN, answered.evidence)
    return Result(truth_of(answered.codes & test.answers), answered.evidence)


def _score_truth(test: ScoreTest, score: Scored, sex: str) -> Truth:
    if not test.bands:
        return truth_between(score.low, score.high, at_least=test.at_least, below=test.below)
    possible = score.bands(sex)
    if possible <= test.bands:
        return Truth.TRUE
    return Truth.UNKNOWN if possible & test.bands else Truth.FALSE


def _follows(day: date | None, at: datetime | None, test: ScreenedTest, findings: Findings) -> bool:
    """By instants where both are known: the digits of a day are those of its own zone."""
    if not is_recent(day, test.within_days, findings.today):
        return False
    since = findings.answers.get(test.since)
    if not test.since or since is None or since.on is None:
        return True
    if at is not None and since.at is not None:
        return at >= since.at
    return day is not None and day >= since.on


def _in_reach(observation: Observation, test: MeasureTest, findings: Findings) -> bool:
    if test.scope is Scope.STAY and not observed_in_stay(observation, findings.record):
        return False
    return is_recent(day_of(observation), test.within_days, findings.today)


def _value(observation: Observation, test: MeasureTest) -> float | None:
    quantity = quantity_of(observation)
    return None if quantity is None else converted(quantity, test.unit)


def _chosen(values: Sequence[tuple[Observation, float]], which: Which) -> tuple[Observation, float]:
    if which is Which.LOWEST:
        return min(values, key=lambda pair: pair[1])
    if which is Which.HIGHEST:
        return max(values, key=lambda pair: pair[1])
    return max(values, key=lambda pair: in_time(pair[0]))


def _past(value: float, test: MeasureTest) -> bool:
    return (
        (test.above is not None and value > test.above)
        or (test.at_least is not None and value >= test.at_least)
        or (test.below is not None and value < test.below)
        or (test.at_most is not None and value <= test.at_most)
    )


def _cited(answers: Iterable[Answered]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(one for answered in answers for one in answered.evidence))


def _evidence(results: Iterable[Result]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(one for result in results for one in result.evidence))
