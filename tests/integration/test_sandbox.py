import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from service.errors import ConfigurationError
from service.sandbox.ehr import start_sandbox
from service.sandbox.ehr_process import MISSING
from service.sandbox.inpatients import inpatients, load_inpatients

ORDER = {
    "resourceType": "ServiceRequest",
    "status": "active",
    "intent": "order",
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "58000006"}]},
    "subject": {"reference": "Patient/p1"},
}


def search(ehr, query):
    answer = requests.get(f"{ehr.base_url}/{query}", headers={"Prefer": "handling=strict"}, timeout=10)
    answer.raise_for_status()
    return answer.json()


def create(ehr, resource):
    answer = requests.post(f"{ehr.base_url}/{resource['resourceType']}", json=resource, timeout=10)
    answer.raise_for_status()
    return answer.json()


@contextmanager
def listener(*statuses):
    """An endpoint that answers with these statuses in turn (the last for ever) and remembers what came."""
    came = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            came.append((self.command, self.path, dict(self.headers), body))
            self.send_response(statuses[min(len(came), len(statuses)) - 1])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", came
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def subscribe(ehr, endpoint, criteria="ServiceRequest?code=http://snomed.info/sct|58000006"):
    channel = {
        "type": "rest-hook",
        "endpoint": endpoint,
        "payload": "application/fhir+json",
        "header": ["Authorization: Bearer invented"],
    }
    subscription = {"resourceType": "Subscription", "status": "requested", "reason": "test"}
    return create(ehr, {**subscription, "criteria": criteria, "channel": channel})


def eventually(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_metadata_lists_every_search_that_was_added(sandbox):
    listed = {
        resource["type"]: {parameter["name"] for parameter in resource["searchParam"]}
        for resource in search(sandbox, "metadata")["rest"][0]["resource"]
    }
    for resource_type, lines in MISSING.items():
        assert {line.split()[0] for line in lines} <= listed[resource_type]


@pytest.mark.parametrize(
    "resource_type",
    [
        *(
            "Condition",
            "Observation",
            "QuestionnaireResponse",
            "Coverage",
            "RelatedPerson",
            "MedicationRequest",
        ),
        *("DeviceRequest", "Procedure", "ServiceRequest", "Appointment", "CareTeam", "AllergyIntolerance"),
        *("Consent", "DocumentReference", "Goal", "CarePlan", "Encounter", "Task", "Communication"),
    ],
)
def test_every_type_of_a_record_can_be_searched_by_patient_alone(sandbox, resource_type):
    found = search(sandbox, f"{resource_type}?patient=agnes-sampleford&_count=1000")
    assert "patient=agnes-sampleford" in found["link"][0]["url"]
    assert all("/agnes-sampleford" in entry["fullUrl"] for entry in found.get("entry", []))


def test_goals_are_found_for_their_own_patient_only(sandbox):
    goals = search(sandbox, "Goal?patient=Patient/george-prototype")
    assert [entry["resource"]["id"] for entry in goals["entry"]] == ["george-prototype-goal"]


def test_all_inpatients_are_in_the_ehr_and_in_a_stay(sandbox):
    staying = search(sandbox, "Encounter?class=IMP&status=in-progress&_count=100")
    stays = {f"Encounter/{entry['resource']['id']}" for entry in staying["entry"]}
    assert stays >= {patient.encounter for patient in inpatients()}


def test_loading_the_inpatients_twice_changes_no_number(empty_sandbox):
    today = datetime.now(UTC).date()
    list(load_inpatients(empty_sandbox.base_url, today))
    once = search(empty_sandbox, "Observation?_count=0")["total"]
    list(load_inpatients(empty_sandbox.base_url, today))
    assert search(empty_sandbox, "Observation?_count=0")["total"] == once


def test_nothing_happens_in_the_ehr_by_itself(empty_sandbox):
    order = create(empty_sandbox, ORDER)
    time.sleep(0.3)
    assert search(empty_sandbox, f"ServiceRequest/{order['id']}")["status"] == "active"
    assert search(empty_sandbox, "Task?_count=0")["total"] == 0


def test_a_matching_order_is_put_to_the_subscriber_with_its_secret(empty_sandbox):
    with listener(200) as (endpoint, came):
        subscription = subscribe(empty_sandbox, endpoint)
        assert search(empty_sandbox, f"Subscription/{subscription['id']}")["status"] == "active"
        order = create(empty_sandbox, ORDER)
        assert eventually(lambda: came)
    method, path, headers, body = came[0]
    assert (method, path) == ("PUT", f"/hook/ServiceRequest/{order['id']}")
    assert headers["Authorization"] == "Bearer invented"
    assert b"58000006" in body


def test_another_order_is_not_told(empty_sandbox):
    with listener(200) as (endpoint, came):
        subscribe(empty_sandbox, endpoint)
        create(empty_sandbox, {**ORDER, "code": {"text": "Breakfast"}})
        create(empty_sandbox, ORDER)
        assert eventually(lambda: came)
        time.sleep(0.2)
    assert len(came) == 1


def test_a_notification_that_failed_is_sent_again(empty_sandbox):
    with listener(503, 200) as (endpoint, came):
        subscribe(empty_sandbox, endpoint)
        create(empty_sandbox, ORDER)
        assert eventually(lambda: len(came) == 2)


def test_a_subscriber_that_never_answers_ends_in_error_and_can_be_requested_again(empty_sandbox):
    with listener(500) as (endpoint, came):
        subscription = subscribe(empty_sandbox, endpoint)
        path = f"Subscription/{subscription['id']}"
        create(empty_sandbox, ORDER)
        assert eventually(lambda: search(empty_sandbox, path)["status"] == "error")
        assert len(came) == 3
        again = {**search(empty_sandbox, path), "status": "requested"}
        requests.put(f"{empty_sandbox.base_url}/{path}", json=again, timeout=10).raise_for_status()
        assert search(empty_sandbox, path)["status"] == "active"


def test_leaving_the_block_ends_the_process_and_stopping_again_is_harmless(tmp_path):
    with start_sandbox(tmp_path) as running:
        os.kill(running.pid, 0)
    running.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)


def test_a_port_in_use_is_said(sandbox, tmp_path):
    taken = int(sandbox.base_url.split(":")[2].split("/")[0])
    with pytest.raises(ConfigurationError, match=f"Port {taken} on 127.0.0.1 is in use"):
        start_sandbox(tmp_path, port=taken)


def test_an_ehr_that_does_not_start_says_why_and_where_its_log_is(tmp_path):
    with pytest.raises(ConfigurationError, match=r"stopped at once: .*unable to open.*sandbox-ehr\.log"):
        start_sandbox(tmp_path, database=str(tmp_path))


def test_what_is_kept_in_a_file_is_there_after_a_restart(tmp_path):
    database = str(tmp_path / "ehr.sqlite")
    with start_sandbox(tmp_path, database=database) as running:
        order = create(running, ORDER)
    with start_sandbox(tmp_path, database=database) as running:
        assert search(running, f"ServiceRequest/{order['id']}")["id"] == order["id"]


def test_the_ehr_does_not_outlive_a_killed_parent(tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from service.sandbox.ehr import start_sandbox;"
        "print(start_sandbox(Path(sys.argv[1])).pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert eventually(lambda: not _lives(child), 10)


def _lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as state:  # noqa: PTH123  a file of the kernel
            return state.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
