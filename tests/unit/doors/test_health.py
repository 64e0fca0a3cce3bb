import re

import pytest


def test_a_process_that_answers_is_alive_even_while_the_database_is_away(client, doubles):
    doubles.store.away = True
    assert client.get("/livez").json == {"status": "ok"}


def test_ready_when_the_database_the_schema_and_a_worker_are_there(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {
        "status": "ready",
        "checks": {"database": "ok", "migrations": "ok", "worker": "ok"},
    }


def test_without_a_worker_it_is_not_ready_and_says_so(client, doubles):
    doubles.workers = 0
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"]["worker"] == "none alive; run homeward worker"
    assert answer.json["checks"]["database"] == "ok"


def test_with_an_old_schema_it_is_not_ready_and_names_the_remedy(client, doubles):
    doubles.store.current = False
    assert client.get("/readyz").json["checks"]["migrations"] == "behind; run homeward migrate"


def test_without_a_database_it_is_not_ready(client, doubles):
    doubles.store.away = True
    answer = client.get("/readyz")
    assert answer.status_code == 503
    told = {answer.json["checks"][name] for name in ("database", "migrations")}
    assert told == {"not reachable; see HOMEWARD_DATABASE_URL"}


@pytest.mark.parametrize(("state", "said"), [("53100", "disk is full"), ("25006", "read-only")])
def test_a_database_that_answers_and_keeps_nothing_is_not_ready_and_says_why(client, doubles, state, said):
    doubles.store.fault = state
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert said in answer.json["checks"]["database"]
    assert client.get("/livez").status_code == 200


def test_metrics_count_answers_by_door_and_discharges_by_state(client, doubles):
    doubles.keep()
    client.get("/api/v1/discharges/00000000-0000-0000-0000-000000000000")
    text = client.get("/metrics").text
    assert re.search(r'homeward_requests_total\{door="discharges",method="GET",status="404"\} \d', text)
    assert 'homeward_discharges{state="received",tenant="demo"} 1.0' in text


def test_metrics_are_told_even_while_the_database_is_away(client, doubles):
    doubles.store.away = True
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert "homeward_request_seconds" in answer.text


def test_plans_that_the_brake_holds_are_told_by_probe_metric_and_page(client, doubles):
    doubles.keep(held="Encounter/e1")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "ready")
    [warning] = answer.json["warnings"]
    assert "homeward brake list" in warning
    assert 'homeward_brake_held{tenant="demo"} 1.0' in client.get("/metrics").text
    assert "No plan is taken back" in client.get("/").text
