import pytest

from fhir_mappings.inbound.references import (
    display,
    encounter_of,
    is_theirs,
    literal,
    reference_of,
    subject_of,
    target,
)
from tests.builders import Json, concept, patient, resource


def test_a_reference_loses_its_version():
    assert literal({"reference": "Patient/1/_history/3"}) == "Patient/1"
    assert literal("Patient/1") == "Patient/1"
    assert literal({"display": "Zelda"}) == literal(None) == literal({"reference": 5}) == ""


@pytest.mark.parametrize(
    "kind", ["Condition", "AllergyIntolerance", "Coverage", "RelatedPerson", "Consent", "Task", "Observation"]
)
def test_every_type_names_its_patient_in_its_own_element(kind):
    assert subject_of(resource(kind, "x", patient="Patient/7")) == "Patient/7"


def test_a_patient_is_about_itself_and_an_appointment_about_the_patient_who_comes():
    actors = [{"actor": {"reference": "Practitioner/1"}}, {"actor": {"reference": "Patient/7"}}]
    assert subject_of(patient("7")) == "Patient/7"
    assert subject_of(resource("Appointment", "a", patient="", participant=actors)) == "Patient/7"


def test_a_visit_booked_for_two_is_the_visit_of_each_and_of_nobody_else():
    both = [{"actor": {"reference": "Patient/baby"}}, {"actor": {"reference": "Patient/7"}}]
    visit = resource("Appointment", "a", patient="", participant=both)
    assert is_theirs(visit, "Patient/baby")
    assert is_theirs(visit, "Patient/7")
    assert not is_theirs(visit, "Patient/8")
    assert not is_theirs(resource("Condition", "c", patient="Patient/baby", participant=both), "Patient/7")


def test_an_unreadable_subject_names_nobody():
    assert subject_of({"resourceType": "Condition", "subject": None}) == ""
    assert subject_of({"resourceType": "Condition", "subject": ["x", 5]}) == ""
    assert subject_of({"resourceType": "Condition", "subject": "Patient/7"}) == "Patient/7"
    assert subject_of({"resourceType": "Condition", "subject": [{"reference": "Patient/7"}]}) == "Patient/7"


def test_a_resource_is_referred_to_by_type_and_id():
    assert reference_of({"resourceType": "Goal", "id": 7}) == "Goal/7"
    assert reference_of({"resourceType": "Goal"}) == reference_of({"id": "7", "resourceType": []}) == ""


def test_the_stay_stands_in_encounter_or_context():
    stay = {"reference": "Encounter/1"}
    assert encounter_of({"encounter": stay}) == encounter_of({"context": stay}) == "Encounter/1"
    assert encounter_of({"context": {"encounter": [stay]}}) == "Encounter/1"
    assert encounter_of({"context": [stay]}) == "Encounter/1"
    assert encounter_of({}) == encounter_of({"encounter": 5}) == ""


def test_a_reference_leads_to_a_contained_or_shared_resource():
    medicine = {"resourceType": "Medication", "id": "m", "code": concept("1191", display="Aspirin")}
    holder = {"contained": [medicine]}
    shared = {"Medication/m": medicine}
    assert (
        target({"reference": "#m"}, holder, {})
        == target({"reference": "Medication/m"}, {}, shared)
        == medicine
    )
    assert target({"reference": "#other"}, holder, shared) == {}


def test_a_reference_is_called_by_its_display_or_by_the_name_of_what_it_points_to():
    shared: dict[str, Json] = {
        "Organization/o": {"name": "Example Insurance"},
        "Practitioner/p": {"name": [{"family": "Testdoctor"}]},
        "Medication/m": {"code": concept("1191", display="Aspirin")},
    }
    assert display({"display": "Shown", "reference": "Organization/o"}, {}, shared) == "Shown"
    assert display({"reference": "Organization/o"}, {}, shared) == "Example Insurance"
    assert display({"reference": "Practitioner/p"}, {}, shared) == "Testdoctor"
    assert display({"reference": "Medication/m"}, {}, shared) == "Aspirin"
    assert display({"reference": "Organization/unknown"}, {}, shared) == ""
