"""Which encounter is a hospital stay: every way in which systems write a class, and what must not be taken for a stay."""

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import service
from config.conventions import ENCOUNTER_CLASSES, Conventions
from fhir_mappings import systems
from fhir_mappings.inbound.encounter import goes_on, status_of
from fhir_mappings.inbound.encounter_class import class_code, is_stay
from fhir_mappings.inbound.whole_stay import require_stay
from service.domain.record import INPATIENT_CLASSES
from service.errors import NotAnInpatientStay
from tests.builders import concept

V2 = (
    "http://terminology.hl7.org/CodeSystem/v2-0004",
    "http://hl7.org/fhir/v2/0004",
    "urn:oid:2.16.840.1.113883.12.4",
    "urn:oid:2.16.840.1.113883.18.5",
    "HL70004",
)
V3 = (
    systems.ACT_CODE,
    "http://hl7.org/fhir/v3/ActCode",
    "urn:oid:2.16.840.1.113883.5.4",
    "",
)
EPIC = "urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260"
ABSENT = {
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    ]
}


def coding(code="", display="", system=""):
    return {"system": system, "code": code, "display": display}


def every_shape(code, system, display=""):
    """One class as R4's Coding, as a concept, as R5's list, and behind a local code."""
    sent = coding(code, display, system)
    yield sent
    yield {"coding": [sent]}
    yield [{"coding": [sent]}]
    yield {"coding": [coding("7001", "", "urn:example:local"), sent]}
    yield [{"coding": [coding("7001", "", "urn:example:local")]}, {"coding": [sent]}]
    yield [sent]


@pytest.mark.parametrize("system", V3)
@pytest.mark.parametrize("code", sorted(ENCOUNTER_CLASSES))
def test_every_code_of_v3_in_any_case_and_shape(system, code):
    for spelled in (code, code.lower(), f" {code.title()} "):
        for sent in every_shape(spelled, system):
            assert class_code({"class": sent}) == code
            assert is_stay({"class": sent}) is (code in INPATIENT_CLASSES)


@pytest.mark.parametrize("system", V2)
@pytest.mark.parametrize(
    ("code", "act"), [("I", "IMP"), ("O", "AMB"), ("E", "EMER"), ("P", "PRENC"), ("R", "AMB"), ("i", "IMP")]
)
def test_hl7_v2_table_0004(system, code, act):
    for sent in every_shape(code, system):
        assert class_code({"class": sent}) == act


@pytest.mark.parametrize("code", ["B", "C", "N", "U"])
def test_a_patient_class_of_v2_that_may_be_either_is_no_stay_by_itself(code):
    for system in V2:
        assert class_code({"class": coding(code, "", system)}) == code
        assert not is_stay({"class": coding(code, "", system)})
        with pytest.raises(NotAnInpatientStay, match="encounter_classes"):
            require_stay({"class": coding(code, "", system)})


def test_words_beside_such_a_class_or_in_the_type_still_tell():
    assert class_code({"class": coding("B", "Obstetrics inpatient", V2[0])}) == "IMP"
    assert class_code({"class": coding("U", "", V2[0]), "type": [{"text": "Inpatient stay"}]}) == "IMP"


