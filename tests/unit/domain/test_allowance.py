"""What all processes share: nobody gets what another holds, nobody goes without for ever, and nothing is lost for good."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.allowance import LEASE_SECONDS, Book, Limit, Purse, Wish, fair_shares, lend

NOW = 1_000_000.0
LIMIT = Limit(slots=8, per_second=10.0, burst=20.0, ahead=2)
CALLS = Limit(per_second=10.0, burst=20.0, ahead=2)


def borrow(book, process, now=NOW, limit=LIMIT, **wish):
    return lend(book, Wish(process=process, **wish), limit, now=now)


# --- calls that begin ---------------------------------------------------------------------------
def test_after_a_quiet_time_a_burst_may_begin_at_once_and_the_rest_at_the_rate():
    book, grant = borrow(Book(), "a", calls=30, limit=CALLS)
    assert grant.turns[:20] == (0.0,) * 20
    assert [round(turn, 6) for turn in grant.turns[20:]] == [0.1, 0.2]
    _, later = borrow(book, "b", calls=2, limit=CALLS)
    assert [round(turn, 6) for turn in later.turns] == [0.3, 0.4]


def test_what_is_not_promised_ahead_is_refused_with_the_time_to_wait():
    limit = Limit(per_second=10.0, burst=3.0)
    book, grant = borrow(Book(), "a", calls=5, limit=limit)
    assert grant.turns == (0.0, 0.0, 0.0)
    book, refused = borrow(book, "a", calls=5, limit=limit)
    assert refused.turns == ()
    assert round(refused.wait, 3) == 0.1
    _, grant = borrow(book, "a", calls=5, limit=limit, now=NOW + 0.1001)
    assert grant.turns == (0.0,)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.floats(0.0, 0.7)), min_size=1, max_size=60)
)
def test_however_they_ask_no_more_begin_than_rate_and_burst_allow(asked):
    book, now, begun = Book(), NOW, []
    for process, calls, pause in asked:
        book, grant = borrow(book, str(process), now, calls=calls, limit=CALLS)
        begun += [now + turn for turn in grant.turns]
        now += pause
    for end in begun:
        within = sum(at <= end + 1e-6 for at in begun)
        assert within <= LIMIT.burst + LIMIT.per_second * (end - NOW) + 1e-3


def test_who_gets_no_slot_gets_no_turn_that_would_be_lost():
    book, _ = borrow(Book(), "a", wants=8, calls=2)
    book, grant = borrow(book, "b", wants=1, calls=2)
    assert (grant.slots, grant.turns) == (0, ())
    _, grant = borrow(book, "a", wants=8, in_use=2, calls=2)
    assert grant.turns == (0.0, 0.0)


# --- calls under way ----------------------------------------------------------------------------
def test_one_process_alone_may_have_all():
    _, grant = borrow(Book(), "a", wants=8)
    assert grant.slots == 8


def test_nothing_is_lent_twice_and_what_is_given_back_is_free():
    book, _ = borrow(Book(), "a", wants=6, in_use=6)
    book, grant = borrow(book, "b", wants=6)
    assert grant.slots == 2
    book, _ = borrow(book, "a", wants=0)
    book, grant = borrow(book, "b", wants=6, in_use=2)
    assert grant.slots == 6


def test_who_holds_more_than_their_share_begins_none_until_enough_have_ended():
    book, _ = borrow(Book(), "a", wants=8, in_use=0)
    book, grant = borrow(book, "b", wants=8)
    assert grant.slots == 0
    book, grant = borrow(book, "a", wants=8, in_use=8)
    assert grant.slots == 4
    assert book.shares["a"].holds == 8
    book, grant = borrow(book, "a", wants=8, in_use=3)
    book, grant = borrow(book, "b", wants=8)
    assert grant.slots == 4


def test_what_a_dead_process_held_is_free_when_its_time_is_over():
    book, _ = borrow(Book(), "dead", wants=8, in_use=8)
    _, grant = borrow(book, "b", wants=8, now=NOW + LEASE_SECONDS - 0.1)
    assert grant.slots == 0
    _, grant = borrow(book, "b", wants=8, now=NOW + LEASE_SECONDS)
    assert grant.slots == 8


def test_it_is_told_how_many_shared_in_it_lately():
    book, _ = borrow(Book(), "a", wants=1)
    book, _ = borrow(book, "b", wants=0)
    _, grant = borrow(book, "c", wants=1)
    assert grant.processes == 3
    _, grant = borrow(book, "c", wants=1, now=NOW + 64)
    assert grant.processes == 1


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10)), st.integers(1, 9), st.integers(0, 99))
def test_shares_are_fair(wants, slots, turn):
    shares = fair_shares(slots, wants, turn=turn)
    assert sum(shares.values()) == min(slots, sum(wants.values()))
    for name, share in shares.items():
        assert share <= wants[name]
        # Who got less than they want got no less than anybody else, but for one that is left over.
        assert share == wants[name] or all(other <= share + 1 for other in shares.values())


def test_with_fewer_calls_than_processes_each_has_its_turn():
    had = set()
    for second in range(3):
        [one] = [
            name for name, share in fair_shares(1, {"a": 1, "b": 1, "c": 1}, turn=second).items() if share
        ]
        had.add(one)
    assert had == {"a", "b", "c"}


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 10), st.integers(0, 10), st.floats(0.0, 1.0)),
        max_size=60,
    )
)
def test_never_are_more_under_way_than_allowed(steps):
    """Each process begins as many as it may, ends some, and asks again before its time is over."""
    book, now = Book(), NOW
    running: dict[str, int] = {}
    asked: dict[str, float] = {}
    for process, wants, ended, pause in steps:
        running[process] = max(0, running.get(process, 0) - ended)
        book, grant = borrow(book, process, now, wants=max(wants, running[process]), in_use=running[process])
        running[process] = max(running[process], min(grant.slots, wants))
        asked[process] = now
        assert sum(running.values()) <= LIMIT.slots
        now += pause
        for other, at in asked.items():  # the borrowing thread of each renews in time
            if now - at > LEASE_SECONDS / 2:
                wish = {"wants": running[other], "in_use": running[other]}
                book, _ = borrow(book, other, now, **wish)
                asked[other] = now


# --- what is borrowed ---------------------------------------------------------------------------
def test_turns_are_spent_in_order_and_those_that_come_later_are_waited_for():
    purse = Purse(least=2, most=8, keeps=0.5)
    purse.put((0.0, 0.2), 10.0)
    assert purse.take(10.1) == 0.0
    assert purse.take(10.1) == pytest.approx(0.1)
    assert purse.take(10.1) is None


def test_turns_that_are_not_taken_in_time_are_lost():
    purse = Purse(least=2, most=8, keeps=0.5)
    purse.put((0.0, 0.2), 10.0)
    assert purse.take(10.6) == 0.0
    purse.put((0.0, 0.2), 11.0)
    assert purse.take(12.0) is None


def test_more_is_asked_for_the_faster_it_is_spent_and_less_when_some_was_lost():
    purse = Purse(least=2, most=8, keeps=0.5)
    asked = []
    for second in range(4):
        asked.append(purse.ask)
        purse.put((0.0,) * purse.ask, float(second))
        while purse.take(float(second)) is not None:
            pass
    assert asked == [2, 4, 8, 8]
    purse.put((0.0,) * 8, 10.0)
    for _ in range(3):
        purse.take(10.0)
    assert purse.take(20.0) is None
    purse.put((0.0,) * 8, 20.0)
    assert purse.ask == 3
