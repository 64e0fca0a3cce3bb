"""What we write is known by a system of ours; what an earlier release wrote is known as well."""

import pytest

from fhir_mappings import systems
from fhir_mappings.merge import is_all_there, merge
from fhir_mappings.own_marks import TAG, is_own_name, own_identifier, own_value, search_token, with_tag

NAME = "urn:uuid:5b2f7b0e-6a53-5d0c-9d0b-3f1c7f0c2d11"
FORMER = {"system": systems.URI_IDENTIFIER, "value": NAME}
THEIRS = {"system": "https://hospital.example/ids", "value": "urn:uuid:7"}


def goal(*identifiers, **more):
    return {"resourceType": "Goal", "identifier": list(identifiers), **more}


def test_one_search_finds_what_either_release_wrote():
    assert search_token(NAME) == f"{systems.OWN_IDENTIFIER}|{NAME},{systems.URI_IDENTIFIER}|{NAME}"


@pytest.mark.parametrize(
    ("identifier", "own"),
    [(own_identifier(NAME), True), (FORMER, True), (THEIRS, False), ({"value": NAME}, False), (NAME, False)],
)
def test_an_identifier_is_ours_by_its_system(identifier, own):
    assert is_own_name(identifier) is own


@pytest.mark.parametrize(
    ("token", "value"),
    [
        (f"{systems.OWN_IDENTIFIER}|{NAME}", NAME),
        (f"{systems.URI_IDENTIFIER}|{NAME}", NAME),
        (f"https://hospital.example/ids|{NAME}", ""),
        (NAME, ""),
    ],
)
def test_the_value_of_a_token_of_ours(token, value):
    assert own_value(token) == value


def test_an_update_keeps_the_identifiers_of_the_ehr_and_of_the_earlier_release():
    said, wanted = (
        goal(FORMER, lifecycleStatus="proposed"),
        goal(own_identifier(NAME), lifecycleStatus="active"),
    )
    merged = merge(said, wanted, said | {"identifier": [FORMER, THEIRS], "id": "9"})
    assert merged.is_needed
    assert sorted(merged.body["identifier"], key=str) == sorted(
        [own_identifier(NAME), FORMER, THEIRS], key=str
    )
    again = merge(merged.said, wanted, merged.body)
    assert (again.is_needed, again.body["identifier"]) == (False, merged.body["identifier"])


def test_what_an_earlier_release_wrote_is_as_we_want_it():
    assert is_all_there(goal(own_identifier(NAME)), goal(FORMER))


def test_the_tag_stands_once_beside_the_tags_of_others():
    other = {"system": "https://hospital.example/tags", "code": "reviewed"}
    once = with_tag(goal(meta={"tag": [other], "profile": ["p"]}))
    assert once["meta"] == {"tag": [other, dict(TAG)], "profile": ["p"]}
    assert with_tag(once) == once


def test_a_tag_that_the_ehr_dropped_is_no_edit_and_comes_back_with_the_next_update():
    wanted, held = with_tag(goal()), goal(id="9", meta={"versionId": "3"})
    assert is_all_there(wanted, held)
    merged = merge(wanted, wanted, held)
    assert (merged.persons, merged.is_needed) == (frozenset(), False)
    assert merged.body["meta"] == {
        "versionId": "3",
        "tag": [{name: TAG[name] for name in ("system", "code")}],
    }
