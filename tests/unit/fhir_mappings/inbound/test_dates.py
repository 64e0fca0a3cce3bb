from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.inbound.dates import began, begun_at, day, ended, exact, last_day, moment


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-03-01", date(2024, 3, 1)),
        ("2024-03", date(2024, 3, 1)),
        ("2024", date(2024, 1, 1)),
        ("2024-03-01T23:30:00-05:00", date(2024, 3, 1)),
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
def test_a_day_is_the_one_that_was_written_down_the_first_of_a_month_or_year(written, expected):
    assert day(written) == expected


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
    assert last_day(written) == expected


def test_a_time_keeps_its_zone_and_is_utc_without_one():
    assert moment("2024-03-01T08:00:00-05:00") == datetime(
        2024, 3, 1, 8, tzinfo=timezone(-timedelta(hours=5))
    )
    assert moment("2024-03-01T08:00:00") == datetime(2024, 3, 1, 8, tzinfo=UTC)
    assert moment("2024-03-01T08:00:00.1234567Z") == datetime(2024, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)
    assert moment("2024-03-01") == moment("2024-03") == datetime(2024, 3, 1, tzinfo=UTC)


def test_a_time_that_cannot_be_read_still_has_its_day():
    assert moment("2024-03-01T23:59:60Z") == datetime(2024, 3, 1, tzinfo=UTC)
    assert moment("soon") is None
    assert moment("0001-01-01T00:00:00Z") is moment("0001-01-01") is None
    assert moment("9999-12-31T23:59:59Z") is None
    assert exact("0001-01-01T00:00:00Z") is None
    assert moment(5) is None


def test_a_period_begins_with_its_start_and_ends_with_its_end():
    assert began({"start": "2024-03-01", "end": "2024-03-05"}) == date(2024, 3, 1)
    assert began({"end": "2024-03"}) == date(2024, 3, 31)
    assert ended({"start": "2024-03-01"}) is None
    assert ended({"end": "2024-03"}) == date(2024, 3, 31)
    assert began("2024-03-01") == ended("2024-03-01") == date(2024, 3, 1)


def test_the_first_readable_time_counts():
    resource = {"effectiveDateTime": "?", "effectivePeriod": {"end": "2024-03-02"}, "issued": "2024-03-03"}
    names = ("effectiveDateTime", "effectivePeriod", "issued")
    assert begun_at(resource, names) == datetime(2024, 3, 2, tzinfo=UTC)
    assert begun_at({}, names) is None


@given(
    st.text(max_size=30)
    | st.from_regex(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))?", fullmatch=True)
)
def test_no_text_raises(written):
    assert isinstance(day(written), date | None)
    assert isinstance(last_day(written), date | None)
    found = moment(written)
    assert found is None or found.tzinfo


@given(st.datetimes(datetime(1880, 1, 1), datetime(2200, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_written_time_comes_back(when):
    assert moment(when.isoformat()) == when
    assert day(when.isoformat()) == when.date()
