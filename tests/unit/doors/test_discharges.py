import uuid
from dataclasses import replace

import pytest

from config.content import load_content
from service.domain.discharge import Action, DischargeState, Trigger
from service.doors.guard import Caller
from service.pipeline.assess import assess
from tests.builders import TODAY, record
from tests.unit.doors.doubles import NOW

MARK = "Zelda Testperson"


def _ask(client, **body):
    return client.post("/api/v1/discharges", json={"tenant": "demo", "encounter": "Encounter/e1", **body})


def test_asking_for_a_discharge_is_accepted_with_the_place_to_follow_it(client, doubles):
    answer = _ask(client, order="ServiceRequest/o7")
    assert answer.status_code == 202
    assert client.get(answer.headers["Location"]).json["id"] == answer.json["id"]
    assert doubles.triggers == [Trigger("demo", "Encounter/e1", Action.PLAN, "rest", "ServiceRequest/o7")]


def test_null_is_as_absent_where_a_member_is_optional(client, doubles):
    assert _ask(client, order=None).status_code == 202
    assert doubles.triggers == [Trigger("demo", "Encounter/e1", Action.PLAN, "rest")]


def test_the_document_says_which_members_may_be_null(client):
    schemas = client.get("/openapi.json").json["components"]["schemas"]
    members = schemas["DischargeRequest"]["properties"]
    assert (members["order"]["type"], members["encounter"]["type"]) == (["string", "null"], "string")