@pytest.mark.parametrize(
    ("words", "act"),
    [
        ("Inpatient", "IMP"),
        ("INPATIENT", "IMP"),
        ("In-patient", "IMP"),
        ("In Patient", "IMP"),
        ("inpatient encounter", "IMP"),
        ("Inpatient Hospital", "IMP"),
        ("Hospital Inpatient", "IMP"),
        ("Inpatient Stay", "IMP"),
        ("Inpatient Psychiatric", "IMP"),
        ("Inpatient Rehabilitation", "IMP"),
        ("Emergency Inpatient", "IMP"),
        ("Surgery Admit", "IMP"),
        ("Newborn", "IMP"),
        ("Hospitalization", "IMP"),
        ("Hospital Encounter", "IMP"),
        ("inpatient acute", "ACUTE"),
        ("Acute inpatient encounter", "ACUTE"),
        ("inpatient non-acute", "NONAC"),
        ("short stay", "SS"),
        ("Observation", "OBSENC"),
        ("observation encounter", "OBSENC"),
        ("Hospital observation", "OBSENC"),
        ("Outpatient Observation", "OBSENC"),
        ("vollstationär", "IMP"),
        ("Stationär", "IMP"),
        ("normalstationaer", "IMP"),
        ("intensivstationaer", "IMP"),
        ("teilstationär", "AMB"),
        ("nachstationär", "AMB"),
        ("vorstationär", "PRENC"),
        ("ambulant", "AMB"),
        ("Outpatient", "AMB"),
        ("Hospital Outpatient Visit", "AMB"),
        ("Out-patient", "AMB"),
        ("Ambulatory Surgery", "AMB"),
        ("Hospital Outpatient Surgery", "AMB"),
        ("Office Visit", "AMB"),
        ("Recurring", "AMB"),
        ("emergency", "EMER"),
        ("Emergency Department", "EMER"),
        ("Emergency room visit", "EMER"),
        ("Preadmission", "PRENC"),
        ("Pre-admission", "PRENC"),
        ("Pre-Admit", "PRENC"),
        ("Virtual", "VR"),
        ("Home Health", "HH"),
    ],
)
def test_words_tell_a_class_wherever_they_stand(words, act):
    for sent in (
        words,
        [words],
        {"text": words},
        {"display": words},
        coding("4", words, EPIC),
        {"coding": [coding("4", "", EPIC), coding("x", words, "urn:example")]},
        [{"coding": [coding("4", "", EPIC)], "text": words}],
        coding(words, "", "urn:example"),
    ):
        assert class_code({"class": sent}) == act, sent


@pytest.mark.parametrize(
    "words",
    [
        "HOV",
        "Appointment",
        "Support OP Encounter",
        "Inpatient consult",
        "Inpatient pharmacy order",
        "Not inpatient",
        "Non-inpatient",
        "Billing inpatient discharge letter",
        "Hospital",
        "Patient visit",
        "Lab visit",
        "x" * 5000,
    ],
)
def test_words_that_are_no_class_are_not_taken_for_a_stay(words):
    for sent in (words, {"text": words}, coding("4", words, EPIC)):
        assert not is_stay({"class": sent})


@pytest.mark.parametrize("code", ["1", "2", "3", "4", "5", "6", 4])
def test_a_number_of_the_hospitals_own_is_understood_by_its_words_or_its_table_only(code):
    bare = {"class": coding(code, "", EPIC)}
    assert class_code(bare) == str(code)
    with pytest.raises(NotAnInpatientStay, match="encounter_classes"):
        require_stay(bare)
    named = Conventions(encounter_classes={f"{EPIC}|{code}": "IMP"})
    assert is_stay(bare, named)
    assert is_stay(bare, Conventions(encounter_classes={str(code): "SS"}))
    assert not is_stay({"class": coding(code, "", "urn:example:other")}, named)


@pytest.mark.parametrize(
    "sent",
    [
        None,
        {},
        [],
        ABSENT,
        [ABSENT],
        {"coding": [ABSENT]},
        coding("UNK", "unknown", "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"),
        "unknown",
        5,
        True,
    ],
)
def test_a_class_that_is_not_known_is_none_and_the_remedy_is_said(sent):
    assert class_code({"class": sent}) == ""
    with pytest.raises(NotAnInpatientStay, match="has no class"):
        require_stay({"class": sent})
    by_type = {
        "class": sent,
        "type": [concept("normalstationaer", "http://fhir.de/CodeSystem/kontaktart-de")],
    }
    assert class_code(by_type) == "IMP"
    assert class_code({"class": sent, "type": [{"text": "Check-up"}]}) == ""


def test_a_type_makes_no_visit_a_stay():
    assert class_code({"class": coding("AMB"), "type": [{"text": "Inpatient"}]}) == "AMB"


@pytest.mark.parametrize(
    ("resource", "act"),
    [
        ({"type": [{"text": "Admission"}]}, "IMP"),
        ({"type": [concept("a-uuid", "", "Admission")]}, "IMP"),
        ({"type": [{"text": "Check In"}], "location": [{"location": {"display": "Inpatient Ward"}}]}, "IMP"),
        ({"location": [{"location": {"reference": "Location/ward"}}]}, "IMP"),
        ({"type": [{"text": "Check In"}]}, ""),
        ({}, ""),
    ],
)
def test_a_hospital_whose_class_is_always_the_same_goes_by_type_or_place(resource, act):
    table = {"amb": "", "admission": "IMP", "inpatient ward": "IMP", "location/ward": "IMP"}
    openmrs = Conventions(encounter_classes=table)
    sent = {"class": coding("AMB", "", systems.ACT_CODE), "status": "unknown", **resource}
    assert class_code(sent, openmrs) == act
    assert class_code(sent) == "AMB"


