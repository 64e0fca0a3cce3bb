from datetime import date

import pytest

from fhir_mappings import systems
from fhir_mappings.inbound.patient import interpreter, patient
from service.domain.record import Language
from service.domain.sensitivity import Label
from tests import builders
from tests.builders import concept


def _read(today=None, **more):
    return patient(builders.patient(**more), {}, today=today)


def test_a_patient_is_read_with_name_birth_date_sex_language_and_home():
    found = _read(
        telecom=[{"system": "phone", "value": "555-0100"}, {"system": "email", "value": "zelda@example.com"}],
        maritalStatus=concept("W"),
        generalPractitioner=[{"display": "Example Family Practice"}],
        meta={"security": [{"code": "MST"}]},
    )
    assert found.reference == "Patient/p1"
    assert found.name == "Zelda Testperson"
    assert found.birth_date == date(1950, 6, 15)
    assert found.sex == "female"
    assert found.languages == (Language("en", "", preferred=True),)
    assert found.address
    assert found.address.postal_code == "00001"
    assert (found.phone, found.email) == ("555-0100", "zelda@example.com")
    assert found.marital_status == "W"
    assert found.general_practitioner == "Example Family Practice"
    assert found.labels == {Label.MST}
    assert not found.deceased


def test_a_language_without_a_code_is_known_by_its_text():
    found = _read(communication=[{"language": {"text": "Tagalog"}}, {"language": {}}, "x"])
    assert found.languages == (Language("fil", "Tagalog"),)


@pytest.mark.parametrize(
    ("more", "today", "deceased"),
    [
        ({"deceasedBoolean": True}, None, True),
        ({"deceasedBoolean": False}, None, False),
        ({"deceasedDateTime": "2024-03-04"}, date(2024, 3, 5), True),
        ({"deceasedDateTime": "2024-03-06"}, date(2024, 3, 5), False),
        ({"deceasedDateTime": "2024-03-06"}, None, True),
        ({"deceasedDateTime": "some day"}, date(2024, 3, 5), True),
        ({}, None, False),
    ],
)
def test_a_death_after_the_day_of_planning_has_not_happened_yet(more, today, deceased):
    assert _read(today, **more).deceased is deceased


@pytest.mark.parametrize(
    ("extension", "needed"),
    [
        ({"url": systems.INTERPRETER_REQUIRED, "valueBoolean": True}, True),
        ({"url": systems.US_CORE_INTERPRETER_NEEDED, "valueCoding": {"code": "373066001"}}, True),
        ({"url": systems.US_CORE_INTERPRETER_NEEDED, "valueCodeableConcept": concept("373067005")}, False),
        ({"url": systems.US_CORE_INTERPRETER_NEEDED, "valueCoding": {"code": "261665006"}}, None),
        ({"url": "http://example.com/other", "valueBoolean": True}, None),
    ],
)
def test_the_need_for_an_interpreter_is_what_the_record_says(extension, needed):
    assert interpreter({"extension": [extension]}) is needed
    assert _read(extension=[extension]).interpreter is needed


def test_service_in_the_forces_is_read_from_a_veteran_extension():
    said = {"url": "http://hospital.example/veteran-status", "valueBoolean": True}
    assert (
        _read(extension=[{"url": "http://hospital.example/race", "valueBoolean": True}, said]).veteran is True
    )
    assert _read().veteran is None


def test_a_marital_status_without_a_code_is_its_text():
    assert _read(maritalStatus={"text": "Widowed"}).marital_status == "Widowed"


def test_a_patient_of_wrong_shapes_is_still_a_patient():
    elements = (
        "name",
        "gender",
        "birthDate",
        "communication",
        "address",
        "telecom",
        "extension",
        "maritalStatus",
    )
    wrong = {element: [5] for element in elements}
    found = patient({"resourceType": "Patient", "id": "p1", **wrong}, {})
    assert found.reference == "Patient/p1"
    assert (found.name, found.birth_date, found.address) == ("", None, None)
