from datetime import datetime

import pytest

from fhir_mappings.inbound.slot import slot_of
from service.domain.record import Slot
from tests import builders as a

CLINIC = {
    "resourceType": "Location",
    "id": "clinic",
    "name": "Example Heart Clinic",
    "address": {"line": ["1 Example Street", "Floor 2"], "city": "Testville", "state": "XX"},
    "telecom": [{"system": "fax", "value": "555-0001"}, {"system": "phone", "value": "555-0100"}],
}
WHEN = "2024-03-08T09:30:00-06:00"


def slot(*actors, shared=(), **more):
    people = [{"actor": {"reference": a.PATIENT}}, *({"actor": actor} for actor in actors)]
    booked = a.resource("Appointment", "3", patient="", start=WHEN, participant=people, **more)
    return slot_of(booked, {f"{one['resourceType']}/{one['id']}": one for one in shared})


def test_a_place_is_called_by_its_name_its_street_and_its_town_and_has_a_phone():
    known = slot({"reference": "Location/clinic"}, shared=[CLINIC])
    assert known.place == "Example Heart Clinic, 1 Example Street, Floor 2, Testville"
    assert known.phone == "555-0100"
    assert known.at == datetime.fromisoformat(WHEN)


def test_a_place_may_stand_in_the_appointment_itself():
    contained = {**CLINIC, "id": "here"}
    assert slot({"reference": "#here"}, contained=[contained]).phone == "555-0100"


def test_of_a_place_that_was_not_read_its_name_on_the_appointment_is_known():
    elsewhere = {"reference": "https://ehr.example/fhir/Location/7", "display": "Clinic 4"}
    assert slot(elsewhere).place == "Clinic 4"
    assert slot({"type": "Location", "display": "Clinic 5"}).place == "Clinic 5"


def test_who_else_takes_part_is_no_place():
    doctor = {"reference": "Practitioner/1", "display": "Dr. Example"}
    assert slot(doctor).place == ""
    assert slot(doctor, {"reference": "Location/1", "display": "Clinic 4"}).place == "Clinic 4"


@pytest.mark.parametrize("start", [None, "2024-03-08", "2024-03-08T09:30:00", "soon", 20240308, ["2024"]])
def test_a_time_that_names_no_zone_is_no_time(start):
    assert slot_of(a.resource("Appointment", "3", start=start), {}) is None


@pytest.mark.parametrize(
    "broken",
    [
        {"participant": "Location/1"},
        {"participant": [{"actor": "Location/1"}, {"actor": None}, 5]},
        {"participant": [{"actor": {"reference": 7, "type": 9}}]},
        {"participant": [{"actor": {"reference": "Location/1"}}]},
    ],
)
def test_what_cannot_be_read_is_left_out(broken):
    found = slot_of(a.resource("Appointment", "3", start=WHEN, **broken), {})
    assert found == Slot(datetime.fromisoformat(WHEN))


def test_a_place_with_a_broken_address_is_known_by_its_name():
    odd = {**CLINIC, "address": {"line": "1 Example Street", "city": ["x"]}, "telecom": ["555"]}
    assert slot({"reference": "Location/clinic"}, shared=[odd]).place == "Example Heart Clinic"
