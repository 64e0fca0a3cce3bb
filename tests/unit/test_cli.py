import gzip
import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from service.cli import main
from service.commands import plan_file, serve
from service.errors import StoreUnavailable
from service.sandbox import demo
from tests.builders import bundle, condition, encounter, patient

TODAY = "2024-03-05"
MARK = "Zelda Testperson"


def _run(*arguments: str, given: bytes = b""):
    return CliRunner().invoke(main, arguments, input=given, prog_name="homeward")


def _plan(*resources, options: tuple[str, ...] = (), kind: str = "collection"):
    document = json.dumps(bundle(*resources, kind=kind)).encode()
    return _run("plan", "-", "--today", TODAY, *options, given=document)


def test_a_bundle_becomes_a_table():
    shown = _plan(patient(), encounter(), condition("c1", "I50.23"))
    assert shown.exit_code == 0
    assert "Zelda Testperson" in shown.output
    assert "Encounter/e1" in shown.output


def test_a_bundle_becomes_the_documented_json():
    document = json.loads(_plan(patient(), encounter(), options=("--format", "json")).output)
    assert (document["patient"], document["encounter"], document["today"]) == (
        "Patient/p1",
        "Encounter/e1",
        TODAY,
    )
    assert document["bundle"]["type"] == "transaction"


def test_a_bundle_becomes_a_fhir_transaction():
    document = json.loads(_plan(patient(), encounter(), options=("--format", "bundle")).output)
    assert document["type"] == "transaction"
    assert "CarePlan" in {entry["resource"]["resourceType"] for entry in document["entry"]}


@pytest.mark.parametrize("form", ["json", "bundle", "table"])
def test_the_same_file_and_day_give_the_same_bytes(form):
    first, second = (_plan(patient(), encounter(), options=("--format", form)).output for _ in range(2))
    assert first == second


@pytest.mark.parametrize("kind", ["collection", "transaction", "searchset"])
def test_every_kind_of_bundle_is_read(kind):
    assert _plan(patient(), encounter(), kind=kind).exit_code == 0


def test_a_packed_file_is_read(tmp_path):
    file = tmp_path / "stay.json.gz"
    file.write_bytes(gzip.compress(json.dumps(bundle(patient(), encounter())).encode()))
    assert _run("plan", str(file), "--today", TODAY).exit_code == 0


@pytest.mark.parametrize("name", ["e1", "Encounter/e1"])
def test_a_stay_may_be_named_with_or_without_its_type(name):
    other = encounter("e2", period={"start": "2024-03-02T08:00:00Z"})
    shown = _plan(patient(), encounter(), other, options=("--encounter", name, "--format", "json"))
    assert json.loads(shown.output)["encounter"] == "Encounter/e1"


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        (b"", (), "JSON"),
        (b"{", (), "JSON"),
        (b"\x1f\x8bbroken", (), "gzip"),
        (b"{}", (), "Bundle"),
        (json.dumps(bundle(encounter())).encode(), (), "patient"),
        (json.dumps(bundle(patient(), encounter(class_code="AMB"))).encode(), (), "inpatient"),
        (json.dumps(bundle(patient(), encounter())).encode(), ("--encounter", "nowhere"), "encounter"),
        (
            json.dumps(bundle(patient(), encounter(class_code="AMB"))).encode(),
            ("--encounter", "e1"),
            "not an inpatient stay",
        ),
        (
            json.dumps(
                bundle(patient(), patient("p2"), encounter(), encounter("e2", patient="Patient/p2"))
            ).encode(),
            (),
            "--encounter",
        ),
        (json.dumps(bundle(patient(), encounter())).encode(), ("--today", "2999-01-01"), "future"),
        (json.dumps(bundle(patient(), encounter())).encode(), ("--today", "tomorrow"), "--today"),
        (json.dumps(bundle(patient(), encounter())).encode(), ("--format", "pdf"), "--format"),
        (json.dumps(bundle(patient(), encounter())).encode(), ("--time-zone", "New York"), "IANA time zone"),
        (json.dumps(bundle(patient(), encounter())).encode(), ("--time-zone", "../etc"), "IANA time zone"),
    ],
)
def test_bad_input_is_exit_2_and_one_sentence_without_a_traceback(given, options, said):
    shown = _run("plan", "-", *options, given=given)
    assert shown.exit_code == 2
    assert said.lower() in shown.stderr.lower()
    assert shown.stdout == ""
    assert "Traceback" not in shown.stderr
    assert "Zelda" not in shown.stderr


