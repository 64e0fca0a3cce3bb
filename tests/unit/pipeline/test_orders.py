from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from service.domain.discharge import Action
from service.domain.record import Gap, GapReason
from service.ehr.capability import Capability, ResourceCapability
from service.ehr.search import Lack, SearchResult
from service.errors import ConfigurationError, EhrRefused, EhrUnavailable
from service.pipeline.orders import find_orders, searchable

SINCE = datetime(2024, 3, 5, 11, 30, 15, tzinfo=UTC)
DISCHARGES = "http://snomed.info/sct|58000006,urn:oid:2.16.840.1.113883.6.96|58000006"
HOSPITAL = Tenant(id="demo", fhir_base_url="http://127.0.0.1:9/fhir", organization="Example Hospital")


class Asked:
    """An EHR that takes these search parameters and answers what it was given."""

    def __init__(
        self,
        *parameters: str,
        found: tuple[dict[str, Any], ...] = (),
        gaps: tuple[Gap, ...] = (),
        lack: Lack = Lack.NOTHING,
    ) -> None:
        offered = ResourceCapability(frozenset({"search-type"}), frozenset(parameters))
        self._capability = Capability(resources={"ServiceRequest": offered, "Encounter": offered})
        self._answer = found, gaps, False, lack
        self.resources: dict[str, dict[str, Any]] = {}
        self.searches: list[Search] = []

    def capability(self) -> Capability:
        return self._capability

    def read(self, reference: str) -> dict[str, Any]:
        return self.resources[reference]

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


def _changes(ehr: Asked, tenant: Tenant = HOSPITAL):
    return find_orders(cast("Any", ehr), tenant, SINCE, door="poll")


def _found(ehr: Asked):
    return list(_changes(ehr).triggers)


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
        (("code", "authored"), ("authored", "ge2024-02-27")),
    ],
)
def test_the_search_is_as_narrow_as_the_ehr_allows(offered, asked):
    ehr = Asked(*offered)
    _found(ehr)
    assert ehr.searches[0].parameters == (("code", DISCHARGES), asked)


def test_without_a_date_all_discharge_orders_are_asked_for():
    ehr = Asked("code")
    _found(ehr)
    assert ehr.searches[0].parameters == (("code", DISCHARGES),)


def test_an_ehr_that_cannot_search_by_code_is_not_asked_for_all_orders_of_all_patients():
    ehr = Asked("patient", "_lastUpdated")
    with pytest.raises(EhrRefused, match="cannot be searched"):
        _found(ehr)
    assert ehr.searches == []


def test_a_search_that_failed_is_told_so_that_it_is_made_again():
    gap = Gap("ServiceRequest", GapReason.REFUSED, "403")
    lacking = _changes(Asked("code", gaps=(gap,), lack=Lack.LASTING)).lacking
    assert isinstance(lacking, EhrRefused)


def test_what_was_found_counts_even_when_a_page_is_missing_and_the_page_is_looked_for_again():
    gap = Gap("ServiceRequest", GapReason.INCOMPLETE, "A page is missing")
    changes = _changes(Asked("code", found=(order("1", "active"),), gaps=(gap,), lack=Lack.PASSING))
    assert len(changes.triggers) == 1
    assert isinstance(changes.lacking, EhrUnavailable)


def test_a_server_that_does_not_say_what_it_searched_for_is_believed_order_by_order():
    gap = Gap("ServiceRequest", GapReason.UNCERTAIN, "It does not say")
    other = order("2", "active", code={"text": "Something else"})
    changes = _changes(Asked("code", found=(order("1", "active"), other), gaps=(gap,)))
    assert [trigger.order for trigger in changes.triggers] == ["ServiceRequest/1"]
    assert changes.lacking is None


@pytest.mark.parametrize("reason", [GapReason.INCOMPLETE, GapReason.UNCERTAIN])
def test_an_answer_with_a_warning_is_an_answer_also_where_it_is_empty(reason):
    gap = Gap("ServiceRequest", reason, "The EHR says so")
    assert _changes(Asked("code", gaps=(gap,))).lacking is None


