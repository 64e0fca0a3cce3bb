from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.ehr_clock import BOUND_SECONDS, EhrClock, first_measure, say_clock
from service.ehr.skew import SkewMeter

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def dated(at: datetime, **more: str) -> dict[str, str]:
    return {"Date": format_datetime(at.astimezone(UTC), usegmt=True), **more}


def measured(*ahead: float, took: float = 0.2, **more: str) -> SkewMeter:
    meter = SkewMeter()
    for seconds in ahead:
        meter.note(
            dated(NOW + timedelta(seconds=seconds), **more), NOW, NOW + timedelta(seconds=took), took=took
        )
    return meter


@given(ahead=st.floats(-1e6, 1e6), took=st.floats(0, 30))
def test_a_clock_is_known_to_half_a_second_and_half_of_the_call(ahead, took):
    found = measured(ahead + took / 2, took=took).ahead_seconds()
    assert found is not None
    assert abs(found - ahead) <= 0.51 + took / 2


def test_one_answer_that_is_odd_decides_nothing():
    found = measured(0, 0, -86_400, 0, 0).ahead_seconds()
    assert found is not None
    assert abs(found) < BOUND_SECONDS


def test_a_clock_that_was_put_right_is_known_to_be_right_after_a_few_answers():
    found = measured(*[-3600] * 5, *[0] * 3).ahead_seconds()
    assert found is not None
    assert abs(found) < BOUND_SECONDS


@pytest.mark.parametrize("headers", [{}, {"Date": ""}, {"Date": "soon"}, dated(NOW, Age="300")])
def test_an_answer_without_a_date_of_its_own_tells_nothing(headers):
    meter = SkewMeter()
    meter.note(headers, NOW, NOW, took=0)
    assert meter.ahead_seconds() is None
    assert meter.take_news() is None


@pytest.mark.parametrize("moved", [3600, -3600, 86_400])
def test_a_clock_of_ours_that_was_moved_is_no_fault_of_the_ehrs(moved):
    """Whether it was moved between two calls or during one: the Date is right by the clock of its moment."""
    meter, later = SkewMeter(machine=lambda: 0.0), NOW + timedelta(seconds=moved)
    for _ in range(5):
        meter.note(dated(NOW), NOW, NOW, took=0)
    meter.note(dated(NOW), NOW, later, took=0)
    assert meter.take_news() is None
    meter.note(dated(later), later, later, took=0)
    found = meter.take_news()
    assert found is not None
    assert abs(found) < 1


def test_a_clock_that_was_put_right_is_believed_at_once():
    meter, right = SkewMeter(machine=lambda: 0.0), NOW + timedelta(hours=1)
    for _ in range(5):
        meter.note(dated(right), NOW, NOW, took=0)
    assert meter.ahead_seconds() == pytest.approx(3600, abs=1)
    meter.note(dated(right), right, right, took=0)
    assert meter.ahead_seconds() == pytest.approx(0, abs=1)


def test_what_was_measured_is_news_once():
    meter = measured(5)
    assert meter.take_news() is not None
    assert meter.take_news() is None
    assert meter.ahead_seconds() is not None


@pytest.mark.parametrize(("ahead", "off"), [(0, False), (-59, False), (61, True), (-3600, True)])
def test_a_clock_is_off_beyond_the_bound(ahead, off):
    assert first_measure("one", ahead, NOW).is_off is off
    assert ("behind" in say_clock(ahead)) == (ahead <= 0)


def after(*found: tuple[int, float]) -> EhrClock:
    """A clock measured at these minutes to be ahead by so many seconds."""
    minute, ahead = found[0]
    clock = first_measure("one", ahead, NOW + timedelta(minutes=minute))
    for later, seconds in found[1:]:
        clock = clock.measured_again(seconds, NOW + timedelta(minutes=later))
    return clock


def test_windows_look_back_by_as_much_as_the_clock_was_behind_until_what_it_stamped_is_known():
    assert after((0, -1800)).behind == timedelta(minutes=30)
    assert after((0, -1800), (5, 0)).behind == timedelta(minutes=30)
    assert after((0, -1800), (5, 0), (130, 0)).behind == timedelta()
    assert after((0, 0), (5, -1800)).behind == timedelta(minutes=30)


@given(ahead=st.floats(0, 1e6))
def test_a_clock_that_is_ahead_moves_no_window(ahead):
    assert first_measure("one", ahead, NOW).behind == timedelta()
