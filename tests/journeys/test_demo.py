"""`homeward demo` as a person runs it: real processes, a real database, a real FHIR server."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.child_environment import child_environment
from service.sandbox import hospital, scenes
from service.sandbox.demo import run_demo
from service.sandbox.verify import Moment

HOMEWARD = [sys.executable, "-m", "service.cli"]


def environment(state: Path) -> dict[str, str]:
    return child_environment({"HOMEWARD_STATE_DIR": str(state)})


def processes_of(state: Path) -> set[int]:
    """Every living process whose command line or environment names this state directory."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(state).encode() in told and process.name != str(os.getpid()):
            found.add(int(process.name))
    return found


def eventually_gone(state: Path, seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while processes_of(state) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not processes_of(state)


def test_the_order_becomes_a_verified_plan_and_everything_is_stopped(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOMEWARD_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    assert run_demo(once=True) == 0
    said = capsys.readouterr().out
    assert said.count("Read back from the EHR and verified") == len(Moment)
    for words in ("Agnes Sampleford", "Prairie Basket", "CarePlan in the EHR:", "API docs:", "Page:"):
        assert words in said
    for words in ("“Discharge plan”, draft", "“Discharge plan”, active", "“Discharge plan”, on-hold"):
        assert words in said
    assert eventually_gone(tmp_path)
    assert not list((tmp_path / "demo").glob("run-*"))


@pytest.mark.parametrize(
    ("ehr", "words"),
    [
        ("epic-like", ("Note “Discharge plan”, final: signed", "│ Needs: ")),
        ("oracle-like", ("Note “Discharge plan”, final: signed", "│ Needs: ")),
        ("meditech-like", ("Message “Discharge plan”, completed", "│ Needs: ")),
        ("athena-like", ("In the chart: nothing", "It stands on Homeward's page only")),
    ],
)
def test_where_no_care_plan_is_taken_the_chart_shows_what_is_before_and_after_the_signature(
    tmp_path, monkeypatch, capsys, ehr, words
):
    monkeypatch.setenv("HOMEWARD_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    assert run_demo(once=True, ehr=ehr) == 0
    said = capsys.readouterr().out
    assert f"Sandbox EHR ({ehr})" in said
    assert "interface engine tells Homeward" in said
    assert said.count("Read back from the EHR and verified") == len(Moment)
    assert all(each in said for each in words)
    assert eventually_gone(tmp_path)


def test_a_chart_that_is_not_right_fails_the_demo_and_says_what_is_wrong(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOMEWARD_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(scenes, "problems", lambda *_, **__: ("Something invented is missing.",))
    assert run_demo(once=True) == 1
    said = capsys.readouterr().out
    assert "The chart is not right:" in said
    assert "Something invented is missing." in said
    assert eventually_gone(tmp_path)


def test_a_homeward_that_does_not_start_fails_the_demo_and_says_why(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOMEWARD_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(hospital, "ORGANIZATION_REFERENCE", "nowhere")
    assert run_demo(once=True) == 1
    assert "The demo failed: tenants.yaml:" in capsys.readouterr().out
    assert eventually_gone(tmp_path)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_demo_stays_up_until_it_is_ended_and_then_leaves_nothing_running(tmp_path, end):
    running = subprocess.Popen(
        [*HOMEWARD, "demo"],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with running:
        assert running.stdout is not None
        said = ""
        for line in running.stdout:
            said += line
            if "Running until Ctrl-C" in line:
                break
        assert "Running until Ctrl-C" in said, said
        os.kill(running.pid, end)
        running.stdout.read()
        assert running.wait(60) == (-signal.SIGKILL if end is signal.SIGKILL else 0)
    assert eventually_gone(tmp_path)


def test_an_unknown_kind_of_ehr_is_said_in_one_sentence(tmp_path):
    ran = subprocess.run(
        [*HOMEWARD, "demo", "--ehr", "paper"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 2
    known = (
        "full, epic-like, oracle-like, meditech-like, athena-like, singles, flaky, or one of them with ,flaky"
    )
    assert ran.stderr == f"homeward: There is no EHR called paper; choose {known}.\n"
