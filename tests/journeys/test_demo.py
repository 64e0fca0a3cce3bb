"""`homeward demo` as a person runs it: real processes, a real database, a real FHIR server."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.child_environment import child_environment

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
        if str(state).encode() in told:
            found.add(int(process.name))
    return found


def eventually_gone(state: Path, seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while processes_of(state) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not processes_of(state)


def test_the_order_becomes_a_verified_plan_and_everything_is_stopped(tmp_path):
    ran = subprocess.run(
        [*HOMEWARD, "demo", "--once"],
        env=environment(tmp_path) | {"COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Read back from the EHR and verified" in ran.stdout
    for words in ("Agnes Sampleford", "Prairie Basket", "CarePlan in the EHR:", "API docs:", "Page:"):
        assert words in ran.stdout
    assert eventually_gone(tmp_path)
    assert not list((tmp_path / "demo").glob("run-*"))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_demo_stays_up_until_it_is_ended_and_then_leaves_nothing_running(tmp_path, end):
    demo = subprocess.Popen(
        [*HOMEWARD, "demo"],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with demo:
        assert demo.stdout is not None
        said = ""
        for line in demo.stdout:
            said += line
            if "Running until Ctrl-C" in line:
                break
        assert "Running until Ctrl-C" in said, said
        os.kill(demo.pid, end)
        demo.stdout.read()
        assert demo.wait(60) == (-signal.SIGKILL if end is signal.SIGKILL else 0)
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
    assert ran.stderr == "homeward: There is no EHR called paper; choose full.\n"
