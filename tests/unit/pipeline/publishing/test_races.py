"""Two people, one slow EHR: whatever is clicked while a write is under way, the EHR ends at the last wish."""

from dataclasses import replace

import pytest

from service.domain.publication import WriteState
from service.domain.write_reason import WriteReason
from service.errors import EhrRefused, EhrRejected, WriteUnknown
from service.pipeline.publishing.pauses import is_unfinished, seconds_until_next_try
from service.pipeline.publishing.publish import publish
from tests.builders import MemoryLedger, draft_of
from tests.unit.pipeline.publishing.fake_ehr import FakeEhr

ORDER = draft_of(
    "referral",
    {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "proposal",
        "subject": {"reference": "Patient/7"},
        "code": {"text": "Rides"},
    },
)
EDITED = replace(ORDER, body={**ORDER.body, "code": {"text": "Rides to dialysis"}})
APPROVED = replace(EDITED, body={**EDITED.body, "status": "active", "intent": "order"})
TASK = draft_of(
    "task",
    {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "for": {"reference": "Patient/7"},
        "focus": {"reference": ORDER.full_url},
    },
)


@pytest.fixture
def ehr():
    return FakeEhr()


@pytest.fixture
def ledger(ehr):
    """A published draft."""
    made = MemoryLedger(ORDER)
    publish(made, ehr)
    assert ehr.writes == ["POST ServiceRequest/1"]
    return made


def order_in(ehr):
    [order] = ehr.of("ServiceRequest")
    return order["status"], order["code"]["text"]


def run_until_done(ledger, ehr, times=4):
    """As the queue does: again while something waits."""
    for _ in range(times):
        try:
            publish(ledger, ehr)
        except WriteUnknown:
            continue
        if seconds_until_next_try(ledger.entries()) is None:
            return
    raise AssertionError([(row.draft.key, row.state, row.reason) for row in ledger.entries()])


def test_an_approval_while_the_edit_is_under_way_reaches_the_ehr(ehr, ledger):
    ledger.want([EDITED])
    ehr.happening.meanwhile = lambda: ledger.want([APPROVED, TASK])
    run_until_done(ledger, ehr)
    assert order_in(ehr) == ("active", "Rides to dialysis")
    assert {row.state for row in ledger.entries()} == {WriteState.LANDED}


def test_a_decline_while_the_approval_is_under_way_takes_the_order_back(ehr, ledger):
    ledger.want([APPROVED])
    ehr.happening.meanwhile = lambda: ledger.want([])
    publish(ledger, ehr)
    run_until_done(ledger, ehr)
    assert order_in(ehr)[0] == "revoked"
    assert ledger.state("referral") is WriteState.REVOKED


def test_an_approval_whose_answer_was_lost_and_a_newer_edit_are_both_ours(ehr, ledger):
    ledger.want([APPROVED])
    ehr.happening.errors = [WriteUnknown("PUT: no answer came.")]
    ehr.happening.meanwhile = lambda: ehr.edit("ServiceRequest/1", **APPROVED.body)  # it arrived
    with pytest.raises(WriteUnknown):
        publish(ledger, ehr)
    newer = replace(APPROVED, body={**APPROVED.body, "code": {"text": "Rides twice a week"}})
    ledger.want([newer])
    run_until_done(ledger, ehr)
    assert order_in(ehr) == ("active", "Rides twice a week")
    assert ledger.rows["referral"].reason is WriteReason.NONE


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_approval_that_is_not_let_through_waits_and_comes_again(ehr, ledger, status):
    ledger.want([APPROVED, TASK])
    ehr.happening.errors = [EhrRefused("PUT: refused.", status=status)]
    try:
        publish(ledger, ehr)
    except EhrRefused:
        assert status == 401
    row = ledger.rows["referral"]
    assert (row.state, row.reason, is_unfinished(row)) == (WriteState.WAITING, WriteReason.NOT_LET, True)
    assert ehr.of("Task") == []  # not on a draft order
    run_until_done(ledger, ehr)
    assert order_in(ehr)[0] == "active"
    assert len(ehr.of("Task")) == 1


def test_an_approval_that_is_rejected_once_is_tried_again_and_twice_is_refused(ehr, ledger):
    ledger.want([APPROVED])
    ehr.happening.errors = [EhrRejected("PUT: 422.", status=422)]
    publish(ledger, ehr)
    assert ledger.state("referral") is WriteState.WAITING
    ehr.happening.errors = [EhrRejected("PUT: 422.", status=422)]
    publish(ledger, ehr)
    assert (ledger.state("referral"), order_in(ehr)[0]) == (WriteState.REFUSED, "draft")
    ledger.want([replace(APPROVED, body={**APPROVED.body, "priority": "routine"})])
    run_until_done(ledger, ehr)
    assert order_in(ehr)[0] == "active"


def test_what_is_not_shown_for_a_moment_is_no_removal(ehr, ledger):
    ledger.want([APPROVED])
    ehr.hidden = {"ServiceRequest/1"}
    for _ in range(3):
        publish(ledger, ehr)
    row = ledger.rows["referral"]
    assert (row.state, row.reason, row.attempts) == (WriteState.WAITING, WriteReason.ABSENT_ONCE, 3)
    ehr.hidden = set()
    run_until_done(ledger, ehr)
    assert order_in(ehr)[0] == "active"
    assert len(ehr.of("ServiceRequest")) == 1


def test_a_persons_words_are_kept_and_the_approval_goes_through_beside_them(ehr, ledger):
    ehr.edit("ServiceRequest/1", patientInstruction="Bring your card")
    ledger.want([APPROVED])
    run_until_done(ledger, ehr)
    [order] = ehr.of("ServiceRequest")
    assert (order["status"], order["patientInstruction"]) == ("active", "Bring your card")
