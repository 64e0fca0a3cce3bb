"""A contact within a stay is part of it: it is no stay of its own, whatever its class."""

from datetime import date

import pytest

from fhir_mappings.inbound.bundle_file import choose_stay
from fhir_mappings.inbound.record import build_record
from fhir_mappings.inbound.whole_stay import find_whole_stay, whole_stay, whole_stays
from service.errors import NotAnInpatientStay
from tests.builders import condition, encounter, observation, patient

TODAY = date(2026, 3, 2)
LONG = {"start": "2026-02-14", "end": "2026-02-22"}
THEATRE = {"start": "2026-02-20T10:00:00+01:00", "end": "2026-02-20T13:00:00+01:00"}


def contact(number, whole="", /, **more):
    part = {"partOf": {"reference": f"Encounter/{whole}"}} if whole else {}
    return encounter(number, **{"status": "finished", **part, **more})


STAY = contact("e1", period=LONG)
#: A department in the stay, a ward in the department, and the theatre in the ward.
LEVELS = [
    STAY,
    contact("department", "e1", period=LONG),
    contact("ward", "department", period={"start": "2026-02-16", "end": "2026-02-22"}),
    contact("theatre", "ward", period=THEATRE),
]


def known(*encounters):
    return {f"Encounter/{one['id']}": one for one in encounters}


def test_the_stay_is_planned_and_not_what_happened_within_it():
    assert choose_stay([patient(), STAY, contact("e2", "e1", period=THEATRE)], None, TODAY) == "Encounter/e1"
    assert choose_stay([patient(), *LEVELS], None, TODAY) == "Encounter/e1"


@pytest.mark.parametrize("named", ["e1", "department", "ward", "theatre"])
def test_whoever_names_a_contact_means_the_stay(named):
    assert choose_stay([patient(), *LEVELS], named, TODAY) == "Encounter/e1"
    assert find_whole_stay(f"Encounter/{named}", LEVELS) == "Encounter/e1"


def test_an_emergency_contact_and_a_merged_encounter_lead_to_their_stay():
    emergency = contact("ed", "e1", class_code="EMER", period=THEATRE)
    merged = contact("gone", "e1", status="unknown", period=None, **{"class": {"extension": []}})
    assert choose_stay([patient(), STAY, emergency, merged], "ed", TODAY) == "Encounter/e1"
    assert choose_stay([patient(), STAY, emergency, merged], "gone", TODAY) == "Encounter/e1"
    assert choose_stay([patient(), STAY, emergency, merged], None, TODAY) == "Encounter/e1"
    between = contact("between", "gone", period=THEATRE)
    assert find_whole_stay("Encounter/between", [STAY, merged, between]) == "Encounter/e1"


def test_a_merged_encounter_whose_stay_is_missing_says_so():
    merged = contact("gone", "e9", status="unknown", **{"class": {"extension": []}})
    with pytest.raises(NotAnInpatientStay, match="Encounter/e9"):
        choose_stay([patient(), merged], "gone", TODAY)


def test_a_stay_within_something_else_than_a_stay_is_whole():
    course = contact("course", class_code="AMB")
    within = contact("e2", "course", period=LONG)
    assert whole_stays([course, within]) == [within]
    called_off = contact("off", status="cancelled")
    assert whole_stay(contact("e3", "off"), known(called_off))["id"] == "e3"


def test_of_contacts_whose_stay_is_missing_the_first_to_begin_stands_for_it():
    ward, theatre = contact("ward", "gone", period=LONG), contact("theatre", "gone", period=THEATRE)
    assert whole_stays([theatre, ward]) == [ward]
    assert choose_stay([patient(), theatre, ward], None, TODAY) == "Encounter/ward"
    assert choose_stay([patient(), theatre], None, TODAY) == "Encounter/theatre"


def test_a_circle_ends():
    first, second = contact("a", "b"), contact("b", "a")
    assert whole_stay(first, known(first, second)) is first
    assert len(whole_stays([first, second])) == 2
    itself = contact("a", "a")
    assert whole_stay(itself, known(itself)) is itself


def test_what_was_said_in_any_contact_is_of_the_stay():
    said = [
        condition("c1", "I50.9", encounter={"reference": "Encounter/theatre"}),
        observation("o1", "718-7", 11, unit="g/dL", encounter={"reference": "Encounter/ward"}),
    ]
    earlier = contact("e0", period={"start": "2026-01-02", "end": "2026-01-05"})
    within = contact("e0-ward", "e0", period={"start": "2026-01-02", "end": "2026-01-05"})
    record = build_record([patient(), *LEVELS, earlier, within, *said], encounter="Encounter/e1", today=TODAY)
    assert record.parts == {"Encounter/department", "Encounter/ward", "Encounter/theatre"}
    assert all(record.is_of_stay(fact.encounter) for fact in record.facts)
    assert all(record.is_of_stay(seen.encounter) for seen in record.observations)
    assert not record.is_of_stay("Encounter/e0")
    assert not record.is_of_stay("Encounter/e0-ward")


def test_the_other_contacts_of_a_stay_that_is_not_on_record_are_of_it():
    ward, theatre = contact("ward", "gone", period=LONG), contact("theatre", "gone", period=THEATRE)
    record = build_record([patient(), ward, theatre], encounter="Encounter/ward", today=TODAY)
    assert record.parts == {"Encounter/gone", "Encounter/theatre"}


def _levelled(number, level, visit, **more):
    types = [{"coding": [{"system": "http://fhir.de/CodeSystem/Kontaktebene", "code": level}]}]
    return contact(
        number, type=types, identifier=[{"system": "https://ehr.example.org/visit", "value": visit}], **more
    )


@pytest.mark.parametrize("within", ["abteilungskontakt", "versorgungsstellenkontakt"])
def test_a_department_with_the_visit_number_of_the_hospitals_contact_is_within_it(within):
    stay = _levelled("e1", "einrichtungskontakt", "V1", period=LONG)
    inside = _levelled("e2", within, "V1", period={"start": "2026-02-18", "end": "2026-02-22"})
    other = _levelled("e3", within, "V2", period={"start": "2026-02-10", "end": "2026-02-12"})
    assert choose_stay([patient(), stay, inside, other], None, TODAY) == "Encounter/e1"
    assert {one["id"] for one in whole_stays([stay, inside, other])} == {"e1", "e3"}
