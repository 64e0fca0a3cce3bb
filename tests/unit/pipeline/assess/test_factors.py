"""What speaks for and against a place names the place; what is missing comes with the question that answers it."""

from itertools import product
from typing import Any

import pytest

from service.domain.assessment import Disposition
from service.domain.codes import System
from service.domain.record import Coverage, Fact, Kind, RelatedPerson
from service.domain.sensitivity import may_be_shared
from service.pipeline.assess import assess
from tests.builders import TODAY, answer, fact, record, stay
from tests.unit.pipeline.assess.shipped import CONTENT

BARTHEL = "96761-2"
FUNCTION = ((), (answer(BARTHEL, 40),), (answer(BARTHEL, 75),), (answer(BARTHEL, 95),))
NEEDS = (
    (),
    (fact("I63.9"),),
    (fact("Z59.02"),),
    (fact("L89.154"),),
    (fact("F03.90"),),
    (fact("J95.1"), fact("Z99.11")),
)
DANGER = ((), (answer("93249-1", "LA33-6"),))
COVER = (
    (),
    (Coverage("Coverage/1", "active", (), "Medicare"),),
    (Coverage("Coverage/2", "active", (), "Self pay"),),
)
WISH = fact("x", Kind.GOAL, system=System.TEXT, text="Return home to live with her daughter", codes=())
WISHES = ((), (WISH,))
PEOPLE = ((), (RelatedPerson("RelatedPerson/1"),))
THERAPIES = tuple(
    fact(str(number), Kind.ORDER, system="local", text=f"{kind} evaluation")
    for number, kind in enumerate(("Physical therapy", "Occupational therapy"))
)


def _disposition(*said: Any, **more: Any) -> Disposition:
    return assess(record(*said, **more), CONTENT, today=TODAY).disposition


@pytest.mark.parametrize("function", FUNCTION)
@pytest.mark.parametrize("needs", NEEDS)
def test_each_factor_names_its_place_and_each_open_point_its_question(
    function: tuple[Any, ...], needs: tuple[Fact, ...]
) -> None:
    for danger, cover, wish, people, therapies in product(DANGER, COVER, WISHES, PEOPLE, ((), THERAPIES)):
        said = (*function, *needs, *danger, *wish, *therapies)
        for encounter in (stay(), stay(start=None)):
            found = _disposition(*said, coverages=cover, related_persons=people, encounter=encounter)
            for factor in found.factors:
                if factor.weighs == "missing":
                    assert factor.question[-1] in "?."
                    assert factor.weight() == "To decide"
                    assert factor.line() == f"{factor.text}: {factor.question}"
                else:
                    assert factor.place
                    assert factor.weight() == f"Speaks {factor.weighs} {factor.place}"


def test_what_speaks_against_a_place_is_told_apart_from_what_speaks_for_another() -> None:
    weights = {
        factor.text: factor.weight() for factor in _disposition(answer(BARTHEL, 75), fact("L89.154")).factors
    }
    assert weights["Needs help with some daily activities"] == "Speaks against going home"
    dependent = _disposition(answer(BARTHEL, 40), fact("L89.154"), WISH)
    weights = {factor.text: factor.weight() for factor in dependent.factors}
    assert dependent.suggested == "snf"
    assert weights["Needs help with most daily activities"] == "Speaks for a nursing facility"
    assert weights[f"The patient's goal: {WISH.text}"] == "Speaks against a nursing facility"


def test_the_caveat_of_an_open_place_asks_what_would_close_it() -> None:
    assessment = assess(record(answer(BARTHEL, 40)), CONTENT, today=TODAY)
    (caveat,) = [blocker for blocker in assessment.readiness.blockers if blocker.key == "disposition-open"]
    open_points = [factor for factor in assessment.disposition.factors if factor.weighs == "missing"]
    assert open_points
    assert all(factor.question in caveat.text for factor in open_points if may_be_shared(factor.labels))
