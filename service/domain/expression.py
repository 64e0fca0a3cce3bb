"""What a protocol asks of a record. An expression is data: `service.pipeline.assess` evaluates it.

Every question has three answers. A leaf compares equal to another leaf that asks the same, so that all leaves which
look for codes can be found from a code (`service.domain.content.CodeIndex`).
"""

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from functools import lru_cache
from typing import Any, TypeVar, dataclass_transform

from service.domain.record import Kind

_Made = TypeVar("_Made")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def _question(made: type[_Made]) -> type[_Made]:
    """A frozen dataclass whose hash is worked out once: each is looked up many times for every record."""
    frozen = dataclass(frozen=True)(made)
    work_out = frozen.__hash__

    def kept(self: Any) -> int:
        try:
            return self._hash  # type: ignore[no-any-return]  # set below
        except AttributeError:
            vars(self)["_hash"] = work_out(self)
            return self._hash  # type: ignore[no-any-return]

    setattr(frozen, "__hash__", kept)  # noqa: B010  mypy takes a plain assignment for a mistake
    return frozen


class Truth(Enum):
    """Kleene's three values: what is not known is not false."""

    __hash__ = object.__hash__  # Enum's own works out the name's hash each time

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2


class Scope(StrEnum):
    """Which statements of the record a leaf looks at."""

    ANY = "any"
    STAY = "stay"  # of the stay being planned, also what was resolved in it
    PROBLEM_LIST = "problem-list"
    UPCOMING = "upcoming"  # begins today or later


class Insured(StrEnum):
    """What can be asked of the Coverage resources."""

    UNINSURED = "uninsured"
    INSURED = "insured"
    PENDING = "pending"  # an application is open
    LIMITED = "limited"  # pays for some care only, or only for what another does not
    MEDICARE = "medicare"
    MEDICAID = "medicaid"
    MILITARY = "military"  # of those who serve or served, and of their families


class Which(StrEnum):
    """Which of several measurements is compared."""

    LATEST = "latest"
    LOWEST = "lowest"
    HIGHEST = "highest"


class EvenAs(StrEnum):
    """What else the words of a leaf may speak of, besides what is there."""

    RISK = "risk"  # "at risk of falls"
    FEAR = "fear"  # "afraid of partner violence"
    HISTORY = "history"  # a coded "history of suicide attempt"


@_question
class CodeTest:
    """Something coded stands in the record.

    codes are exact (system, code) pairs; families and excluded are ICD-10-CM prefixes without the dot, axes are patterns of
    ICD-10-PCS codes (`service.domain.axes`). words are whole words, in lower case, looked for in a diagnosis none of whose
    codes is listed (`service.pipeline.assess.words`), and for kinds other than Condition also in the display
    of a coded entry: a product's name says its ingredient. except_words and even_as say which words do not count, and which
    do. within_days is the greatest age, None for any. named is how
    the author named the codes ("code set food-insecurity"): it asks nothing.
    """

    kind: Kind
    codes: frozenset[tuple[str, str]] = frozenset()
    families: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    axes: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()
    except_words: tuple[str, ...] = ()
    even_as: frozenset[EvenAs] = frozenset()
    scope: Scope = Scope.ANY
    within_days: int | None = None
    named: tuple[str, ...] = field(default=(), compare=False)


@_question
class AnswerTest:
    """The latest valid answer to any of the questions (LOINC) is one of the answers (LA codes)."""

    questions: tuple[str, ...]
    answers: frozenset[str]
    within_days: int | None = None


@_question
class ScoreTest:
    """An instrument's score lies in one of the bands, or is at least / below a number."""

    instrument: str
    bands: frozenset[str] = frozenset()
    at_least: float | None = None
    below: float | None = None


@_question
class ScreenedTest:
    """An instrument was answered completely, not before the latest answer to the question `since` ("" for ever).

    within_days is the greatest age of the answers, None for as long as they are valid. With questions it is enough that one of
    them was answered: the screen was begun.
    """

    instrument: str
    since: str = ""
    within_days: int | None = None
    questions: tuple[str, ...] = ()


@_question
class MeasureTest:
    """A measurement (LOINC), converted to `unit` (UCUM), is past a threshold; exactly one of the four is given."""

    questions: tuple[str, ...]
    unit: str
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None
    within_days: int | None = None
    which: Which = Which.LATEST
    scope: Scope = Scope.ANY


@_question
class PatientTest:
    """All of what is given is true of the person.

    foreign_language: the preferred language is not the site's; site_language: it is, and so is that of a child's parents.
    """

    age_at_least: int | None = None
    age_below: int | None = None
    sex: str = ""
    foreign_language: bool = False
    site_language: bool = False
    interpreter: bool = False
    no_interpreter: bool = False
    veteran: bool = False


@_question
class CoverageTest:
    """What the Coverage resources say; a record without any says nothing."""

    state: Insured


@_question
class StayTest:
    """All of what is given is true of the stay being planned."""

    classes: frozenset[str] = frozenset()
    dispositions: frozenset[str] = frozenset()
    admit_sources: frozenset[str] = frozenset()
    days_at_least: int | None = None


@_question
class RiskTest:
    """A risk score, or its whole range, is at least / below a number.

    urgency_known: it is unknown while nobody recorded how the patient came in, even where the range lies below the number.
    """

    score: str
    at_least: float | None = None
    below: float | None = None
    urgency_known: bool = False


@_question
class RelatedTest:
    """Someone active stands in the record; relationships are role codes, empty for anyone."""

    relationships: frozenset[str] = frozenset()


@_question
class AnyOf:
    """True if one is true; false only if all are false."""

    of: tuple["Expression", ...]


@_question
class AllOf:
    """True if all are true; false if one is false."""

    of: tuple["Expression", ...]


@_question
class NoneOf:
    """True only if all are false."""

    of: tuple["Expression", ...]


@_question
class AtLeast:
    """True if count of them are true; false if count can no longer be reached."""

    count: int
    of: tuple["Expression", ...]


Leaf = (
    CodeTest
    | AnswerTest
    | ScoreTest
    | ScreenedTest
    | MeasureTest
    | PatientTest
    | CoverageTest
    | StayTest
    | RiskTest
    | RelatedTest
)
Expression = AnyOf | AllOf | NoneOf | AtLeast | Leaf


@lru_cache(maxsize=4096)
def leaves(expression: Expression) -> tuple[Leaf, ...]:
    """All leaves of an expression, in reading order."""
    if isinstance(expression, AnyOf | AllOf | NoneOf | AtLeast):
        return tuple(leaf for part in expression.of for leaf in leaves(part))
    return (expression,)
