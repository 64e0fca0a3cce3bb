import json

import orjson
import pytest
from click.testing import CliRunner

from config.vendor_files import load_vendors
from service.cli import main
from tests.unit.ehr.odd_server import Told, fhir, odd_server, statement
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
    assert row[:5] == ["write", "ServiceRequest", "degraded", "not", "possible"]
    assert "The clinician sees: No CarePlan" in said
    assert said.rstrip().endswith("Verdict: degraded")


@pytest.mark.parametrize("vendor", load_vendors())
def test_a_product_is_looked_at_without_any_server_or_tenants_file(vendor):
    shown = CliRunner(env={"HOMEWARD_TENANTS_FILE": None}).invoke(
        main, ["preflight", "--vendor", vendor, "--format", "json"]
    )
    document = json.loads(shown.stdout)
    assert document["about"] == load_vendors()[vendor].name
    assert document["clinician_sees"]
    assert {note["topic"] for note in document["notes"]} == {
        "triggers",
        "reads",
        "sees",
        "nobody",
        "unverified",
    }
    assert shown.exit_code == ["ready", "degraded", "unusable"].index(document["verdict"])


def test_the_table_tells_a_person_what_is_publicly_known_of_a_product(run):
    code, said, _ = run("--vendor", "Cerner")
    assert code == 1
    assert "Preflight of Oracle Health (Millennium)" in said
    assert "Publicly known" in said
    assert "nobody can" in said


def test_the_rules_of_a_product_are_named_for_a_hospital_whose_metadata_names_none(run):
    with odd_server() as server:
        server.tell("GET", "/fhir/metadata", statement(Patient=("_id",), Encounter=("patient",)))
        server.tell("GET", "/fhir/Patient/homeward-preflight", Told(404))
        _, said, _ = run("one", "--vendor", "healthlake", "--format", "json", url=f"{server.url}/fhir")
    document = json.loads(said)
    rows = {finding["subject"]: finding for finding in document["findings"]}
    assert document["about"] == "one"
    assert rows["healthlake-notes"]["area"] == "quirk"
    assert (rows["vendor"]["area"], rows["vendor"]["verdict"]) == ("setup", "degraded")
    assert "quirks: [healthlake-notes]" in rows["vendor"]["reason"]
    assert document["notes"]


def test_a_hospital_whose_metadata_names_its_product_needs_no_rule_named(run):
    told = statement(Patient=("_id",), Encounter=("patient",))
    named = {**json.loads(told.body), "publisher": "AWS HealthLake"}
    with odd_server() as server:
        server.tell("GET", "/fhir/metadata", fhir(named))
        server.tell("GET", "/fhir/Patient/homeward-preflight", Told(404))
        _, said, _ = run("one", "--vendor", "aws", "--format", "json", url=f"{server.url}/fhir")
    rows = {finding["subject"]: finding for finding in json.loads(said)["findings"]}
    assert rows["vendor"]["verdict"] == "ready"


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
        (("one", "--metadata", "-", "--vendor", "epic"), "Name a hospital"),
        (("--vendor", "epik"), "Did you mean epic?"),
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
