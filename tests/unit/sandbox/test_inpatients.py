import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given
from hypothesis import strategies as st

from config.directory_file import load_directory
from service.sandbox.inpatients import PATIENTS, bundle_of, inpatients, moved_by

ALL = inpatients()
TODAY = date(2026, 11, 21)
HOSPITAL = json.loads((PATIENTS / "hospital.json").read_text())
EACH = pytest.mark.parametrize("patient", ALL, ids=lambda patient: patient.id)


def resources(patient):
    return [entry["resource"] for entry in bundle_of(patient, TODAY)["entry"]]


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


@EACH
def test_every_resource_is_valid_fhir(patient):
    for resource in resources(patient):
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


@EACH
def test_every_reference_resolves_within_the_patient_or_the_hospital(patient):
    entries = [*bundle_of(patient, TODAY)["entry"], *HOSPITAL["entry"]]
    known = {f"{entry['resource']['resourceType']}/{entry['resource']['id']}" for entry in entries}
    assert patient.encounter in known
    assert set(references(entries)) <= known


@EACH
def test_every_resource_is_put_under_its_own_id_so_that_loading_again_changes_nothing(patient):
    for entry in bundle_of(patient, TODAY)["entry"]:
        own = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        assert entry["request"] == {"method": "PUT", "url": own}


@EACH
def test_the_stay_is_an_inpatient_one_that_began_a_few_days_ago_and_is_not_over(patient):
    stay = next(one for one in resources(patient) if f"Encounter/{one['id']}" == patient.encounter)
    assert (stay["status"], stay["class"]["code"]) == ("in-progress", "IMP")
    began = date.fromisoformat(stay["period"]["start"][:10])
    assert timedelta(days=2) <= TODAY - began <= timedelta(days=10)
    assert "end" not in stay["period"]


@EACH
def test_every_patient_has_an_invented_phone_number_or_none(patient):
    for resource in resources(patient):
        for telecom in resource.get("telecom", []):
            assert "-555-01" in telecom["value"]


@EACH
def test_what_a_story_expects_is_not_also_ruled_out(patient):
    assert not patient.needs & patient.absent
    assert patient.story.endswith(".")


def test_the_first_patient_is_the_one_of_the_demo():
    assert ALL[0].id == "agnes-sampleford"
    assert {"food-insecurity", "transportation-insecurity", "heart-failure-care"} <= ALL[0].needs
    assert len(ALL) >= 10


def test_every_patient_with_a_zip_code_lives_where_the_sample_directory_serves():
    areas = frozenset().union(*(service.postal_codes for service in load_directory()))
    for patient in ALL:
        address = next(one for one in resources(patient) if one["resourceType"] == "Patient")["address"][0]
        assert address.get("postalCode", "62701") in areas


def test_all_dates_move_together_and_nothing_else_does():
    record = {
        "birthDate": "1950-02-28",
        "at": "2026-01-15T10:00:00-06:00",
        "year": "2019",
        "code": "44249-1",
        "list": [{"when": "2025-12-31"}],
        "number": 3,
    }
    assert moved_by(record, timedelta(days=1)) == {
        "birthDate": "1950-03-01",
        "at": "2026-01-16T10:00:00-06:00",
        "year": "2019",
        "code": "44249-1",
        "list": [{"when": "2026-01-01"}],
        "number": 3,
    }


@given(st.dates(date(1950, 1, 1), date(2090, 1, 1)), st.integers(-3000, 3000))
def test_a_date_moved_there_and_back_is_the_same(day, days):
    moved = moved_by({"on": day.isoformat()}, timedelta(days=days))
    assert moved_by(moved, timedelta(days=-days)) == {"on": day.isoformat()}


def codes(system):
    for patient in ALL:
        for resource in resources(patient):
            if resource["resourceType"] == "Observation":
                for coding in resource["code"]["coding"]:
                    if coding["system"] == system:
                        yield coding["code"], resource


def _check_digit(number: str) -> int:
    """LOINC's Mod 10 over the digits before the hyphen."""
    odd = number[::-1][::2]
    doubled = str(int(odd[::-1]) * 2)
    even = number[::-1][1::2]
    total = sum(int(digit) for digit in even + doubled)
    return -total % 10


def test_every_loinc_code_has_a_right_check_digit():
    for code, _ in codes("http://loinc.org"):
        number, _, check = code.partition("-")
        assert _check_digit(number) == int(check), code


def test_the_directory_of_patient_files_holds_nothing_that_the_index_does_not_name():
    named = {patient.file for patient in ALL} | {"hospital.json", "index.yaml"}
    assert {file.name for file in Path(PATIENTS).iterdir()} == named
