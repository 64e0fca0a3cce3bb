from dataclasses import replace
from uuid import UUID

import pytest

from config.tenants import Tenant
from fhir_mappings import systems
from fhir_mappings.outbound.author import Author
from service.domain.offer import UNANSWERED, Answer, Offer, OfferKind, left_to_clinicians
from service.domain.publication import Receipt, WriteState
from service.domain.write_reason import WriteReason
from service.ehr.capability import capability_from
from service.ehr.client import Ehr, Written
from service.ehr.search import SearchResult
from service.pipeline.publishing.pauses import is_unfinished
from service.pipeline.publishing.publish import Way, publish
from tests import builders

ORDER = builders.draft_of("referral:food-pantry", {"resourceType": "ServiceRequest", "status": "draft"})
PLAN = builders.draft_of(
    "care-plan",
    {"resourceType": "CarePlan", "activity": [{"reference": {"reference": ORDER.full_url}}]},
)
LEFT = {ORDER.key}


class FakeEhr(Ehr):
    """An EHR that holds these resources and can search by identifier, or cannot; nothing is written to it."""

    def __init__(self, *found, searches=True):
        super().__init__(Tenant(id="t", fhir_base_url="http://127.0.0.1:9/fhir", organization="Example"))
        self.found, self.offers, self.asked, self.written = found, searches, [], []

    def capability(self):
        found = [{"name": "identifier", "type": "token"}] if self.offers else []
        able = [{"code": code} for code in ("read", "search-type", "create", "update")]
        kinds = [
            {"type": kind, "interaction": able, "searchParam": found}
            for kind in ("ServiceRequest", "CarePlan")
        ]
        rest = [{"mode": "server", "resource": kinds}]
        return capability_from({"resourceType": "CapabilityStatement", "rest": rest})

    def batch(self, searches):
        self.asked += searches
        return [SearchResult(search, self._find(search)) for search in searches]

    def update(self, resource, **_):
        self.written.append(resource)
        return Written(f"{resource['resourceType']}/{resource['id']}", 'W/"2"')

    def _find(self, search):
        if search.id:
            return ({**PLAN_BEFORE, "id": search.id, "meta": {"versionId": "1"}},)
        return tuple(found for found in self.found if found["resourceType"] == search.resource_type)


def copy(number="7", identifier=ORDER.identifier):
    return {
        "resourceType": "ServiceRequest",
        "id": number,
        "meta": {"versionId": "3"},
        "status": "active",
        "identifier": [{"system": systems.URI_IDENTIFIER, "value": identifier}],
    }


#: The plan as it was written while the order was not there.
PLAN_BEFORE = {name: part for name, part in PLAN.body.items() if name != "activity"}


@pytest.fixture
def ledger():
    made = builders.MemoryLedger(ORDER, PLAN)
    made.written([Receipt(PLAN.key, "CarePlan/1", 'W/"1"')])
    made.rows[PLAN.key] = replace(made.rows[PLAN.key], sent=PLAN_BEFORE)
    return made


def published(ledger, ehr, left=LEFT):
    author = Author("Homeward", "Example")
    at = builders.ADMITTED
    publish(ledger, ehr, way=Way(author=author, recorded=at, at=at, left=left))
    return ledger.rows[ORDER.key]


def test_the_one_copy_is_taken_as_it_is_and_what_links_to_it_is_brought_up_to_date(ledger):
    ehr = FakeEhr(copy())
    row = published(ledger, ehr)
    assert (row.state, row.reference, row.etag) == (WriteState.THEIRS, "ServiceRequest/7", 'W/"3"')
    [plan] = ehr.written
    assert plan["activity"] == [{"reference": {"reference": "ServiceRequest/7"}}]
    published(ledger, FakeEhr(copy()))
    assert ledger.rows[ORDER.key] == row


def test_without_a_copy_nothing_of_ours_is_sent(ledger):
    ehr = FakeEhr()
    row = published(ledger, ehr)
    assert (row.state, row.reason, row.wanted) == (WriteState.WAITING, WriteReason.LEFT_TO_CLINICIAN, True)
    assert ehr.written == []
    assert not is_unfinished(row)


def test_another_resource_that_the_search_gives_is_not_ours(ledger):
    assert published(ledger, FakeEhr(copy(identifier="urn:uuid:another"))).reference == ""


def test_two_copies_are_for_a_person(ledger):
    row = published(ledger, FakeEhr(copy("7"), copy("8")))
    assert (row.state, row.reason) == (WriteState.THEIRS, WriteReason.MORE_THAN_ONE)


def test_where_the_ehr_cannot_be_searched_it_is_left_alone(ledger):
    ehr = FakeEhr(searches=False)
    assert published(ledger, ehr).reason is WriteReason.LEFT_TO_CLINICIAN
    assert [search.id for search in ehr.asked] == ["1"]


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
