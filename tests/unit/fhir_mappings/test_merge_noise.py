"""Properties of the merge: what a server does by itself is no person's edit, and nothing of anybody's is lost."""

import copy
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings.merge import merge
from fhir_mappings.sameness import still_says
from tests.spellings import (
    add_ids,
    contain_nothing,
    drop_displays,
    drop_what_it_does_not_keep,
    lead_from_root,
    move_attachments,
    put_local_codings_first,
    reorder,
    respell_times,
    space_words,
)
from tests.written_bodies import SENT, WANTED, reword

Json = dict[str, Any]

KEYS = sorted(SENT)
keys = st.sampled_from(KEYS)
wishes = st.sampled_from(["the next plan", "other words"])


def wanted(key: str, wish: str) -> Json:
    return WANTED.get(key, SENT[key]) if wish == "the next plan" else reword(SENT[key])


NOISES = [
    add_ids,
    reorder,
    drop_displays,
    put_local_codings_first,
    respell_times,
    drop_what_it_does_not_keep,
    contain_nothing,
    move_attachments,
    space_words,
    lead_from_root,
]


@st.composite
def kept_by_a_server(draw: st.DrawFn, key: str) -> Json:
    """What we sent, as a server may hold it."""
    resource = copy.deepcopy(SENT[key])
    chance = random.Random(draw(st.integers(0, 10_000)))  # noqa: S311
    for make_noise in draw(st.lists(st.sampled_from(NOISES), unique=True, max_size=5)):
        resource = make_noise(resource, chance)
    return resource | {"id": "9"}


@pytest.mark.parametrize("make_noise", NOISES)
@pytest.mark.parametrize("key", KEYS)
def test_what_a_server_does_by_itself_is_no_persons_edit(key, make_noise):
    held = make_noise(copy.deepcopy(SENT[key]), random.Random(7)) | {"id": "9"}  # noqa: S311
    for wish in ("the next plan", "other words"):
        merged = merge(SENT[key], wanted(key, wish), held)
        assert (merged.persons, merged.kept_out) == (frozenset(), frozenset())
    assert not merge(SENT[key], SENT[key], held).is_needed


@given(st.data(), keys, wishes)
@settings(deadline=None)
def test_several_habits_of_a_server_are_no_persons_edit(data, key, wish):
    held = data.draw(kept_by_a_server(key))
    merged = merge(SENT[key], wanted(key, wish), held)
    assert (merged.persons, merged.kept_out) == (frozenset(), frozenset())
    assert not merge(SENT[key], SENT[key], held).is_needed


@given(keys, wishes)
@settings(deadline=None)
def test_where_nobody_was_the_body_is_ours(key, wish):
    ours = wanted(key, wish)
    merged = merge(SENT[key], ours, SENT[key] | {"id": "9"})
    for name, part in ours.items():
        assert still_says(part, merged.body[name]), name
    assert merged.body.keys() == ours.keys() | {"id"}
    assert merged.said == ours
    made_on = {"recorded", "sent", "date", "recordedDate", "created", "authoredOn", "startDate"}
    differs = {name for name in ours.keys() | SENT[key].keys() if ours.get(name) != SENT[key].get(name)}
    assert merged.is_needed is bool(differs - made_on)


@given(st.data(), keys, wishes)
@settings(deadline=None)
def test_merging_again_what_was_put_changes_nothing(data, key, wish):
    held, ours = data.draw(kept_by_a_server(key)), wanted(key, wish)
    merged = merge(SENT[key], ours, held)
    for base in (SENT[key], merged.said):
        again = merge(base, ours, merged.body)
        assert again.body == merged.body
        assert not again.is_needed


DEVICE = {
    "identifier": {"system": "urn:ours", "value": "urn:uuid:7"},
    "type": "Device",
    "display": "Homeward",
}


@pytest.mark.parametrize(
    ("found", "is_same"),
    [
        (DEVICE, True),
        ({"reference": "Device/5", **DEVICE}, True),
        ({"reference": "Device/5"}, True),
        ({"display": "Homeward"}, True),
        ({"reference": "Practitioner/5"}, False),
        ({"display": "Nina Example"}, False),
        ({"identifier": {"system": "urn:ours", "value": "urn:uuid:8"}}, False),
        ({}, False),
    ],
)
def test_a_reference_by_identifier_may_be_resolved_or_kept_in_words(found, is_same):
    assert still_says(DEVICE, found) is is_same
