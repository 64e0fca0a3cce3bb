"""A clock was ahead and was put back: no stored moment may keep anything waiting until that hour comes."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.absence import Conclusion, Doubt, Look, Shown, Subject, conclude
from service.domain.allowance import REMEMBERED_SECONDS, Book, Limit, Share, Wish, lend
from service.domain.offer import Answer, Offer, OfferKind, left_to_clinicians
from service.domain.watch import CLOCKS_DIFFER, LONGEST_PAUSE, Watch, Way

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
INTERVAL = timedelta(minutes=5)
AHEAD = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=4000))


@given(due=AHEAD, since=AHEAD, seen=AHEAD)
def test_a_watch_that_is_brought_back_is_looked_at_now_and_lies_ahead_no_more(due, since, seen):
    watch = Watch("one", Way.POLL, NOW + due, NOW + since, NOW + seen)
    if watch.lies_ahead(NOW, INTERVAL):
        back = watch.brought_back(NOW)
        assert not back.lies_ahead(NOW, INTERVAL)
        assert back.due == NOW
    else:
        assert max(since, seen) <= CLOCKS_DIFFER
        assert due <= LONGEST_PAUSE + CLOCKS_DIFFER


@given(failures=st.integers(0, 40), interval=st.timedeltas(timedelta(seconds=10), timedelta(hours=6)))
def test_no_watch_that_a_right_clock_has_written_lies_ahead(failures, interval):
    begun = Watch("one", Way.POLL, NOW, NOW, NOW, failures).begun(NOW, interval)
    assert not begun.lies_ahead(NOW, interval)
    assert not begun.succeeded(NOW).lies_ahead(NOW - CLOCKS_DIFFER, interval)


def test_what_a_watch_knows_stays_where_only_its_next_look_lies_ahead():
    watch = Watch("one", Way.POLL, NOW + timedelta(days=300), NOW - INTERVAL, NOW - INTERVAL)
    back = watch.brought_back(NOW)
    assert (back.since, back.stays_seen) == (watch.since, watch.stays_seen)


@given(ahead=st.floats(0, 1e9), burst=st.floats(1, 100), rate=st.floats(0.1, 100))
def test_calls_begin_again_within_a_minute_and_a_burst_however_far_the_book_lies_ahead(ahead, burst, rate):
    limit = Limit(per_second=rate, burst=burst)
    book, grant = lend(Book(1e6 + ahead), Wish(process="a", calls=1), limit, now=1e6)
    longest = REMEMBERED_SECONDS + 1 / rate + 1e-3
    assert grant.wait <= longest
    _, later = lend(book, Wish(process="a", calls=1), limit, now=1e6 + longest)
    assert later.turns


def test_what_a_dead_process_held_is_free_again_although_its_lease_ends_in_a_year():
    limit = Limit(slots=1, per_second=10, burst=10)
    book = Book(shares={"dead": Share(1, 1, 1e6 + 31e6)})
    book, grant = lend(book, Wish(process="a", calls=1, wants=1), limit, now=1e6)
    assert grant.slots == 0
    _, grant = lend(book, Wish(process="a", calls=1, wants=1), limit, now=1e6 + 4)
    assert grant.slots == 1


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(days=400)])
def test_a_card_shown_in_the_future_is_left_to_nobody(ahead):
    card = Offer(uuid4(), uuid4(), OfferKind.SUGGESTION, "referral:a", "Practitioner/1", NOW + ahead)
    assert card.answer is Answer.OPEN
    assert left_to_clinicians([card], NOW) == frozenset()
    assert left_to_clinicians([card], NOW + ahead) == {"referral:a"}


def test_a_doubt_of_the_future_begins_anew_and_concludes_in_its_time():
    later = NOW + timedelta(days=30)
    kept = Doubt("one", Subject.STAY, "Encounter/1", Shown.ABSENT, None, later, later, later, proven=later)
    look = Look("one", Subject.STAY, "Encounter/1", Shown.ABSENT, is_healthy=True)
    conclusion, doubt = conclude(look, kept, NOW)
    assert conclusion is Conclusion.LOOK_AGAIN
    assert doubt is not None
    assert doubt.first == NOW
    assert conclude(look, doubt, NOW + timedelta(hours=1))[0] is Conclusion.GONE
