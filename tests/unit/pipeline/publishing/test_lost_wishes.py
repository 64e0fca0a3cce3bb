"""What an EHR, a person or another plan does between two steps of publishing, and that no wish is lost, or hammered, by it."""

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest

from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.notice import NOTICE_DOCUMENT_KEY
from service.domain.publication import InFlight, WriteState
from service.domain.write_reason import WriteReason
from service.errors import EhrConflict, EhrRefused, EhrRejected, EhrUnavailable
from service.pipeline.publishing.actions import Observed, Sight
from service.pipeline.publishing.discharge import seconds_until_looked_at
from service.pipeline.publishing.pauses import PAUSES, seconds_until_next_try
from service.pipeline.publishing.publish import Way, publish, withdraw
from service.pipeline.publishing.settle import settle
from tests.builders import MemoryLedger, draft_of
from tests.unit.pipeline.publishing.fake_ehr import FakeEhr
from tests.unit.pipeline.publishing.test_races import APPROVED, ORDER, TASK, order_in

AT = datetime(2024, 3, 5, 12, 0, tzinfo=UTC)
AUTHOR = Author("Homeward", "Example")
CARE_PLAN = draft_of(
    "care-plan",
    {
        "resourceType": "CarePlan",
        "status": "draft",
        "intent": "plan",
        "subject": {"reference": "Patient/7"},
        "title": "Discharge plan",
        "description": "Ready with caveats",
    },
)
NOT_READY = replace(CARE_PLAN, body={**CARE_PLAN.body, "description": "Not ready"})
NOTICE = draft_of(
    NOTICE_DOCUMENT_KEY,
    {"resourceType": "DocumentReference", "status": "current", "description": "Not ready"},
)
REJECTED = EhrRejected("PUT: 422.", status=422)


class OddEhr(FakeEhr):
    """An EHR that lacks some interactions, and in which something may happen while it is read."""

    def __init__(self, *lacks: str) -> None:
        super().__init__()
        self.lacks = frozenset(lacks)
        self.while_read: list[Any] = []

    def capability(self):
        told = super().capability()
        kinds = {**told.resources, "DocumentReference": told.resources["Goal"]}
        fewer = {
            kind: replace(stated, interactions=stated.interactions - self.lacks)
            for kind, stated in kinds.items()
        }
        return replace(told, resources=MappingProxyType(fewer))

    def batch(self, searches):
        while self.while_read:
            self.while_read.pop()()
        return super().batch(searches)


def published(ehr, *drafts):
    ledger = MemoryLedger(*drafts)
    publish(ledger, ehr, way=way())
    return ledger


def way():
    return Way(author=AUTHOR, recorded=AT, at=AT, notice=lambda: [NOTICE])


def refuse(ehr, ledger, times):
    for _ in range(times):
        ehr.happening.errors = [REJECTED]
        publish(ledger, ehr, way=way())


def hold_there(ehr, ledger):
    ehr.edit("ServiceRequest/1", status="on-hold")
    publish(ledger, ehr, way=way())


@pytest.mark.parametrize(
    ("ehr", "happens"),
    [
        (OddEhr("update"), lambda ehr, ledger: publish(ledger, ehr, way=way())),
        (OddEhr(), hold_there),
        (OddEhr(), lambda ehr, ledger: refuse(ehr, ledger, 2)),
    ],
    ids=["no update", "held by a person", "refused twice"],
)
def test_a_task_about_an_order_that_stays_as_it_is_waits_for_nothing(ehr, happens):
    ledger = published(ehr, ORDER)
    ledger.want([APPROVED, TASK])
    happens(ehr, ledger)
    assert ehr.of("Task") == []
    row = ledger.rows["task"]
    assert (row.state, row.reason) == (WriteState.IMPOSSIBLE, WriteReason.ORDER_RESTS)
    assert seconds_until_next_try(ledger.entries()) is None


def test_the_task_goes_out_once_its_order_goes_on():
    ehr = OddEhr()
    ledger = published(ehr, ORDER)
    ledger.want([APPROVED, TASK])
    hold_there(ehr, ledger)
    ehr.edit("ServiceRequest/1", status="active", intent="order")
    publish(ledger, ehr, way=way())
    assert len(ehr.of("Task")) == 1
    assert ledger.state("task") is WriteState.LANDED


def test_what_was_refused_is_not_sent_again_with_every_run():
    ehr = OddEhr()
    ledger = published(ehr, ORDER)
    ledger.want([APPROVED])
    refuse(ehr, ledger, 2)
    publish(ledger, ehr, way=way())
    assert (ledger.state("referral"), order_in(ehr)[0]) == (WriteState.REFUSED, "draft")
    tomorrow = replace(way(), at=AT.replace(day=6, minute=1))
    publish(ledger, ehr, way=tomorrow)
    assert (ledger.state("referral"), order_in(ehr)[0]) == (WriteState.LANDED, "active")


