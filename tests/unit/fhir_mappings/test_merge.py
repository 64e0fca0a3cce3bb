import copy
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.merge import has_arrived, is_all_there, merge, pruned, same_version
from tests import spellings
from tests.written_bodies import SENT

KEYS = sorted(SENT)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_the_other_form_of_a_date_takes_the_place_of_the_first():
    said = {"resourceType": "ServiceRequest", "occurrenceDateTime": "2024-03-05"}
    wanted = {"resourceType": "ServiceRequest", "occurrencePeriod": {"start": "2024-03-06"}}
    merged = merge(said, wanted, said | {"id": "9"})
    assert merged.is_needed
    assert merged.body == wanted | {"id": "9"}


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
        ({"a": [{"code": "1"}, {"code": "2"}]}, {"a": [{"code": "2"}, {"code": "1"}]}, True),
        ({"a": {"code": "1", "display": "one"}}, {"a": {"code": "1"}}, True),
        ({"note": [{"text": "ours"}]}, {}, True),
        ({"note": [{"text": "ours"}]}, {"note": [{"text": "a person's"}]}, False),
        ({"text": {"status": "generated", "div": "a"}}, {"text": {"status": "generated", "div": "b"}}, True),
        (
            {"text": {"status": "additional", "div": "a"}},
            {"text": {"status": "generated", "div": "b"}},
            False,
        ),
        ({"authoredOn": "2024-03-05"}, {"authoredOn": "2024-03-06"}, True),
        ({"meta": {"profile": ["p"]}}, {}, True),
        ({"goal": {"reference": "urn:uuid:1"}}, {"goal": {"reference": "Goal/9"}}, True),
        ({"goal": {"reference": "urn:uuid:1"}}, {"goal": {}}, False),
    ],
)
def test_all_that_we_said_stands_in_what_says_at_least_as_much(body, current, same):
    assert is_all_there(body, current) is same


@given(st.dictionaries(st.text(max_size=5), json_values))
def test_everything_is_there_in_itself(body):
    assert is_all_there(body, body)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "respell",
    [
        spellings.add_ids,
        spellings.reorder,
        spellings.drop_displays,
        spellings.put_local_codings_first,
        spellings.respell_times,
        spellings.drop_what_it_does_not_keep,
        spellings.move_attachments,
        spellings.space_words,
    ],
)
def test_what_we_wrote_is_all_there_as_a_server_spells_it(key, respell):
    chance = random.Random(7)  # noqa: S311
    assert is_all_there(SENT[key], respell(copy.deepcopy(SENT[key]), chance))


@pytest.mark.parametrize(
    ("key", "element"),
    [(key, name) for key in KEYS for name in ("status", "lifecycleStatus", "code") if name in SENT[key]],
)
def test_what_a_person_changed_is_not_all_there(key, element):
    theirs = "on-hold" if isinstance(SENT[key][element], str) else {"text": "Soup kitchen"}
    assert not is_all_there(SENT[key], SENT[key] | {element: theirs})


def test_what_a_person_ticked_is_not_as_we_said_it():
    plan = copy.deepcopy(SENT["care-plan"])
    plan["activity"] = [
        part | ({"detail": part["detail"] | {"status": "completed"}} if "detail" in part else {})
        for part in plan["activity"]
    ]
    assert plan != SENT["care-plan"]
    assert not is_all_there(SENT["care-plan"], plan)


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
    said = {"resourceType": "Goal", "meta": {"profile": ["p"]}}
    wanted = {"resourceType": "Goal", "meta": {"profile": ["p"], "security": [LABEL]}}
    current = {"resourceType": "Goal", "id": "9", "meta": {"versionId": "1", "security": [OTHER]}}
    merged = merge(said, wanted, current)
    assert merged.is_needed
    assert merged.body["meta"] == {"versionId": "1", "security": [OTHER, BARE]}


def test_a_resource_without_its_label_is_not_all_there_and_one_with_further_labels_is():
    body = {"resourceType": "Goal", "meta": {"profile": ["p"], "security": [LABEL]}}
    assert not is_all_there(body, {"resourceType": "Goal", "meta": {"versionId": "1"}})
    assert not is_all_there(body, {"resourceType": "Goal", "meta": {"security": [OTHER]}})
    assert is_all_there(body, {"resourceType": "Goal", "meta": {"security": [OTHER, BARE]}})


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
