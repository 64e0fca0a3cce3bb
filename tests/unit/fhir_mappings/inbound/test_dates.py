from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.inbound.dates import (
    began,
    begun_at,
    day,
    ended,
    exact,
    last_day,
    moment,
    written_day,
    written_zone,
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-03-01", date(2024, 3, 1)),
        ("2024-03", date(2024, 3, 1)),
        ("2024", date(2024, 1, 1)),
        ("2024-03-01T23:30:00-05:00", date(2024, 3, 2)),
        ("2024-03-01T23:30:00", date(2024, 3, 1)),
        ("2024-03-01T25:99:00-05:00", date(2024, 3, 1)),
        ("20240301T233000Z", date(2024, 3, 1)),
        (" 2024-03-01 ", date(2024, 3, 1)),
        ("2024-02-30", None),
        ("2024-13", None),
        ("1880-01-01", date(1880, 1, 1)),
        ("0001-01-01", None),
        ("0001-01-01T00:00:00Z", None),
        ("1879", None),
        ("2201-01-01", None),
        ("9999-12-31", None),
        ("yesterday", None),
        ("20²4", None),
        ("", None),
        (2024, None),
        (None, None),
    ],
)
def test_a_day_alone_stays_and_a_time_is_the_day_on_the_hospitals_calendar(written, expected):
    assert day(written, UTC) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024", date(2024, 12, 31)),
        ("2024-02", date(2024, 2, 29)),
        ("2024-02-03", date(2024, 2, 3)),
        ("9999-12-31", date(2200, 12, 31)),
        ("9999", date(2200, 12, 31)),
        ("0001-01-01", None),
        ("never", None),
    ],
)
def test_a_period_ends_with_the_last_day_of_what_was_written(written, expected):
    assert last_day(written, UTC) == expected


NEW_YORK, TOKYO = ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo")
EASTERN = timezone(-timedelta(hours=5))


@pytest.mark.parametrize(
    ("written", "zone", "expected"),
    [
        ("2026-12-01T02:30:00Z", NEW_YORK, date(2026, 11, 30)),
        ("2026-11-30T21:30:00-05:00", NEW_YORK, date(2026, 11, 30)),
        ("2026-12-01T11:30:00+09:00", NEW_YORK, date(2026, 11, 30)),
        ("2026-12-01T02:30:00Z", TOKYO, date(2026, 12, 1)),
        ("2026-11-30T21:30:00-05:00", TOKYO, date(2026, 12, 1)),
        ("2026-12-01T02:30:00Z", EASTERN, date(2026, 11, 30)),
        ("2026-12-01T02:30:00", NEW_YORK, date(2026, 12, 1)),
        ("2026-12-01", NEW_YORK, date(2026, 12, 1)),
        ("2026-12-01", TOKYO, date(2026, 12, 1)),
        # New York's offset in July, which 'the stay's own offset of winter' does not know.
        ("2026-07-01T00:00:00-04:00", NEW_YORK, date(2026, 7, 1)),
        ("2026-07-01T00:00:00-04:00", EASTERN, date(2026, 7, 1)),
        ("2026-07-01T00:00:00-06:00", EASTERN, date(2026, 7, 1)),
        ("2026-07-01T00:00:00Z", EASTERN, date(2026, 6, 30)),
        ("2026-07-01T00:00:00+01:00", UTC, date(2026, 7, 1)),
        ("2026-07-01T00:00:00+02:00", UTC, date(2026, 6, 30)),
        # The night in which the clocks go back has 1:30 twice, both on this day.
        ("2026-11-01T05:30:00Z", NEW_YORK, date(2026, 11, 1)),
        ("2026-11-01T06:30:00Z", NEW_YORK, date(2026, 11, 1)),
        ("2026-11-01T03:59:59Z", NEW_YORK, date(2026, 10, 31)),
    ],
)
def test_an_instant_is_a_day_on_the_calendar_of_the_hospital(written, zone, expected):
    assert day(written, zone) == last_day(written, zone) == began({"start": written}, zone) == expected
    found = moment(written, zone)
    assert found is not None
    assert found.date() == expected


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
)
def test_an_instant_is_one_day_and_one_time_however_its_offset_is_written(when, minutes):
    written = when.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    for zone in (NEW_YORK, TOKYO):
        assert day(written, zone) == day(when.isoformat(), zone) == when.astimezone(zone).date()
        assert str(moment(written, zone)) == str(when.astimezone(zone))
        assert str(exact(written, zone)) == str(when.astimezone(zone))


