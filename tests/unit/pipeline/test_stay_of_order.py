"""The stay of an order that names none, where the EHR does not answer the question for it."""

from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY

from config.tenants import Tenant
from service.domain.record import Gap, GapReason
from service.ehr.search import Lack, SearchResult
from service.errors import EhrUnavailable
from service.pipeline.stay_of_order import with_stay
from tests import builders

HOSPITAL = Tenant(id="one", fhir_base_url="http://127.0.0.1:9/fhir", organization="Example Hospital")
ORDER = builders.resource(
    "ServiceRequest",
    "o1",
    status="active",
    intent="order",
    code={"coding": [{"system": "http://snomed.info/sct", "code": "58000006"}]},
)


def deps(*stays, gap=None, lack=Lack.NOTHING):
    """A deployment whose EHR answers every search like this, and that knows no discharge of the order."""
    gaps = (Gap("Encounter", gap, "as the test says"),) if gap else ()
    ehr = SimpleNamespace(
        capability=lambda: SimpleNamespace(searches=lambda *_: True),
        batch=lambda searches: [SearchResult(one, stays, gaps, lack=lack) for one in searches],
    )
    discharges = SimpleNamespace(of_order=lambda *_: None)
    return SimpleNamespace(ehr=lambda _: ehr, store=SimpleNamespace(discharges=discharges))


def counted():
    return REGISTRY.get_sample_value("homeward_orders_without_stay_total", {"tenant": "one"}) or 0.0


@pytest.mark.parametrize("gap", [None, GapReason.UNCERTAIN, GapReason.INCOMPLETE])
def test_the_only_open_stay_is_meant_also_where_a_server_answers_with_a_warning(gap):
    found = with_stay(ORDER, HOSPITAL, deps(builders.encounter(), gap=gap))
    assert found["encounter"] == {"reference": "Encounter/e1"}


@pytest.mark.parametrize("gap", [GapReason.REFUSED, GapReason.NOT_OFFERED])
def test_an_ehr_that_lets_us_ask_for_no_stays_is_not_asked_again_and_again(gap):
    before = counted()
    assert "encounter" not in with_stay(ORDER, HOSPITAL, deps(gap=gap, lack=Lack.LASTING))
    assert counted() == before + 1


def test_an_answer_of_which_a_part_is_missing_is_asked_for_again():
    with pytest.raises(EhrUnavailable):
        with_stay(ORDER, HOSPITAL, deps(builders.encounter(), gap=GapReason.INCOMPLETE, lack=Lack.PASSING))


def test_the_stay_of_another_is_not_meant():
    other = builders.encounter("e2", subject={"reference": "Patient/another"})
    assert "encounter" not in with_stay(ORDER, HOSPITAL, deps(other))


VISIT = {"system": "urn:oid:2.16.840.1.113883.19.6", "value": "example-visit-3"}


def test_an_order_that_names_its_stay_by_number_means_that_stay():
    order = ORDER | {"encounter": {"identifier": VISIT}}
    named = builders.encounter("e7", identifier=[VISIT], status="finished")
    found = with_stay(order, HOSPITAL, deps(builders.encounter(), named))
    assert found["encounter"]["reference"] == "Encounter/e7"
    with pytest.raises(EhrUnavailable):
        with_stay(order, HOSPITAL, deps(gap=GapReason.INCOMPLETE, lack=Lack.PASSING))