def test_bare_ids_are_understood(client, doubles):
    assert _ask(client, encounter="e1", order="o7").status_code == 202
    assert doubles.triggers == [Trigger("demo", "Encounter/e1", Action.PLAN, "rest", "ServiceRequest/o7")]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "encounter: Send a reference like Encounter/123."),
        (b"{", "not JSON: look at line 1"),
        (b'{"tenant": "demo",\n"encounter": }', "line 2"),
        (b"[]", "Send one JSON object."),
        (b"null", "encounter:"),
        (b'"text"', "Send one JSON object."),
        (b"\xff\xfe", "not JSON"),
        (b'{"tenant": "demo"}', "encounter:"),
        (b'{"encounter": "e1"}', "tenant: Name the hospital"),
        (b'{"tenant": 7, "encounter": "e1"}', "tenant: This is text."),
        (b'{"tenant": "", "encounter": "e1"}', "tenant:"),
        (b'{"tenant": null, "encounter": "e1"}', "tenant:"),
        (b'{"tenant": "demo", "encounter": null}', "encounter:"),
        (b'{"tenant": "demo", "encounter": ""}', "encounter:"),
        (b'{"tenant": "demo", "encounter": 7}', "encounter:"),
        (b'{"tenant": "demo", "encounter": "Patient/e1"}', "encounter:"),
        (b'{"tenant": "demo", "encounter": "http://evil.example/Encounter/e1"}', "encounter:"),
        (b'{"tenant": "demo", "encounter": "Encounter/e1/_history/2"}', "encounter:"),
        (b'{"tenant": "demo", "encounter": "Encounter/e1\\n"}', "encounter:"),
        (b'{"tenant": "demo", "encounter": "../admin"}', "encounter:"),
        (b'{"tenant": "demo", "encounter": "' + b"x" * 65 + b'"}', "encounter:"),
        (b'{"tenant": "demo", "encounter": "e1", "order": "Task/o1"}', "order:"),
        (b'{"tenant": "demo", "encounter": "e1", "Zelda Testperson": 1}', "Only these fields are accepted"),
        (b"[" * 2000 + b"]" * 2000, "nested too deeply"),
        (b"[" * 100 + b"]" * 100, "nested too deeply"),
    ],
)
def test_a_body_that_cannot_be_used_is_400_and_says_what_to_change(client, doubles, body, said):
    answer = client.post("/api/v1/discharges", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert said in answer.json["detail"]
    assert "Testperson" not in answer.text
    assert doubles.triggers == []


def test_a_body_over_the_limit_is_413(house):
    small = house({"HOMEWARD_OPEN_ACCESS": "on", "HOMEWARD_MAX_BODY_BYTES": "100"})
    answer = small.post("/api/v1/discharges", data=b" " * 101)
    assert answer.status_code == 413
    assert answer.json["detail"] == "The body is too large; send less at a time."


def test_an_unknown_tenant_is_404(client, doubles):
    assert _ask(client, tenant="elsewhere").status_code == 404
    assert doubles.triggers == []


def test_a_discharge_shows_its_state_and_what_happened_when(client, doubles):
    made = doubles.keep(state=DischargeState.FAILED, problem="The EHR refused this.")
    shown = client.get(f"/api/v1/discharges/{made.id}").json
    assert (shown["state"], shown["problem"], shown["plan"]) == ("failed", "The EHR refused this.", None)
    assert shown["history"] == [{"at": NOW.isoformat(), "what": "received ServiceRequest/o1", "who": "rest"}]


def test_a_plan_is_shown_as_the_documented_json(client, doubles, plan):
    made = doubles.keep(state=DischargeState.PLANNED)
    doubles.store.planned[made.id] = plan
    shown = client.get(f"/api/v1/discharges/{made.id}").json["plan"]
    assert shown["encounter"] == plan.encounter.reference
    assert shown["bundle"]["type"] == "transaction"


@pytest.mark.parametrize("name", ["6d0a1c0e-7f3b-4a59-9d6e-0f1f6c6f8f10", "7", "Zelda"])
def test_an_unknown_discharge_is_404(client, name):
    for answer in (
        client.get(f"/api/v1/discharges/{name}"),
        client.post(f"/api/v1/discharges/{name}/cancel"),
    ):
        assert answer.status_code == 404
        assert "Zelda" not in answer.text


def test_a_discharge_of_a_tenant_we_no_longer_serve_is_404(client, doubles):
    assert client.get(f"/api/v1/discharges/{doubles.keep(tenant='gone').id}").status_code == 404


def test_cancelling_is_accepted_and_names_the_stay(client, doubles):
    made = doubles.keep()
    answer = client.post(f"/api/v1/discharges/{made.id}/cancel")
    assert answer.status_code == 202
    assert doubles.triggers == [Trigger("demo", made.encounter, Action.CANCEL, "rest")]


def test_while_the_database_is_away_the_answer_is_503_with_a_time_to_try_again(client, doubles):
    doubles.store.away = True
    answer = client.get(f"/api/v1/discharges/{uuid.uuid4()}")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_a_wrong_method_names_the_right_ones(client):
    answer = client.put("/api/v1/discharges")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_a_stay_that_intake_does_not_know_is_404(client, doubles, monkeypatch):
    made = doubles.keep()
    monkeypatch.setattr(doubles, "take_in", lambda _trigger: None)
    assert client.post(f"/api/v1/discharges/{made.id}/cancel").status_code == 404


def test_the_explanation_says_of_each_need_why_it_is_there_or_not(client, doubles, plan):
    made = doubles.keep(state=DischargeState.PLANNED)
    kept = assess(record(), load_content(), today=TODAY).explanations
    doubles.store.planned[made.id] = replace(plan, explanations=kept)
    shown = client.get(f"/api/v1/discharges/{made.id}/explanation").json
    assert shown["encounter"] == plan.encounter.reference
    assert {one["need"] for one in shown["needs"]} == {one.need for one in kept}


def test_who_may_not_see_sensitive_items_gets_no_explanation_of_them(client, doubles, plan, monkeypatch):
    monkeypatch.setattr(Caller, "sees_sensitive_items", lambda _self: False)
    made = doubles.keep(state=DischargeState.PLANNED)
    kept = assess(record(), load_content(), today=TODAY).explanations
    doubles.store.planned[made.id] = replace(plan, explanations=kept)
    shown = client.get(f"/api/v1/discharges/{made.id}/explanation")
    assert "intimate-partner-violence" not in shown.text
    assert "food-insecurity" in shown.text


def test_without_a_plan_there_is_nothing_to_explain(client, doubles):
    assert client.get(f"/api/v1/discharges/{doubles.keep().id}/explanation").status_code == 404