def test_a_day_of_a_birth_is_never_moved():
    assert written_day("1956-05-01T00:00:00Z") == date(1956, 5, 1)
    assert written_day("1956-05") == date(1956, 5, 1)
    assert written_day("0001-01-01") is None


def test_an_offset_is_what_was_written():
    assert written_zone("2026-12-01T02:30:00Z") == UTC
    assert written_zone("2026-12-01T02:30:00-05:00") == EASTERN
    assert [written_zone(said) for said in ("2026-12-01", "2026-12-01T02:30:00", "soon", None, 5)] == [
        None
    ] * 5


def test_a_time_without_an_offset_is_exact_only_where_the_zone_is_known():
    assert str(exact("2026-12-01T02:30:00", NEW_YORK)) == "2026-12-01 02:30:00-05:00"
    assert exact("2026-12-01T02:30:00", EASTERN) is None
    assert str(exact("2026-12-01T02:30:00Z", EASTERN)) == "2026-12-01 02:30:00+00:00"


def test_a_time_is_the_same_instant_and_by_the_hospitals_clock_without_an_offset():
    assert moment("2024-03-01T08:00:00-05:00", UTC) == datetime(
        2024, 3, 1, 8, tzinfo=timezone(-timedelta(hours=5))
    )
    assert moment("2024-03-01T08:00:00", UTC) == datetime(2024, 3, 1, 8, tzinfo=UTC)
    assert moment("2024-03-01T08:00:00.1234567Z", UTC) == datetime(2024, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)
    assert moment("2024-03-01", UTC) == moment("2024-03", UTC) == datetime(2024, 3, 1, tzinfo=UTC)


def test_a_time_that_cannot_be_read_still_has_its_day():
    assert moment("2024-03-01T23:59:60Z", UTC) == datetime(2024, 3, 1, tzinfo=UTC)
    assert moment("soon", UTC) is None
    assert moment("0001-01-01T00:00:00Z", UTC) is moment("0001-01-01", UTC) is None
    assert moment("9999-12-31T23:59:59Z", UTC) is None
    assert exact("0001-01-01T00:00:00Z", UTC) is None
    assert moment(5, UTC) is None


def test_a_period_begins_with_its_start_and_ends_with_its_end():
    assert began({"start": "2024-03-01", "end": "2024-03-05"}, UTC) == date(2024, 3, 1)
    assert began({"end": "2024-03"}, UTC) == date(2024, 3, 31)
    assert ended({"start": "2024-03-01"}, UTC) is None
    assert ended({"end": "2024-03"}, UTC) == date(2024, 3, 31)
    assert began("2024-03-01", UTC) == ended("2024-03-01", UTC) == date(2024, 3, 1)


def test_the_first_readable_time_counts():
    resource = {"effectiveDateTime": "?", "effectivePeriod": {"end": "2024-03-02"}, "issued": "2024-03-03"}
    names = ("effectiveDateTime", "effectivePeriod", "issued")
    assert begun_at(resource, names, UTC) == datetime(2024, 3, 2, tzinfo=UTC)
    assert begun_at({}, names, UTC) is None


@given(
    st.text(max_size=30)
    | st.from_regex(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))?", fullmatch=True)
)
def test_no_text_raises(written):
    assert isinstance(day(written, UTC), date | None)
    assert isinstance(last_day(written, UTC), date | None)
    found = moment(written, UTC)
    assert found is None or found.tzinfo


@given(st.datetimes(datetime(1880, 1, 1), datetime(2200, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_written_time_comes_back(when):
    assert moment(when.isoformat(), UTC) == when
    assert day(when.isoformat(), UTC) == when.date()
