"""Expressions over findings: true, false or unknown, each with the evidence that made it so."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

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
    Leaf,
    MeasureTest,
    NoneOf,
    PatientTest,
    RelatedTest,
    RiskTest,
    ScoreTest,
    ScreenedTest,
    StayTest,
    Truth,
    leaves,
)
from service.domain.sensitivity import NONE, Labels, merge
from service.domain.wording import combining
from service.pipeline.assess import person, statements
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.insurance import covered
from service.pipeline.assess.result import Result
from service.pipeline.assess.unread_types import types_asked

_LEAVES: dict[type, Callable[[Any, Findings], Result]] = {
    CodeTest: statements.coded,
    AnswerTest: statements.answered,
    ScoreTest: statements.scored,
    ScreenedTest: statements.screened,
    MeasureTest: statements.measured,
    RiskTest: statements.at_risk,
    PatientTest: person.patient,
    CoverageTest: covered,
    StayTest: person.stayed,
    RelatedTest: person.related,
}


_Combinator = AnyOf | AllOf | NoneOf | AtLeast
#: A tuple made once: a union written into isinstance is made anew at each of a thousand calls.
_COMBINATORS = (AnyOf, AllOf, NoneOf, AtLeast)
#: Far more than come up: twelve inpatients made 82.
_KEPT = 10_000
_OPPOSITE = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE, Truth.UNKNOWN: Truth.UNKNOWN}


class Traced(NamedTuple):
    """What an expression gives, and how it came about part by part; there only leaves carry their evidence.

    labels are those of all statements that were looked at, also of those that decided nothing.
    """

    result: Result
    step: Step
    labels: Labels = NONE


def evaluate(expression: Expression, findings: Findings) -> Result:
    """Kleene's logic; a combinator's evidence is that of the parts that decided it."""
    if isinstance(expression, _COMBINATORS):
        return _combined(expression, [evaluate(part, findings) for part in expression.of])
    return _leaf(expression, findings)


def _leaf(leaf: Leaf, findings: Findings) -> Result:
    """What the record says; that it does not say so proves nothing while a fault keeps such statements from us."""
    result: Result = _LEAVES[type(leaf)](leaf, findings)
    if findings.unread and result.truth is Truth.FALSE and types_asked(leaf) & findings.unread:
        return Result(Truth.UNKNOWN, result.evidence)
    return result


def trace(expression: Expression, findings: Findings) -> Traced:
    """The same evaluation, told part by part."""
    found = [_leaf(leaf, findings) for leaf in leaves(expression)]
    cited = [one.labels for result in found for one in result.evidence]
    if cited:
        return Traced(*_told(expression, iter(found), findings.content.words), merge(cited))
    truths = tuple([result.truth for result in found])
    known = findings.content.told_before
    # Most expressions find nothing in most records. Nothing of the record is in that, so it is put together once.
    if (told := known.get((expression, truths))) is None:
        told = Traced(*_told(expression, iter(found), findings.content.words))
        if len(known) < _KEPT:
            known[expression, truths] = told
    return told


def _told(expression: Expression, found: Iterator[Result], words: Mapping[Leaf, str]) -> tuple[Result, Step]:
    """An expression put together from what its leaves gave, in reading order."""
    if not isinstance(expression, _COMBINATORS):
        result = next(found)
        return result, Step(words.get(expression, ""), result.truth, result.evidence)
    parts = [_told(part, found, words) for part in expression.of]
    result = _combined(expression, [result for result, _ in parts])
    told = tuple([step for _, step in parts])
    return result, Step(combining(expression), result.truth, (), told, isinstance(expression, NoneOf))


def holds(expression: Expression | None, findings: Findings) -> bool:
    """Whether an expression is true; one that is not given always is."""
    return expression is None or evaluate(expression, findings).truth is Truth.TRUE


def _combined(expression: _Combinator, parts: list[Result]) -> Result:
    truths = [part.truth for part in parts]
    true = truths.count(Truth.TRUE)
    truth = _threshold(true, true + truths.count(Truth.UNKNOWN), _needed(expression))
    if isinstance(expression, NoneOf):
        return Result(_OPPOSITE[truth], _deciding(truth, parts))
    return Result(truth, _deciding(truth, parts))


def _needed(expression: _Combinator) -> int:
    if isinstance(expression, AllOf):
        return len(expression.of)
    return expression.count if isinstance(expression, AtLeast) else 1


def _threshold(true: int, possible: int, needed: int) -> Truth:
    """From how many parts are true and how many could be."""
    if true >= needed:
        return Truth.TRUE
    return Truth.UNKNOWN if possible >= needed else Truth.FALSE


def _deciding(truth: Truth, parts: Iterable[Result]) -> tuple[Evidence, ...]:
    deciding = [part.evidence for part in parts if part.truth is truth and part.evidence]
    if len(deciding) > 1:
        return tuple(dict.fromkeys(chain.from_iterable(deciding)))
    return deciding[0] if deciding else ()
