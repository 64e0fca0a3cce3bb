import json

import orjson
import pytest
from click.testing import CliRunner

from service.cli import main
from tests.unit.ehr.odd_server import Told, odd_server, statement
from tests.vendor_statements import FILES


@pytest.fixture
def run(tmp_path):
    def homeward(*arguments, url="http://127.0.0.1:9/fhir"):
        tenants = tmp_path / "tenants.yaml"
        tenants.write_text(
            f"tenants:\n  - {{id: one, fhir_base_url: {url}, organization: Example Hospital}}\n"
        )
        shown = CliRunner(env={"HOMEWARD_TENANTS_FILE": str(tenants)}).invoke(main, ["preflight", *arguments])
        return shown.exit_code, shown.stdout, shown.stderr

    return homeward


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_a_saved_statement_is_looked_at_without_any_server(run, vendor):
    code, said, _ = run("--metadata", str(FILES[vendor]), "--format", "json")
    document = json.loads(said)
    assert (code, document["verdict"], document["about"]) == (1, "degraded", FILES[vendor].name)
    assert document["clinician_sees"]
    assert set(document["findings"][0]) == {"area", "subject", "verdict", "rung", "reason"}


def test_the_table_says_the_same_to_a_person(run):
    code, said, _ = run("--metadata", str(FILES["epic"]))
    assert code == 1
    [row] = [line.split() for line in said.splitlines() if "write" in line and " ServiceRequest " in line]
    assert row[:4] == ["write", "ServiceRequest", "ready", "singles"]
    assert "The clinician sees: No CarePlan" in said
    assert said.rstrip().endswith("Verdict: degraded")


def test_a_hospital_is_asked(run):
    with odd_server() as server:
        server.tell("GET", "/fhir/metadata", statement(Patient=("_id",), Encounter=("patient",)))
        server.tell("GET", "/fhir/Patient/homeward-preflight", Told(404))
        code, said, _ = run("one", "--format", "json", url=f"{server.url}/fhir")
    assert (code, json.loads(said)["about"]) == (1, "one")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name a hospital"),
        (("one", "--metadata", "-"), "Name a hospital"),
        (("elsewhere",), "no such hospital"),
        (("--metadata", "/no/such/file"), "cannot be read"),
    ],
)
def test_what_cannot_be_looked_at_is_said_in_a_sentence(run, arguments, said):
    code, shown, errors = run(*arguments)
    assert (code, shown) == (2, "")
    assert said in errors


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>", "not JSON"),
        (b"[]", "not a CapabilityStatement"),
        (b'{"resourceType":"Patient"}', "not a Capab"),
    ],
)
def test_a_file_that_is_no_statement_is_told(run, tmp_path, content, said):
    (tmp_path / "statement.json").write_bytes(content)
    code, _, errors = run("--metadata", str(tmp_path / "statement.json"))
    assert code == 2
    assert said in errors


def test_another_fhir_version_is_exit_2(run, tmp_path):
    stu3 = {"resourceType": "CapabilityStatement", "fhirVersion": "3.0.2", "rest": [{"mode": "server"}]}
    (tmp_path / "statement.json").write_bytes(orjson.dumps(stu3))
    assert run("--metadata", str(tmp_path / "statement.json"))[0] == 2
