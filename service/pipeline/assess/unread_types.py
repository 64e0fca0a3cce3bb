"""What a fault kept from the record proves nothing by its silence: which expressions it leaves open."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from service.domain.expression import (
    AnswerTest,
    CodeTest,
    CoverageTest,
    Expression,
    Leaf,
    MeasureTest,
    RelatedTest,
    RiskTest,
    ScoreTest,
    ScreenedTest,
    StayTest,
    leaves,
)
from service.domain.record import Gap, Kind

#: Where questions and answers stand, and the forms by which answers are understood.
ANSWERS: Final = frozenset({"Observation", "QuestionnaireResponse", "Questionnaire"})
#: What risk scores are made of.
RISKS: Final = frozenset({"Condition", "Encounter", "Observation", "Procedure", "MedicationRequest"})
_ORDERS: Final = frozenset({Kind.ORDER.value})


def types_unread(gaps: Iterable[Gap]) -> frozenset[str]:
    """The resource types that a fault kept from us, wholly or in part."""
    return frozenset(gap.about for gap in gaps if gap.is_asked_again())


@lru_cache(maxsize=4096)
def types_asked(expression: Expression) -> frozenset[str]:
    """The resource types whose statements may decide an expression."""
    return frozenset().union(*map(_types_of, leaves(expression)))


def _types_of(leaf: Leaf) -> frozenset[str]:
    if isinstance(leaf, CodeTest):
        # A finding may be asserted as the answer to a question.
        return ANSWERS | {leaf.kind.value} if leaf.kind is Kind.CONDITION else frozenset({leaf.kind.value})
    if isinstance(leaf, AnswerTest | ScoreTest | ScreenedTest | MeasureTest):
        return ANSWERS
    if isinstance(leaf, StayTest):
        # Where the patient goes is also said by the discharge order.
        return _ORDERS if leaf.dispositions else frozenset()
    fixed: dict[type, frozenset[str]] = {
        CoverageTest: frozenset({"Coverage"}),
        RelatedTest: frozenset({"RelatedPerson"}),
        RiskTest: RISKS,
    }
    return fixed.get(type(leaf), frozenset())