def test_the_hospitals_own_table_comes_before_what_a_class_means_elsewhere():
    assert class_code({"class": coding("SS")}, Conventions(encounter_classes={"ss": "AMB"})) == "AMB"
    assert class_code({"class": coding("HOV")}, Conventions(encounter_classes={"hov": "AMB"})) == "AMB"


@pytest.mark.parametrize(
    ("status", "period", "open_now"),
    [
        ("in-progress", {}, True),
        ("onleave", {"end": "2024-03-08"}, True),
        ("on-hold", {}, True),
        ("unknown", {"start": "2024-03-01"}, True),
        (None, {"start": "2024-03-01"}, True),
        ("unknown", {"start": "2024-03-01", "end": "2024-03-02"}, False),
        ("unknown", {}, False),
        ("planned", {"start": "2024-03-01"}, False),
        ("completed", {"start": "2024-03-01"}, False),
        ("cancelled", {"start": "2024-03-01"}, False),
    ],
)
def test_a_stay_goes_on_by_its_status_or_where_that_tells_nothing_by_its_period(status, period, open_now):
    assert goes_on({"status": status, "period": period}) is open_now


def test_the_states_of_r5_are_those_of_r4():
    assert [status_of({"status": said}) for said in ("completed", "discharged", "on-hold", "Finished")] == [
        "finished",
        "finished",
        "onleave",
        "finished",
    ]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["coding", "code", "system", "display", "text", "concept"]), inner
            )
        ),
    )
)
def test_no_class_raises(sent):
    assert isinstance(class_code({"class": sent, "type": sent, "location": sent}), str)


#: Elements of an Encounter that have a reader each: fhir_mappings/inbound/encounter.py and encounter_class.py.
_READ_ONCE = re.compile(
    r"class|period|actualPeriod|hospitalization|admission|partOf|serviceType|plannedEndDate|birthDate|deceasedDateTime|deceasedBoolean"
)


def _picked_apart(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_]):
                found.append(name)
            case ast.Subscript(slice=ast.Constant(value=str(name))):
                found.append(name)
    return [name for name in found if _READ_ONCE.fullmatch(name)]


def test_nobody_but_the_readers_picks_a_raw_stay_or_patient_apart():
    root = Path(service.__file__).parents[1]
    others = [
        path
        for folder in ("service", "fhir_mappings", "config")
        for path in (root / folder).rglob("*.py")
        if "inbound" not in path.parts and "sandbox" not in path.parts
    ]
    assert len(others) > 150
    of_our_own_documents = {("chain.py", "period"), ("preflight_rules.py", "period")}
    picked = {(path.name, name) for path in others for name in _picked_apart(path)}
    assert picked == of_our_own_documents
    readers = {
        "class": "encounter_class.py",
        "period": "encounter.py",
        "hospitalization": "encounter.py",
        "partOf": "encounter.py",
    }
    inbound = (root / "fhir_mappings" / "inbound").glob("*.py")
    for path in inbound:
        for name in set(_picked_apart(path)) & readers.keys():
            of_another_resource = name == "period" or (name, path.name) in {
                ("class", "coverage.py"),
                ("hospitalization", "disposition.py"),  # the reader of where the stay leads
            }
            assert path.name == readers[name] or of_another_resource, (path.name, name)


@pytest.mark.parametrize(
    ("code", "act"),
    [
        ("32485007", "IMP"),
        ("183452005", "IMP"),
        ("8715000", "IMP"),
        ("448951000124107", "OBSENC"),
        ("185463005", ""),  # visit out of hours
        ("4525004", ""),  # emergency department patient visit
    ],
)
def test_a_type_in_snomed_tells_a_stay_where_there_is_no_class(code: str, act: str) -> None:
    typed = {"type": [{"coding": [{"system": "http://snomed.info/sct", "code": code}]}]}
    assert class_code(typed) == act
    assert class_code({"class": {"code": "AMB"}, **typed}) == "AMB"
