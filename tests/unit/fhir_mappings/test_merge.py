from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.merge import agrees, has_arrived, only_added, overlaid, pruned, same_version

OURS = {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:1"}
THEIRS = {"system": "urn:oid:1.2.3", "value": "x"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_a_changed_draft_takes_the_place_of_ours_and_keeps_what_we_do_not_know():
    current = {
        "resourceType": "Goal",
        "id": "9",
        "meta": {"versionId": "1"},
        "lifecycleStatus": "proposed",
        "description": {"text": "old"},
        "expressedBy": {"display": "Zelda"},
        "identifier": [OURS | {"use": "official"}, THEIRS],
    }
    body = {
        "resourceType": "Goal",
        "meta": {"profile": ["p"]},
        "lifecycleStatus": "proposed",
        "description": {"text": "new"},
        "identifier": [OURS],
    }
    assert overlaid(current, body) == {
        **current,
        "description": {"text": "new"},
        "identifier": [OURS, THEIRS],
    }


def test_an_element_of_ours_that_the_new_draft_does_not_have_goes():
    current = {
        "resourceType": "Goal",
        "id": "9",
        "addresses": [{"reference": "Condition/1"}],
        "note": [{"text": "n"}],
    }
    merged = overlaid(current, {"resourceType": "Goal"})
    assert merged == {"resourceType": "Goal", "id": "9", "note": [{"text": "n"}]}


def test_a_signed_note_stays_when_ours_is_written_anew():
    signed = {"text": "Asked her: yes", "authorString": "An invented nurse"}
    current = {"resourceType": "ServiceRequest", "id": "9", "note": [{"text": "old offer"}, signed]}
    merged = overlaid(current, {"resourceType": "ServiceRequest", "note": [{"text": "new offer"}]})
    assert merged["note"] == [{"text": "new offer"}, signed]


SENT: dict[str, Any] = {
    "resourceType": "ServiceRequest",
    "status": "draft",
    "code": {"coding": [{"system": "s", "code": "c"}], "text": "Food pantry"},
    "identifier": [OURS],
    "reasonReference": [{"reference": "Observation/1"}],
    "note": [{"text": "Proposed by a protocol."}],
}


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ({}, True),
        ({"meta": {"versionId": "2", "tag": [{"code": "seen"}]}, "id": "9"}, True),
        ({"identifier": [OURS, THEIRS]}, True),
        ({"supportingInfo": [{"reference": "Observation/9"}]}, True),
        ({"extension": [{"url": "urn:ward", "valueString": "flag"}]}, True),
        ({"note": [*SENT["note"], {"text": "Asked her: yes", "authorString": "An invented nurse"}]}, True),
        ({"code": {**SENT["code"], "coding": [{"system": "s", "code": "c", "display": "d"}]}}, True),
        # What an update would take away, or what says something else, is somebody's change.
        ({"note": [*SENT["note"], {"text": "She has a choir."}]}, False),
        ({"note": [{"text": "She has a choir."}]}, False),
        ({"reasonReference": [*SENT["reasonReference"], {"reference": "Condition/2"}]}, False),
        ({"code": {**SENT["code"], "coding": [*SENT["code"]["coding"], {"code": "theirs"}]}}, False),
        ({"performer": [{"reference": "Organization/9"}]}, False),
        ({"status": "on-hold"}, False),
        ({"code": {"text": "Soup kitchen"}}, False),
    ],
)
def test_what_others_added_and_an_update_keeps_is_told_from_a_change(more, kept):
    current = {**SENT, **more}
    assert only_added(SENT, current) is kept
    if kept:
        merged = overlaid(current, {**SENT, "code": {"text": "Soup kitchen"}})
        for name, part in more.items():
            assert name == "code" or merged[name] == part


def test_the_other_form_of_a_date_takes_the_place_of_the_first():
    current = {"resourceType": "ServiceRequest", "id": "9", "occurrenceDateTime": "2024-03-05"}
    merged = overlaid(
        current, {"resourceType": "ServiceRequest", "occurrencePeriod": {"start": "2024-03-06"}}
    )
    assert "occurrenceDateTime" not in merged


