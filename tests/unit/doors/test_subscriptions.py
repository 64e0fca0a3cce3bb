from dataclasses import replace

import pytest

from service.domain.audit import Event
from service.domain.discharge import Action
from service.jobs import Errand
from tests.unit.doors.doubles import SECRET

AUTHORIZED = {"Authorization": f"Bearer {SECRET}"}
ORDER_URL = "/subscriptions/demo/ServiceRequest/o1"
STAY_URL = "/subscriptions/demo/Encounter/e1"


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


def stay(**more):
    given = {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "in-progress",
        "class": {"code": "IMP"},
        "subject": {"reference": "Patient/p1"},
    }
    return {name: value for name, value in (given | more).items() if value is not None}


def _put(client, resource, url=ORDER_URL):
    return client.put(url, json=resource, headers=AUTHORIZED)


def test_a_discharge_order_plans_its_stay(client, doubles):
    assert _put(client, order()).status_code == 204
    [trigger] = doubles.triggers
    assert (trigger.tenant, trigger.encounter, trigger.order) == ("demo", "Encounter/e1", "ServiceRequest/o1")
    assert (trigger.action, trigger.door, trigger.in_ehr) == (Action.PLAN, "subscription", False)


@pytest.mark.parametrize("status", ["revoked", "entered-in-error", "on-hold"])
def test_an_order_that_no_longer_stands_cancels(client, doubles, status):
    assert _put(client, order(status=status)).status_code == 204
    assert [trigger.action for trigger in doubles.triggers] == [Action.CANCEL]


def test_an_order_not_to_discharge_is_none_and_what_was_one_no_longer_stands(client, doubles):
    assert _put(client, order(doNotPerform=True)).status_code == 204
    assert _put(client, order(doNotPerform=True, status="draft")).status_code == 204
    assert _put(client, order(doNotPerform=False)).status_code == 204
    assert [trigger.action for trigger in doubles.triggers] == [Action.CANCEL, Action.PLAN]


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_cancelled_stay_cancels(client, doubles, status):
    assert _put(client, stay(status=status), STAY_URL).status_code == 204
    assert [(one.encounter, one.action) for one in doubles.triggers] == [("Encounter/e1", Action.CANCEL)]


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


@pytest.mark.parametrize("status", ["in-progress", "onleave", "finished"])
def test_a_stay_that_goes_on_or_has_ended_is_planned_anew_if_it_is_planned(client, doubles, status):
    assert _put(client, stay(status=status), STAY_URL).status_code == 204
    assert [(one.encounter, one.action) for one in doubles.triggers] == [("Encounter/e1", Action.REFRESH)]


@pytest.mark.parametrize("given", [{"status": "planned"}, {"class": {"code": "AMB"}}, {"class": None}])
def test_a_stay_before_it_begins_and_a_visit_are_ignored(client, doubles, given):
    assert _put(client, stay(**given), STAY_URL).status_code == 204
    assert doubles.triggers == []


def test_an_admission_starts_a_plan_where_the_hospital_wants_it(client, doubles):
    doubles.tenants = {"demo": replace(doubles.tenants["demo"], plan_at_admission=True)}
    _put(client, stay(), STAY_URL)
    _put(client, stay(status="finished"), STAY_URL)
    assert [one.action for one in doubles.triggers] == [Action.PLAN, Action.REFRESH]


def test_what_is_told_of_a_stay_changes_with_its_status_its_end_and_its_patient(client, doubles):
    told = [
        stay(),
        stay(status="finished"),
        stay(period={"end": "2024-03-07"}),
        stay(subject={"reference": "Patient/other"}),
        stay(location=[{"location": {"display": "Room 7"}}]),
    ]
    for one in told:
        _put(client, one, STAY_URL)
    seen = [trigger.told for trigger in doubles.triggers]
    assert len(set(seen)) == 4
    assert seen[0] == seen[4]
    assert "2024" not in "".join(seen)


@pytest.mark.parametrize(
    ("encounter", "status"),
    [
        ("http://127.0.0.1:9/fhir/Encounter/e1", 204),
        ("http://127.0.0.1:9/fhirs/Encounter/e1", 403),
        ("https://ehr.example.org/fhir/Encounter/e1", 403),
    ],
)
def test_a_stay_on_another_server_is_refused_and_recorded(client, doubles, encounter, status):
    assert _put(client, order(encounter={"reference": encounter})).status_code == status
    assert len(doubles.triggers) == (status == 204)
    assert [entry.event for entry in doubles.store.recorded] == [Event.FOREIGN] * (status == 403)


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


def test_without_the_resource_it_will_be_read_from_the_ehr(client, doubles):
    assert client.put(ORDER_URL, headers=AUTHORIZED).status_code == 204
    assert doubles.errands == [(Errand.LOOK, "demo", "ServiceRequest/o1")]


