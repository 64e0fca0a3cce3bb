import pytest

from fhir_mappings.inbound.elements import at, first, identifiers, is_misshapen, items, number, text


def test_a_single_object_counts_as_a_list_of_one():
    assert items({"a": 1}) == [{"a": 1}]
    assert items([{"a": 1}, "x", None, {"b": 2}]) == [{"a": 1}, {"b": 2}]
    assert items("x") == items(None) == items([5]) == []
    assert first([]) == {}


def test_numbers_become_text_and_nothing_else_does():
    assert text(" a ") == "a"
    assert text(10939881000119105) == "10939881000119105"
    assert text(1.5) == "1.5"
    assert [*map(text, (True, None, []))] == ["", "", ""]
    assert text(10**5000) == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 1.0), ("12.5", 12.5), ("x", None), (True, None), (10**400, None), ("inf", None), ("nan", None)],
)
def test_a_number_is_finite_and_may_be_written_as_text(value, expected):
    assert number(value) == expected


def test_a_path_reaches_through_repeating_elements():
    resource = {"participant": [{"role": [{"a": 1}]}, {"role": {"b": 2}}, {}, "x"], "code": {"c": 3}}
    assert at(resource, ("participant", "role")) == [{"a": 1}, {"b": 2}]
    assert at(resource, ("code",)) == {"c": 3}
    assert at(resource, ("context", "period")) == []


def test_an_identifier_is_its_system_and_value():
    sent = {"identifier": [{"system": "urn:x", "value": "1"}, {"value": 2}, {"system": "urn:y"}]}
    assert identifiers(sent) == ("urn:x|1", "|2")
    assert identifiers({}) == ()


def test_an_element_of_objects_that_holds_none_is_misshapen():
    assert is_misshapen({"component": "x"}, "component")
    assert not is_misshapen({"component": []}, "component")
    assert not is_misshapen({}, "component")
