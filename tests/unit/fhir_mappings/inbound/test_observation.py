from datetime import UTC, datetime

import pytest

from fhir_mappings import systems
from fhir_mappings.inbound.observation import is_about_another, is_unasked, is_undated, observations
from service.domain.codes import Code, System
from service.domain.record import Quantity
from service.domain.sensitivity import Label
from tests.builders import concept, observation

HARK = concept("76499-3", systems.LOINC, "HARK")


def _only(sent):
    (found,) = observations(sent) or ()
    return found


def test_an_answer_is_read_with_its_question_time_and_stay():
    found = _only(observation("o", "88122-7", "LA28397-0", meta={"security": [{"code": "SDV"}]}))
    assert found.reference == "Observation/o"
    assert found.codes == (Code(System.LOINC, "88122-7"),)
    assert found.answers == (Code(System.LOINC, "LA28397-0"),)
    assert (found.status, found.categories, found.encounter) == ("final", {"survey"}, "Encounter/e1")
    assert found.at == datetime(2024, 3, 2, 10, tzinfo=UTC)
    assert found.labels == {Label.SDV}
    assert (found.panel, found.members) == ((), ())


def test_a_measurement_has_its_quantity():
    assert _only(observation("o", "718-7", 11.2, unit="g/dL")).quantity == Quantity(11.2, "g/dL")


def test_the_components_of_a_panel_become_observations_with_the_codes_of_the_panel():
    parts = [
        {"code": concept("76500-8", systems.LOINC), "valueCodeableConcept": concept("LA33-6", systems.LOINC)},
        {"code": concept("76501-6", systems.LOINC), "dataAbsentReason": concept("asked-declined")},
    ]
    whole, yes, declined = observations(observation("o", "76499-3", 1, component=parts)) or ()
    assert whole.quantity == Quantity(1)
    assert (yes.codes[0].code, yes.answers[0].code) == ("76500-8", "LA33-6")
    assert (declined.codes[0].code, declined.answers, declined.absent) == ("76501-6", (), "asked-declined")
    for part in (yes, declined):
        assert part.panel == whole.codes
        assert (part.reference, part.at, part.encounter) == (whole.reference, whole.at, whole.encounter)


def test_a_panel_keeps_the_references_of_its_members():
    members = [{"reference": "Observation/a"}, {"display": "no reference"}, {"reference": "Observation/b"}]
    assert _only(observation("o", "93025-5", hasMember=members)).members == ("Observation/a", "Observation/b")


@pytest.mark.parametrize(
    ("said", "text"),
    [("POS", "positive"), ("A", "positive"), ("NEG", "negative"), ("N", "negative"), ("B", "")],
)
def test_interpretation_is_read_where_nothing_else_is(said, text):
    assert _only(observation("o", "88122-7", interpretation=[concept(said)])).text == text


def test_interpretation_beside_a_value_is_not_read():
    assert _only(observation("o", "88122-7", 3, interpretation=[concept("POS")])) == _only(
        observation("o", "88122-7", 3)
    )


def test_a_question_without_a_code_is_its_words():
    assert _only(observation("o", "", code={"text": "Fell lately?"})).codes == (
        Code(System.TEXT, "Fell lately?"),
    )


def test_a_missing_status_is_unknown():
    assert _only(observation("o", "718-7", 9, status=None)).status == "unknown"


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": None},
        {"code": []},
        {"valueQuantity": ""},
        {"valueCodeableConcept": [5]},
        {"component": "x"},
        {"component": [{"code": HARK, "valueCodeableConcept": 5}]},
    ],
)
def test_half_a_panel_is_not_understood(wrong):
    assert observations(observation("o", "76499-3", **wrong)) is None


def test_a_time_that_was_meant_and_cannot_be_read_is_told():
    assert is_undated({"effectiveDateTime": "?"})
    assert not is_undated({"effectiveDateTime": None})


def test_an_observation_of_the_mother_in_the_child_s_chart_is_about_another():
    def focused(*references):
        return observation("o", "718-7", focus=[{"reference": one} for one in references])

    assert is_about_another(focused("RelatedPerson/mother"))
    assert is_about_another(focused("Patient/other"))
    assert not is_about_another(focused("Patient/p1"))
    assert not is_about_another(focused("Condition/wound"))
    assert not is_about_another(observation("o", "718-7"))


ASKED = frozenset({"718-7", "76500-8", "local-7", "living alone"})


@pytest.mark.parametrize(
    "sent",
    [
        observation("o", "8867-4", 72.0, unit="/min"),
        {
            "code": concept("85354-9", systems.LOINC),
            "component": [{"code": concept("8480-6", systems.LOINC)}],
        },
    ],
)
def test_a_measurement_that_nobody_asks_for_need_not_be_read(sent):
    assert is_unasked(sent, ASKED)


@pytest.mark.parametrize(
    "sent",
    [
        observation("o", "718-7", 11.2, unit="g/dL"),
        {"code": concept(" Local-7 ".lower(), "urn:example"), "valueQuantity": {"value": 1}},
        {
            "code": {"coding": [{"system": systems.LOINC, "code": "8867-4"}, {"code": "x"}]},
            "valueQuantity": {},
        },
        {
            "code": concept("local-7", "urn:example"),
            "category": [concept("social-history")],
            "valueQuantity": {"value": 1},
        },
        observation("o", "8867-4", "LA28397-0"),
        {"code": concept("8867-4", systems.LOINC), "valueString": "yes"},
        {"code": concept("8867-4", systems.LOINC)},
        {"code": concept("160903007", systems.SNOMED), "valueQuantity": {"value": 1}},
        {"code": {"text": "Living alone"}, "valueQuantity": {"value": 1}},
        {"code": {"coding": [{"system": systems.LOINC, "code": 8867}]}, "valueQuantity": {"value": 1}},
        {"code": "8867-4", "valueQuantity": {"value": 1}},
        {"code": [], "valueQuantity": {"value": 1}},
        {
            "code": concept("76499-3", systems.LOINC),
            "component": [{"code": concept("76500-8", systems.LOINC)}],
        },
        {"code": concept("8867-4", systems.LOINC), "component": [{"code": {"text": "Living alone"}}]},
        {"code": concept("8867-4", systems.LOINC), "component": {"code": concept("1-8", systems.LOINC)}},
        {"code": concept("8867-4", systems.LOINC), "component": ["?"]},
    ],
)
def test_whatever_may_be_an_answer_to_somebody_is_read(sent):
    assert not is_unasked(sent, ASKED)
