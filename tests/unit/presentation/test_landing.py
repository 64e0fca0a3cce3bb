"""Where each item stands, as the status, the page and the table tell it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from config.tenants import WritePolicy
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.plan import plan_resources
from service.domain.publication import Landed, Landing, Receipt, WriteStanding, WriteState
from service.domain.sensitivity import Label
from service.domain.write_reason import WriteReason, explain
from service.pipeline.publishing.write_policy import set_aside
from service.presentation.landing import landing
from service.presentation.table import plan_table
from tests.builders import MemoryLedger, draft_of, interventions, need, planned


@pytest.fixture
def plan():
    return planned(need(interventions=interventions()))


@pytest.fixture
def ledger(plan):
    return MemoryLedger(
        *plan_resources(plan, author=Author("Homeward", "X"), recorded=datetime(2024, 3, 5, tzinfo=UTC))
    )


def stands(plan, ledger):
    return {one.item: one for one in landing(plan, ledger.entries())}


def test_every_item_stands_somewhere_and_the_plan_itself_first(plan, ledger):
    found = landing(plan, ledger.entries())
    assert found[0].item == "care-plan"
    assert {item.key for item in plan.items()} <= {one.item for one in found}
    assert not [one for one in found if one.item == "provenance"]


def test_what_has_no_resource_of_its_own_stands_where_the_plan_stands(plan, ledger):
    task = plan.tasks[0].key
    assert stands(plan, ledger)[task].rung is Landing.CARE_PLAN
    ledger.mark("care-plan", WriteState.IMPOSSIBLE, reason=WriteReason.NO_CREATE, detail="CarePlan")
    ledger.land([Landed("care-plan", Landing.DOCUMENT)])
    why = "The EHR does not let us create a CarePlan. It stands in the plan document."
    assert (stands(plan, ledger)[task].rung, stands(plan, ledger)[task].reason) == (Landing.DOCUMENT, why)


def test_what_was_there_before_stands_as_it_is(plan, ledger):
    ordered = replace(
        plan, referrals=tuple(replace(one, existing="ServiceRequest/9") for one in plan.referrals)
    )
    ledger.want([entry.draft for entry in ledger.entries() if entry.draft.resource_type != "ServiceRequest"])
    one = stands(ordered, ledger)[ordered.referrals[0].key]
    assert (one.rung, one.reference) == (Landing.RESOURCE, "ServiceRequest/9")


def test_what_is_sensitive_stands_on_our_page(plan, ledger):
    hidden = replace(plan.referrals[0], key="referral:x", labels=frozenset({Label.SUD}))
    one = stands(replace(plan, referrals=(*plan.referrals, hidden)), ledger)["referral:x"]
    assert (one.rung, one.state) == (Landing.PAGE, "")
    assert "sensitive" in one.reason


def test_what_a_person_must_look_at_is_told(plan, ledger):
    ledger.mark("referral:food-pantry", WriteState.UNKNOWN, reason=WriteReason.PERHAPS_THERE)
    one = stands(plan, ledger)["referral:food-pantry"]
    assert (one.state, one.problem) == ("unknown", explain(WriteReason.PERHAPS_THERE))


def test_what_a_lower_rung_is_made_of_is_named(plan, ledger):
    ledger.want_also([draft_of("plan-document", {"resourceType": "DocumentReference"})])
    assert stands(plan, ledger)["plan-document"].title == "DocumentReference"


def test_where_nothing_is_to_be_written_there_is_nothing_to_tell(plan):
    assert landing(plan, ()) == ()


def test_the_table_tells_it_for_a_published_plan(plan, ledger):
    console = Console(width=200)
    with console.capture() as told:
        console.print(plan_table(plan, landing(plan, ledger.entries())))
    assert "In the EHR" in told.get()
    with console.capture() as told:
        console.print(plan_table(plan))
    assert "In the EHR" not in told.get()


def test_what_has_come_to_a_lower_rung_does_not_look_as_if_it_waited(plan, ledger):
    why = "The EHR does not let us create a CarePlan."
    ledger.mark("care-plan", WriteState.IMPOSSIBLE, reason=WriteReason.NO_CREATE, detail="CarePlan")
    assert stands(plan, ledger)["care-plan"].state == "impossible"
    ledger.land([Landed("care-plan", Landing.DOCUMENT)])
    one = stands(plan, ledger)["care-plan"]
    assert (one.state, one.problem, one.reason) == ("", "", f"{why} It stands in the plan document.")


def test_what_a_policy_keeps_back_stands_on_our_page_and_what_was_written_before_where_it_is(plan, ledger):
    ledger.written([Receipt(plan.goals[0].key, "Goal/7", 'W/"1"')])
    set_aside(ledger, WritePolicy.SHADOW)
    found = stands(plan, ledger)
    assert (found[plan.goals[0].key].rung, found[plan.goals[0].key].reference) == (Landing.RESOURCE, "Goal/7")
    for key in ("care-plan", plan.tasks[0].key, plan.referrals[0].key):
        assert (found[key].rung, found[key].state) == (Landing.PAGE, "")
        assert found[key].reason.startswith("This hospital's write policy is shadow: nothing is sent")


def test_what_the_plan_no_longer_proposes_and_a_person_took_up_is_told_without_its_words(plan, ledger):
    key = plan.referrals[0].key
    ledger.written([Receipt(key, "ServiceRequest/7", 'W/"1"')])
    ledger.want([entry.draft for entry in ledger.entries() if entry.draft.key != key])
    without = replace(plan, referrals=plan.referrals[1:])
    assert key not in stands(without, ledger)  # still to be taken back by us
    ledger.mark(key, WriteState.THEIRS, reason=WriteReason.TAKEN_UP)
    one = stands(without, ledger)[key]
    assert (one.title, one.reference, one.state) == ("ServiceRequest", "ServiceRequest/7", "conflict")
    assert one.problem == explain(WriteReason.TAKEN_UP)
    ledger.mark(key, WriteState.REVOKED)
    assert key not in stands(without, ledger)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (WriteState.LANDED, WriteStanding.LANDED),
        (WriteState.WAITING, WriteStanding.WAITING),
        (WriteState.SENDING, WriteStanding.WAITING),
        (WriteState.REFUSED, WriteStanding.REFUSED),
        (WriteState.IMPOSSIBLE, WriteStanding.NOT_POSSIBLE),
        (WriteState.THEIRS, WriteStanding.THEIRS),
        (WriteState.UNKNOWN, WriteStanding.UNKNOWN),
    ],
)
def test_each_item_is_told_in_the_word_for_what_the_ehr_shows_of_it(plan, ledger, state, word):
    ledger.mark("care-plan", WriteState.SENDING)
    ledger.mark("care-plan", state)
    assert stands(plan, ledger)["care-plan"].standing == word


def test_what_stands_in_words_further_down_is_not_possible_here_and_waits_for_nothing(plan, ledger):
    ledger.land([Landed("care-plan", Landing.DOCUMENT)])
    assert stands(plan, ledger)["care-plan"].standing == WriteStanding.NOT_POSSIBLE


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (WriteState.WAITING, WriteStanding.WAITING),
        (WriteState.SENDING, WriteStanding.WAITING),
        (WriteState.UNKNOWN, WriteStanding.UNKNOWN),
        (WriteState.REFUSED, WriteStanding.REFUSED),
        (WriteState.LANDED, WriteStanding.NOT_POSSIBLE),
        (WriteState.THEIRS, WriteStanding.NOT_POSSIBLE),
    ],
)
def test_what_stands_in_a_document_is_not_told_as_settled_before_the_document_is(plan, ledger, state, word):
    referral = plan.referrals[0].key
    document = draft_of("plan-document", {"resourceType": "DocumentReference"})
    ledger.want([*(entry.draft for entry in ledger.entries()), document])
    ledger.land([Landed(referral, Landing.DOCUMENT)])
    ledger.mark("plan-document", WriteState.SENDING)
    ledger.mark("plan-document", state)
    begun, sent = datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 3, 6, tzinfo=UTC)
    entries = [
        replace(entry, since=sent if entry.draft.key == "plan-document" else begun)
        for entry in ledger.entries()
    ]
    [found] = [item for item in landing(plan, entries) if item.item == referral]
    assert found.standing == word
    assert found.since == (begun if word is WriteStanding.NOT_POSSIBLE else sent)


@pytest.mark.parametrize(
    ("state", "reason"),
    [(WriteState.LANDED, WriteReason.NONE), (WriteState.WAITING, WriteReason.NOT_LET)],
)
def test_a_document_that_the_next_run_writes_anew_waits_with_all_in_it(plan, ledger, state, reason):
    ours = [entry.draft for entry in ledger.entries()]
    ledger.want([*ours, draft_of("plan-document", {"resourceType": "DocumentReference"})])
    ledger.written([Receipt("plan-document", "DocumentReference/1", 'W/"1"')])
    ledger.land([Landed(key, Landing.DOCUMENT) for key in ("care-plan", plan.referrals[0].key)])
    assert stands(plan, ledger)["plan-document"].standing == WriteStanding.LANDED
    ledger.want(ours)  # a person decided, and no run has come to the lower rungs since
    ledger.mark("plan-document", state, reason=reason)
    found = stands(plan, ledger)
    for key in ("care-plan", "plan-document", plan.referrals[0].key, plan.tasks[0].key):
        assert found[key].standing == WriteStanding.WAITING


def test_what_has_no_resource_of_its_own_waits_lands_and_is_withdrawn_with_what_holds_its_words(plan, ledger):
    task = plan.tasks[0].key
    assert stands(plan, ledger)[task].standing == WriteStanding.WAITING
    ledger.written([Receipt("care-plan", "CarePlan/1", 'W/"1"')])
    assert stands(plan, ledger)[task].standing == WriteStanding.LANDED
    ledger.mark("care-plan", WriteState.REVOKED)
    assert stands(plan, ledger)[task].standing == WriteStanding.WITHDRAWN


def test_what_was_withdrawn_is_not_said_to_stand_in_a_document_that_was_withdrawn_too(plan, ledger):
    ledger.want(
        [
            *(entry.draft for entry in ledger.entries()),
            draft_of("plan-document", {"resourceType": "DocumentReference"}),
        ]
    )
    ledger.land([Landed("care-plan", Landing.DOCUMENT)])
    task = plan.tasks[0].key
    assert "stands in the plan document" in stands(plan, ledger)["care-plan"].reason
    assert stands(plan, ledger)[task].standing == WriteStanding.WAITING
    for entry in ledger.entries():
        ledger.mark(entry.draft.key, WriteState.REVOKED)
    assert {row.standing for row in landing(plan, ledger.entries()) if row.standing} == {
        WriteStanding.WITHDRAWN
    }
    assert not [row for row in landing(plan, ledger.entries()) if "stands in the plan document" in row.reason]


def test_until_a_person_signs_all_stands_on_our_page_and_says_for_what_it_waits(plan, ledger):
    document = draft_of("plan-document", {"resourceType": "DocumentReference"})
    ledger.want([*(entry.draft for entry in ledger.entries()), document])
    whole, referral, task = "care-plan", plan.referrals[0].key, plan.tasks[0].key
    ledger.land([Landed(key, Landing.DOCUMENT) for key in (whole, referral)])
    ledger.mark("plan-document", WriteState.WAITING, reason=WriteReason.NOT_SIGNED)
    found = stands(plan, ledger)
    for key in (whole, referral, task):
        assert (found[key].standing, found[key].rung) == (WriteStanding.UNSIGNED, Landing.PAGE)
        assert "once a person has signed" in found[key].reason
        assert "stands in the plan document" not in found[key].reason
    ledger.written([Receipt("plan-document", "DocumentReference/1", "")])
    assert "stands in the plan document" in stands(plan, ledger)[whole].reason


def test_of_further_documents_the_newest_says_how_the_plan_stands(plan, ledger):
    kind = {"resourceType": "DocumentReference"}
    further = draft_of("plan-document", kind), draft_of("plan-document:2", kind)
    ledger.want([*(entry.draft for entry in ledger.entries()), *further])
    ledger.land([Landed("care-plan", Landing.DOCUMENT)])
    ledger.written([Receipt("plan-document", "DocumentReference/1", "")])
    ledger.mark("plan-document:2", WriteState.WAITING, reason=WriteReason.NOT_SIGNED)
    found = stands(plan, ledger)
    assert (found["care-plan"].standing, found["care-plan"].rung) == (
        WriteStanding.UNSIGNED,
        Landing.DOCUMENT,
    )
    assert found["plan-document"].standing == WriteStanding.LANDED
    ledger.written([Receipt("plan-document:2", "DocumentReference/2", "")])
    ledger.mark("plan-document", WriteState.LANDED, reason=WriteReason.REPLACED)
    found = stands(plan, ledger)
    assert found["plan-document"].standing == WriteStanding.REPLACED
    assert found["plan-document:2"].standing == WriteStanding.LANDED
    assert found[plan.tasks[0].key].standing == WriteStanding.LANDED
