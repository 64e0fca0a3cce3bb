"""Whether the patient has died, wherever and however a record says it, and what is nobody's death."""

from typing import Any

import pytest

from fhir_mappings import systems
from fhir_mappings.inbound.record import build_record
from service.domain.assessment import Assessment, Outcome
from service.pipeline.assess import assess
from tests import builders as a
from tests.unit.pipeline.assess.shipped import CONTENT

LOCAL = "urn:oid:1.2.3.4"
VITAL_STATUS = a.concept("67162-8", systems.LOINC)


def _assessed(*resources: a.Json) -> Assessment:
    there = {one["resourceType"] for one in resources}
    given = [*resources]
    given += [] if "Patient" in there else [a.patient()]
    given += [] if "Encounter" in there else [a.encounter()]
    return assess(build_record(given, encounter=a.ENCOUNTER, today=a.TODAY), CONTENT, today=a.TODAY)


def _gone(**disposition: Any) -> a.Json:
    return a.encounter(hospitalization={"dischargeDisposition": disposition})


def _order(detail: a.Json) -> a.Json:
    code = a.concept("58000006", systems.SNOMED)
    given: a.Json = {
        "status": "active",
        "intent": "order",
        "code": code,
        "encounter": {"reference": a.ENCOUNTER},
    }
    return a.resource("ServiceRequest", "o1", **given, orderDetail=[detail])


DEAD = [
    a.patient(deceasedBoolean=True),
    a.patient(deceasedBoolean="true"),
    a.patient(deceasedBoolean=" True "),
    a.patient(deceasedDateTime="2024-03-04T22:00:00Z"),
    a.patient(deceasedDateTime="2024"),
    a.patient(deceasedDateTime="on a Tuesday"),
    a.patient(_deceasedDateTime={"extension": [{"url": systems.DATA_ABSENT_REASON, "valueCode": "unknown"}]}),
    _gone(**a.concept("exp", systems.DISCHARGE_DISPOSITION)),
    _gone(**a.concept("exp", "http://hl7.org/fhir/discharge-disposition")),
    _gone(**a.concept("20", "https://www.nubc.org/CodeSystem/PatDischargeStatus")),
    _gone(**a.concept("42", "http://terminology.hl7.org/CodeSystem/v2-0112")),
    _gone(**a.concept("371828006", systems.SNOMED)),
    _gone(**a.concept("419099009", systems.SNOMED)),
    _gone(**a.concept("7", LOCAL, "Expired")),
    _gone(coding=[{"system": LOCAL, "code": "EXP"}]),
    _gone(text="Deceased"),
    _gone(text="Patient died in hospital"),
    _gone(text="Expired in a Medical Facility (e.g. hospital, SNF, ICF, or free standing hospice)"),
    _gone(text="Pt expired at 04:15, family present at bedside".replace("family present", "nurse present")),
    _gone(text="DECEASED - O: DECEASED - ORGAN DONOR"),
    _gone(text="Expired - no autopsy"),
    _gone(text="Morgue"),
    _gone(text="Funeral home"),
    _gone(text="verstorben"),
    _order({"text": "Expired"}),
    a.condition("c1", "419620001", system=systems.SNOMED),
    a.condition("c1", "R99"),
    a.condition("c1", "G93.82"),
    a.condition("c1", "", code={"text": "Death"}),
    a.condition("c1", "", code={"text": "Patient deceased"}),
    a.condition("c1", "", code=a.concept("123", LOCAL, "Dead on arrival")),
    a.observation("o1", "81956-5", valueDateTime="2024-03-04T22:00:00Z"),
    a.observation("o1", "69453-9", valueCodeableConcept=a.concept("22298006", systems.SNOMED)),
    a.observation("o1", "67162-8", valueCodeableConcept=a.concept("419099009", systems.SNOMED)),
    a.observation("o1", "67162-8", "Deceased"),
    a.observation("o1", "", code=a.concept("419099009", systems.SNOMED), valueBoolean=True),
    a.encounter(location=[{"location": {"display": "Morgue"}}]),
]
ALIVE = [
    a.patient(deceasedBoolean=False),
    a.patient(deceasedBoolean="false"),
    a.patient(deceasedDateTime="2024-04-04"),
    a.patient(deceasedDateTime=""),
    a.patient(_deceasedBoolean={"extension": [{"url": systems.DATA_ABSENT_REASON, "valueCode": "unknown"}]}),
    _gone(text="Not expired"),
    _gone(text="Home, wife deceased"),
    _gone(text="Home; authorization expired"),
    _gone(text="Death expected within days"),
    _gone(**a.concept("home", systems.DISCHARGE_DISPOSITION, "Not expired")),
    _gone(**a.concept("20", LOCAL)),
    _order({"text": "Notify if patient expired medication is returned"}),
    a.condition("c1", "I46.9"),
    a.condition("c1", "Z37.1"),
    a.condition("c1", "P95"),
    a.condition("c1", "O36.4XX0"),
    a.condition("c1", "Z63.4"),
    a.condition("c1", "410429000", system=systems.SNOMED),
    a.condition("c1", "", code={"text": "Fear of death"}),
    a.condition("c1", "", code={"text": "Death of spouse"}),
    a.condition("c1", "", code={"text": "Sudden death in family"}),
    a.condition("c1", "419620001", system=systems.SNOMED, verificationStatus=a.concept("refuted")),
    a.condition("c1", "419620001", system=systems.SNOMED, verificationStatus=a.concept("provisional")),
    a.condition("c1", "R99", verificationStatus=a.concept("entered-in-error")),
    a.observation("o1", "81956-5", dataAbsentReason=a.concept("not-applicable")),
    a.observation("o1", "81956-5", valueDateTime="2024-06-01", effectiveDateTime="2024-03-02"),
    a.observation("o1", "81956-5", valueDateTime="2024-03-04", status="entered-in-error"),
    a.observation("o1", "81956-5", valueDateTime="2024-03-04", status="cancelled"),
    a.observation("o1", "69453-9", "Influenza", focus=[{"reference": "RelatedPerson/mother"}]),
    a.observation("o1", "67162-8", "Alive"),
    a.observation("o1", "", code=a.concept("419099009", systems.SNOMED), valueBoolean=False),
    a.encounter(location=[{"location": {"display": "Morgue Street Clinic"}}]),
]


@pytest.mark.parametrize("resource", DEAD)
def test_a_death_is_a_death_wherever_it_stands(resource: a.Json) -> None:
    assert _assessed(resource).outcome is Outcome.DIED


@pytest.mark.parametrize("resource", ALIVE)
def test_what_is_to_come_is_doubtful_or_of_somebody_else_is_no_death(resource: a.Json) -> None:
    assert _assessed(resource).outcome is Outcome.GOING_HOME


def test_whoever_says_that_the_patient_died_is_believed_before_who_says_where_to() -> None:
    home = {"text": "Home or Self Care"}
    assert _assessed(_gone(text="Expired"), _order(home)).outcome is Outcome.DIED
    assert _assessed(_gone(**home), _order({"text": "Expired"})).outcome is Outcome.DIED
