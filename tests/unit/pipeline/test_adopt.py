from uuid import UUID

import pytest

from config.tenants import Tenant
from fhir_mappings import systems
from service.domain.offer import UNANSWERED, Answer, Offer, OfferKind, left_to_clinicians
from service.domain.publication import Receipt, WriteState
from service.ehr.capability import capability_from
from service.ehr.client import Ehr
from service.ehr.search import SearchResult
from service.pipeline.adopt import adopt
from tests import builders

ORDER = builders.draft_of("referral:food-pantry", {"resourceType": "ServiceRequest", "status": "draft"})
PLAN = builders.draft_of(
    "care-plan",
    {"resourceType": "CarePlan", "activity": [{"reference": {"reference": ORDER.full_url}}]},
)
PROVENANCE = builders.draft_of(
    "provenance", {"resourceType": "Provenance", "target": [{"reference": ORDER.full_url}]}
)
LEFT = {ORDER.key}


class Holding(Ehr):
    """An EHR that holds these resources and can search by identifier, or cannot."""

    def __init__(self, *found, searches=True):
        super().__init__(Tenant(id="t", fhir_base_url="http://127.0.0.1:9/fhir", organization="Example"))
        self.found, self.offers, self.asked = found, searches, []

    def capability(self):
        found = [{"name": "identifier", "type": "token"}] if self.offers else []
        able = [{"code": code} for code in ("read", "search-type", "create", "update")]
        orders = {"type": "ServiceRequest", "interaction": able, "searchParam": found}
        rest = [{"mode": "server", "resource": [orders]}]
        return capability_from({"resourceType": "CapabilityStatement", "rest": rest})

    def batch(self, searches):
        self.asked += searches
        return [SearchResult(search, self.found) for search in searches]


def copy(number="7", identifier=ORDER.identifier):
    return {
        "resourceType": "ServiceRequest",
        "id": number,
        "meta": {"versionId": "3"},
        "status": "active",
        "identifier": [{"system": systems.URI_IDENTIFIER, "value": identifier}],
    }


@pytest.fixture
def ledger():
    made = builders.MemoryLedger(ORDER, PLAN, PROVENANCE)
    made.written([Receipt(PLAN.key, "CarePlan/1", ""), Receipt(PROVENANCE.key, "Provenance/1", "")])
    return made


def test_the_one_copy_is_taken_as_it_is(ledger):
    adopt(ledger, Holding(copy()), LEFT)
    row = ledger.rows[ORDER.key]
    assert (row.state, row.reference, row.etag) == (WriteState.LANDED, "ServiceRequest/7", 'W/"3"')


def test_what_links_to_it_is_brought_up_to_date_but_not_who_made_what(ledger):
    adopt(ledger, Holding(copy()), LEFT)
    assert ledger.state(PLAN.key) is WriteState.WAITING
    assert ledger.state(PROVENANCE.key) is WriteState.LANDED


def test_without_a_copy_nothing_of_ours_is_wanted_there(ledger):
    published = adopt(ledger, Holding(), LEFT)
    [order] = [entry for entry in published.entries() if entry.draft == ORDER]
    assert not order.wanted
    assert "offered to a clinician" in ledger.rows[ORDER.key].problem
    assert ledger.rows[ORDER.key].wanted


def test_another_resource_that_the_search_gives_is_not_ours(ledger):
    adopt(ledger, Holding(copy(identifier="urn:uuid:another")), LEFT)
    assert ledger.state(ORDER.key) is WriteState.WAITING


def test_two_copies_are_for_a_person(ledger):
    adopt(ledger, Holding(copy("7"), copy("8")), LEFT)
    assert ledger.state(ORDER.key) is WriteState.THEIRS


def test_where_the_ehr_cannot_be_searched_it_is_left_alone(ledger):
    ehr = Holding(searches=False)
    adopt(ledger, ehr, LEFT)
    assert ehr.asked == []
    assert ledger.state(ORDER.key) is WriteState.WAITING


def test_what_was_never_offered_is_published_as_ever(ledger):
    ehr = Holding(copy())
    assert adopt(ledger, ehr, frozenset()) is ledger
    assert ehr.asked == []


def test_what_is_written_already_stays_so(ledger):
    ledger.written([Receipt(ORDER.key, "ServiceRequest/1", "")])
    assert adopt(ledger, Holding(copy()), LEFT) is ledger


def offer(answer=Answer.OPEN, kind=OfferKind.SUGGESTION):
    who = "Practitioner/1"
    return Offer(UUID(int=1), UUID(int=2), kind, ORDER.key, who, builders.ADMITTED, answer)


@pytest.mark.parametrize(
    ("answer", "later", "left"),
    [
        (Answer.OPEN, UNANSWERED / 2, True),
        (Answer.OPEN, UNANSWERED, False),
        (Answer.ACCEPTED, 9 * UNANSWERED, True),
        (Answer.OVERRIDDEN, UNANSWERED / 2, False),
    ],
)
def test_what_was_taken_stays_theirs_and_what_nobody_answered_does_for_a_day(answer, later, left):
    keys = left_to_clinicians([offer(answer)], builders.ADMITTED + later)
    assert keys == ({ORDER.key} if left else frozenset())


def test_a_card_is_no_item():
    assert left_to_clinicians([offer(kind=OfferKind.CARD)], builders.ADMITTED) == frozenset()
