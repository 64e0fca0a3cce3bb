"""Properties of the merge: what a server does by itself is no person's edit, and nothing of anybody's is lost."""

import copy
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings.merge import merge
from fhir_mappings.sameness import still_says
from tests.written_bodies import SENT, WANTED, reword

Json = dict[str, Any]

KEYS = sorted(SENT)
keys = st.sampled_from(KEYS)
wishes = st.sampled_from(["the next plan", "other words"])


def wanted(key: str, wish: str) -> Json:
    return WANTED.get(key, SENT[key]) if wish == "the next plan" else reword(SENT[key])


def add_ids(part: Any, chance: random.Random) -> Any:
    """Element ids, as some servers give them."""
    if isinstance(part, dict):
        made = {name: add_ids(value, chance) for name, value in part.items()}
        return (
            made if "resourceType" in made or chance.random() < 0.5 else {"id": str(chance.random()), **made}
        )
    return [add_ids(item, chance) for item in part] if isinstance(part, list) else part


def reorder(part: Any, chance: random.Random) -> Any:
    """Lists in another order."""
    if isinstance(part, dict):
        return {name: reorder(value, chance) for name, value in part.items()}
    if isinstance(part, list):
        items = [reorder(item, chance) for item in part]
        chance.shuffle(items)
        return items
    return part


def drop_displays(part: Any, _: random.Random) -> Any:
    """Codings and references without their displays; one that is nothing else keeps it."""
    if isinstance(part, dict):
        bare = "code" in part or "reference" in part
        return {
            name: drop_displays(value, _) for name, value in part.items() if not (name == "display" and bare)
        }
    return [drop_displays(item, _) for item in part] if isinstance(part, list) else part


def put_local_codings_first(part: Any, _: random.Random) -> Any:
    """A coding of its own in front of ours."""
    if isinstance(part, dict):
        made = {name: put_local_codings_first(value, _) for name, value in part.items()}
        if isinstance(made.get("coding"), list):
            local = {"system": "urn:oid:1.2.3", "code": "77", "userSelected": True}
            made["coding"] = [local, *made["coding"]]
        return made
    return [put_local_codings_first(item, _) for item in part] if isinstance(part, list) else part


def respell_times(part: Any, chance: random.Random) -> Any:
    """Z in place of +00:00, a fraction of a second more, or no time at all."""
    if isinstance(part, dict):
        return {name: respell_times(value, chance) for name, value in part.items()}
    if isinstance(part, list):
        return [respell_times(item, chance) for item in part]
    if isinstance(part, str) and part.endswith("+00:00"):
        return (
            part.replace("+00:00", chance.choice(["Z", ".000Z", ".412+00:00"]))
            if chance.random() < 0.8
            else part[:10]
        )
    return part


def drop_what_it_does_not_keep(resource: Json, _: random.Random) -> Json:
    """Without notes, identifiers, tags and descriptions."""
    return {
        name: part
        for name, part in resource.items()
        if name not in {"note", "identifier", "extension"}
        and (name, resource["resourceType"]) != ("description", "DocumentReference")
    } | {"meta": {"versionId": "3", "lastUpdated": "2024-03-05T09:30:01Z"}}


def contain_nothing(resource: Json, _: random.Random) -> Json:
    """What was contained as resources of their own."""
    types = {f"#{part['id']}": part["resourceType"] for part in resource.get("contained", ())}

    def lead(part: Any) -> Any:
        if isinstance(part, dict):
            there = part.get("reference")
            moved = {"reference": f"{types[there]}/55"} if isinstance(there, str) and there in types else {}
            return {name: lead(value) for name, value in part.items()} | moved
        return [lead(item) for item in part] if isinstance(part, list) else part

    return {name: lead(part) for name, part in resource.items() if name != "contained"}


def move_attachments(part: Any, _: random.Random) -> Any:
    """Attachments behind a URL."""
    if isinstance(part, dict):
        made = {name: move_attachments(value, _) for name, value in part.items()}
        if made.pop("data", None) is not None:
            made["url"] = "Binary/5"
        return made
    return [move_attachments(item, _) for item in part] if isinstance(part, list) else part


def space_words(part: Any, _: random.Random, name: str = "") -> Any:
    """A line break after a note or an instruction."""
    if isinstance(part, dict):
        return {key: space_words(value, _, key) for key, value in part.items()}
    if isinstance(part, list):
        return [space_words(item, _, name) for item in part]
    return f"{part}\n" if name in {"text", "patientInstruction", "description"} else part


def lead_from_root(part: Any, _: random.Random) -> Any:
    """Absolute references, some with a version."""
    if isinstance(part, dict):
        there = part.get("reference")
        whole = isinstance(there, str) and not there.startswith("#")
        moved = {"reference": f"https://ehr.example/fhir/{there}/_history/2"} if whole else {}
        return {name: lead_from_root(value, _) for name, value in part.items()} | moved
    return [lead_from_root(item, _) for item in part] if isinstance(part, list) else part


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
