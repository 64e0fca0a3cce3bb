"""The whole table: every wish, state and sight, and what must hold whatever they are."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from types import MappingProxyType

import pytest

from fhir_mappings.outbound.author import Author
from fhir_mappings.withdrawal import status_of
from service.domain.absence import Conclusion
from service.domain.hook_shape import AS_SPECIFIED, HookShape, OrderCodes
from service.domain.preference_list import ListedOrder
from service.domain.publication import InFlight, LedgerEntry, WriteState
from service.domain.write_reason import WriteReason
from service.ehr.capability import Capability, ResourceCapability
from service.pipeline.publishing.actions import Add, Observed, Record, Sight, Situation, Wish, Write
from service.pipeline.publishing.reconcile import reconcile
from tests.builders import draft_of

AT = datetime(2024, 3, 5, 12, 0, tzinfo=UTC)
ALL = ResourceCapability(
    interactions=frozenset({"read", "search-type", "create", "update"}),
    search_parameters=frozenset({"identifier", "target"}),
)
KINDS = ("Goal", "ServiceRequest", "CarePlan", "Task", "Provenance")
CAPABILITY = Capability(resources=MappingProxyType(dict.fromkeys(KINDS, ALL)))
ORDER = draft_of(
    "referral",
    {"resourceType": "ServiceRequest", "status": "draft", "intent": "proposal", "code": {"text": "Rides"}},
)
APPROVED = replace(ORDER, body={**ORDER.body, "status": "active", "intent": "order"})
TASK = draft_of(
    "task", {"resourceType": "Task", "status": "requested", "focus": {"reference": ORDER.full_url}}
)
STATES = tuple(WriteState)
SIGHTS = tuple(Sight)
WISHES = tuple(Wish)


def situation(**wishes):
    return Situation(CAPABILITY, wishes, Author("Homeward", "Example"), AT, AT)


def entry_in(state, *, there, draft=ORDER, **more):
    """An entry of this state as a ledger would hold it."""
    known: dict[str, object] = (
        {"reference": "ServiceRequest/7", "etag": 'W/"1"', "observed": 'W/"1"'} if there else {}
    )
    if there:
        known |= {"sent": draft.body, "sent_digest": draft.digest}
    if state is WriteState.SENDING:
        known |= {"in_flight": InFlight(draft.body, draft.digest, WriteState.WAITING)}
    if state is WriteState.ON_HOLD:
        known |= {"status_before": "active", "status_given": "on-hold"}
    return LedgerEntry(draft, state, draft.digest, **{**known, **more})


def seen(sight, draft=ORDER, version="1", **more):
    if sight is not Sight.THERE:
        return Observed(sight, **more)
    return Observed(sight, {**draft.body, "id": "7", **more}, f'W/"{version}"')


def after(entry, look, wish):
    """What is done with one entry, and the entry as it then stands, without what the EHR would answer."""
    [*actions] = reconcile([entry], {entry.draft.key: look}, situation(**{entry.draft.key: wish}))
    records = [action.entry for action in actions if isinstance(action, Record)]
    return actions, records[0] if records else entry


@pytest.mark.parametrize(("wish", "there"), list(product(WISHES, [True, False])))
def test_no_corner_of_the_table_breaks_a_rule(wish, there):
    for state, sight in product(STATES, SIGHTS):
        entry = entry_in(state, there=there)
        actions, known = after(entry, seen(sight), wish)
        where = (wish, state, sight, there)
        writes = [action for action in actions if isinstance(action, Write)]
        assert len(actions) <= 2, where  # its own, and a task about a hold
        for write in writes:
            assert write.entry.state is WriteState.SENDING, where
            assert write.entry.in_flight is not None, where
            # Nothing of which nobody knows whether it arrived is sent without a look.
            assert not (entry.is_doubtful and sight is not Sight.THERE and sight is not Sight.NOWHERE), where
            # What has an id is never made a second time, and changed only when it was seen.
            assert write.is_create is (not there and sight is not Sight.THERE), where
            assert write.is_create or sight is Sight.THERE, where
        if sight in {Sight.ABSENT, Sight.NOT_LET, Sight.UNANSWERED} and there:
            assert known.reason is not WriteReason.REMOVED_BY_PERSON, where
            assert known.reference == entry.reference, where
        if known.state is WriteState.LANDED and entry.state is not WriteState.LANDED:
            # What a later one of ours replaces is there, whoever looked last.
            assert sight is Sight.THERE or (there and known.reason is WriteReason.REPLACED), where


@pytest.mark.parametrize("wish", WISHES)
def test_deciding_again_about_what_was_recorded_comes_to_nothing_new(wish):
    for state, sight, there in product(STATES, [Sight.THERE, Sight.NOWHERE, Sight.SEVERAL], [True, False]):
        actions, known = after(entry_in(state, there=there), seen(sight), wish)
        if not any(isinstance(action, Write) for action in actions):
            again, _ = after(known, seen(sight), wish)
            records = [action for action in again if isinstance(action, Record)]
            assert records == [], (wish, state, sight, there)


@pytest.mark.parametrize("wish", [Wish.STAND, Wish.RETIRE, Wish.WITHDRAW])
@pytest.mark.parametrize("sight", [Sight.ABSENT, Sight.NOT_LET, Sight.UNANSWERED])
def test_a_wish_that_could_not_be_looked_at_is_tried_again(wish, sight):
    changed = entry_in(WriteState.WAITING, there=True)
    _, known = after(changed, seen(sight), wish)
    assert known.attempts == 1
    assert known.state is WriteState.WAITING


@pytest.mark.parametrize("state", [WriteState.WAITING, WriteState.LANDED, WriteState.REFUSED])
def test_only_a_conclusion_from_several_looks_makes_it_removed_and_it_comes_back_by_itself(state):
    entry = entry_in(state, there=True)
    _, once = after(entry, seen(Sight.ABSENT, absence=Conclusion.LOOK_AGAIN), Wish.STAND)
    assert once.reason is WriteReason.ABSENT_ONCE
    _, gone = after(once, seen(Sight.ABSENT, absence=Conclusion.GONE), Wish.STAND)
    assert (gone.state, gone.reason) == (WriteState.THEIRS, WriteReason.REMOVED_BY_PERSON)
    _, back = after(gone, seen(Sight.THERE), Wish.STAND)
    assert (back.state, back.reason) == (WriteState.LANDED, WriteReason.NONE)


@pytest.mark.parametrize(
    ("state", "status"), [(WriteState.LANDED, "active"), (WriteState.ON_HOLD, "on-hold")]
)
@pytest.mark.parametrize(("for_good", "given"), [(True, "revoked"), (False, "on-hold")])
def test_an_order_of_a_discharge_that_is_over_for_good_is_ended_and_not_put_on_hold(
    state, status, for_good, given
):
    entry = entry_in(state, there=True, draft=APPROVED)
    wishes = replace(situation(referral=Wish.WITHDRAW), for_good=for_good)
    actions = reconcile([entry], {"referral": seen(Sight.THERE, APPROVED, status=status)}, wishes)
    sent = [action.entry.in_flight for action in actions if isinstance(action, Write)]
    assert [body.status_given for body in sent if body] == ([] if status == given else [given])
    # What it was before anything was taken back is kept, should it all have been a mistake.
    assert {body.status_before for body in sent if body} <= {"active"}
    assert not (for_good and [action for action in actions if isinstance(action, Add)])


def test_a_newer_wish_waits_while_a_receipt_settles_what_was_sent():
    sent = InFlight(ORDER.body, ORDER.digest, WriteState.WAITING)
    entry = entry_in(WriteState.SENDING, there=False, draft=APPROVED, in_flight=sent)
    [write], _ = after(entry, seen(Sight.THERE), Wish.STAND)
    assert write.before.sent == ORDER.body
    assert write.before.state is WriteState.WAITING
    assert write.entry.in_flight.body["status"] == "active"


def test_our_own_earlier_write_is_never_a_persons_change():
    # The approval was put while an edit waited; the process died before the answer.
    sent = InFlight(APPROVED.body, APPROVED.digest, WriteState.WAITING)
    edited = replace(APPROVED, body={**APPROVED.body, "code": {"text": "Rides to dialysis"}})
    entry = entry_in(WriteState.SENDING, there=True, draft=edited, in_flight=sent, sent=ORDER.body)
    [write], _ = after(entry, seen(Sight.THERE, APPROVED, version="2"), Wish.STAND)
    assert write.entry.in_flight.becomes is WriteState.LANDED
    assert write.entry.in_flight.body["code"] == {"text": "Rides to dialysis"}


def test_an_approved_order_is_retired_when_it_is_declined():
    entry = entry_in(WriteState.LANDED, there=True, draft=APPROVED, wanted=False)
    [write], _ = after(entry, seen(Sight.THERE, APPROVED), Wish.RETIRE)
    assert write.entry.in_flight.body["status"] == "revoked"
    assert write.entry.in_flight.becomes is WriteState.REVOKED


@pytest.mark.parametrize(
    "note",
    [
        None,
        [],
        [{"text": "On hold."}],
        [{"text": "The discharge was cancelled or delayed; this was active before.\n"}],
    ],
)
def test_a_hold_is_known_by_the_ledger_whatever_the_notes_say(note):
    entry = entry_in(WriteState.ON_HOLD, there=True, draft=APPROVED)
    held = {**APPROVED.body, "status": "on-hold", "id": "7", **({"note": note} if note is not None else {})}
    [write], _ = after(entry, Observed(Sight.THERE, held, 'W/"2"'), Wish.STAND)
    assert status_of(write.entry.in_flight.body) == "active"
    assert write.entry.in_flight.status_given == ""


def test_an_order_that_a_person_holds_is_theirs():
    entry = entry_in(WriteState.LANDED, there=True, draft=APPROVED)
    look = Observed(Sight.THERE, {**APPROVED.body, "status": "on-hold", "id": "7"}, 'W/"2"')
    actions, known = after(entry, look, Wish.STAND)
    assert not [action for action in actions if isinstance(action, Write)]
    assert (known.state, known.reason) == (WriteState.THEIRS, WriteReason.CHANGED_BY_PERSON)


@pytest.mark.parametrize(
    ("order", "look", "goes"),
    [
        (entry_in(WriteState.LANDED, there=True, draft=APPROVED), seen(Sight.THERE, APPROVED), True),
        (entry_in(WriteState.WAITING, there=True, draft=APPROVED, sent=ORDER.body), seen(Sight.THERE), True),
        (entry_in(WriteState.WAITING, there=True, draft=APPROVED), seen(Sight.UNANSWERED), False),
        (entry_in(WriteState.WAITING, there=True, draft=APPROVED), seen(Sight.ABSENT), False),
        (entry_in(WriteState.UNKNOWN, there=True, draft=APPROVED), seen(Sight.NO_WAY), False),
    ],
    ids=["stands", "is made active with it", "not read", "not shown", "unknown"],
)
def test_a_task_does_not_go_out_before_its_order_is_as_it_must_be(order, look, goes):
    task = LedgerEntry(TASK, WriteState.WAITING, TASK.digest)
    actions = reconcile([order, task], {"referral": look}, situation(referral=Wish.STAND, task=Wish.STAND))
    writes = [action.key for action in actions if isinstance(action, Write)]
    assert ("task" in writes) is goes
    waiting = [action.entry.reason for action in actions if isinstance(action, Record)]
    assert goes or WriteReason.WAITS_FOR_ANOTHER in waiting


def test_what_was_refused_is_tried_again_when_a_day_has_passed_or_the_ehr_has_changed():
    refused = entry_in(WriteState.REFUSED, there=False, tried=AT, refused_as="another EHR")
    [write], _ = after(refused, seen(Sight.UNSEEN), Wish.STAND)
    assert isinstance(write, Write)


@pytest.mark.parametrize(
    ("kept", "state"),
    [
        ({"authoredOn": "2024-03-05", "intent": "order "}, WriteState.LANDED),
        ({"code": {"text": "Soup kitchen"}}, WriteState.THEIRS),
    ],
)
@pytest.mark.parametrize("in_doubt", [True, False])
def test_what_is_found_in_the_servers_spelling_is_ours_and_in_other_words_a_persons(kept, state, in_doubt):
    """Of a server whose versions have no order, so that nothing else tells who wrote what was found."""
    body = ORDER.body | {
        "authoredOn": "2024-03-05T12:00:00+00:00",
        "intent": "order",
        "code": {"text": "Pantry"},
    }
    draft = replace(ORDER, body=body)
    sent = InFlight(draft.body, draft.digest, WriteState.WAITING) if in_doubt else None
    entry = LedgerEntry(
        draft, WriteState.UNKNOWN if in_doubt else WriteState.WAITING, draft.digest, in_flight=sent
    )
    _, then = after(entry, seen(Sight.THERE, draft, version="4f1e", **kept), Wish.STAND)
    assert (then.state, bool(then.observed)) == (state, state is WriteState.LANDED)


BY_KEY = HookShape(order_codes=OrderCodes.PREFERENCE_LIST, order_system="urn:example:list")


@pytest.mark.parametrize(
    ("table", "hooks", "reason"),
    [
        ({}, BY_KEY, WriteReason.NO_ORDER_CODE),
        ({"another": ListedOrder("1")}, BY_KEY, WriteReason.NO_ORDER_CODE),
        ({"referral": ListedOrder("1")}, BY_KEY, WriteReason.NO_CREATE),
        ({}, AS_SPECIFIED, WriteReason.NO_CREATE),
    ],
)
def test_an_order_without_one_of_the_hospitals_own_says_so(table, hooks, reason):
    nothing = replace(CAPABILITY, resources=MappingProxyType({}), hooks=hooks)
    where = replace(situation(**{ORDER.key: Wish.STAND}), capability=nothing, preference_list=table)
    [done] = reconcile([entry_in(WriteState.WAITING, there=False)], {}, where)
    assert isinstance(done, Record)
    assert (done.entry.state, done.entry.reason) == (WriteState.IMPOSSIBLE, reason)


def test_only_an_order_lacks_an_order_of_the_hospital():
    nothing = replace(CAPABILITY, resources=MappingProxyType({}), hooks=BY_KEY)
    [done] = reconcile(
        [entry_in(WriteState.WAITING, there=False, draft=TASK)],
        {},
        replace(situation(**{TASK.key: Wish.STAND}), capability=nothing),
    )
    assert isinstance(done, Record)
    assert done.entry.reason is WriteReason.NO_CREATE
