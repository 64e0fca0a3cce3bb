"""What is lent to this process: kept to, asked for in time, given back, and done without when the book is away."""

import threading
import time

import pytest

from service.domain.allowance import LEASE_SECONDS, Book, Grant, Limit, lend
from service.ehr.account import Account
from service.ehr.lent import LentAllowance
from service.errors import StoreUnavailable

LIMIT = Limit(slots=4, per_second=10.0, burst=20.0, ahead=2)
ALL = Grant(turns=(0.0, 0.0), slots=4, processes=2)


@pytest.fixture
def account():
    return Account("me", LIMIT, 0.0)


def ask(account, grant, now):
    """The borrowing thread's part, when its time has come."""
    assert account.due(now) is not None
    assert account.due(now) <= now
    wish = account.wish(now)
    account.granted(grant, wish, asked=now, now=now)
    return wish


def begun(account, now, grant=ALL):
    """One call that is under way, as the first one."""
    account.wait()
    assert account.begin(now) is None
    ask(account, grant, now)
    assert account.begin(now) == 0.0


def test_the_first_call_asks_for_a_slot_and_a_few_turns(account):
    account.wait()
    assert account.begin(0.0) is None
    wish = ask(account, ALL, 0.0)
    assert (wish.calls, wish.wants, wish.in_use) == (2, 1, 0)
    assert account.begin(0.0) == 0.0


def test_what_was_lent_is_not_asked_for_again_before_who_waits_has_woken(account):
    account.wait()
    assert account.begin(10.0) is None
    ask(account, ALL, 10.0)
    assert account.due(10.0) == 11.0


def test_further_calls_ask_for_nothing_until_their_turns_are_spent(account):
    begun(account, 0.0)
    account.wait()
    assert account.begin(0.1) == 0.0
    account.wait()
    assert account.begin(0.2) is None
    wish = ask(account, ALL, 0.2)
    assert (wish.calls, wish.wants, wish.in_use) == (4, 3, 2)


def test_no_more_are_under_way_than_were_lent_and_more_is_asked_for_now_and_then(account):
    begun(account, 0.0, Grant(turns=(0.0, 0.0), slots=1))
    account.wait()
    assert account.begin(0.1) is None
    wish = ask(account, Grant(slots=1), 0.1)
    assert (wish.calls, wish.wants) == (0, 2)
    assert account.due(0.1) == pytest.approx(0.3)
    account.end(0.2)
    assert account.begin(0.2) == 0.0


def test_while_a_call_lasts_the_book_is_told_and_when_all_is_quiet_everything_is_given_back(account):
    begun(account, 0.0)
    assert account.due(0.5) == 1.0
    assert ask(account, Grant(slots=1), 1.0).in_use == 1
    account.end(1.5)
    assert account.due(1.5) == 1.75
    wish = ask(account, Grant(slots=0), 1.75)
    assert (wish.wants, wish.in_use) == (0, 0)
    assert account.due(1.75) is None


def test_what_was_lent_is_not_used_when_its_time_is_over(account):
    begun(account, 0.0)
    account.end(0.1)
    account.wait()
    assert account.begin(LEASE_SECONDS) is None
    assert ask(account, ALL, LEASE_SECONDS).wants == 1
    assert account.begin(LEASE_SECONDS) == 0.0


def test_who_must_give_some_back_says_so_as_soon_as_they_have_ended(account):
    begun(account, 0.0)
    account.wait()
    assert account.begin(0.0) == 0.0
    assert ask(account, Grant(slots=1), 1.0).in_use == 2
    account.wait()
    assert account.begin(1.0) is None
    account.end(1.1)
    assert account.begin(1.1) is None
    assert ask(account, Grant(slots=1), 1.2).in_use == 1


def fail(account, now):
    """The book is asked and does not answer."""
    assert account.due(now) <= now
    account.wish(now)
    account.failed(now)


def test_without_the_book_an_equal_share_is_used_once_what_others_hold_has_lapsed(account):
    begun(account, 0.0)  # two processes share four slots and ten calls a second
    account.wait()
    assert account.begin(0.2) == 0.0
    account.wait()
    assert account.begin(0.3) is None
    fail(account, 0.3)
    assert account.begin(LEASE_SECONDS + 0.2) is None
    assert account.begin(LEASE_SECONDS + 0.3) is None  # two are under way, which is its share
    account.end(LEASE_SECONDS + 0.3)
    assert account.begin(LEASE_SECONDS + 0.3) == 0.0
    account.end(LEASE_SECONDS + 0.3)
    account.wait()
    assert account.begin(LEASE_SECONDS + 0.3) == pytest.approx(1 / 5)  # five a second, and none saved up


