"""A bare yes or no answers every question that has one, in whatever system a record says it."""

from typing import Any

import pytest

from fhir_mappings import systems
from fhir_mappings.inbound.record import build_record
from service.domain.codes import Code
from service.domain.need import NeedState
from service.pipeline.assess import assess
from service.pipeline.assess.polarity import Said, polarity_of_code, read_coded
from tests.builders import ENCOUNTER, TODAY, concept, encounter, patient, resource
from tests.unit.pipeline.assess.shipped import CONTENT

INTERPRETER = concept("54588-9", systems.LOINC)
YES_NO_SYSTEMS = (
    "http://terminology.hl7.org/CodeSystem/v2-0136",
    "https://terminology.hl7.org/CodeSystem/v2-0136/",
    "http://terminology.hl7.org/CodeSystem/v2-0136|2.9",
    "http://hl7.org/fhir/v2/0136",
    "urn:oid:2.16.840.1.113883.12.136",
    "2.16.840.1.113883.12.136",
    "http://terminology.hl7.org/CodeSystem/v2-0532",
    "http://hl7.org/fhir/v2/0532",
    "urn:oid:2.16.840.1.113883.12.532",
    "http://hl7.org/fhir/ValueSet/yesnodontknow",
    "http://terminology.hl7.org/ValueSet/yesnodontknow",
    "http://terminology.hl7.org/CodeSystem/yesnodontknow",
    "http://terminology.hl7.org/ValueSet/v2-0136",
    "HL70136",
    "",
    "https://ehr.example/answers",
)


def coding(system: str, code: object, display: str = "") -> dict[str, Any]:
    found = {"system": system, "code": code} if system else {"code": code}
    return {"valueCodeableConcept": {"coding": [found | ({"display": display} if display else {})]}}


def values(answer: str) -> list[dict[str, Any]]:
    """Every way to say yes or no."""
    is_yes = answer == "yes"
    letter, word = ("Y", "yes") if is_yes else ("N", "no")
    plain: list[dict[str, Any]] = [
        {"valueBoolean": is_yes},
        *({"valueString": said} for said in (letter, word, word.title(), str(is_yes).lower(), f"{word}.")),
        {"valueCode": letter},
        coding(systems.LOINC, "LA33-6" if is_yes else "LA32-8"),
        coding(systems.SNOMED, "373066001" if is_yes else "373067005"),
        {"valueCoding": {"system": YES_NO_SYSTEMS[0], "code": letter}},
        # What it is called elsewhere does not matter where the system is HL7's.
        coding(YES_NO_SYSTEMS[0], letter, "Sí" if is_yes else "Nein"),
        coding("https://ehr.example/answers", "17", word.title()),
    ]
    coded = [coding(system, code) for system in YES_NO_SYSTEMS for code in (letter, letter.lower(), word)]
    return [*plain, *coded]


def state_of(value: dict[str, Any], question: dict[str, Any] = INTERPRETER) -> NeedState:
    said = resource(
        "Observation", "o", status="final", code=question, effectiveDateTime="2024-03-02T10:00:00Z", **value
    )
    read = build_record([patient(communication=None), encounter(), said], encounter=ENCOUNTER, today=TODAY)
    found = assess(read, CONTENT, today=TODAY)
    return next(need.state for need in found.needs if need.protocol.id == "language-access")


@pytest.mark.parametrize("value", values("yes"))
def test_a_yes_in_any_system_is_a_yes(value):
    assert state_of(value) is NeedState.PRESENT


@pytest.mark.parametrize("value", values("no"))
def test_a_no_in_any_system_is_a_no(value):
    assert state_of(value) is NeedState.ABSENT


@pytest.mark.parametrize(
    "value",
    [
        coding("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "UNK"),
        coding("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "ASKU"),
        coding("urn:oid:2.16.840.1.113883.5.1008", "NI"),
        coding("http://terminology.hl7.org/CodeSystem/v2-0532", "NASK"),
        coding("http://terminology.hl7.org/CodeSystem/v2-0532", "ASKU"),
        coding("urn:oid:2.16.840.1.113883.12.532", "UNK", "unknown"),
        coding("http://terminology.hl7.org/CodeSystem/data-absent-reason", "asked-unknown"),
        coding("https://ehr.example/answers", "N", "Nepali"),
        coding("https://ehr.example/answers", "1"),
        coding("https://ehr.example/answers", "YN"),
        coding("http://loinc.org", "LA0-0"),
    ],
)
def test_a_reason_for_no_answer_and_a_near_miss_are_neither(value):
    assert state_of(value) not in {NeedState.PRESENT, NeedState.ABSENT}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (Code("https://ehr.example/answers", "Y"), Said.YES),
        (Code("https://ehr.example/answers", "Y", "Yearly"), None),
        (Code("http://hl7.org/fhir/v2/0136", "N", "whatever"), Said.NO),
        (Code("http://hl7.org/fhir/v2/01360", "N", "whatever"), None),
        (Code("urn:oid:2.16.840.1.113883.12.1360", "Y", "whatever"), None),
        (Code("http://terminology.hl7.org/CodeSystem/v2-0532", "NP"), Said.NO),
        (Code("", "1"), None),
    ],
)
def test_a_code_means_yes_or_no_where_its_system_says_so_or_nothing_stands_beside_it(code, said):
    assert read_coded(code) is said


def test_words_decide_where_the_code_does_not():
    assert polarity_of_code(Code("https://ehr.example/answers", "Y", "No")) is Said.NO
