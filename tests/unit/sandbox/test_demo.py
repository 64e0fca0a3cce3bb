from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from service.domain.discharge import DischargeState
from service.errors import BadInput, ConfigurationError
from service.sandbox.demo import Stage, run_demo, wait_for_plan
from service.sandbox.ehr import listen
from service.sandbox.homeward_process import free_port, reserved_port, running_homeward
from service.sandbox.inpatients import inpatients
from service.sandbox.mode import Mode

PATIENT = inpatients()[0]


def stage(*discharges):
    store: Any = SimpleNamespace(
        discharges=SimpleNamespace(latest=lambda _tenant: discharges),
        plans=SimpleNamespace(latest=lambda _discharge: None),
    )
    hospital: Any = SimpleNamespace(care_plans=lambda _patient: [])
    deps: Any = SimpleNamespace(store=store)
    return Stage(Mode(), hospital, (PATIENT,), deps, "http://127.0.0.1:1", Console())


def discharge(state, problem=""):
    return SimpleNamespace(id=1, encounter=PATIENT.encounter, state=state, problem=problem)


def test_an_unknown_kind_of_ehr_is_refused_with_the_known_ones():
    with pytest.raises(BadInput, match="choose full"):
        run_demo(once=True, ehr="paper")


def test_a_discharge_that_failed_is_told_with_its_problem():
    with pytest.raises(ConfigurationError, match="could not plan this discharge: The EHR refused"):
        wait_for_plan(stage(discharge(DischargeState.FAILED, "The EHR refused this.")), PATIENT)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ((), "No notification of the order reached Homeward"),
        ((discharge(DischargeState.PLANNED),), "the discharge is planned"),
    ],
)
def test_a_plan_that_does_not_come_is_told_by_what_is_missing(known, words):
    with pytest.raises(ConfigurationError, match=words):
        wait_for_plan(stage(*known), PATIENT, seconds=0.2)


def test_a_port_that_is_taken_is_passed_over():
    with listen(0) as taken:
        port = taken.getsockname()[1]
        assert free_port(port) not in {0, port}
    assert free_port(port) == port


def test_a_homeward_that_stops_at_once_is_told_by_the_last_it_said(tmp_path):
    settings = {
        "HOMEWARD_PUBLIC_URL": "http://127.0.0.1:1",
        "HOMEWARD_STATE_DIR": str(tmp_path),
        "HOMEWARD_BIND": "0.0.0.0:1",
        "HOMEWARD_OPEN_ACCESS": "on",
    }
    started = running_homeward(settings, log=tmp_path / "homeward.log")
    with pytest.raises(ConfigurationError, match=r"Homeward stopped at once: .*HOMEWARD_BIND"), started:
        pytest.fail("it must not start")


def test_two_demos_that_start_at_once_are_given_different_ports():
    wanted = free_port(0)
    with reserved_port(wanted) as first, reserved_port(wanted) as second:
        assert first == wanted
        assert second != wanted
    with reserved_port(wanted) as again:
        assert again == wanted
