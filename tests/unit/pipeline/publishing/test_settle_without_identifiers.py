"""A write whose answer was lost, in an EHR that keeps no identifier: taken where exactly one is ours, never sent again."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from fhir_mappings.likeness import Likeness, hidden_texts, likeness, with_texts
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.reference_line import reference_line
from service.domain.publication import InFlight, LedgerEntry, WriteState
from service.domain.write_reason import WriteReason
from service.domain.write_shape import WriteShape
from service.ehr.capability import Capability, ResourceCapability
from service.ehr.writing import condition, searches_for
from service.pipeline.publishing.actions import Observed, Record, Sight, Situation, Wish, Write
from service.pipeline.publishing.reconcile import reconcile
from service.pipeline.publishing.settle import LOOKS_NOT_SHOWN
from tests.builders import draft_of

AT = datetime(2024, 3, 5, 12, 0, tzinfo=UTC)
LONG = timedelta(hours=1)
FOUND_BY = ("patient", "encounter", "type", "date")
TYPE = {"coding": [{"system": "http://loinc.org", "code": "18776-5"}]}
NAMED = draft_of("plan-document", {"resourceType": "DocumentReference"})


def attached(text, **more):
    data = base64.b64encode(text.encode()).decode()
    return [{"attachment": {"contentType": "text/plain", "data": data, **more}}]


def body(text):
    return {
        "resourceType": "DocumentReference",
        "type": TYPE,
        "subject": {"reference": "Patient/7"},
        "date": "2024-03-05T09:30:00+00:00",
        "content": attached(text),
        "context": {"encounter": [{"reference": "Encounter/12"}]},
    }


LINE = reference_line(NAMED.identifier)
NOTE = replace(NAMED, body=body(f"Discharge plan\n\n{LINE}\n"))


def capability(*parameters, **shape):
    offered = ResourceCapability(
        interactions=frozenset({"create", "read", "search-type"}),
        search_parameters=frozenset(parameters or {"identifier", *FOUND_BY}),
        conditional_create=True,
    )
    known = WriteShape(**{"found_by": FOUND_BY, **shape})
    return Capability(
        resources=MappingProxyType({"DocumentReference": offered}),
        writes=MappingProxyType({"DocumentReference": known}),
    )


def lost(**more):
    sent = InFlight(NOTE.body, NOTE.digest, WriteState.WAITING)
    return LedgerEntry(NOTE, WriteState.SENDING, NOTE.digest, in_flight=sent, **{"tried": AT - LONG, **more})


def decide(entry, sight, able=None, resource=None):
    author = Author("Homeward", "Example")
    wishes = {entry.draft.key: Wish.STAND}
    situation = Situation(able or capability(), wishes, author, AT, AT, patience=timedelta(minutes=1))
    look = Observed(sight, resource or {})
    actions = reconcile([entry], {entry.draft.key: look}, situation)
    assert not [action for action in actions if isinstance(action, Write)]
    records = [action.entry for action in actions if isinstance(action, Record)]
    return records[0] if records else entry


def test_it_is_looked_for_as_the_shape_says_and_with_less_where_that_is_refused():
    [*searches] = searches_for(NOTE, capability(), {})
    day = [("date", "ge2024-03-04T00:00:00Z"), ("date", "lt2024-05-06T00:00:00Z")]
    stay = [("patient", "7"), ("encounter", "12")]
    kind = ("type", "http://loinc.org|18776-5")
    assert [list(search.parameters) for search in searches] == [
        [*stay, kind, *day],
        [*stay, kind],
        stay,
        stay[:1],
    ]


def test_a_parameter_that_the_ehr_does_not_list_is_left_out_and_without_the_first_nobody_looks():
    [first, *_] = searches_for(NOTE, capability("patient", "type"), {})
    assert [name for name, _ in first.parameters] == ["patient", "type"]
    assert list(searches_for(NOTE, capability("identifier", "type"), {})) == []
    assert list(searches_for(NOTE, capability(found_by=()), {})) == []


def test_no_condition_is_sent_to_an_ehr_that_keeps_no_identifier():
    named = replace(NOTE, body={**NOTE.body, "identifier": [{"system": "x", "value": NOTE.identifier}]})
    assert condition(named, capability(found_by=None))
    assert condition(named, capability()) == ""


def test_none_is_looked_for_again_and_then_a_person_is_asked_and_it_is_never_sent_again():
    entry = lost(tried=AT)
    entry = decide(entry, Sight.NOWHERE)  # it may still be at work on it
    assert (entry.state, entry.reason) == (WriteState.SENDING, WriteReason.NOT_FOUND_OUT)
    entry = replace(entry, tried=AT - LONG)
    for _ in range(LOOKS_NOT_SHOWN):
        entry = decide(entry, Sight.NOWHERE)
    assert (entry.state, entry.reason) == (WriteState.UNKNOWN, WriteReason.NOT_SHOWN)
    assert decide(entry, Sight.NOWHERE) == entry


def test_what_shows_only_later_is_a_persons_at_once_and_is_taken_up_when_it_shows():
    able = capability(shows_at_once=False)
    entry = decide(lost(tried=AT), Sight.NOWHERE, able)
    assert (entry.state, entry.reason) == (WriteState.UNKNOWN, WriteReason.NOT_SHOWN)
    shown = decide(entry, Sight.THERE, able, {**NOTE.body, "id": "9"})
    assert (shown.state, shown.reference) == (WriteState.LANDED, "DocumentReference/9")


@pytest.mark.parametrize(
    ("sight", "reason"),
    [
        (Sight.NO_WAY, WriteReason.CANNOT_LOOK),
        (Sight.PERHAPS, WriteReason.PERHAPS_THERE),
    ],
)
def test_what_cannot_be_told_is_a_persons(sight, reason):
    entry = decide(lost(), sight)
    assert (entry.state, entry.reason) == (WriteState.UNKNOWN, reason)


def test_two_of_ours_are_told_and_never_joined():
    assert decide(lost(), Sight.SEVERAL).reason is WriteReason.MORE_THAN_ONE


def as_kept(**more):
    """The note as an EHR keeps it: another type, the day on which it was filed, and no identifier."""
    local = {"coding": [{"system": "urn:oid:1.2", "code": "4", "userSelected": True}], "text": "Plan"}
    return {**NOTE.body, "id": "9", "type": local, "date": "2024-03-06", **more}


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (as_kept(), Likeness.OURS),
        (as_kept(subject={"reference": "Patient/8"}), Likeness.PERHAPS),
        (as_kept(context={"encounter": [{"reference": "Encounter/13"}]}), Likeness.PERHAPS),
        (as_kept(content=attached("A nurse's note")), Likeness.OTHER),
        (as_kept(content=attached(reference_line("urn:uuid:another"))), Likeness.OTHER),
        (as_kept(content=attached(f"{LINE}\n\nAddendum: seen.")), Likeness.OURS),
    ],
)
def test_whose_a_note_is_the_line_in_its_text_says(found, verdict):
    assert likeness(found, NOTE) is verdict


def test_a_text_behind_a_url_is_read_where_only_it_tells():
    hidden = as_kept(type=TYPE, content=[{"attachment": {"contentType": "text/plain", "url": "Binary/3"}}])
    assert likeness(hidden, NOTE) is Likeness.PERHAPS
    [part] = hidden_texts(hidden, NOTE)
    assert part["url"] == "Binary/3"
    assert likeness(with_texts(hidden, {"Binary/3": f"Plan\n{LINE}"}), NOTE) is Likeness.OURS
    assert likeness(with_texts(hidden, {"Binary/3": "Another's"}), NOTE) is Likeness.OTHER
    assert hidden_texts(as_kept(), NOTE) == []


SOURCE = draft_of(
    "provenance",
    {
        "resourceType": "Provenance",
        "target": [{"reference": "DocumentReference/9"}],
        "recorded": "2024-03-05T09:30:00Z",
        "agent": [{"who": {"display": "Example Hospital"}}],
    },
)


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, Likeness.OURS),
        ({"recorded": "2024-03-05T10:30:00+01:00"}, Likeness.OURS),
        ({"recorded": "2024-03-05T09:31:00Z"}, Likeness.OTHER),  # as the EHR makes one of its own
        ({"target": [{"reference": "DocumentReference/8"}]}, Likeness.OTHER),
        ({"target": []}, Likeness.PERHAPS),
    ],
)
def test_a_provenance_is_known_by_what_it_speaks_of_and_when_it_was_recorded(changed, verdict):
    kept = {name: part for name, part in SOURCE.body.items() if name != "meta"}
    assert likeness({**kept, **changed}, SOURCE) is verdict


def test_what_is_found_by_what_it_speaks_of_is_sent_again_when_it_is_not_there():
    able = capability("target", found_by=("target",))
    author = Author("Homeward", "Example")
    situation = Situation(able, {NOTE.key: Wish.STAND}, author, AT, AT)
    [action] = reconcile([lost()], {NOTE.key: Observed(Sight.NOWHERE)}, situation)
    assert isinstance(action, Write)