def test_the_pauses_of_what_nobody_can_find_out_grow():
    ehr = OddEhr("search-type")
    ledger = MemoryLedger(ORDER)
    ledger.sending(["referral"])
    pauses = []
    for _ in range(len(PAUSES) + 1):
        publish(ledger, ehr, way=way())
        assert ledger.state("referral") is WriteState.UNKNOWN
        pauses.append(seconds_until_next_try(ledger.entries()))
    assert pauses == [*PAUSES, PAUSES[-1]]


def test_nothing_is_written_that_a_new_plan_has_made_the_ledger_forget():
    ehr = OddEhr()
    ledger = published(ehr, CARE_PLAN)
    ledger.want([CARE_PLAN, ORDER])
    ehr.while_read = [lambda: ledger.want([NOT_READY])]
    publish(ledger, ehr, way=way())
    assert ehr.of("ServiceRequest") == []
    assert [plan["description"] for plan in ehr.of("CarePlan")] == ["Not ready"]
    assert seconds_until_next_try(ledger.entries()) is None


def test_a_task_about_a_hold_is_closed_although_the_order_is_a_clinicians():
    ehr = OddEhr()
    ledger = published(ehr, ORDER)
    ehr.edit("ServiceRequest/1", status="active", intent="order", requester={"reference": "Practitioner/9"})
    ours = replace(APPROVED, body={**APPROVED.body, "requester": {"reference": "Practitioner/8"}})
    ledger.want([ours])
    publish(ledger, ehr, way=way())
    ledger.mark("referral", WriteState.THEIRS, reason=WriteReason.SIGNED_THERE)
    withdraw(ledger, ehr, author=AUTHOR, recorded=AT)
    assert [task["status"] for task in ehr.of("Task")] == ["requested"]
    ledger.want([ours])
    ehr.happening.errors = [None, EhrRefused("PUT: 403.", status=403)]
    for _ in range(2):
        publish(ledger, ehr, way=way())
        ledger.mark("referral", WriteState.THEIRS, reason=WriteReason.SIGNED_THERE)
    assert [task["status"] for task in ehr.of("Task")] == ["cancelled"]
    [order] = ehr.of("ServiceRequest")
    assert (order["status"], order["requester"]) == ("active", {"reference": "Practitioner/9"})


def test_nothing_about_an_order_stays_on_hold_when_the_plan_goes_on_without_it():
    ehr = OddEhr()
    ledger = published(ehr, ORDER)
    ledger.want([APPROVED, TASK])
    publish(ledger, ehr, way=way())
    withdraw(ledger, ehr, author=AUTHOR, recorded=AT)
    assert {task["status"] for task in ehr.of("Task")} == {"on-hold", "requested"}
    ledger.want([])
    publish(ledger, ehr, way=way())
    assert order_in(ehr)[0] == "revoked"
    assert {task["status"] for task in ehr.of("Task")} == {"cancelled"}
    ledger.want([APPROVED, TASK])
    publish(ledger, ehr, way=way())
    assert order_in(ehr)[0] == "active"
    assert sorted(task["status"] for task in ehr.of("Task")) == ["cancelled", "requested"]


def kept_out(ehr):
    ledger = published(ehr, CARE_PLAN)
    ehr.edit("CarePlan/1", description="She goes home on Friday")
    ledger.want([NOT_READY])
    publish(ledger, ehr, way=way())
    assert [notice["status"] for notice in ehr.of("DocumentReference")] == ["current"]
    return ledger


def test_a_notice_that_is_needed_still_is_not_taken_back_for_a_moment():
    ehr = OddEhr()
    ledger = kept_out(ehr)
    before = list(ehr.writes)
    ledger.want([NOT_READY])
    publish(ledger, ehr, way=way())
    assert ehr.writes == before


def test_a_notice_stays_while_the_ehr_refuses_what_else_has_changed():
    ehr = OddEhr()
    ledger = kept_out(ehr)
    ledger.want([replace(NOT_READY, body={**NOT_READY.body, "title": "Plan"})])
    refuse(ehr, ledger, 3)
    assert [notice["status"] for notice in ehr.of("DocumentReference")] == ["current"]
    assert ledger.rows["care-plan"].reason is WriteReason.VERDICT_KEPT_OUT
    assert seconds_until_next_try(ledger.entries()) is None


def test_a_notice_that_is_needless_is_taken_back():
    ehr = OddEhr()
    ledger = kept_out(ehr)
    ehr.edit("CarePlan/1", description="Ready with caveats")
    publish(ledger, ehr, way=way())
    assert [plan["description"] for plan in ehr.of("CarePlan")] == ["Not ready"]
    assert [notice["status"] for notice in ehr.of("DocumentReference")] == ["superseded"]


