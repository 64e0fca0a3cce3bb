import hashlib
from dataclasses import replace

import pytest

from config.settings import load_settings
from service.domain.access import Scope
from service.doors.guard import anyone, check_access, guard_of, page, scope, subscription_secret
from service.errors import ConfigurationError
from tests.unit.doors.keys import bearer, keys_file

KEY = "the key of the ward"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
ASK = {"tenant": "demo", "encounter": "e1"}


@pytest.fixture
def guarded(house, tmp_path):
    """A ward that reads and asks, a program that only asks, and one for another hospital."""
    ward = {"key": KEY, "scopes": ["plans:read", "discharges:write"], "role": "clinician"}
    path = keys_file(
        tmp_path,
        ward=ward,
        program={"key": "program", "scopes": ["discharges:write"]},
        elsewhere={"key": "elsewhere", "scopes": ["plans:read", "discharges:write"], "tenants": ["other"]},
    )
    return house({"HOMEWARD_API_KEYS_FILE": str(path), "HOMEWARD_CALLS_PER_MINUTE": "20"})


def test_every_route_declares_its_guard(house):
    app = house().application
    forgotten = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static" and guard_of(app.view_functions[rule.endpoint]) is None
    ]
    assert forgotten == []


def test_only_what_tells_nothing_of_a_person_is_open_to_anyone(house):
    app = house().application
    open_doors = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static" and guard_of(app.view_functions[rule.endpoint]) is anyone
    }
    assert open_doors == {"/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/.well-known/jwks.json"}


def test_the_guards_of_plans_and_notifications_differ(house):
    app = house().application
    guards = {rule.rule: guard_of(app.view_functions[rule.endpoint]) for rule in app.url_map.iter_rules()}
    assert guards["/discharges/<uuid:discharge_id>"] is page(Scope.PLANS_READ)
    assert guards["/api/v1/discharges/<uuid:discharge_id>/plan"] is scope(Scope.PLANS_READ)
    assert guards["/api/v1/discharges/<uuid:discharge_id>/plan/approve"] is scope(Scope.PLANS_APPROVE)
    assert guards["/subscriptions/<string:tenant>"] is subscription_secret


def test_a_valid_key_is_let_in(guarded):
    assert guarded.get("/", headers=bearer(KEY)).status_code == 200


def test_a_key_is_good_for_its_scopes_and_nothing_else(guarded):
    refused = guarded.get("/", headers=bearer("program"))
    assert refused.status_code == 403
    assert "plans:read" in refused.json["detail"]
    assert guarded.post("/api/v1/discharges", json=ASK, headers=bearer("program")).status_code == 202


def test_asking_for_a_discharge_does_not_show_its_plan_to_who_may_not_read_it(guarded, doubles, plan):
    known = doubles.keep()
    doubles.store.planned[known.id] = plan
    shown = {
        key: guarded.post("/api/v1/discharges", json=ASK, headers=bearer(key)).json["plan"]
        for key in ("program", KEY)
    }
    assert shown["program"] is None
    assert shown[KEY]["needs"]


def test_another_hospitals_caller_learns_nothing_of_this_one(guarded, doubles):
    known = doubles.keep()
    answers = [
        guarded.get(f"/api/v1/discharges/{known.id}", headers=bearer("elsewhere")),
        guarded.get(f"/discharges/{known.id}", headers=bearer("elsewhere")),
        guarded.post("/api/v1/discharges", json=ASK, headers=bearer("elsewhere")),
        guarded.post(f"/api/v1/discharges/{known.id}/cancel", headers=bearer("elsewhere")),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert known.encounter not in guarded.get("/", headers=bearer("elsewhere")).text
    assert doubles.triggers == []


def test_who_asks_too_much_is_told_how_long_to_wait_and_hinders_nobody_else(guarded):
    statuses = [guarded.get("/", headers=bearer(KEY)).status_code for _ in range(25)]
    assert statuses[:20] == [200] * 20
    assert 429 in statuses[20:]
    refused = guarded.get("/", headers=bearer(KEY))
    assert refused.json["type"] == "/docs#too-many-calls"
    assert 1 <= int(refused.headers["Retry-After"]) <= 3
    assert guarded.get("/", headers=bearer("elsewhere")).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": KEY},
        {"Authorization": f"Bearer {DIGEST}"},
        {"Authorization": "Bearer a.b.c"},
    ],
)
def test_anything_else_is_401_and_says_what_to_send(guarded, header):
    answer = guarded.get("/api/v1/discharges/00000000-0000-0000-0000-000000000000", headers=header)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json["detail"]


def test_without_any_key_nobody_is_let_in(house):
    closed = house({"HOMEWARD_OPEN_ACCESS": "off"})
    assert closed.get("/", headers={"Authorization": "Bearer "}).status_code == 401


def test_the_guard_comes_before_the_body_is_read(guarded):
    assert guarded.post("/api/v1/discharges", data=b"{broken").status_code == 401


@pytest.mark.parametrize("bind", ["0.0.0.0:8000", "[::]:8000", "10.0.0.7:80", "homeward.example:80"])
def test_open_access_is_refused_on_a_network(bind):
    with pytest.raises(ConfigurationError, match="loopback"):
        check_access(load_settings({"HOMEWARD_OPEN_ACCESS": "on", "HOMEWARD_BIND": bind}))


@pytest.mark.parametrize("bind", ["127.0.0.1:0", "[::1]:8000", "localhost:8000", "unix:/run/homeward.sock"])
def test_open_access_is_allowed_on_loopback(bind):
    check_access(load_settings({"HOMEWARD_OPEN_ACCESS": "on", "HOMEWARD_BIND": bind}))


def test_while_a_subscription_secret_is_replaced_both_are_taken(house, doubles):
    demo = replace(doubles.tenants["demo"], subscription_secret="new", previous_subscription_secret="old")
    doubles.tenants = {"demo": demo}
    statuses = {
        secret: house({})
        .delete("/subscriptions/demo/Patient/p1", headers={"Authorization": f"Bearer {secret}"})
        .status_code
        for secret in ("new", "old", "older")
    }
    assert statuses == {"new": 204, "old": 204, "older": 401}