@pytest.mark.parametrize(
    ("body", "current", "same"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {}, False),
        ({"a": {"b": 1}}, {"a": [1]}, False),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}, {"d": 3}]}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": [1]}, {"a": 1}, False),
        ({"meta": {"profile": ["p"]}}, {}, True),
        ({"goal": {"reference": "urn:uuid:1"}}, {"goal": {"reference": "Goal/9"}}, True),
        ({"goal": {"reference": "urn:uuid:1"}}, {"goal": {}}, False),
    ],
)
def test_a_draft_agrees_with_what_says_at_least_as_much(body, current, same):
    assert agrees(body, current) is same


@given(json_values)
def test_everything_agrees_with_itself(value):
    assert agrees(value, value)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [('W/"3"', '"3"', True), ('W/"3"', 'W/"4"', False), ("", "", False), ("", 'W/"1"', False)],
)
def test_versions_are_compared_whatever_their_spelling(one, other, same):
    assert same_version(one, other) is same


def test_links_to_what_is_missing_go_with_what_they_leave_empty():
    body = {
        "goal": [{"reference": "urn:uuid:1"}, {"reference": "Goal/9"}],
        "activity": [{"reference": {"reference": "urn:uuid:1"}}],
        "author": {"reference": "urn:uuid:1", "display": "Homeward"},
    }
    assert pruned(body, {"urn:uuid:1"}) == {
        "goal": [{"reference": "Goal/9"}],
        "author": {"display": "Homeward"},
    }


LABEL = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SDV", "display": "violence"}
OTHER = LABEL | {"code": "BH"}
BARE = {name: LABEL[name] for name in ("system", "code")}


def test_what_has_become_sensitive_gets_its_label_beside_those_of_others():
    body = {"resourceType": "Goal", "meta": {"profile": ["p"], "security": [LABEL]}}
    current = {"resourceType": "Goal", "id": "9", "meta": {"versionId": "1", "security": [OTHER]}}
    assert overlaid(current, body)["meta"] == {"versionId": "1", "security": [OTHER, BARE]}
    assert overlaid({"resourceType": "Goal", "id": "9"}, body)["meta"] == body["meta"]


def test_a_resource_without_its_label_does_not_agree_and_one_with_further_labels_does():
    body = {"resourceType": "Goal", "meta": {"profile": ["p"], "security": [LABEL]}}
    assert not agrees(body, {"resourceType": "Goal", "meta": {"versionId": "1"}})
    assert not agrees(body, {"resourceType": "Goal", "meta": {"security": [OTHER]}})
    assert agrees(body, {"resourceType": "Goal", "meta": {"security": [OTHER, BARE]}})


@pytest.mark.parametrize(
    ("before", "said", "current", "arrived"),
    [
        ({"title": "a"}, {"title": "b"}, {"title": "b"}, True),
        ({"title": "a"}, {"title": "b"}, {"title": "a"}, False),
        ({"title": "a"}, {"title": "b"}, {"title": "a", "note": [{"text": "a person's"}]}, False),
        ({"title": "a"}, {"title": "b"}, {"title": "a person's"}, False),
        (
            {"goal": [{"reference": "Goal/1"}]},
            {"goal": [{"reference": "Goal/1"}, {"reference": "Goal/2"}]},
            {"goal": [{"reference": "Goal/1"}]},
            False,
        ),
        ({"goal": [{"reference": "Goal/1"}]}, {}, {}, True),
        # A server that keeps no notes shows none, whether or not we took ours away.
        ({"note": [{"text": "ours"}], "title": "a"}, {"title": "b"}, {"title": "a"}, False),
        ({"title": "a"}, {"title": "a"}, {"title": "a"}, False),
    ],
)
def test_an_update_has_arrived_when_something_stands_that_only_it_said(before, said, current, arrived):
    assert has_arrived(before, said, current) is arrived
