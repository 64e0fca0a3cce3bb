"""An EHR that does not answer is left alone, and one that does is not asked faster than it wants."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from service.domain.allowance import Limit
from service.ehr.allowance import OwnAllowance
from service.ehr.breaker import FAILURES, REST_SECONDS, Breaker
from service.ehr.throttle import Throttle
from service.errors import EhrRefused, EhrUnavailable, WriteUnknown


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return Breaker(clock)


def call(breaker, error=None):
    with breaker.watched():
        if error:
            raise error


def fail(breaker, times=FAILURES, error=None):
    for _ in range(times):
        with pytest.raises((EhrUnavailable, WriteUnknown)):
            call(breaker, error or EhrUnavailable("no answer"))


def test_after_enough_failures_it_is_not_even_asked_and_the_wait_is_told(breaker, clock):
    fail(breaker)
    clock.now += 5
    with pytest.raises(EhrUnavailable, match="left alone") as told:
        call(breaker, AssertionError("it was asked"))
    assert told.value.retry_after == REST_SECONDS - 5


def test_a_lost_write_counts_as_well(breaker):
    fail(breaker, error=WriteUnknown("sent"))
    with pytest.raises(EhrUnavailable, match="left alone"):
        call(breaker)


def test_one_failure_less_opens_nothing_and_an_answer_forgets_them(breaker):
    fail(breaker, FAILURES - 1)
    call(breaker)
    fail(breaker, FAILURES - 1)
    call(breaker)


@pytest.mark.parametrize("error", [EhrRefused("no", status=403), EhrUnavailable("later", retry_after=3)])
def test_a_refusal_and_a_wish_to_wait_are_answers(breaker, error):
    for _ in range(FAILURES + 1):
        with pytest.raises(type(error)):
            call(breaker, error)
    call(breaker)


def test_after_the_rest_one_call_tries_for_all(breaker, clock):
    fail(breaker)
    clock.now += REST_SECONDS
    with breaker.watched(), pytest.raises(EhrUnavailable, match="left alone"):
        call(breaker)
    call(breaker)
    call(breaker)


def test_a_try_that_fails_is_another_rest(breaker, clock):
    fail(breaker)
    clock.now += REST_SECONDS
    fail(breaker, 1)
    with pytest.raises(EhrUnavailable, match="left alone"):
        call(breaker)


def test_threads_share_it_and_do_not_wait_for_each_other(breaker):
    with ThreadPoolExecutor(8) as pool, breaker.watched():
        list(pool.map(lambda _: call(breaker), range(100)))


def test_after_a_burst_the_rate_is_kept(clock):
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        clock.now += seconds

    limit = Limit(slots=4, per_second=10.0, burst=20.0)
    throttle = Throttle(OwnAllowance(limit, clock=clock), sleep=sleep)
    began = clock.now
    for _ in range(50):
        with throttle.slot():
            pass
    assert clock.now - began == pytest.approx(3.0)
    assert len(slept) == 30
    clock.now += 60
    slept.clear()
    for _ in range(20):
        with throttle.slot():
            pass
    assert slept == []


def test_who_gets_no_slot_in_time_is_told_that_the_ehr_is_busy():
    throttle = Throttle(OwnAllowance(Limit(slots=1, per_second=10.0, burst=20.0)), patience_seconds=0.01)
    with throttle.slot(), pytest.raises(EhrUnavailable, match="under way for long"), throttle.slot():
        pass
    with throttle.slot():
        pass
