from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from service.domain.discharge import Action, Trigger
from service.ehr.search import SearchResult
from service.errors import EhrUnavailable
from tests.unit.doors.doubles import SECRET

AUTHORIZED = {"Authorization": f"Bearer {SECRET}"}
ORDER_URL = "/subscriptions/demo/ServiceRequest/o1"


def order(**more):
    given = {
        "resourceType": "ServiceRequest",
        "id": "o1",
        "status": "active",
        "intent": "order",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "58000006"}]},
        "subject": {"reference": "Patient/somebody-else"},
        "encounter": {"reference": "Encounter/e1"},
    }
    return {name: value for name, value in (given | more).items() if value is not None}


def _put(client, resource, url=ORDER_URL):
    return client.put(url, json=resource, headers=AUTHORIZED)


class Asked:
    """An EHR that holds one order and remembers what it was asked."""

    def __init__(self, *found):
        self.found = found
        self.asked: list[Any] = []

    def capability(self):
        return SimpleNamespace(searches=lambda _type, name: name in {"code", "_lastUpdated"})

    def batch(self, searches):
        self.asked += searches
        return [SearchResult(search, self.found) for search in searches]

    def read(self, reference):
        self.asked.append(reference)
        return self.found[0]


class Silent(Asked):
    """An EHR that answers nothing but /metadata."""

    def batch(self, _searches):
        raise EhrUnavailable


def test_a_discharge_order_plans_its_stay(client, doubles):
    assert _put(client, order()).status_code == 204
    assert doubles.triggers == [
        Trigger("demo", "Encounter/e1", Action.PLAN, "subscription", "ServiceRequest/o1")
    ]


@pytest.mark.parametrize("status", ["revoked", "entered-in-error", "on-hold"])
def test_an_order_that_no_longer_stands_cancels(client, doubles, status):
    assert _put(client, order(status=status)).status_code == 204
    assert [trigger.action for trigger in doubles.triggers] == [Action.CANCEL]


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_cancelled_stay_cancels(client, doubles, status):
    stay = {"resourceType": "Encounter", "id": "e1", "status": status}
    assert _put(client, stay, "/subscriptions/demo/Encounter/e1").status_code == 204
    assert doubles.triggers == [Trigger("demo", "Encounter/e1", Action.CANCEL, "subscription")]


@pytest.mark.parametrize(
    "resource",
    [
        order(status="draft"),
        order(status="completed"),
        order(status="unknown"),
        order(status=None),
        order(status=["active"]),
        order(intent="proposal"),
        order(intent="plan"),
        order(encounter=None),
        order(encounter={"reference": "Location/7"}),
        order(encounter={"reference": "Encounter/"}),
        order(encounter={"display": "the stay"}),
        order(encounter="Encounter/e1"),
        order(encounter={"reference": "urn:uuid:6d0a1c0e-7f3b-4a59-9d6e-0f1f6c6f8f10"}),
        order(code=None),
        order(code={"text": "discharge"}),
        order(code={"coding": "58000006"}),
        order(code={"coding": ["58000006", None]}),
        order(code={"coding": [{"system": "http://loinc.org", "code": "58000006"}]}),
        order(code={"coding": [{"system": "http://snomed.info/sct", "code": "306206005"}]}),
    ],
)
def test_what_is_nothing_to_us_is_acknowledged_and_ignored(client, doubles, resource):
    assert _put(client, resource).status_code == 204
    assert doubles.triggers == []


def test_a_stay_that_goes_on_is_ignored(client, doubles):
    stay = {"resourceType": "Encounter", "id": "e1", "status": "in-progress"}
    assert _put(client, stay, "/subscriptions/demo/Encounter/e1").status_code == 204
    assert doubles.triggers == []


def test_other_types_are_acknowledged_unread(client, doubles):
    answer = client.put("/subscriptions/demo/Observation/x", data=b"{not json", headers=AUTHORIZED)
    assert answer.status_code == 204
    assert doubles.triggers == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"{}", b'{"resourceType": 7, "id": "o1"}'])
