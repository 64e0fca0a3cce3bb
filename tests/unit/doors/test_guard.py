import hashlib
from dataclasses import replace

import pytest

from config.settings import load_settings
from service.app import create_app
from service.doors.guard import anyone, api_token, check_access, guard_of, subscription_secret
from service.errors import ConfigurationError

TOKEN = "an API token"
DIGEST = hashlib.sha256(TOKEN.encode()).hexdigest()


@pytest.fixture
def guarded(house):
    return house({"HOMEWARD_API_TOKENS": f"{'0' * 64}, {DIGEST}"})


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
    assert guards["/discharges/<uuid:discharge_id>"] is api_token
    assert guards["/subscriptions/<string:tenant>"] is subscription_secret


def test_a_valid_token_is_let_in(guarded):
    assert guarded.get("/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": f"Bearer {DIGEST}"},
    ],
)
def test_anything_else_is_401_and_says_what_to_send(guarded, header):
    answer = guarded.get("/api/v1/discharges/00000000-0000-0000-0000-000000000000", headers=header)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "Authorization: Bearer" in answer.json["detail"]


def test_without_any_token_nobody_is_let_in(house):
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


def test_a_token_in_clear_in_the_settings_is_refused_without_repeating_it(doubles):
    with pytest.raises(ConfigurationError, match="HOMEWARD_API_TOKENS") as raised:
        create_app(load_settings({"HOMEWARD_API_TOKENS": TOKEN}), doubles)
    assert TOKEN not in str(raised.value)


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