@pytest.mark.parametrize("named", [None, {"identifier": {"value": "visit-7"}}])
def test_an_order_that_names_no_stay_is_looked_at_in_the_ehr(client, doubles, named):
    assert _put(client, order(encounter=named)).status_code == 204
    assert doubles.errands == [(Errand.LOOK, "demo", "ServiceRequest/o1")]
    assert doubles.triggers == []


def test_another_order_that_names_no_stay_is_nothing_to_us(client, doubles):
    assert _put(client, order(encounter=None, code={"text": "Complete blood count"})).status_code == 204
    assert _put(client, order(encounter=None, intent="proposal")).status_code == 204
    assert doubles.errands == []


def test_a_stay_without_the_resource_is_looked_at_only_if_it_is_planned(client, doubles):
    client.put("/subscriptions/demo/Encounter/e9", headers=AUTHORIZED)
    assert doubles.errands == []
    doubles.keep(encounter="Encounter/e9")
    client.put("/subscriptions/demo/Encounter/e9", headers=AUTHORIZED)
    assert doubles.errands == [(Errand.LOOK, "demo", "Encounter/e9")]


def test_an_address_that_is_no_fhir_id_is_400(client, doubles):
    for number in ("o1%20or%202", "%00", "o" * 65, "%D9%A3", "%C3%A9", ".", "..", "o1%0A"):
        url = f"/subscriptions/demo/ServiceRequest/{number}"
        assert client.put(url, headers=AUTHORIZED).status_code == 400
        assert client.delete(url, headers=AUTHORIZED).status_code == 400
    assert doubles.triggers == []
    assert doubles.errands == []


def test_a_resource_may_be_posted_to_the_endpoint_itself(client, doubles):
    assert client.post("/subscriptions/demo", json=order(), headers=AUTHORIZED).status_code == 204
    assert [trigger.order for trigger in doubles.triggers] == ["ServiceRequest/o1"]


def test_an_empty_notification_has_the_ehr_searched_after_the_answer(client, doubles):
    assert client.post("/subscriptions/demo", headers=AUTHORIZED).status_code == 204
    assert doubles.errands == [(Errand.ROUND, "demo", "")]


def test_a_notification_that_cannot_be_kept_is_to_be_sent_again(client, doubles):
    doubles.store.away = True
    assert client.post("/subscriptions/demo", headers=AUTHORIZED).status_code == 503


@pytest.mark.parametrize(
    "bundle",
    [
        {},
        {"type": "history", "entry": []},
        {"type": "history", "entry": [{"resource": {"resourceType": "Patient"}}]},
        {"type": "searchset", "entry": [{"resource": {"resourceType": "Parameters"}}]},
        {"type": "history", "entry": [{"resource": {"resourceType": "Parameters", "parameter": 7}}]},
    ],
)
def test_a_bundle_that_is_no_notification_is_400_and_says_what_one_is(client, doubles, bundle):
    answer = client.post("/subscriptions/demo", json={"resourceType": "Bundle", **bundle}, headers=AUTHORIZED)
    assert answer.status_code == 400
    assert "history Bundle" in answer.json["detail"]
    assert doubles.triggers == doubles.errands == []


@pytest.mark.parametrize("number", ["s\x001", "s" * 65, "s" * 8000, "é", "٣", ".", "..", "s1\n"])
def test_a_notification_of_a_subscription_that_has_no_fhir_id_is_400(client, number):
    parts = [
        {"name": "subscription", "valueReference": {"reference": f"Subscription/{number}"}},
        {"name": "type", "valueCode": "heartbeat"},
    ]
    status = {"resourceType": "Parameters", "parameter": parts}
    bundle = {"resourceType": "Bundle", "type": "history", "entry": [{"resource": status}]}
    answer = client.post("/subscriptions/demo", json=bundle, headers=AUTHORIZED)
    assert answer.status_code == 400
    assert "history Bundle" in answer.json["detail"]


def test_an_order_that_is_said_to_be_deleted_is_looked_for_in_the_ehr(client, doubles):
    doubles.keep(order="ServiceRequest/o1", encounter="Encounter/e9")
    assert client.delete(ORDER_URL, headers=AUTHORIZED).status_code == 204
    assert doubles.triggers == []
    assert doubles.errands == [(Errand.LOOK, "demo", "ServiceRequest/o1")]


def test_a_deleted_order_that_we_do_not_know_is_acknowledged(client, doubles):
    assert client.delete(ORDER_URL, headers=AUTHORIZED).status_code == 204
    assert doubles.triggers == []


def test_a_stay_that_is_said_to_be_deleted_is_looked_for_if_it_is_planned(client, doubles):
    doubles.keep(encounter="Encounter/e9")
    for stay in ("e1", "e9"):
        assert client.delete(f"/subscriptions/demo/Encounter/{stay}", headers=AUTHORIZED).status_code == 204
    assert doubles.triggers == []
    assert doubles.errands == [(Errand.LOOK, "demo", "Encounter/e9")]


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
