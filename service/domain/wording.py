"""Expressions in words, as a clinician reads and signs them. Codes stand beside their meaning where we know it."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

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
    Scope,
    ScoreTest,
    ScreenedTest,
    StayTest,
)
from service.domain.instrument import Instrument, Item
from service.domain.record import Kind

_KINDS = {
    Kind.CONDITION: "diagnosis",
    Kind.PROCEDURE: "procedure",
    Kind.MEDICATION: "medicine",
    Kind.ORDER: "order",
    Kind.DEVICE: "device",
    Kind.APPOINTMENT: "appointment",
    Kind.ALLERGY: "allergy",
    Kind.DOCUMENT: "document",
    Kind.CONSENT: "consent",
    Kind.GOAL: "goal",
    Kind.CARE_PLAN: "care plan",
}
_SCOPES = {
    Scope.STAY: "of this stay",
    Scope.PROBLEM_LIST: "on the problem list",
    Scope.UPCOMING: "that begins today or later",
}
_COMBINING = {AnyOf: "any of", AllOf: "all of", NoneOf: "none of"}
_CATEGORY = 3


def combining(expression: AnyOf | AllOf | NoneOf | AtLeast) -> str:
    """What a combinator asks of its parts: "any of", "at least 2 of"."""
    if isinstance(expression, AtLeast):
        return f"at least {expression.count} of"
    return _COMBINING[type(expression)]


@dataclass(frozen=True, slots=True)
class Wording:
    """Says what a leaf asks, with the labels of the instruments' questions and answers."""

    instruments: Mapping[str, Instrument]
    items: Mapping[str, Item]
    #: What the codes of FHIR's discharge dispositions mean.
    places: Mapping[str, str] = field(default_factory=dict)

    def leaf(self, leaf: Leaf) -> str:
        """One line: "answer to Food did not last (88123-5): Often true or Sometimes true"."""
        return self._writers()[type(leaf)](leaf)

    def _writers(self) -> dict[type, Callable[[Any], str]]:
        return {
            CodeTest: _coded,
            AnswerTest: self._answered,
            ScoreTest: self._scored,
            ScreenedTest: self._screened,
            MeasureTest: _measured,
            PatientTest: _patient,
            CoverageTest: lambda test: f"insurance: {test.state}",
            StayTest: self._stay,
            RiskTest: _risk,
            RelatedTest: _related,
        }

    def _answered(self, test: AnswerTest) -> str:
        asked = _either(f"{self.items[code].label} ({code})" for code in test.questions)
        choices = {c.code: c.label for question in test.questions for c in self.items[question].choices}
        said = _either(dict.fromkeys(choices[code] for code in choices if code in test.answers))
        return f"answer to {asked}: {said}{_age(test.within_days)}"

    def _scored(self, test: ScoreTest) -> str:
        title = self.instruments[test.instrument].title
        return f"{title} score: {_either(sorted(test.bands)) or _threshold(test)}"

    def _screened(self, test: ScreenedTest) -> str:
        title = self.instruments[test.instrument].title
        if test.questions:
            asked = _either(f"{self.items[code].label} ({code})" for code in test.questions)
            return f"{title} begun: an answer to {asked}{_age(test.within_days)}"
        after = f", not before the answer to {self.items[test.since].label}" if test.since else ""
        return f"{title} answered completely{after}{_age(test.within_days)}"

    def _stay(self, test: StayTest) -> str:
        said = [
            f"class {_either(sorted(test.classes))}" if test.classes else "",
            self._going_to(test.dispositions) if test.dispositions else "",
            f"came from {_either(sorted(test.admit_sources))}" if test.admit_sources else "",
            f"{test.days_at_least} days or longer" if test.days_at_least is not None else "",
        ]
        return f"this stay: {', '.join(filter(None, said))}"

    def _going_to(self, codes: Collection[str]) -> str:
        """Places by their names; the codes of bills, of which several can mean one of these, as they are."""
        named = [self.places[code].lower() for code in sorted(codes) if code in self.places]
        billed = [code for code in sorted(codes) if code not in self.places]
        bills = [f"UB-04 {_either(billed)}"] if billed else []
        return f"going to {_either([*named, *bills])}"


def sentence(expression: Expression, leaf: Callable[[Leaf], str]) -> list[tuple[int, str]]:
    """An expression as lines with their depth, parts below what combines them."""
    if isinstance(expression, AnyOf | AllOf | NoneOf | AtLeast):
        below = [line for part in expression.of for line in sentence(part, leaf)]
        return [(0, combining(expression)), *((depth + 1, text) for depth, text in below)]
    return [(0, leaf(expression))]


def _risk(test: RiskTest) -> str:
    known = ", with the urgency of the admission on record" if test.urgency_known else ""
    return f"{test.score} {_threshold(test)}{known}"


def _coded(test: CodeTest) -> str:
    what = " ".join(filter(None, (_KINDS[test.kind], _SCOPES.get(test.scope, ""))))
    return f"{what}: {'; '.join(_members(test))}{_age(test.within_days)}"


def _members(test: CodeTest) -> Iterable[str]:
    yield from test.named
    if test.excluded:
        yield f"but not {', '.join(map(dotted, sorted(test.excluded)))}"
    if test.words:
        unsure = ", which alone decides nothing" if test.kind is Kind.CONDITION else ""
        yield f"the words {_either(f'“{word}”' for word in test.words)}{unsure}"
    if test.except_words:
        yield f"but not {_either(f'“{word}”' for word in test.except_words)}"
    if test.even_as:
        yield f"also as {_either(sorted(test.even_as))}"


def _measured(test: MeasureTest) -> str:
    which = f"{test.which} measurement"
    scope = f" {_SCOPES[test.scope]}" if test.scope in _SCOPES else ""
    codes = _either(test.questions)
    return f"{which}{scope} (LOINC {codes}) {_threshold(test)} {test.unit}{_age(test.within_days)}"


def _patient(test: PatientTest) -> str:
    said = [
        f"{test.age_at_least} years or older" if test.age_at_least is not None else "",
        f"younger than {test.age_below} years" if test.age_below is not None else "",
        test.sex,
        "prefers another language than the staff's" if test.foreign_language else "",
        "prefers the staff's language" if test.site_language else "",
        "needs an interpreter" if test.interpreter else "",
        "needs no interpreter" if test.no_interpreter else "",
        "veteran" if test.veteran else "",
    ]
    return f"patient: {', '.join(filter(None, said))}"


def _related(test: RelatedTest) -> str:
    return f"a related person: {_either(sorted(test.relationships)) or 'anyone'}"


def _threshold(test: Any) -> str:
    """Of the thresholds that this kind of leaf knows, the one that is given."""
    words = {"above": "above", "at_least": "at least", "below": "below", "at_most": "at most"}
    given = ((text, getattr(test, key, None)) for key, text in words.items())
    return next(f"{text} {value:g}" for text, value in given if value is not None)


def _age(days: int | None) -> str:
    return "" if days is None else f", in the last {days} days"


def _either(texts: Iterable[str]) -> str:
    *most, last = list(texts) or [""]
    return f"{', '.join(most)} or {last}" if most else last


def dotted(family: str) -> str:
    """An ICD-10-CM family as people write it: "Z594" → "Z59.4"."""
    return f"{family[:_CATEGORY]}.{family[_CATEGORY:]}" if len(family) > _CATEGORY else family
