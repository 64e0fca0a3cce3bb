"""Expressions over findings: true, false or unknown, each with the evidence that made it so."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from service.domain.evidence import Evidence
from service.domain.explanation import Step
from service.domain.expression import (
    AllOf,
    AnswerTest,
    AnyOf,
    AtLeast,
    CodeTest,
    CoverageTest,
    Expression,
    MeasureTest,
    NoneOf,
    PatientTest,
    RelatedTest,
    RiskTest,
    ScoreTest,
    ScreenedTest,
    StayTest,
    Truth,
)
from service.domain.wording import combining
from service.pipeline.assess import person, statements
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.result import Result

_LEAVES: dict[type, Callable[[Any, Findings], Result]] = {
    CodeTest: statements.coded,
    AnswerTest: statements.answered,
    ScoreTest: statements.scored,
    ScreenedTest: statements.screened,
    MeasureTest: statements.measured,
    RiskTest: statements.at_risk,
    PatientTest: person.patient,
    CoverageTest: person.covered,
    StayTest: person.stayed,
    RelatedTest: person.related,
}


#: A tuple made once: a union written into isinstance is made anew at each of a thousand calls.
_COMBINATORS = (AnyOf, AllOf, NoneOf, AtLeast)


@dataclass(frozen=True, slots=True)
class Traced:
    """What an expression gives, and how it came about part by part; there only leaves carry their evidence."""

    result: Result
    step: Step


def evaluate(expression: Expression, findings: Findings) -> Result:
    """Kleene's logic; a combinator's evidence is that of the parts that decided it."""
    if isinstance(expression, _COMBINATORS):
        return _combined(expression, [evaluate(part, findings) for part in expression.of])
    return _LEAVES[type(expression)](expression, findings)


def trace(expression: Expression, findings: Findings) -> Traced:
    """The same evaluation, told part by part."""
    if not isinstance(expression, _COMBINATORS):
        result = evaluate(expression, findings)
        words = findings.content.words.get(expression, "")
        return Traced(result, Step(words, result.truth, result.evidence))
    parts = [trace(part, findings) for part in expression.of]
    result = _combined(expression, [part.result for part in parts])
    told = tuple(part.step for part in parts)
    negates = isinstance(expression, NoneOf)
    return Traced(result, Step(combining(expression), result.truth, parts=told, negates=negates))


def holds(expression: Expression | None, findings: Findings) -> bool:
    """Whether an expression is true; one that is not given always is."""
    return expression is None or evaluate(expression, findings).truth is Truth.TRUE


@dataclass(frozen=True, slots=True)
class _Count:
    """How many parts are true, and how many could be."""

    true: int
    possible: int


def _combined(expression: AnyOf | AllOf | NoneOf | AtLeast, parts: list[Result]) -> Result:
    truths = [part.truth for part in parts]
    true = truths.count(Truth.TRUE)
    count = _Count(true, true + truths.count(Truth.UNKNOWN))
    needed = _needed(expression)
    truth = _threshold(count, needed)
    if isinstance(expression, NoneOf):
        truth = _opposite(truth)
    return Result(truth, _deciding(truth, parts, negated=isinstance(expression, NoneOf)))


def _needed(expression: AnyOf | AllOf | NoneOf | AtLeast) -> int:
    if isinstance(expression, AllOf):
        return len(expression.of)
    return expression.count if isinstance(expression, AtLeast) else 1


def _threshold(count: _Count, needed: int) -> Truth:
    if count.true >= needed:
        return Truth.TRUE
    return Truth.UNKNOWN if count.possible >= needed else Truth.FALSE


def _opposite(truth: Truth) -> Truth:
    return {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE}.get(truth, truth)


def _deciding(truth: Truth, parts: Iterable[Result], *, negated: bool) -> tuple[Evidence, ...]:
    wanted = _opposite(truth) if negated else truth
    deciding = (one for part in parts if part.truth is wanted for one in part.evidence)
    return tuple(dict.fromkeys(deciding))
