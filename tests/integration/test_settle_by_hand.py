"""What nobody can find out about a write: a person looks in the EHR, says what they found, and it goes on by itself."""

import pytest

from service.domain.discharge import DischargeState
from service.domain.publication import WriteState
from service.domain.write_reason import WriteReason
from tests.builders import draft_of
from tests.integration.test_operator_commands import AT, bench, run
from tests.marks import mark

__all__ = ["bench", "run"]
NOTE = draft_of("plan-document", {"resourceType": "DocumentReference", "status": "current"})
MESSAGE = draft_of("plan-message", {"resourceType": "Communication", "status": "completed"})


def lost(bench, state=DischargeState.PLANNED, drafts=(NOTE,)):
    """A discharge with writes of which nobody knows."""
    discharge = bench.discharge(state)
    with bench.store.begin() as unit:
        unit.publications.want(discharge, list(drafts))
    with bench.store.hold(discharge) as ledger:
        for draft in drafts:
            mark(ledger, draft.key, WriteState.UNKNOWN, reason=WriteReason.NOT_SHOWN)
    return discharge


def entries(bench, discharge):
    return {entry.draft.key: entry for entry in bench.store.publications.entries(discharge)}


@pytest.mark.parametrize(
    ("state", "task"),
    [
        (DischargeState.PLANNED, "publish"),
        (DischargeState.PUBLISHED, "publish"),
        (DischargeState.CANCELLING, "withdraw"),
        (DischargeState.CANCELLED, "withdraw"),
    ],
)
def test_what_was_found_counts_as_written_and_the_discharge_goes_on(state, task, bench, run):
    discharge = lost(bench, state)
    code, told, _ = run("discharges", "settle", discharge, "--there", "--reference", "DocumentReference/7")
    entry = entries(bench, discharge)["plan-document"]
    assert (code, told["resources"][0]["standing"]) == (0, "landed")
    assert (entry.state, entry.reference) == (WriteState.LANDED, "DocumentReference/7")
    assert bench.waiting_jobs() == [(task, str(discharge))]


def test_what_was_found_without_an_id_is_not_sent_again(bench, run):
    discharge = lost(bench)
    assert run("discharges", "settle", discharge, "--there")[0] == 0
    assert entries(bench, discharge)["plan-document"].state is WriteState.LANDED


def test_what_is_not_there_is_sent_again(bench, run):
    discharge = lost(bench)
    assert run("discharges", "settle", discharge, "--not-there")[0] == 0
    assert entries(bench, discharge)["plan-document"].state is WriteState.WAITING


def test_a_dry_run_does_nothing_and_nothing_unknown_is_an_error(bench, run):
    discharge = lost(bench)
    before = entries(bench, discharge)
    assert run("discharges", "settle", discharge, "--not-there", "--dry-run")[0] == 0
    assert entries(bench, discharge) == before
    assert bench.waiting_jobs() == []
    code, _, errors = run("discharges", "settle", discharge, "--there", "--type", "Communication")
    assert code == 2
    assert "Nothing of this discharge" in errors


def test_one_reference_stands_for_one_write_of_its_type(bench, run):
    discharge = lost(bench, drafts=(NOTE, MESSAGE))
    found = "--there", "--reference", "Communication/7"
    assert run("discharges", "settle", discharge, *found)[0] == 2
    assert run("discharges", "settle", discharge, *found, "--type", "DocumentReference")[0] == 2
    assert run("discharges", "settle", discharge, *found, "--type", "Communication")[0] == 0
    assert entries(bench, discharge)["plan-document"].state is WriteState.UNKNOWN


def test_it_is_shown_by_which_words_to_look_for_it(bench, run):
    discharge = lost(bench)
    [resource] = run("discharges", "show", discharge)[1]["resources"]
    assert resource["look_for"].startswith("Homeward reference ")


def test_what_an_ehr_drops_is_news_once(store):
    kept = store.hospitals
    assert kept.add_vanished("dropping", "Goal", ["note", "target.detailString"], AT)
    assert not kept.add_vanished("dropping", "Goal", ["note"], AT)
    assert kept.add_vanished("dropping", "Task", ["note"], AT)
    assert kept.vanished("dropping") == {
        "Goal": {"note", "target.detailString"},
        "Task": {"note"},
    }
    assert kept.vanished("another") == {}
