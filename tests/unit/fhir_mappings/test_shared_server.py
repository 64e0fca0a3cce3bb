"""Two tenants of one FHIR server are refused at start unless each says which stays are its own."""

import pytest

from config.tenants import Tenant
from fhir_mappings.shared_server import check_shared_servers, neighbours_of
from service.domain.claims import StayFilter
from service.errors import ConfigurationError

BASE = "https://ehr.example.org/api/FHIR/R4"


def tenant(name, base=BASE, **stays):
    kept = {kind: frozenset(values) for kind, values in stays.items()}
    its = StayFilter(**kept) if stays else None
    return Tenant(id=name, fhir_base_url=base, organization="", stays=its)


def check(*tenants):
    check_shared_servers({tenant.id: tenant for tenant in tenants}, "tenants.yaml")


@pytest.mark.parametrize(
    "other",
    [
        BASE,
        f"{BASE}/",
        BASE.replace("ehr", "EHR"),
        BASE.replace(".org", ".org:443"),
        BASE.replace("https", "http"),
        BASE.replace("FHIR", "fhir"),
        BASE.replace(".org", ".org."),
    ],
)
def test_one_server_in_any_spelling_needs_filters(other):
    with pytest.raises(ConfigurationError, match=r"tenants\.yaml: the tenants a and b share .*stays"):
        check(tenant("a"), tenant("b", other))
    with pytest.raises(ConfigurationError, match="and b would plan every stay"):
        check(tenant("a", organizations=["Organization/1"]), tenant("b", other))
    check(tenant("a", organizations=["Organization/1"]), tenant("b", other, organizations=["Organization/2"]))


@pytest.mark.parametrize(
    "other", [f"{BASE}/1", BASE.replace("ehr", "ehr2"), BASE.replace(".org", ".org:8443")]
)
def test_other_servers_need_none(other):
    check(tenant("a"), tenant("b", other))
    assert neighbours_of(tenant("a"), [tenant("a"), tenant("b", other)]) == []


@pytest.mark.parametrize("kind", ["organizations", "locations", "order_performers"])
def test_filters_that_name_the_same_are_refused(kind):
    named = "Location/1" if kind == "locations" else "Organization/1"
    with pytest.raises(ConfigurationError, match=f"a and b .*{named}"):
        check(tenant("a", **{kind: [named]}), tenant("b", **{kind: [named, "Organization/2"]}))


def test_of_three_the_two_that_overlap_are_named():
    apart = tenant("c", organizations=["Organization/3"])
    with pytest.raises(ConfigurationError, match="a and b"):
        check(
            apart,
            tenant("a", organizations=["Organization/1"]),
            tenant("b", organizations=["Organization/1"]),
        )


def test_neighbours_are_the_others_of_the_server():
    here, there = tenant("a", organizations=["Organization/1"]), tenant("b", f"{BASE}/")
    assert neighbours_of(here, [here, there, tenant("c", "https://other.example.org/")]) == [there]
