"""An order that a clinician made of a suggestion and that carries nothing of ours: found, named for one item or for none."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from config.tenants import Tenant
from fhir_mappings import systems
from fhir_mappings.outbound.author import Author
from service.domain.hook_shape import HookShape, OrderCodes
from service.domain.offer import UNANSWERED, Answer, Offer, OfferKind
from service.domain.preference_list import (
    KnownOrders,
    ListedOrder,
    MadeOrder,
    SuggestedOrder,
    suggested_orders,
)
from service.domain.publication import WriteState
from service.domain.write_reason import WriteReason
from service.ehr.capability import capability_from
from service.ehr.client import Ehr
from service.ehr.search import SearchResult
from service.pipeline.publishing.answered import Suggestions
from service.pipeline.publishing.discharge import seconds_until_looked_at
from service.pipeline.publishing.pauses import is_unfinished
from service.pipeline.publishing.publish import Way, publish, withdraw
from tests.builders import MemoryLedger, draft_of

AT = datetime(2024, 3, 5, 12, 0, 0, 500, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
STAY, PATIENT = "Encounter/e1", "Patient/p1"
ABOUT = {"subject": {"reference": PATIENT}, "encounter": {"reference": STAY}}
MEALS = draft_of(
    "referral:home-delivered-meals", {"resourceType": "ServiceRequest", "status": "draft", **ABOUT}
)
PANTRY = draft_of("referral:food-pantry", {"resourceType": "ServiceRequest", "status": "draft", **ABOUT})
LISTED = ListedOrder("HHREF", frozenset({"80012"}))
BY_KEY = HookShape(order_codes=OrderCodes.PREFERENCE_LIST, order_system="urn:example:list")


def order(number="9", *, code="80012", system="urn:oid:1.2.3", made="2024-03-05T12:05:00Z", **more):
    return {
        "resourceType": "ServiceRequest",
        "id": number,
        "status": "active",
        "intent": "order",
        "code": {"coding": [{"system": "urn:other", "code": "x"}, {"system": system, "code": code}]},
        "authoredOn": made,
        **ABOUT,
        **more,
    }


class KeyedEhr(Ehr):
    """An EHR that takes orders by key only, holds these, and is searched by patient and stay, or not at all."""

    def __init__(self, *orders, searches=("patient", "encounter")):
        super().__init__(Tenant(id="t", fhir_base_url="http://127.0.0.1:9/fhir", organization="Example"))
        self.orders, self.searches, self.asked, self.written = orders, searches, [], []

    def capability(self):
        able = [{"code": code} for code in ("read", "search-type", "update")]
        found = [{"name": name, "type": "token"} for name in self.searches]
        kind = {"type": "ServiceRequest", "interaction": able, "searchParam": found}
        rest = [{"mode": "server", "resource": [kind]}]
        stated = capability_from({"resourceType": "CapabilityStatement", "rest": rest})
        return replace(stated, hooks=BY_KEY)

    def batch(self, searches):
        self.asked += searches
        return [SearchResult(search, tuple(self._find(search))) for search in searches]

    def update(self, resource, **_):
        self.written.append(resource)
        raise AssertionError("a clinician's order is not ours to change")

    def _find(self, search):
        return [one for one in self.orders if search.id in {"", one["id"]}]


def way(*drafts, order=LISTED, shown=AT, zone=ZONE):
    made = {draft.key: SuggestedOrder(draft.key, order, shown) for draft in drafts}
    return Way(
        author=Author("Homeward", "Example"),
        recorded=AT,
        at=AT,
        left=frozenset(made),
        suggestions=Suggestions(made, zone),
    )


def published(ehr, *drafts, ledger=None, how=None):
    known = ledger or MemoryLedger(*drafts)
    publish(known, ehr, way=how or way(*drafts))
    return known


@pytest.mark.parametrize("system", ["urn:oid:1.2.3", "http://snomed.info/sct", "", None])
@pytest.mark.parametrize("code", ["80012", "HHREF", "hhref", " 80012 "])
def test_the_one_order_of_that_code_is_theirs_in_whatever_system(code, system):
    found = order(code=code, system=system)
    row = published(KeyedEhr(found), MEALS).rows[MEALS.key]
    assert (row.state, row.reason) == (WriteState.THEIRS, WriteReason.ORDERED_THERE)
    assert row.reference == "ServiceRequest/9"
    assert not is_unfinished(row)


@pytest.mark.parametrize(
    "other",
    [
        order(code="80013"),
        order(code="8001"),
        order(made="2024-03-05T11:59:59Z"),
        order(made="2024-03-04"),
        order(authoredOn=None),
        order(encounter={"reference": "Encounter/e2"}),
        order(encounter=None),
        order(subject={"reference": "Patient/p2"}),
        order(status="revoked"),
        order(status="entered-in-error"),
        order(
            identifier=[
                {"system": systems.URI_IDENTIFIER, "value": "urn:uuid:5b0b2f5e-0000-5000-8000-000000000001"}
            ]
        ),
        order(code={"text": "Home health"}),
    ],
)
def test_any_other_order_is_not_taken_for_it(other):
    row = published(KeyedEhr(other), MEALS).rows[MEALS.key]
    assert (row.state, row.reason, row.reference) == (
        WriteState.WAITING,
        WriteReason.LEFT_TO_CLINICIAN,
        "",
    )


@pytest.mark.parametrize(
    "made", ["2024-03-05T12:00:00Z", "2024-03-05T07:00:00-05:00", "2024-03-05", "2024-03-06"]
)
def test_a_second_that_was_cut_off_and_a_day_alone_count(made):
    assert published(KeyedEhr(order(made=made)), MEALS).rows[MEALS.key].reference


def test_a_day_alone_is_one_of_the_hospitals_calendar():
    late = datetime(2024, 3, 6, 2, tzinfo=UTC)  # the evening of the 5th in New York
    row = published(
        KeyedEhr(order(made="2024-03-05")), how=way(MEALS, shown=late), ledger=MemoryLedger(MEALS)
    )
    assert row.rows[MEALS.key].reference


def test_of_two_candidates_none_is_named():
    row = published(KeyedEhr(order("8"), order("9")), MEALS).rows[MEALS.key]
    assert (row.reason, row.reference) == (WriteReason.WHICH_ORDER, "")
    assert not is_unfinished(row)
    assert "more than one" in row.problem


def test_an_order_that_may_answer_two_suggestions_is_named_for_neither():
    rows = published(KeyedEhr(order()), MEALS, PANTRY).rows
    assert {row.reason for row in rows.values()} == {WriteReason.WHICH_ORDER}


def test_an_order_that_is_anothers_already_is_not_taken_twice():
    ledger = MemoryLedger(MEALS, PANTRY)
    published(KeyedEhr(order("8")), how=way(MEALS), ledger=ledger)
    published(KeyedEhr(order("8"), order("9")), how=way(PANTRY), ledger=ledger)
    assert [row.reference for row in ledger.entries()] == ["ServiceRequest/8", "ServiceRequest/9"]


def test_an_adopted_order_stays_as_it_is_however_often_it_is_looked_at():
    ledger = published(KeyedEhr(order()), MEALS)
    before = ledger.rows[MEALS.key]
    published(KeyedEhr(order(status="completed")), how=way(MEALS), ledger=ledger)
    assert ledger.rows[MEALS.key] == before


def test_a_clinicians_order_is_not_taken_back_when_the_discharge_is_called_off():
    ledger = published(KeyedEhr(order()), MEALS)
    ehr = KeyedEhr(order())
    withdraw(ledger, ehr, author=Author("Homeward", "Example"), recorded=AT)
    row = ledger.rows[MEALS.key]
    assert ehr.written == []
    assert (row.state, row.reason) == (WriteState.THEIRS, WriteReason.ORDERED_THERE)


def test_the_orders_of_the_stay_are_asked_for_once_and_by_nothing_that_the_hospital_may_have_coded_otherwise():
    ehr = KeyedEhr()
    published(ehr, MEALS, PANTRY)
    [search] = set(ehr.asked)
    assert search.parameters == (("patient", "p1"), ("encounter", "e1"))


def test_where_the_ehr_cannot_be_searched_it_stays_with_the_clinician():
    ehr = KeyedEhr(order(), searches=())
    assert published(ehr, MEALS).rows[MEALS.key].reason is WriteReason.LEFT_TO_CLINICIAN
    assert ehr.asked == []


@pytest.mark.parametrize(
    ("later", "seconds"), [(timedelta(hours=2), 3600), (UNANSWERED, 86400), (9 * UNANSWERED, 86400)]
)
def test_what_was_just_suggested_is_looked_for_hourly_later_daily(later, seconds):
    ledger = published(KeyedEhr(), MEALS)
    row = replace(ledger.rows[MEALS.key], since=AT)
    assert seconds_until_looked_at([row], AT + later) == seconds


def offer(answer=Answer.OPEN, **more):
    who, stay = "Practitioner/1", UUID(int=2)
    known = {"shown": AT + timedelta(hours=3), "first_shown": AT, **more}
    return Offer(UUID(int=1), stay, OfferKind.SUGGESTION, MEALS.key, who, answer=answer, **known)


@pytest.mark.parametrize(
    ("given", "since"),
    [
        (offer(), AT),
        (offer(Answer.ACCEPTED), AT),
        (offer(first_shown=None), AT + timedelta(hours=3)),
    ],
)
def test_what_was_suggested_counts_from_its_first_showing(given, since):
    table = {"home-delivered-meals": LISTED}
    assert suggested_orders([given], table) == (SuggestedOrder(MEALS.key, LISTED, since),)


def test_what_was_set_aside_or_has_no_order_was_not_suggested():
    assert suggested_orders([offer(Answer.OVERRIDDEN)], {"home-delivered-meals": LISTED}) == ()
    assert suggested_orders([offer()], {"food-pantry": LISTED}) == ()


def test_planning_takes_an_answer_for_no_second_order():
    known = KnownOrders(
        {"home-delivered-meals": LISTED},
        [SuggestedOrder(MEALS.key, LISTED, AT)],
        frozenset({"ServiceRequest/3"}),
        ZONE,
    )
    later, earlier = AT + timedelta(minutes=1), AT - timedelta(minutes=1)
    assert known.is_answer("ServiceRequest/9", MadeOrder(("80012",), STAY, later), stay=STAY)
    assert not known.is_answer("ServiceRequest/9", MadeOrder(("80012",), STAY, earlier), stay=STAY)
    assert not known.is_answer("ServiceRequest/9", MadeOrder(("80012",), "Encounter/e2", later), stay=STAY)
    assert known.is_answer("ServiceRequest/3", MadeOrder((), "", date(2024, 1, 1)), stay=STAY)
    assert known.services_of(["80012"]) == ("home-delivered-meals",)
