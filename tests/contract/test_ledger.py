"""The ledger's rules, held by the one in the database and by the one in memory that other tests publish with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from service.domain.discharge import Discharge, DischargeState
from service.domain.publication import Landed, Landing, Receipt, WriteState
from service.domain.write_reason import WriteReason
from tests.builders import MemoryLedger, draft_of
from tests.marks import mark, mark_landed, mark_sending

_AT = datetime(2024, 3, 5, 8, 0, tzinfo=UTC)


class InMemory:
    def __init__(self):
        self.ledger = MemoryLedger()

    def want(self, *drafts):
        self.ledger.want(drafts)

    @contextmanager
    def held(self) -> Iterator[MemoryLedger]:
        yield self.ledger


class InDatabase:
    def __init__(self, store):
        self.store, self.discharge = store, uuid4()
        stay = f"Encounter/{self.discharge}"
        store.discharges.add(Discharge(self.discharge, "one", stay, "", DischargeState.RECEIVED, 1, _AT, _AT))

    def want(self, *drafts):
        self.store.publications.want(self.discharge, drafts)

    def held(self):
        return self.store.hold(self.discharge)


@pytest.fixture(params=["in memory", "in the database"])
def books(request):
    return InMemory() if request.param == "in memory" else InDatabase(request.getfixturevalue("store"))


def goal(key, **body):
    return draft_of(key, {"resourceType": "Goal", **body})


def the_only(books):
    with books.held() as ledger:
        [entry] = ledger.entries()
    return entry


def test_a_new_draft_is_pending_without_receipt_or_problem(books):
    books.want(goal("a"))
    entry = the_only(books)
    assert (entry.draft, entry.state, entry.wanted) == (goal("a"), WriteState.WAITING, True)
    assert (entry.reference, entry.etag, entry.problem) == ("", "", "")


def test_the_plans_order_is_kept(books):
    books.want(goal("b"), goal("a"), goal("c"))
    with books.held() as ledger:
        assert [entry.draft.key for entry in ledger.entries()] == ["b", "a", "c"]


def test_what_was_written_and_has_not_changed_stays_written(books):
    books.want(goal("a"))
    with books.held() as ledger:
        mark_sending(ledger, ["a"])
        mark_landed(ledger, [Receipt("a", "Goal/1", 'W/"1"')])
    books.want(goal("a"))
    assert the_only(books).state is WriteState.LANDED


def test_what_changed_is_pending_with_its_receipt(books):
    books.want(goal("a", note="before"))
    with books.held() as ledger:
        mark_landed(ledger, [Receipt("a", "Goal/1", 'W/"1"')])
    books.want(goal("a", note="after"))
    entry = the_only(books)
    assert (entry.state, entry.reference, entry.etag) == (WriteState.WAITING, "Goal/1", 'W/"1"')
    assert entry.draft == goal("a", note="after")


@pytest.mark.parametrize(
    "state", [WriteState.SENDING, WriteState.UNKNOWN, WriteState.ON_HOLD, WriteState.THEIRS]
)
def test_what_is_unknown_held_or_a_persons_keeps_its_state(books, state):
    books.want(goal("a", note="before"))
    with books.held() as ledger:
        mark(ledger, "a", state, reference="Goal/1")
    books.want(goal("a", note="after"))
    assert the_only(books).state is state


def test_what_was_withdrawn_and_is_wanted_again_is_pending(books):
    books.want(goal("a"))
    with books.held() as ledger:
        mark(ledger, "a", WriteState.REVOKED, reference="Goal/1")
    books.want(goal("a"))
    assert (the_only(books).state, the_only(books).reference) == (WriteState.WAITING, "Goal/1")


def test_what_was_written_and_is_no_longer_wanted_says_so(books):
    books.want(goal("a"))
    with books.held() as ledger:
        mark_landed(ledger, [Receipt("a", "Goal/1", "")])
    books.want()
    assert not the_only(books).wanted


def test_a_receipt_that_is_not_given_stays_and_a_problem_does_not(books):
    books.want(goal("a"))
    with books.held() as ledger:
        mark(ledger, "a", WriteState.SENDING, reference="Goal/1", etag='W/"1"', reason=WriteReason.NO_ANSWER)
        mark(ledger, "a", WriteState.WAITING)
    entry = the_only(books)
    assert (entry.reference, entry.etag, entry.problem) == ("Goal/1", 'W/"1"', "")


def test_a_receipt_clears_the_problem(books):
    books.want(goal("a"))
    with books.held() as ledger:
        mark(ledger, "a", WriteState.WAITING, reason=WriteReason.NOT_LET)
        mark_landed(ledger, [Receipt("a", "Goal/1", "")])
    assert the_only(books).problem == ""


def test_what_no_plan_asked_for_is_added_once(books):
    with books.held() as ledger:
        ledger.add([goal("a", note="first")])
        ledger.add([goal("a", note="second")])
    assert the_only(books).draft == goal("a", note="first")


def test_what_was_refused_is_not_sent_again_until_it_means_something_else(books):
    books.want(goal("a", note="before"))
    with books.held() as ledger:
        mark(ledger, "a", WriteState.REFUSED, reference="Goal/1", reason=WriteReason.REJECTED, detail="422")
    books.want(goal("a", note="before"))
    assert the_only(books).state is WriteState.REFUSED
    books.want(goal("a", note="after"))
    assert the_only(books).state is WriteState.WAITING


def test_what_was_refused_and_is_no_longer_wanted_is_forgotten(books):
    books.want(goal("a"))
    with books.held() as ledger:
        mark(ledger, "a", WriteState.REFUSED, reason=WriteReason.REJECTED, detail="422")
    books.want(goal("b"))
    assert the_only(books).draft.key == "b"


def test_a_draft_that_means_the_same_keeps_the_words_that_the_ehr_was_given(books):
    books.want(replace(goal("a", note="on Monday"), meaning="the same"))
    with books.held() as ledger:
        ledger.entries()
        mark_sending(ledger, ["a"])
        mark_landed(ledger, [Receipt("a", "Goal/1", "")])
    books.want(replace(goal("a", note="on Tuesday"), meaning="the same"))
    entry = the_only(books)
    assert (entry.state, entry.draft.body["note"]) == (WriteState.LANDED, "on Monday")
    assert entry.sent == entry.draft.body


def test_what_was_sent_is_kept_beside_what_is_wanted_now(books):
    books.want(goal("a", note="before"))
    with books.held() as ledger:
        ledger.entries()
        mark_landed(ledger, [Receipt("a", "Goal/1", "")])
    books.want(goal("a", note="after"))
    entry = the_only(books)
    assert entry.sent == goal("a", note="before").body
    assert entry.draft == goal("a", note="after")


def test_the_rung_stands_with_its_reason(books):
    books.want(goal("a"))
    with books.held() as ledger:
        ledger.land([Landed("a", Landing.DOCUMENT)])
        assert ledger.entries()[0].rung is Landing.DOCUMENT
    assert the_only(books).rung is Landing.DOCUMENT
    assert the_only(books).why_there == "It stands in the plan document."


def test_what_is_wanted_also_stands_behind_the_plan_and_is_no_longer_wanted_with_the_next(books):
    books.want(goal("a"))
    with books.held() as ledger:
        ledger.want_also([goal("also")])
        assert [entry.draft.key for entry in ledger.entries()] == ["a", "also"]
        mark_landed(ledger, [Receipt("also", "Goal/2", "")])
    books.want(goal("a"))
    with books.held() as ledger:
        assert [entry.wanted for entry in ledger.entries()] == [True, False]
        ledger.want_also([goal("also")])
        assert [entry.state for entry in ledger.entries()] == [WriteState.WAITING, WriteState.LANDED]


def test_a_reading_shows_everything_recorded_since_the_last(books):
    books.want(goal("a"), goal("b"))
    with books.held() as ledger:
        ledger.entries()
        mark_sending(ledger, ["a", "b"])
        mark_landed(ledger, [Receipt("a", "Goal/1", 'W/"1"')])
        mark(ledger, "b", WriteState.UNKNOWN, reason=WriteReason.CANNOT_LOOK)
        shown = ledger.entries()
    with books.held() as ledger:
        assert ledger.entries() == shown
    assert [entry.state for entry in shown] == [WriteState.LANDED, WriteState.UNKNOWN]


def test_what_its_holder_has_changed_and_written_is_written(books):
    books.want(goal("a"))
    with books.held() as ledger:
        ledger.want_also([goal("b", lifecycleStatus="proposed")])
        mark_landed(ledger, [Receipt("b", "Goal/7", 'W/"1"')])
    with books.held() as ledger:
        assert {entry.draft.key for entry in ledger.entries()} == {"a", "b"}
        ledger.want_also([goal("b", lifecycleStatus="cancelled")])
        [changed] = [entry for entry in ledger.entries() if entry.draft.key == "b"]
        assert changed.state is WriteState.WAITING
        mark_landed(ledger, [Receipt("b", "Goal/7", 'W/"2"')])
        [entry] = [entry for entry in ledger.entries() if entry.draft.key == "b"]
    assert (entry.state, entry.etag) == (WriteState.LANDED, 'W/"2"')
    assert entry.sent == goal("b", lifecycleStatus="cancelled").body
