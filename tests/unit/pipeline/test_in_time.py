"""Waiting for no longer than there is time, and thinking in turns."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from service.pipeline.in_time import InTime, TooLate, Turns

Go = Callable[[Callable[[], object]], "Future[object]"]
LONG = 20.0


@pytest.fixture
def go() -> Iterator[Go]:
    """Begins work on a thread of its own."""
    with ThreadPoolExecutor(8) as threads:
        yield threads.submit


def soon() -> float:
    return time.monotonic() + 0.05


def late() -> float:
    return time.monotonic() + LONG


@contextmanager
def taken(turns: Turns, go: Go) -> Iterator[Callable[[], None]]:
    """Somebody has a turn until the end, or until what this gives is called."""
    begun, over = threading.Event(), threading.Event()

    def hold() -> None:
        with turns.one(late()):
            begun.set()
            over.wait(LONG)

    go(hold)
    assert begun.wait(LONG)
    try:
        yield over.set
    finally:
        over.set()


def has_turn(turns: Turns, until: float) -> bool:
    with turns.one(until):
        return True


def queued(turns: Turns, number: int) -> None:
    """Wait until so many wait for a turn."""
    until = late()
    while turns.waiting < number:
        assert time.monotonic() < until
        time.sleep(0.001)


def test_whoever_comes_while_all_turns_are_taken_waits_no_longer_than_there_is_time(go):
    turns = Turns(2)
    with taken(turns, go), taken(turns, go), pytest.raises(TooLate), turns.one(soon()):
        pass
    with turns.one(soon()):
        pass


def test_turns_go_in_the_order_in_which_they_were_asked_for(go):
    turns, order = Turns(1), []

    def think(number: int) -> None:
        with turns.one(late()):
            order.append(number)

    with taken(turns, go) as over:
        waiting = []
        for number in range(5):
            waiting.append(go(lambda number=number: think(number)))
            queued(turns, number + 1)
        over()
        for one in waiting:
            one.result(LONG)
    assert order == [0, 1, 2, 3, 4]


def test_whoever_left_a_turn_goes_before_those_who_have_not_begun(go):
    turns, order = Turns(1), []
    left, back = threading.Event(), threading.Event()

    def return_later() -> None:
        with turns.one(late()):
            with turns.left():
                left.set()
                back.wait(LONG)
            order.append("returned")

    def begin() -> None:
        with turns.one(late()):
            order.append("new")

    returning = go(return_later)
    assert left.wait(LONG)
    with taken(turns, go) as over:
        new = go(begin)
        queued(turns, 1)
        back.set()
        queued(turns, 2)
        over()
        new.result(LONG)
        returning.result(LONG)
    assert order == ["returned", "new"]


def test_a_turn_is_given_back_whatever_happens(go):
    turns = Turns(1)
    with pytest.raises(ZeroDivisionError), turns.one(late()):
        1 / 0  # noqa: B018
    with taken(turns, go), pytest.raises(TooLate), turns.one(soon()):
        pass
    assert has_turn(turns, soon())


def test_work_that_takes_too_long_is_not_waited_for():
    stop = threading.Event()
    with pytest.raises(TooLate):
        InTime(1, "test").run(lambda: stop.wait(LONG), soon())
    stop.set()


def test_an_error_of_the_work_is_the_callers_even_a_timeout():
    def fault() -> None:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        InTime(1, "test").run(fault, late())