def _begins(transaction) -> str:
    """The day on which the care plan of a transaction begins: that of leaving."""
    written = (entry["resource"] for entry in transaction["entry"])
    return str(next(one["period"]["start"] for one in written if one["resourceType"] == "CarePlan"))


def test_a_file_is_read_by_the_clock_of_the_hospital_that_is_named():
    over = encounter(
        status="finished", period={"start": "2024-02-28T10:00:00Z", "end": "2024-03-02T02:30:00Z"}
    )
    there = _plan(patient(), over, options=("--time-zone", "America/New_York", "--format", "bundle"))
    unnamed = _plan(patient(), over, options=("--format", "bundle"))
    assert _begins(json.loads(there.stdout)) == "2024-03-01"
    assert _begins(json.loads(unnamed.stdout)) == "2024-03-02"
    explained = _run(
        "explain",
        "-",
        "--today",
        TODAY,
        "--time-zone",
        "Asia/Tokyo",
        given=json.dumps(bundle(patient(), over)).encode(),
    )
    assert explained.exit_code == 0


def test_an_input_over_the_limit_is_exit_2(tmp_path):
    with (tmp_path / "export.json").open("wb") as file:
        file.truncate(200 * 1024**2)
    shown = _run("plan", str(tmp_path / "export.json"))
    assert shown.exit_code == 2
    assert "larger than 64 MB" in shown.stderr


def test_a_fault_of_ours_is_exit_1_and_names_its_place_but_not_its_values(monkeypatch):
    def broken(*_arguments, **_options):
        raise KeyError(MARK)

    monkeypatch.setattr(plan_file, "plan_of", broken)
    shown = _plan(patient(), encounter())
    assert shown.exit_code == 1
    assert "KeyError at unit/test_cli.py:" in shown.stderr
    assert "Zelda" not in shown.stderr


def test_help_names_every_command_with_examples():
    shown = _run("--help").output
    for command in ("plan", "explain", "protocols", "serve", "web", "worker", "migrate", "demo", "directory"):
        assert f"\n  {command} " in shown
    assert "homeward plan patient.json" in shown


def test_the_version_is_told():
    assert _run("--version").output.startswith("homeward ")


def test_help_loads_neither_flask_nor_the_pipeline():
    """First output within half a second: what is not needed is not imported."""
    code = "import sys, service.cli; print([m for m in ('flask', 'sqlalchemy', 'rich', 'pydantic') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"


def test_a_closed_pipe_is_not_an_error_of_ours():
    document = json.dumps(bundle(patient(), encounter())).encode()
    command = [sys.executable, "-m", "service.cli", "plan", "-", "--today", TODAY, "--format", "json"]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nobody:
        shown = subprocess.run(command, input=document, stdout=nobody, stderr=subprocess.PIPE, check=False)
    assert b"Traceback" not in shown.stderr
    assert b"wrong inside" not in shown.stderr


@pytest.mark.parametrize(
    ("command", "target"),
    [("serve", "serve_all"), ("web", "become_web"), ("worker", "run_worker")],
)
def test_what_runs_for_long_is_started_by_its_name(monkeypatch, command, target):
    started = []
    monkeypatch.setattr(serve, target, lambda: started.append(command))
    assert _run(command).exit_code == 0
    assert started == [command]


@pytest.mark.parametrize("code", [0, 1])
def test_the_demo_tells_by_its_exit_code_whether_the_plan_was_verified(monkeypatch, code):
    asked = []

    def run(**options):
        asked.append(options)
        return code

    monkeypatch.setattr(demo, "run_demo", run)
    assert _run("demo", "--once", "--ehr", "full").exit_code == code
    assert asked == [{"once": True, "ehr": "full"}]


def test_a_failure_that_is_not_the_callers_is_exit_1(monkeypatch):
    def unavailable():
        raise StoreUnavailable

    monkeypatch.setattr(serve, "run_worker", unavailable)
    shown = _run("worker")
    assert (shown.exit_code, shown.stderr) == (
        1,
        "homeward: The database is not reachable; try again shortly.\n",
    )
