"""One discharge that comes in by every door at once, from real processes: one plan in the EHR."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import requests
from rich.console import Console

from service.sandbox.demo import TENANT, TIME_ZONE, running_stage, wait_for_plan
from service.sandbox.inpatients import bundle_of
from service.sandbox.verify import problems
from tests import hooks


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOMEWARD_STATE_DIR", str(tmp_path_factory.mktemp("doors")))
        with running_stage(Console(quiet=True)) as running:
            yield running


def send(stage, path: str, body: Any) -> requests.Response:
    """The answer; on a busy machine the first may be that there was no time, and then one calls again."""
    with requests.Session() as session:
        session.trust_env = False
        for _ in range(20):
            answer = session.post(f"{stage.homeward_url}{path}", json=body, timeout=10)
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                return answer
    raise AssertionError(f"{path} has no time, however often it is called")


def call(stage, patient, **more: Any) -> dict[str, Any]:
    """The hook call of the sandbox EHR, with the record prefetched unless `more` says otherwise."""
    resources = [entry["resource"] for entry in bundle_of(patient, datetime.now(TIME_ZONE).date())["entry"]]
    return hooks.call_for(resources, patient.encounter, fhirServer=stage.hospital.base_url, **more)


def test_the_same_discharge_by_hook_subscription_and_rest_is_one_plan(stage):
    patient = stage.patients[0]
    body = call(stage, patient)
    asked = {"tenant": TENANT, "encounter": patient.encounter}
    with ThreadPoolExecutor(4) as doors:
        answers = [
            doors.submit(send, stage, "/cds-services/encounter-discharge", body),
            doors.submit(stage.hospital.order_discharge, patient, datetime.now(TIME_ZONE)),
            doors.submit(send, stage, "/api/v1/discharges", asked),
            doors.submit(send, stage, "/cds-services/encounter-discharge", body),
        ]
    assert [answers[index].result().status_code for index in (0, 2, 3)] == [200, 202, 200]
    discharge, plan = wait_for_plan(stage, patient)
    assert problems(stage.hospital, patient, plan) == ()
    known = stage.deps.store.discharges.latest(TENANT, limit=1000)
    assert [one.encounter for one in known].count(patient.encounter) == 1
    cards = send(stage, "/cds-services/encounter-discharge", body).json()["cards"]
    assert f"{stage.homeward_url}/discharges/{discharge.id}" in {link["url"] for link in cards[0]["links"]}


def test_a_hook_alone_makes_the_plan(stage):
    patient = stage.patients[1]
    answer = send(stage, "/cds-services/encounter-discharge", call(stage, patient))
    assert answer.json()["cards"]
    _, plan = wait_for_plan(stage, patient)
    assert problems(stage.hospital, patient, plan) == ()


def test_without_prefetch_the_stay_is_read_from_the_ehr_in_time(stage):
    patient = stage.patients[2]
    answer = send(stage, "/cds-services/encounter-discharge", call(stage, patient, prefetch=None))
    assert answer.status_code in {200, 412}, answer.text
    wait_for_plan(stage, patient)
    again = send(stage, "/cds-services/encounter-discharge", call(stage, patient, prefetch=None))
    assert again.json()["cards"][0]["detail"]


def test_nothing_of_a_patient_is_logged(stage, tmp_path_factory):
    send(stage, "/cds-services/encounter-discharge", call(stage, stage.patients[3]))
    logs = "".join(path.read_text() for path in Path(tmp_path_factory.getbasetemp()).rglob("homeward.log"))
    assert logs
    for patient in stage.patients:
        assert patient.id not in logs