def test_a_body_that_is_no_resource_is_400(client, doubles, body):
    answer = client.put(ORDER_URL, data=body, headers=AUTHORIZED)
    assert answer.status_code == 400
    assert doubles.triggers == []


def test_a_resource_that_is_not_the_one_of_the_address_is_400(client, doubles):
    assert _put(client, order(id="another")).status_code == 400
    assert doubles.triggers == []


def test_without_the_resource_it_is_read_from_the_ehr(client, doubles):
    doubles.ehrs["demo"] = ehr = Asked(order())
    assert client.put(ORDER_URL, headers=AUTHORIZED).status_code == 204
    assert ehr.asked == ["ServiceRequest/o1"]
    assert [trigger.encounter for trigger in doubles.triggers] == ["Encounter/e1"]


def test_a_resource_may_be_posted_to_the_endpoint_itself(client, doubles):
    assert client.post("/subscriptions/demo", json=order(), headers=AUTHORIZED).status_code == 204
    assert [trigger.order for trigger in doubles.triggers] == ["ServiceRequest/o1"]


def test_an_empty_notification_has_the_ehr_searched_for_recent_orders(client, doubles):
    doubles.ehrs["demo"] = ehr = Asked(order(), order(id="o2", encounter={"reference": "Encounter/e2"}))
    assert client.post("/subscriptions/demo", headers=AUTHORIZED).status_code == 204
    assert [trigger.encounter for trigger in doubles.triggers] == ["Encounter/e1", "Encounter/e2"]
    [search] = ehr.asked
    assert dict(search.parameters) == {
        "code": "http://snomed.info/sct|58000006",
        "_lastUpdated": "ge2024-03-04T12:00:00+00:00",
    }


def test_an_ehr_that_does_not_answer_is_asked_to_notify_again(client, doubles):
    doubles.ehrs["demo"] = Silent()
    assert client.post("/subscriptions/demo", headers=AUTHORIZED).status_code == 503


def test_a_deleted_order_cancels_the_stay_it_stood_for(client, doubles):
    made = doubles.keep(order="ServiceRequest/o1", encounter="Encounter/e9")
    assert client.delete(ORDER_URL, headers=AUTHORIZED).status_code == 204
    assert doubles.triggers == [
        Trigger("demo", made.encounter, Action.CANCEL, "subscription", "ServiceRequest/o1")
    ]


def test_a_deleted_order_that_we_do_not_know_is_acknowledged(client, doubles):
    assert client.delete(ORDER_URL, headers=AUTHORIZED).status_code == 204
    assert doubles.triggers == []


def test_a_deleted_stay_cancels(client, doubles):
    assert client.delete("/subscriptions/demo/Encounter/e1", headers=AUTHORIZED).status_code == 204
    assert doubles.triggers == [Trigger("demo", "Encounter/e1", Action.CANCEL, "subscription")]


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {SECRET}"}]
)
@pytest.mark.parametrize("tenant", ["demo", "elsewhere"])
def test_a_wrong_secret_and_an_unknown_tenant_get_the_same_answer(house, header, tenant):
    client = house({})
    answer = client.put(f"/subscriptions/{tenant}/ServiceRequest/o1", json=order(), headers=header)
    assert answer.status_code == 401
    assert answer.json["detail"] == "Send a valid credential: Authorization: Bearer <token>."


def test_an_unknown_tenant_is_refused_even_with_a_secret(client):
    assert client.post("/subscriptions/elsewhere", headers=AUTHORIZED).status_code == 401


def test_a_tenant_without_a_secret_is_closed_outside_the_demo(house, doubles):
    doubles.tenants = {"demo": replace(doubles.tenants["demo"], subscription_secret="")}
    assert house({}).put(ORDER_URL, json=order(), headers={"Authorization": "Bearer "}).status_code == 401
    assert house().put(ORDER_URL, json=order()).status_code == 204
