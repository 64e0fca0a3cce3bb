"""When plans are no longer taken back: by absence, by words, and how many there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.brake import USUAL_LIMIT, TakenBack, stops_absence, stops_words


@pytest.mark.parametrize(
    ("counts", "stops"),
    [
        (TakenBack(in_doubt=1, standing=22), False),
        (TakenBack(in_doubt=3, standing=22), False),
        (TakenBack(in_doubt=4, standing=22), True),  # before the first of many is taken back
        (TakenBack(by_absence=2, in_doubt=1, standing=20), False),
        (TakenBack(by_absence=3, in_doubt=1, standing=19), True),
        (TakenBack(by_words=3, in_doubt=1, standing=19), True),  # both are counted
        (TakenBack(in_doubt=1, standing=1), True),  # all of a few
        (TakenBack(in_doubt=1, standing=2), False),
        (TakenBack(by_absence=1, in_doubt=1, standing=1), True),
        (TakenBack(in_doubt=3, standing=3), True),
        (TakenBack(in_doubt=3, standing=4), False),
    ],
)
def test_absence_is_stopped_when_many_are_gone_or_all_of_a_few(counts, stops):
    assert stops_absence(counts, USUAL_LIMIT) is stops


@pytest.mark.parametrize(
    ("counts", "stops"),
    [
        (TakenBack(standing=1), False),
        (TakenBack(by_words=9, standing=3), False),
        (TakenBack(by_words=10, standing=12), False),
        (TakenBack(by_words=10, standing=11), True),
        (TakenBack(by_words=30, standing=500), False),
    ],
)
def test_words_are_believed_until_they_are_said_of_most_plans(counts, stops):
    assert stops_words(counts, USUAL_LIMIT) is stops


_number = st.integers(0, 60)


@given(_number, _number, _number, _number, st.integers(1, 20))
def test_what_stops_words_stops_absence_too(by_absence, by_words, in_doubt, standing, limit):
    counts = TakenBack(by_absence, by_words, in_doubt, standing=max(standing, in_doubt, 1))
    if stops_words(counts, limit):
        assert stops_absence(counts, limit)
    assert not stops_absence(TakenBack(in_doubt=1, standing=2), limit)
