import pytest

from fhir_mappings.references import literal, reference_of, references_in, resolved, version_of


@pytest.mark.parametrize(
    ("url", "reference"),
    [
        ("http://e/r4/Goal/9/_history/1", "Goal/9"),
        ("Goal/9", "Goal/9"),
        ("Goal/9?x=1", "Goal/9"),
        ("http://e/r4/Goal", ""),
        ("urn:uuid:9", ""),
        ("", ""),
    ],
)
def test_the_place_of_a_resource_is_read_from_its_url(url, reference):
    assert literal(url) == reference


def test_a_resource_names_itself_and_its_version():
    goal = {"resourceType": "Goal", "id": "9", "meta": {"versionId": "3"}}
    assert (reference_of(goal), version_of(goal)) == ("Goal/9", 'W/"3"')
    assert (reference_of({"resourceType": "Goal"}), version_of({}), version_of({"meta": 7})) == ("", "", "")


def test_references_are_replaced_wherever_they_stand_and_nothing_else_is():
    body = {
        "goal": [{"reference": "urn:uuid:1"}],
        "title": "urn:uuid:1",
        "subject": {"reference": "Patient/7"},
    }
    assert resolved(body, {"urn:uuid:1": "Goal/9"}) == {
        "goal": [{"reference": "Goal/9"}],
        "title": "urn:uuid:1",
        "subject": {"reference": "Patient/7"},
    }


def test_an_activity_whose_element_is_called_reference_is_looked_into():
    activity = {"activity": [{"reference": {"reference": "urn:uuid:1"}}]}
    assert resolved(activity, {"urn:uuid:1": "ServiceRequest/2"}) == {
        "activity": [{"reference": {"reference": "ServiceRequest/2"}}]
    }
    assert list(references_in(activity)) == ["urn:uuid:1"]
