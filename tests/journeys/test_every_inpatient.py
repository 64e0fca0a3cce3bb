"""All sample patients leave at once: each gets one verified plan in the EHR, from real processes."""

from datetime import datetime

import pytest
import requests
from rich.console import Console

from service.sandbox.demo import TIME_ZONE, running_stage, wait_for_plan
from service.sandbox.inpatients import inpatients
from service.sandbox.verify import problems


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOMEWARD_STATE_DIR", str(tmp_path_factory.mktemp("stage")))
        with running_stage(Console(quiet=True)) as running:
            for patient in running.patients:
                running.hospital.order_discharge(patient, datetime.now(TIME_ZONE))
            yield running


@pytest.mark.parametrize("patient", inpatients(), ids=lambda patient: patient.id)
def test_the_plan_in_the_ehr_is_a_right_draft(stage, patient):
    _, plan = wait_for_plan(stage, patient)
    assert problems(stage.hospital, patient, plan) == ()


def test_ordering_again_makes_no_second_plan(stage):
    patient = stage.patients[0]
    for _ in range(3):
        stage.hospital.order_discharge(patient, datetime.now(TIME_ZONE))
    _, plan = wait_for_plan(stage, patient)
    assert problems(stage.hospital, patient, plan) == ()


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/discharges/{}", "/api/v1/discharges/{}"])
def test_every_address_that_the_demo_prints_answers(stage, path):
    discharge, _ = wait_for_plan(stage, stage.patients[0])
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(stage.homeward_url + path.format(discharge.id), timeout=10)
    assert answer.status_code == 200
