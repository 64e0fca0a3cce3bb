""" "None of these" beside another answer is a contradiction, or nothing where the other is not understood."""

from datetime import UTC, datetime

import pytest

from service.domain.codes import Code, System
from service.domain.evidence import Certainty
from service.domain.need import Need, NeedState
from service.domain.record import Observation
from service.pipeline.assess import assess
from tests.builders import TODAY, record
from tests.unit.pipeline.assess.shipped import CONTENT

LOCAL = "https://ehr.example/answers"
NONE, MOLD = Code(System.LOINC, "LA9-3", "None of the above"), Code(System.LOINC, "LA28580-1", "Mold")


def housing(*answers: Code, text: str = "") -> Need:
    said = Observation(
        "Observation/o",
        (Code(System.LOINC, "96778-6"),),
        answers=answers,
        text=text,
        categories=frozenset({"survey"}),
        at=datetime(2024, 3, 2, 10, tzinfo=UTC),
    )
    needs = assess(record(said), CONTENT, today=TODAY).needs
    return next(need for need in needs if need.code == "inadequate-housing")


@pytest.mark.parametrize(
    ("answers", "text"),
    [((NONE, MOLD), ""), ((MOLD, NONE), ""), ((), "None of these; Mold"), ((), "Mold; none of the above")],
)
def test_none_beside_a_problem_is_a_conflict(answers, text):
    need = housing(*answers, text=text)
    assert (need.state, need.certainty) == (NeedState.PRESENT, Certainty.CONFLICTED)


@pytest.mark.parametrize(
    ("answers", "text"),
    [((NONE, Code(LOCAL, "77", "Rats")), ""), ((), "None of these; Rats in the kitchen")],
)
def test_none_beside_an_answer_that_nobody_knows_is_not_absent(answers, text):
    assert housing(*answers, text=text).state is not NeedState.ABSENT


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ((NONE,), ""),
        ((NONE, Code(LOCAL, "77", "None of these")), ""),
        ((NONE, Code(LOCAL, "77")), ""),
        ((), "None of the above"),
        ((NONE,), "none"),
    ],
)
def test_none_alone_rules_out(answers, text):
    assert housing(*answers, text=text).state is NeedState.ABSENT


def test_several_problems_are_no_conflict():
    assert housing(MOLD, Code(System.LOINC, "LA32001-2")).certainty is Certainty.SUPPORTED
