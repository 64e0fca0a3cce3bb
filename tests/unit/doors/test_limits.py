from itertools import count

import pytest

from service.doors.limits import Buckets
from service.errors import TooManyCalls


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_full_bucket_is_emptied_and_fills_steadily():
    clock = Clock()
    buckets = Buckets(60, clock)
    for _ in range(60):
        buckets.take("ward")
    with pytest.raises(TooManyCalls) as refused:
        buckets.take("ward")
    assert refused.value.retry_after == pytest.approx(1.0)
    clock.now = 1.0
    buckets.take("ward")
    with pytest.raises(TooManyCalls):
        buckets.take("ward")


def test_a_refused_call_costs_nothing():
    clock = Clock()
    buckets = Buckets(1, clock)
    buckets.take("ward")
    for second in range(1, 60):
        clock.now = float(second)
        with pytest.raises(TooManyCalls):
            buckets.take("ward")
    clock.now = 61.0
    buckets.take("ward")


def test_no_bucket_ever_holds_more_than_a_minutes_share():
    clock = Clock()
    buckets = Buckets(2, clock)
    buckets.take("ward")
    clock.now = 3600.0
    buckets.take("ward")
    buckets.take("ward")
    with pytest.raises(TooManyCalls):
        buckets.take("ward")


def test_callers_do_not_share_and_are_forgotten_in_the_order_they_came():
    buckets = Buckets(1, Clock())
    names = (f"caller {number}" for number in count())
    for _ in range(10_001):
        buckets.take(next(names))
    buckets.take("caller 0")
    with pytest.raises(TooManyCalls):
        buckets.take("caller 10000")
