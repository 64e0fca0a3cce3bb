"""A note that can never be changed: nothing before a signature, one further note for each signed change, and one when it is off."""

import base64
from dataclasses import replace
from datetime import timedelta

import pytest

from fhir_mappings.outbound.reference_line import references_in_text
from service.domain.decision import WHOLE_PLAN, Choice
from service.domain.publication import WriteStanding, WriteState
from service.domain.write_reason import WriteReason
from service.pipeline.publishing.pauses import seconds_until_next_try
from service.pipeline.publishing.publish import publish
from tests.model.fake_ehr import FakeClient, FakeEhr, Fault
from tests.model.homeward import RIDES, TENANT, Homeward
from tests.model.test_lasting import NOTES

KEY = "plan-document"


@pytest.fixture
def homeward():
    return Homeward(FakeEhr(NOTES))


def run(homeward, times=1):
    for _ in range(times):
        homeward.job = homeward.job or ("withdraw" if homeward.is_called_off else "publish")
        homeward.run()
        homeward.pass_time()
    return homeward


def texts(homeward):
    """The notes in the EHR, the oldest first."""
    attachments = [
        [part["attachment"] for part in versions[0]["content"]]
        for versions in homeward.server.history.values()
    ]
    assert all(len(versions) == 1 for versions in homeward.server.history.values())  # none was changed
    assert all(len(parts) == 1 for parts in attachments)
    return [base64.b64decode(part["data"]).decode() for [part] in attachments]


def told(homeward):
    return " ".join(texts(homeward)[-1].split())


def standings(homeward):
    rows = homeward.ledger.rows
    return {key: row.standing for key, row in rows.items() if key.startswith(KEY)}


def sign(homeward):
    homeward.decide(WHOLE_PLAN, Choice.APPROVED)
    return run(homeward)


def test_nothing_is_written_before_a_signature_and_nothing_waits_for_the_ehr(homeward):
    for variant in (0, 1, 2):
        homeward.replan(variant)
        run(homeward)
    assert texts(homeward) == []
    assert standings(homeward) == {KEY: WriteStanding.UNSIGNED}
    assert homeward.ledger.rows[KEY].reason is WriteReason.NOT_SIGNED
    assert seconds_until_next_try(homeward.ledger.entries()) is None


def test_a_signature_writes_it_at_once_and_planning_the_same_anew_writes_nothing(homeward):
    run(homeward)
    sign(homeward)
    assert len(texts(homeward)) == 1
    homeward.replan(0)
    run(homeward, times=3)
    assert len(texts(homeward)) == 1
    assert standings(homeward) == {KEY: WriteStanding.LANDED}


def test_a_changed_plan_is_told_once_when_it_is_signed_and_names_the_one_before(homeward):
    sign(homeward)
    for variant in (1, 2, 1):
        homeward.replan(variant)
        run(homeward)
    assert len(texts(homeward)) == 1
    assert standings(homeward) == {KEY: WriteStanding.LANDED, f"{KEY}:2": WriteStanding.UNSIGNED}
    sign(homeward)
    run(homeward, times=3)
    assert len(texts(homeward)) == 2
    assert "Replaces the discharge plan of 5 March 2024, 09:30." in told(homeward)
    assert standings(homeward) == {KEY: WriteStanding.REPLACED, f"{KEY}:2": WriteStanding.LANDED}
    assert homeward.ledger.rows[KEY].state is WriteState.LANDED


def test_a_decision_about_a_signed_plan_is_a_signed_change(homeward):
    sign(homeward)
    homeward.decide(RIDES, Choice.DECLINED)
    run(homeward, times=2)
    assert len(texts(homeward)) == 2


def test_what_the_ehr_drops_without_a_word_is_told_and_nobodys_edit():
    homeward = Homeward(FakeEhr(replace(NOTES, drops=NOTES.drops | {"category"})))
    sign(homeward)
    assert "category" in homeward.vanished["DocumentReference"]
    run(homeward, times=3)
    assert standings(homeward) == {KEY: WriteStanding.LANDED}
    assert "category" not in (homeward.ledger.rows[KEY].sent or {})


def test_each_note_has_a_reference_of_its_own(homeward):
    sign(homeward)
    homeward.replan(1)
    sign(homeward)
    references = [references_in_text(text) for text in texts(homeward)]
    assert [len(found) for found in references] == [1, 1]
    assert references[0] != references[1]