def test_who_never_heard_of_the_book_goes_one_by_one(account):
    account.wait()
    fail(account, 100.0)
    assert account.begin(100.0 + LEASE_SECONDS - 0.1) is None
    assert account.begin(100.0 + LEASE_SECONDS) == 0.0
    account.wait()
    assert account.begin(100.0 + LEASE_SECONDS) is None


def test_after_an_outage_the_book_counts_again(account):
    account.wait()
    fail(account, 0.0)
    assert account.begin(LEASE_SECONDS) == 0.0
    account.wait()
    wish = ask(account, ALL, LEASE_SECONDS + 0.1)
    assert (wish.in_use, wish.wants) == (1, 2)
    assert account.begin(LEASE_SECONDS + 0.1) == 0.0


def test_the_book_is_asked_for_a_while_after_the_last_call_of_an_outage_and_then_forgotten(account):
    account.wait()
    fail(account, 0.0)
    assert account.begin(LEASE_SECONDS) == 0.0
    account.end(4.0)
    assert account.due(4.0) is not None
    assert account.due(15.0) is None
    account.rest()
    account.wait()
    assert account.begin(3600.0) is None


# --- with its thread ----------------------------------------------------------------------------
class Shelf:
    """A book in memory that several allowances lend from."""

    def __init__(self):
        self.book, self.asked, self.away = Book(), 0, False
        self._lock = threading.Lock()

    def lend(self, limit, wish):
        with self._lock:
            self.asked += 1
            if self.away:
                raise StoreUnavailable
            self.book, grant = lend(self.book, wish, limit, now=time.time())
            return grant


def call(allowance, under_way, seconds=0.002):
    assert allowance.enter(10.0) is not None
    under_way.append(1)
    most = len(under_way)
    time.sleep(seconds)
    under_way.pop()
    allowance.leave()
    return most


def test_many_threads_of_several_processes_stay_within_the_slots_and_all_come_to_their_end():
    shelf = Shelf()
    under_way: list[int] = []
    most: list[int] = []
    limit = Limit(slots=3, per_second=10_000.0, burst=20_000.0, ahead=1000)
    allowances = [LentAllowance(limit, shelf.lend) for _ in range(3)]

    def work(allowance):
        most.extend(call(allowance, under_way) for _ in range(20))

    threads = [threading.Thread(target=work, args=[allowance]) for allowance in allowances for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(most) == 12 * 20
    assert max(most) <= 3


def test_a_hundred_calls_cost_a_few_questions_and_the_thread_ends_when_all_is_quiet():
    shelf = Shelf()
    limit = Limit(slots=4, per_second=1000.0, burst=2000.0, ahead=250)
    allowance = LentAllowance(limit, shelf.lend)
    for _ in range(100):
        call(allowance, [], 0.0)
    assert shelf.asked <= 3
    deadline = time.monotonic() + 5
    while any(thread.name == "allowance" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert [share.holds for share in shelf.book.shares.values()] == [0]


def test_patience_ends():
    shelf = Shelf()
    limit = Limit(slots=1, per_second=1000.0, burst=2000.0, ahead=250)
    one, other = LentAllowance(limit, shelf.lend), LentAllowance(limit, shelf.lend)
    assert one.enter(5.0) is not None
    assert other.enter(0.05) is None
    one.leave()
    assert other.enter(5.0) is not None
    other.leave()


def test_nobody_waits_for_ever_when_the_book_is_away(monkeypatch):
    monkeypatch.setattr("service.ehr.account.LEASE_SECONDS", 0.1)
    shelf = Shelf()
    shelf.away = True
    allowance = LentAllowance(Limit(slots=8, per_second=80.0, burst=160.0, ahead=20), shelf.lend)
    began = time.monotonic()
    turns = []
    for _ in range(3):
        turns.append(allowance.enter(5.0))
        allowance.leave()
    assert time.monotonic() - began < 2.0
    assert turns[0] == 0.0
    assert turns[2] == pytest.approx(0.2, abs=0.1)