@pytest.mark.parametrize("lacks", [(), ("update",)], ids=["refused", "no update"])
def test_a_verdict_that_the_ehr_does_not_let_us_change_is_told_beside_it(lacks):
    ehr = OddEhr(*lacks)
    ledger = published(ehr, CARE_PLAN)
    ledger.want([NOT_READY])
    refuse(ehr, ledger, 2) if not lacks else publish(ledger, ehr, way=way())
    assert [plan["description"] for plan in ehr.of("CarePlan")] == ["Ready with caveats"]
    assert [notice["description"] for notice in ehr.of("DocumentReference")] == ["Not ready"]


@pytest.mark.parametrize("state", [WriteState.SENDING, WriteState.UNKNOWN])
@pytest.mark.parametrize("was", set(WriteState) - {WriteState.SENDING, WriteState.UNKNOWN})
def test_what_did_not_arrive_is_as_it_was_before(state, was):
    ehr = OddEhr()
    ledger = published(ehr, ORDER)
    sent = InFlight(APPROVED.body, APPROVED.digest, was)
    row = replace(ledger.rows["referral"], state=state, in_flight=sent)
    look = Observed(Sight.THERE, ehr.held["ServiceRequest/1"], row.etag)
    assert settle(row, look).state is was


@pytest.mark.parametrize("edit", [{"description": "She goes home on Friday"}, {"status": "active"}])
def test_a_change_that_the_ehr_refuses_in_what_is_a_persons_is_not_sent_hourly_for_ever(edit):
    ehr = OddEhr()
    ledger = published(ehr, CARE_PLAN)
    ehr.edit("CarePlan/1", **edit)
    ledger.want([NOT_READY])
    publish(ledger, ehr, way=way())
    assert ledger.state("care-plan") is WriteState.THEIRS
    ledger.want([replace(NOT_READY, body={**NOT_READY.body, "title": "Plan"})])
    refuse(ehr, ledger, 1)
    assert seconds_until_next_try(ledger.entries()) is not None
    refuse(ehr, ledger, 1)
    row = ledger.rows["care-plan"]
    assert (row.state, row.attempts) == (WriteState.THEIRS, 0)
    assert seconds_until_next_try(ledger.entries()) is None
    assert seconds_until_looked_at(ledger.entries(), AT) is not None
    before = list(ehr.writes)
    publish(ledger, ehr, way=way())
    assert ehr.writes == before
    publish(ledger, ehr, way=replace(way(), at=AT.replace(day=6, minute=1)))
    assert [plan["title"] for plan in ehr.of("CarePlan")] == ["Plan"]
    assert ledger.rows["care-plan"].refused_as == ""


def test_another_wish_about_what_stands_there_is_tried_at_once():
    ehr = OddEhr()
    ledger = kept_out(ehr)
    ledger.want([replace(NOT_READY, body={**NOT_READY.body, "title": "Plan"})])
    refuse(ehr, ledger, 2)
    ledger.want([replace(NOT_READY, body={**NOT_READY.body, "title": "New plan"})])
    publish(ledger, ehr, way=way())
    assert [plan["title"] for plan in ehr.of("CarePlan")] == ["New plan"]


def test_what_failed_beside_a_conflict_is_tried_once_in_a_run_and_told():
    ehr = OddEhr()
    ledger = published(ehr, CARE_PLAN, ORDER)
    ledger.want([NOT_READY, APPROVED])
    ehr.happening.errors = [EhrUnavailable("PUT: 503."), EhrConflict("PUT: 412.")]
    with pytest.raises(EhrUnavailable):
        publish(ledger, ehr, way=way())
    assert [plan["description"] for plan in ehr.of("CarePlan")] == ["Ready with caveats"]
    assert (ledger.state("care-plan"), ledger.state("referral")) == (WriteState.SENDING, WriteState.LANDED)
    assert order_in(ehr)[0] == "active"


def test_where_nothing_can_be_changed_each_verdict_is_told_by_a_notice_of_its_own():
    ehr = OddEhr("update")
    ledger = published(ehr, CARE_PLAN)
    told = []
    for verdict in ("Not ready", "Not ready", "Nearly ready", "Not ready"):
        ledger.want([replace(CARE_PLAN, body={**CARE_PLAN.body, "description": verdict})])
        notice = replace(NOTICE, body={**NOTICE.body, "description": verdict})
        publish(ledger, ehr, way=replace(way(), notice=lambda notice=notice: [notice]))
        told.append([held["description"] for held in ehr.of("DocumentReference")])
    assert told[:2] == [["Not ready"], ["Not ready"]]
    assert told[2:] == [["Not ready", "Nearly ready"], ["Not ready", "Nearly ready", "Not ready"]]
    names = {held["identifier"][0]["value"] for held in ehr.of("DocumentReference")}
    assert len(names) == 3
    assert seconds_until_next_try(ledger.entries()) is None
