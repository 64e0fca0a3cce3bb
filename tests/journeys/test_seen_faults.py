"""What was once seen to go wrong between people and an EHR, played to real processes.

People click while the EHR is slow, it keeps no notes, answers 401, 403, 404 and 422 for a while, a nurse ticks an
activity. What is asserted stands in the EHR, read from inside.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.faults.clinician import finding, tick
from benchmarks.faults.judgement import words_of
from fhir_mappings.references import reference_of
from service.domain.publication import WriteState
from service.sandbox.mode import FULL, SINGLES
from service.sandbox.spells import Asks, Trouble
from tests.processes import wait_until
from tests.ward import House, Ward, open_house

Json = dict[str, Any]

WORDS = "Groceries brought to the door"
#: Where people decide about what stands in the EHR already; the vendors take a plan once it was signed, and no change of it.
CHANGING = (FULL, SINGLES)


@pytest.fixture(scope="module", params=CHANGING)
def house(request, tmp_path_factory, new_database) -> Iterator[House]:
    log = tmp_path_factory.mktemp("seen") / "homeward.log"
    with open_house(request.param, log, new_database("template_for_tests"), stays=4) as opened:
        yield opened


@pytest.fixture
def clicked(house) -> Iterator[Ward]:
    """The plan about which people click; it has enough items for all."""
    yield house.wards[0]
    house.deployment.cast(flaky=False)


def no_task_is_out_on_a_draft(ward: Ward) -> None:
    open_tasks = [
        task for task in ward.tasks() if task["intent"] == "order" and task["status"] == "requested"
    ]
    for task in open_tasks:
        assert ward.deployment.hospital.read(task["focus"]["reference"])["status"] != "draft"


# --- two runs over one row -------------------------------------------------------------------------
def test_an_approval_while_the_first_write_is_under_way_arrives(clicked):
    key, before = clicked.items()[0]["key"], clicked.met(Trouble.SLOW)
    clicked.cast(Trouble.SLOW)
    assert clicked.desk.reword(clicked.discharge, key, WORDS)
    clicked.wait_for(Trouble.SLOW, before)
    assert clicked.desk.decide(clicked.discharge, key, "approve")
    wait_until(lambda: clicked.stands(key, WORDS) and clicked.is_published(), "the approval")
    no_task_is_out_on_a_draft(clicked)
    assert "theirs" not in clicked.standings()


def test_a_decline_while_the_approval_is_under_way_leaves_no_order(clicked):
    key, before = clicked.items()[0]["key"], clicked.met(Trouble.SLOW)
    words = "Groceries to be declined"
    assert clicked.desk.reword(clicked.discharge, key, words)
    wait_until(clicked.is_published, "the new words")
    assert words in clicked.words()
    clicked.cast(Trouble.SLOW)
    assert clicked.desk.decide(clicked.discharge, key, "approve")
    if clicked.order_of(key):
        clicked.wait_for(Trouble.SLOW, before)
    assert clicked.desk.decide(clicked.discharge, key, "decline")
    wait_until(lambda: clicked.is_declined(key, words) and clicked.is_published(), "the decline")
    no_task_is_out_on_a_draft(clicked)
    order = clicked.order_of(key)
    focused = [
        task for task in clicked.tasks() if order and task["focus"]["reference"] == reference_of(order)
    ]
    assert {task["status"] for task in focused} <= {"cancelled"}


# --- a moment's 404 --------------------------------------------------------------------------------
@pytest.mark.parametrize("trouble", [Trouble.NOT_FOUND, Trouble.NOT_FOUND_PAGE])
def test_a_moment_in_which_nothing_is_found_removes_nothing(clicked, trouble):
    key, before = clicked.items()[0]["key"], clicked.met(trouble)
    words = f"Groceries in spite of {trouble.value}"
    clicked.cast(trouble, Asks.ALL)
    assert clicked.desk.reword(clicked.discharge, key, words)
    assert clicked.desk.decide(clicked.discharge, key, "approve")
    clicked.wait_for(trouble, before)
    wait_until(lambda: "waiting" in clicked.standings(), "that it waits")
    assert not clicked.is_published()
    assert "theirs" not in clicked.standings()
    clicked.recover(minutes=10)
    wait_until(lambda: clicked.stands(key, words) and clicked.is_published(), "the approval")
    assert "theirs" not in clicked.standings()


# --- refused for a moment --------------------------------------------------------------------------
@pytest.mark.parametrize("trouble", [Trouble.UNAUTHORIZED, Trouble.FORBIDDEN])
def test_an_approval_that_is_refused_for_a_moment_waits_and_arrives(clicked, trouble):
    key, before = clicked.items()[0]["key"], clicked.met(trouble)
    words = f"Groceries in spite of {trouble.value}"
    clicked.cast(trouble)
    assert clicked.desk.reword(clicked.discharge, key, words)
    assert clicked.desk.decide(clicked.discharge, key, "approve")
    clicked.wait_for(trouble, before)
    assert not clicked.is_published()
    assert "waiting" in clicked.standings()
    assert "waiting" in clicked.page()
    clicked.recover(minutes=10)
    wait_until(lambda: clicked.stands(key, words) and clicked.is_published(), "the approval")


# --- sentences are no state ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("place", "trouble"),
    [(1, Trouble.NOTES_LEFT_OUT), (2, Trouble.NOTES_ENDED)],
    ids=["no notes", "newlines"],
)
def test_an_order_on_hold_is_active_again_however_the_ehr_keeps_notes(house, place, trouble):
    ward = house.wards[place]
    key, words = ward.items()[0]["key"], "Groceries after a pause"
    ward.cast(trouble, types=frozenset())
    assert ward.desk.reword(ward.discharge, key, words)
    assert ward.desk.decide(ward.discharge, key, "approve")
    wait_until(lambda: ward.stands(key, words) and ward.is_published(), "the approval")
    had_order = bool(ward.order_of(key))
    assert ward.desk.call_off(ward.discharge)
    wait_until(lambda: not ward.stands(key, words), "the hold")
    wait_until(lambda: ward.told()["state"] == "cancelled", "calling off")
    assert not had_order or ward.status(key) == "on-hold"
    asking = {
        task["id"] for task in ward.tasks() if task["intent"] != "order" and task["status"] == "requested"
    }
    ward.order("again")

    def is_back() -> bool:
        closed = [task for task in ward.tasks() if task["id"] in asking and task["status"] != "requested"]
        back = ward.stands(key, words)
        assert back or not closed, "the task about the hold was closed before the order was active"
        return bool(back and ward.is_published())

    wait_until(is_back, "the order that is active again")
    assert {task["status"] for task in ward.tasks() if task["id"] in asking} <= {"completed", "cancelled"}
    assert asking
    entries = ward.deployment.deps.store.publications.entries(ward.discharge)
    assert WriteState.THEIRS not in {entry.state for entry in entries}
    house.deployment.cast(flaky=False)


# --- a person's edits ------------------------------------------------------------------------------
def test_a_plan_with_a_ticked_activity_goes_on_following_us(house):
    ward = house.wards[3]
    before = ward.plan()
    assert "Food insecurity" not in words_of(before)
    edit = tick(ward.deployment.hospital, ward.ours(), 0)
    assert edit is not None
    finding(ward.deployment.hospital, ward.stay)
    ward.order("again")

    def follows() -> bool:
        return "Food insecurity" in words_of(ward.deployment.hospital.read(reference_of(before)))

    wait_until(lambda: follows() and ward.is_published(), "the new need")
    assert edit.stands_in(ward.deployment.hospital.read(edit.reference))


# --- refused for what it says; last, for a day goes by ---------------------------------------------
def test_an_approval_whose_content_is_refused_is_told_as_refused_and_arrives_when_it_is_taken(clicked):
    key, words = clicked.items()[0]["key"], "Groceries in spite of 422"
    assert "refused" not in clicked.page()
    clicked.cast(Trouble.UNPROCESSABLE)
    assert clicked.desk.reword(clicked.discharge, key, words)
    assert clicked.desk.decide(clicked.discharge, key, "approve")
    wait_until(lambda: "refused" in clicked.standings(), "that it is refused")
    assert not clicked.stands(key, words)
    assert "refused" in clicked.page()
    clicked.recover(days=1, minutes=10)
    wait_until(lambda: clicked.stands(key, words) and clicked.is_published(), "the approval")