def test_what_was_called_off_before_anything_was_written_is_told_to_nobody(homeward):
    run(homeward)
    homeward.call_off()
    run(homeward, times=2)
    assert texts(homeward) == []
    assert standings(homeward) == {KEY: WriteStanding.WITHDRAWN}


def test_a_plan_that_is_called_off_and_comes_back_is_told_each_time_once(homeward):
    sign(homeward)
    homeward.call_off()
    run(homeward, times=3)
    assert len(texts(homeward)) == 2
    assert "The discharge plan of 5 March 2024, 09:30 no longer holds." in told(homeward)
    assert "The patient stays." in told(homeward)
    homeward.order_again()
    run(homeward, times=3)
    assert len(texts(homeward)) == 3
    assert "Replaces the notice of 5 March 2024," in told(homeward)
    homeward.call_off()
    run(homeward, times=2)
    assert len(texts(homeward)) == 4
    assert standings(homeward) == {
        KEY: WriteStanding.REPLACED,
        f"{KEY}:2:off": WriteStanding.REPLACED,
        f"{KEY}:3": WriteStanding.REPLACED,
        f"{KEY}:4:off": WriteStanding.LANDED,
    }


def test_a_change_that_nobody_has_signed_is_forgotten_when_it_is_called_off(homeward):
    sign(homeward)
    homeward.replan(1)
    run(homeward)
    homeward.call_off()
    run(homeward, times=2)
    assert len(texts(homeward)) == 2
    homeward.order_again()
    run(homeward, times=2)
    assert len(texts(homeward)) == 2  # what was signed is another plan than the one that is proposed now


def test_a_note_whose_answer_was_lost_is_taken_up_by_its_text(homeward):
    homeward.server.faults.append(Fault("timeout after", 1, reads=False))
    sign(homeward)
    row = homeward.ledger.rows[KEY]
    assert (row.state, row.reference) == (WriteState.SENDING, "")
    run(homeward)
    assert len(texts(homeward)) == 1
    assert standings(homeward) == {KEY: WriteStanding.LANDED}


def test_a_note_that_never_arrived_is_a_persons_and_never_sent_again(homeward):
    homeward.server.faults.append(Fault("timeout before", 1, reads=False))
    sign(homeward)
    run(homeward, times=6)
    assert texts(homeward) == []
    row = homeward.ledger.rows[KEY]
    assert (row.state, row.reason) == (WriteState.UNKNOWN, WriteReason.NOT_SHOWN)


def test_no_further_note_is_made_while_nobody_knows_of_the_last(homeward):
    homeward.server.faults.append(Fault("late", 1, reads=False))
    homeward.decide(WHOLE_PLAN, Choice.APPROVED)
    homeward.run()
    homeward.replan(1)
    homeward.decide(WHOLE_PLAN, Choice.APPROVED)
    homeward.run()
    assert texts(homeward) == []
    homeward.at += timedelta(minutes=5)
    homeward.server.catch_up()
    run(homeward, times=3)
    assert len(texts(homeward)) == 2
    assert "Replaces the discharge plan of" in told(homeward)


def test_a_note_that_a_person_removed_is_not_called_off(homeward):
    sign(homeward)
    [reference] = homeward.server.history
    homeward.server.delete(reference)
    homeward.server.history[reference] = homeward.server.history[reference][-1:]
    homeward.ledger.mark(KEY, WriteState.THEIRS, reason=WriteReason.REMOVED_BY_PERSON)
    homeward.call_off()
    run(homeward, times=2)
    assert list(homeward.server.all()) == []


def test_a_plan_of_somebody_who_has_died_is_told_to_hold_no_longer_without_a_signature(homeward):
    sign(homeward)
    homeward.replan(1)  # as another plan, which nobody has signed
    ended = replace(homeward.way(), called_off=homeward.called_off)
    for _ in range(2):
        publish(homeward.ledger, homeward.client or FakeClient(TENANT, homeward.server), way=ended)
    assert len(texts(homeward)) == 2
    assert "no longer holds" in told(homeward)
    run(homeward, times=2)  # it was a mistake: the plan goes on, and waits for a signature
    assert len(texts(homeward)) == 2
    sign(homeward)
    assert "Replaces the notice of" in told(homeward)


def test_where_nothing_was_written_nobody_is_told_that_it_holds_no_longer(homeward):
    ended = replace(homeward.way(), called_off=homeward.called_off)
    publish(homeward.ledger, FakeClient(TENANT, homeward.server), way=ended)
    assert texts(homeward) == []
    assert standings(homeward) == {KEY: WriteStanding.UNSIGNED}
