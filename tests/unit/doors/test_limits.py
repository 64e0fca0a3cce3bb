from itertools import count

import pytest

from service.domain.allowance import Book, lend
from service.doors.limits import Buckets, OwnBuckets
from service.errors import StoreUnavailable, TooManyCalls


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_full_bucket_is_emptied_and_fills_steadily():
    clock = Clock()
    buckets = OwnBuckets(60, clock)
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
    buckets = OwnBuckets(1, clock)
    buckets.take("ward")
    for second in range(1, 60):
        clock.now = float(second)
        with pytest.raises(TooManyCalls):
            buckets.take("ward")
    clock.now = 61.0
    buckets.take("ward")


def test_no_bucket_ever_holds_more_than_a_minutes_share():
    clock = Clock()
    buckets = OwnBuckets(2, clock)
    buckets.take("ward")
    clock.now = 3600.0
    buckets.take("ward")
    buckets.take("ward")
    with pytest.raises(TooManyCalls):
        buckets.take("ward")


def test_callers_do_not_share_and_are_forgotten_in_the_order_they_came():
    buckets = OwnBuckets(1, Clock())
    names = (f"caller {number}" for number in count())
    for _ in range(10_001):
        buckets.take(next(names))
    buckets.take("caller 0")
    with pytest.raises(TooManyCalls):
        buckets.take("caller 10000")


# --- shared by all processes --------------------------------------------------------------------
class Shelf:
    """The books of all callers, in memory."""

    def __init__(self, clock):
        self.clock, self.books, self.asked, self.away = clock, {}, [], False

    def lend(self, name, limit, wish):
        self.asked.append(name)
        if self.away:
            raise StoreUnavailable
        book, grant = lend(self.books.get(name, Book()), wish, limit, now=1e6 + self.clock())
        self.books[name] = book
        return grant


@pytest.fixture
def shelf():
    return Shelf(Clock())


def process(shelf, per_minute=600):
    return Buckets(per_minute, shelf.lend, processes=2, clock=shelf.clock)


def calls(buckets, caller="ward", most=10_000):
    """How many calls in a row are let in."""
    for number in range(most):
        try:
            buckets.take(caller)
        except TooManyCalls:
            return number
    return most


def test_two_processes_let_in_no_more_than_one_bucket_holds(shelf):
    one, other = process(shelf), process(shelf)
    # A few that the first has borrowed and not used are not there for the second.
    assert 575 <= calls(one, most=250) + calls(other) <= 600
    with pytest.raises(TooManyCalls) as refused:
        other.take("ward")
    assert refused.value.retry_after == pytest.approx(0.05, abs=0.05)


def test_it_is_refilled_steadily_for_both(shelf):
    one, other = process(shelf), process(shelf)
    calls(one)
    shelf.clock.now = 6.0
    assert calls(one, most=20) + calls(other) == 60


def test_a_call_does_not_cost_a_question_to_the_database(shelf):
    calls(process(shelf), most=500)
    assert len(shelf.asked) < 60


def test_who_is_refused_does_not_even_cost_one(shelf):
    buckets = process(shelf)
    calls(buckets)
    asked = len(shelf.asked)
    for _ in range(50):
        with pytest.raises(TooManyCalls):
            buckets.take("ward")
    assert len(shelf.asked) == asked
    shelf.clock.now = 0.11
    buckets.take("ward")


def test_a_slow_caller_loses_nothing_to_what_is_lent_ahead(shelf):
    one, other = process(shelf, 60), process(shelf, 60)
    for second in range(0, 600, 2):
        shelf.clock.now = float(second)
        one.take("ward")
        other.take("ward")


def test_names_of_callers_stay_out_of_the_books(shelf):
    process(shelf).take("Zelda Testperson (https://login.example.org 7)")
    assert not any("Zelda" in name for name in shelf.books)


def test_without_the_database_each_process_keeps_to_its_share(shelf):
    shelf.away = True
    one, other = process(shelf), process(shelf)
    assert (calls(one), calls(other)) == (300, 300)


def test_callers_of_long_ago_are_forgotten(shelf):
    buckets = process(shelf, 1)
    for number in range(10_001):
        buckets.take(f"caller {number}")
    assert calls(buckets, "caller 10000") == 0