def test_an_order_that_leads_to_another_hospital_is_left_out():
    foreign = order("1", "active", encounter={"reference": "https://ehr.example.org/fhir/Encounter/1"})
    assert [one.order for one in _found(Asked("code", found=(foreign, order("2", "active"))))] == [
        "ServiceRequest/2"
    ]


@pytest.mark.parametrize(
    "listed",
    [
        {"resourceType": "List", "entry": [{"item": {"reference": "Patient/a"}}, {"deleted": True}, {}]},
        {
            "resourceType": "Group",
            "member": [
                {"entity": {"reference": "Patient/a"}},
                {"entity": {"reference": "Patient/gone"}, "inactive": True},
                {"entity": {"reference": "HTTP://127.0.0.1:9/fhir/Patient/a/_history/1"}},
                {"entity": {"reference": "https://elsewhere.example/fhir/Patient/c"}},
                {"entity": {"identifier": {"value": "d"}}},
                None,
                {"entity": {"reference": "Practitioner/b"}},
            ],
        },
    ],
)
def test_a_hospital_with_a_census_is_searched_patient_by_patient(listed):
    ehr = Asked("code", "patient", "_lastUpdated", found=(order("1", "active"),))
    ehr.resources["Group/on-ward"] = listed
    _changes(ehr, replace(HOSPITAL, census_list="Group/on-ward"))
    assert [search.parameters[0] for search in ehr.searches] == [("patient", "a")]
    assert [name for name, _ in ehr.searches[0].parameters] == ["patient", "code", "_lastUpdated"]


def test_a_census_in_a_file_is_read_anew_each_time(tmp_path):
    file = tmp_path / "census.txt"
    hospital = replace(HOSPITAL, census_list=f"file:{file}")
    ehr = Asked("code", "patient")
    for patients in ("a\nPatient/b  # bed 7\n\n", "c\na\n"):
        file.write_text(patients)
        _changes(ehr, hospital)
    assert [dict(search.parameters)["patient"] for search in ehr.searches] == ["a", "b", "c", "a"]


@pytest.mark.parametrize("content", [b"a b\n", b"Practitioner/7\n", b"\xff"])
def test_a_wrong_census_names_the_file_and_repeats_nothing_of_it(tmp_path, content):
    file = tmp_path / "census.txt"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"census\.txt") as caught:
        _changes(Asked("code", "patient"), replace(HOSPITAL, census_list=f"file:{file}"))
    assert "Practitioner" not in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "required", "census", "possible"),
    [
        ({"code"}, set(), "", True),
        ({"code", "patient"}, {"patient"}, "", False),
        ({"code", "patient"}, {"patient"}, "List/1", True),
        ({"code"}, {"patient"}, "List/1", False),
        ({"patient"}, set(), "List/1", False),
    ],
)
def test_it_is_known_beforehand_whether_orders_can_be_searched_for(parameters, required, census, possible):
    offered = ResourceCapability(frozenset({"search-type"}), frozenset(parameters))
    capability = Capability(
        resources={"ServiceRequest": offered}, required_parameters={"ServiceRequest": frozenset(required)}
    )
    assert searchable(capability, replace(HOSPITAL, census_list=census)) is possible


def test_where_an_admission_starts_a_plan_open_stays_are_asked_for_too():
    ehr = Asked("code", "_lastUpdated", "status", "class")
    _changes(ehr, replace(HOSPITAL, plan_at_admission=True))
    assert [search.resource_type for search in ehr.searches] == ["ServiceRequest", "Encounter"]
    assert dict(ehr.searches[1].parameters)["status"] == "in-progress,onleave"


def test_open_stays_are_asked_for_by_the_hospitals_own_classes():
    ehr = Asked("code", "_lastUpdated", "status", "class")
    own = {"urn:example|1": "IMP", "HOV": "AMB", "Hospital stay": "IMP"}
    _changes(ehr, replace(HOSPITAL, plan_at_admission=True, encounter_classes=own))
    assert dict(ehr.searches[1].parameters)["class"] == "ACUTE,IMP,NONAC,OBSENC,SS,urn:example|1"
