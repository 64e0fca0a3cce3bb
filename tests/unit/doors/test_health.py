import re
from dataclasses import replace

import pytest

from service.domain.ehr_clock import first_measure
from service.domain.watch import Watch, Way
from tests.unit.doors.doubles import DEMO, NOW


def test_a_process_that_answers_is_alive_even_while_the_database_is_away(client, doubles):
    doubles.store.away = True
    assert client.get("/livez").json == {"status": "ok"}


def test_ready_when_the_database_the_schema_and_a_worker_are_there(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {
        "status": "ready",
        "checks": {"database": "ok", "migrations": "ok", "worker": "ok"},
        "missing": [],
        "warnings": [],
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


@pytest.mark.parametrize(
    ("lacking", "code", "remedy"),
    [
        ({"watched": ()}, "not-heard-of", "homeward subscribe demo"),
        ({"services": {}}, "no-directory", "homeward directory load demo"),
        ({"watched": (Watch("demo", Way.POLL, NOW, failures=3),)}, "searches-fail", "demo --check"),
    ],
)
def test_a_hospital_that_lacks_something_is_not_ready_and_gets_its_traffic(
    client, doubles, lacking, code, remedy
):
    for name, value in lacking.items():
        setattr(doubles.store, name, value)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "incomplete")
    [missing] = answer.json["missing"]
    assert (missing["tenant"], missing["code"]) == ("demo", code)
    assert remedy in missing["said"]


def test_a_hospital_whose_notifications_would_be_refused_lacks_a_secret(client, doubles):
    doubles.tenants = {"demo": replace(DEMO, subscription_secret="")}
    doubles.store.watched = (Watch("demo", Way.REST_HOOK, NOW, NOW),)
    assert [missing["code"] for missing in client.get("/readyz").json["missing"]] == ["no-secret"]
    doubles.store.watched = (Watch("demo", Way.POLL, NOW, NOW),)
    assert client.get("/readyz").json["status"] == "ready"


def test_without_any_hospital_it_is_not_ready(client, doubles):
    doubles.tenants = {}
    assert [missing["code"] for missing in client.get("/readyz").json["missing"]] == ["no-hospital"]


@pytest.mark.parametrize(("ahead", "said"), [(-3600.0, "3600 s behind"), (90.0, "90 s ahead of")])
def test_a_clock_that_is_off_is_said_and_stops_nothing(client, doubles, ahead, said):
    doubles.store.clocks = {
        "demo": first_measure("demo", ahead, NOW),
        "gone": first_measure("gone", 9e9, NOW),
    }
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "ready")
    [warning] = answer.json["warnings"]
    assert (warning["tenant"], warning["code"]) == ("demo", "clock")
    assert said in warning["said"]


def test_metrics_tell_of_writes_jobs_polling_and_clocks(client, doubles):
    doubles.store.clocks = {"demo": first_measure("demo", -90.0, NOW)}
    text = client.get("/metrics").text
    assert 'homeward_writes{standing="landed",tenant="demo"} 3.0' in text
    assert 'homeward_writes{standing="waiting",tenant="demo"} 0.0' in text
    assert 'homeward_jobs{state="due",step="plan",tenant="demo"} 2.0' in text
    assert 'homeward_oldest_due_job_seconds{tenant="demo"} 30.0' in text
    assert 'homeward_search_failures{tenant="demo",way="poll"} 0.0' in text
    assert 'homeward_ehr_clock_ahead_seconds{tenant="demo"} -90.0' in text
    assert "homeward_workers_alive 1.0" in text


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
    assert (warning["tenant"], warning["code"]) == ("demo", "brake")
    assert "homeward brake list" in warning["said"]
    assert 'homeward_brake_held{tenant="demo"} 1.0' in client.get("/metrics").text
    assert "No plan is taken back" in client.get("/").text
