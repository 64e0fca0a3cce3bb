"""Waiting jobs are woken when an EHR has recovered, and not for ever when that did not help."""

from itertools import pairwise

import pytest

from service import clock
from service.ehr.breaker import FAILURES, REST_SECONDS, Breaker
from service.errors import EhrUnavailable, StoreUnavailable
from service.pipeline.waking import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Waker
from tests.movable_clock import MovableClock


class Woken:
    """Remembers whose jobs were woken, and when."""

    def __init__(self) -> None:
        self.tenants: list[str] = []
        self.times: list[float] = []

    def __call__(self, tenant: str) -> int:
        self.tenants.append(tenant)
        self.times.append(clock.monotonic())
        return 1


@pytest.fixture
def movable(tmp_path):
    made = MovableClock(tmp_path)
    clock.follow(str(made.file))
    yield made
    clock.follow("")


def test_who_recovers_is_woken_once(movable):
    woken = Woken()
    waker = Waker(woken)
    waker.recovered("one")
    waker.recovered("one")
    waker.recovered("two")
    assert woken.tenants == ["one", "two"]
    assert waker.rests("one")
    movable.advance(seconds=FIRST_PAUSE_SECONDS)
    assert not waker.rests("one")


def test_waking_that_does_not_help_is_tried_ever_more_seldom(movable):
    woken = Woken()
    waker = Waker(woken)
    for _ in range(2 * 3600):
        waker.recovered("one")
        movable.advance(seconds=1)
    pauses = [later - sooner for sooner, later in pairwise(woken.times)]
    assert all(later >= sooner - 2 for sooner, later in pairwise(pauses))
    assert pauses[0] < 2 * FIRST_PAUSE_SECONDS
    assert abs(pauses[-1] - LONGEST_PAUSE_SECONDS) < FIRST_PAUSE_SECONDS


def test_after_a_quiet_time_the_next_recovery_is_the_first(movable):
    woken = Woken()
    waker = Waker(woken)
    for seconds in (0, FIRST_PAUSE_SECONDS, 4 * LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS):
        movable.advance(seconds=seconds)
        waker.recovered("one")
    assert len(woken.times) == 4


def test_a_database_that_is_away_harms_no_call():
    def away(_: str) -> int:
        raise StoreUnavailable

    Waker(away).recovered("one")


def test_a_breaker_tells_of_a_recovery_and_of_no_ordinary_answer(movable):
    told: list[str] = []
    breaker = Breaker(recovered=lambda: told.append("recovered"))

    def call(*, silent: bool) -> None:
        with breaker.watched():
            if silent:
                raise EhrUnavailable

    call(silent=False)
    for _ in range(FAILURES):
        with pytest.raises(EhrUnavailable):
            call(silent=True)
    assert told == []
    movable.advance(seconds=REST_SECONDS)
    call(silent=False)
    call(silent=False)
    assert told == ["recovered"]
