import pytest

from fhir_mappings import systems
from fhir_mappings.inbound.values import NOTHING, Value, absence, value_of
from service.domain.codes import Code, System
from service.domain.record import Quantity
from tests.builders import concept


@pytest.mark.parametrize(
    ("element", "value"),
    [
        (
            {"valueQuantity": {"value": 11.2, "unit": "gram per decilitre", "code": "g/dL"}},
            Value((), Quantity(11.2, "g/dL")),
        ),
        ({"valueQuantity": {"value": "11.2", "unit": "g/dL"}}, Value((), Quantity(11.2, "g/dL"))),
        (
            {"valueQuantity": {"value": 5, "comparator": "<", "unit": "mg"}},
            Value((), Quantity(5, "mg"), "<5 mg"),
        ),
        ({"valueQuantity": {"value": "11.2 g/dL"}}, Value(text="11.2 g/dL")),
        ({"valueQuantity": 7}, Value((), Quantity(7))),
        ({"valueInteger": 27}, Value((), Quantity(27))),
        ({"valueDecimal": 0}, Value((), Quantity(0))),
        ({"valueInteger": "27"}, Value(text="27")),
        ({"valueString": "12.1 g/dL"}, Value(text="12.1 g/dL")),
        ({"valueBoolean": False}, Value(text="false")),
        ({"valueBoolean": "yes"}, Value(text="yes")),
        ({"valueDateTime": "2024-03-01"}, Value(text="2024-03-01")),
        (
            {"valueRange": {"low": {"value": 2, "unit": "h"}, "high": {"value": 4, "unit": "h"}}},
            Value(text="2 h - 4 h"),
        ),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, Value(text="1 : 128")),
        ({"valuePeriod": {"start": "2024", "end": "2025"}}, Value(text="2024 - 2025")),
        ({"valueCodeableConcept": {"text": "Never smoked"}}, Value(text="Never smoked")),
        ({"valueCoding": {"display": "Often"}}, Value(text="Often")),
    ],
)
def test_every_type_of_value_is_read_as_it_was_recorded(element, value):
    assert value_of(element) == value


def test_a_coded_answer_keeps_its_codes_and_the_words_beside_them():
    answer = (Code(System.LOINC, "LA28397-0", "Often true"),)
    coded = concept("LA28397-0", systems.LOINC, "Often true")
    assert value_of({"valueCodeableConcept": coded}) == Value(answer)
    assert value_of({"valueCodeableConcept": {**coded, "text": "often"}}) == Value(answer, None, "often")
    assert value_of({"valueCoding": coded["coding"][0]}) == Value(answer)


def test_a_number_sent_as_a_coding_of_its_unit_is_that_number():
    sent = {"valueCodeableConcept": concept("min/wk", systems.UCUM, "80")}
    assert value_of(sent) == Value((), Quantity(80, "min/wk"))


@pytest.mark.parametrize(
    "element",
    [
        {"valueQuantity": []},
        {"valueQuantity": {"value": None}},
        {"valueCodeableConcept": ""},
        {"valueCodeableConcept": [5]},
        {"valueInteger": {}},
        {"valueBoolean": []},
        {"valueRange": "x"},
        {"valueRange": {}},
        {"valuePeriod": "x"},
    ],
)
def test_a_value_that_is_there_and_cannot_be_read_is_none(element):
    assert value_of(element) is None


def test_no_value_and_a_type_that_nobody_scores_are_nothing():
    assert value_of({}) == value_of({"valueQuantity": None}) == value_of({"valueSampledData": {}}) == NOTHING


def test_the_reason_for_no_value_stands_beside_it_or_on_it():
    declined = {"url": systems.DATA_ABSENT_REASON, "valueCode": "asked-declined"}
    assert absence({"dataAbsentReason": concept("asked-declined")}, NOTHING) == "asked-declined"
    assert absence({"_valueString": {"extension": [declined]}}, NOTHING) == "asked-declined"
    assert absence({"_valueString": {"extension": [{"url": "http://other.example"}]}}, NOTHING) == ""
    assert absence({"_valueString": "x"}, NOTHING) == absence({}, NOTHING) == ""
    assert absence({"_valueString": {"extension": [declined]}}, Value(text="said")) == ""
