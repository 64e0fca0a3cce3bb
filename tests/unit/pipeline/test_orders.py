from datetime import UTC, datetime
from typing import Any, cast

import pytest

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from service.domain.discharge import Action
from service.domain.record import Gap, GapReason
from service.ehr.capability import Capability, ResourceCapability
from service.ehr.search import SearchResult
from service.errors import EhrRefused
from service.pipeline.orders import find_orders

SINCE = datetime(2024, 3, 5, 11, 30, 15, tzinfo=UTC)
HOSPITAL = Tenant(id="demo", fhir_base_url="http://127.0.0.1:9/fhir", organization="Example Hospital")


class Asked:
    """An EHR that takes these search parameters and answers what it was given."""

    def __init__(
        self, *parameters: str, found: tuple[dict[str, Any], ...] = (), gaps: tuple[Gap, ...] = ()
    ) -> None:
        offered = ResourceCapability(frozenset({"search-type"}), frozenset(parameters))
        self._capability = Capability(resources={"ServiceRequest": offered})
        self._answer = found, gaps
        self.searches: list[Search] = []

    def capability(self) -> Capability:
        return self._capability

    def batch(self, searches: list[Search]) -> list[SearchResult]:
        self.searches += searches
        return [SearchResult(search, *self._answer) for search in searches]


def order(number: str, status: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": number,
        "status": status,
        "intent": "order",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "58000006"}]},
        "encounter": {"reference": f"Encounter/of-{number}"},
    } | more


def _found(ehr: Asked):
    return find_orders(cast("Any", ehr), HOSPITAL, SINCE)


def test_what_changed_is_found_with_what_it_asks_for():
    ehr = Asked(
        "code", "_lastUpdated", found=(order("1", "active"), order("2", "revoked"), order("3", "draft"))
    )
    assert [(trigger.encounter, trigger.action) for trigger in _found(ehr)] == [
        ("Encounter/of-1", Action.PLAN),
        ("Encounter/of-2", Action.CANCEL),
    ]


@pytest.mark.parametrize(
    ("offered", "asked"),
    [
        (("code", "_lastUpdated", "authored"), ("_lastUpdated", "ge2024-03-05T11:30:15+00:00")),
        (("code", "authored"), ("authored", "ge2024-03-05")),
    ],
)
def test_the_search_is_as_narrow_as_the_ehr_allows(offered, asked):
    ehr = Asked(*offered)
    _found(ehr)
    assert ehr.searches[0].parameters == (("code", "http://snomed.info/sct|58000006"), asked)


def test_without_a_date_all_discharge_orders_are_asked_for():
    ehr = Asked("code")
    _found(ehr)
    assert ehr.searches[0].parameters == (("code", "http://snomed.info/sct|58000006"),)


def test_an_ehr_that_cannot_search_by_code_is_not_asked_for_all_orders_of_all_patients():
    ehr = Asked("patient", "_lastUpdated")
    with pytest.raises(EhrRefused, match="carry the resource"):
        _found(ehr)
    assert ehr.searches == []


def test_a_search_that_failed_is_an_error_so_that_the_ehr_notifies_again():
    with pytest.raises(EhrRefused, match="refused"):
        _found(Asked("code", gaps=(Gap("ServiceRequest", GapReason.REFUSED, "403"),)))


def test_what_was_found_counts_even_when_a_page_is_missing():
    gap = Gap("ServiceRequest", GapReason.INCOMPLETE, "A page is missing")
    assert len(_found(Asked("code", found=(order("1", "active"),), gaps=(gap,)))) == 1
