import pytest

from fhir_mappings.inbound.logical import names_in, tokens_of, with_literals
from fhir_mappings.inbound.record import build_record
from fhir_mappings.inbound.references import encounter_of, subject_of
from service.domain.record import GapReason
from service.errors import BadInput
from tests import builders

MRN = {"system": "urn:oid:2.16.840.1.113883.19.5", "value": "example-mrn-7"}
VISIT = {"system": "urn:oid:2.16.840.1.113883.19.6", "value": "example-visit-3"}
PATIENT = builders.patient(identifier=[MRN])
STAY = builders.encounter(identifier=[VISIT])
NAMES = names_in([PATIENT, STAY])


def about(subject, **more):
    return builders.condition("c1", "I50.9", subject=subject, **more)


@pytest.mark.parametrize(
    "subject",
    [
        {"identifier": MRN},
        {"identifier": MRN, "type": "Patient"},
        {"identifier": MRN, "type": "http://hl7.org/fhir/StructureDefinition/Patient", "display": "Zelda"},
        {"identifier": {**MRN, "value": " example-mrn-7 ", "use": "usual"}},
        {"identifier": [MRN]},
        {"identifier": MRN, "reference": None},
        {"identifier": MRN, "reference": ""},
        {"identifier": MRN, "reference": "#copy"},
    ],
)
def test_an_identifier_that_is_the_patients_names_them(subject):
    assert subject_of(with_literals(about(subject), NAMES)) == builders.PATIENT


@pytest.mark.parametrize(
    "subject",
    [
        {"identifier": {"value": MRN["value"]}},
        {"identifier": {**MRN, "value": "example-mrn-70"}},
        {"identifier": {**MRN, "value": "EXAMPLE-MRN-7"}},
        {"identifier": {**MRN, "system": "urn:oid:2.16.840.1.113883.19.55"}},
        {"identifier": {"system": MRN["system"]}},
        {"identifier": MRN, "type": "Group"},
        {"identifier": VISIT},
        {"identifier": "example-mrn-7"},
        {"display": "Zelda Testperson"},
        {},
    ],
)
def test_any_other_identifier_names_nobody(subject):
    condition = about(subject)
    assert with_literals(condition, NAMES) is condition
    assert subject_of(condition) == ""


def test_where_a_reference_stands_it_counts_and_the_identifier_does_not():
    condition = about({"reference": "Patient/another", "identifier": MRN})
    assert subject_of(with_literals(condition, NAMES)) == "Patient/another"


def test_a_number_that_two_patients_have_is_nobodys():
    names = names_in(
        [PATIENT, builders.patient("p2", identifier=[MRN]), builders.patient("p3", identifier=[MRN])]
    )
    assert names == {}


def test_a_stay_is_named_in_the_same_way():
    resolved = with_literals(about({"identifier": MRN}, encounter={"identifier": VISIT}), NAMES)
    assert encounter_of(resolved) == builders.ENCOUNTER


def test_a_contained_copy_is_who_its_identifier_says():
    copy = {"resourceType": "Patient", "id": "copy", "identifier": [MRN]}
    condition = about({"reference": "#copy"}, contained=[copy])
    assert subject_of(with_literals(condition, NAMES)) == builders.PATIENT
    for other in ({**copy, "identifier": []}, {**copy, "id": "another"}, {**copy, "resourceType": "Group"}):
        assert subject_of(with_literals({**condition, "contained": [other]}, NAMES)) == ""


@pytest.mark.parametrize("odd", [None, 7, "x", [], [7], {"system": 1}])
def test_an_odd_identifier_is_none(odd):
    assert list(tokens_of(odd)) == []
    assert names_in([{"resourceType": "Patient", "id": "p1", "identifier": odd}]) == {}


def test_a_record_whose_resources_name_the_patient_by_number_is_theirs():
    stay = {**STAY, "subject": {"identifier": MRN}}
    theirs = about({"identifier": MRN}, encounter={"identifier": VISIT})
    unknown = builders.condition("c2", "I50.9", subject={"identifier": {**MRN, "value": "8"}})
    record = build_record([stay, PATIENT, theirs, unknown], encounter=builders.ENCOUNTER)
    assert [(fact.reference, fact.encounter) for fact in record.facts] == [
        ("Condition/c1", builders.ENCOUNTER)
    ]
    assert [(gap.about, gap.reason) for gap in record.gaps] == [("Condition", GapReason.UNREADABLE)]


def test_a_stay_of_a_number_that_nobody_here_has_is_no_ones():
    stay = {**STAY, "subject": {"identifier": {**MRN, "value": "8"}}}
    with pytest.raises(BadInput):
        build_record([stay, PATIENT], encounter=builders.ENCOUNTER)


def test_a_version_of_the_patient_is_the_patient():
    record = build_record(
        [STAY, PATIENT, about({"reference": "Patient/p1/_history/2"})], encounter=builders.ENCOUNTER
    )
    assert len(record.facts) == 1
