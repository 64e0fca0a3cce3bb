"""What was called off comes back by codes, whatever the EHR did to our sentence."""

import copy
from datetime import UTC, datetime

import pytest

from fhir_mappings.merge import merge
from fhir_mappings.resumption import resume
from fhir_mappings.withdrawal import retire, status_of, with_status, withdraw
from tests.ehr_fixtures import AUTHOR
from tests.written_bodies import SENT

NOW = datetime(2024, 3, 5, 15, 0, tzinfo=UTC)
PEOPLES = {"text": "Asked her: yes", "authorString": "Nina Example"}


def hold(key):
    off = withdraw(SENT[key], SENT[key] | {"id": "9"}, author=AUTHOR, recorded=NOW)
    assert off is not None
    return off


def bring_back(off, ours, current):
    back = resume(off.said, ours, current, before=off.before, given=off.given)
    assert back is not None
    return back


def reword(resource):
    """The same resource, which says in other words why it was called off."""
    words = {"note": [{"text": "Called off."}], "statusReason": "Called off."}
    return resource | {name: words[name] for name in words if name in resource}


def drop(*names):
    return lambda resource: {name: part for name, part in resource.items() if name not in names}


def end_lines(resource):
    notes = [note | {"text": f"{note['text']}\n"} for note in resource.get("note", ())]
    return resource | ({"note": notes} if notes else {})


def append(resource):
    notes = [note | {"text": f"{note['text']} Nina: told the pantry."} for note in resource.get("note", ())]
    return resource | ({"note": notes} if notes else {})


HABITS = [lambda resource: resource, drop("note", "statusReason", "statusDate"), end_lines, append, reword]
HELD = [
    "referral:rides",
    "care-plan",
    "goal:food-insecurity:enough",
    "plan-document",
    "concern:transportation",
]


@pytest.mark.parametrize("keep", HABITS)
@pytest.mark.parametrize("call_off", [withdraw, retire])
@pytest.mark.parametrize("key", HELD)
def test_it_comes_back_whatever_the_ehr_did_to_our_sentence(key, call_off, keep):
    off = call_off(SENT[key], SENT[key] | {"id": "9"}, author=AUTHOR, recorded=NOW)
    assert off is not None
    current = keep(copy.deepcopy(off.body))
    back = bring_back(off, SENT[key], current)
    assert back.is_needed
    assert status_of(back.body) == status_of(SENT[key])
    assert back.said == SENT[key]
    assert back.kept_out == frozenset()
    assert not merge(back.said, SENT[key], back.body).is_needed


@pytest.mark.parametrize("key", HELD)
def test_our_sentence_goes_with_the_status_and_what_people_wrote_stays(key):
    off = hold(key)
    current = off.body | {"note": [*off.body.get("note", ()), PEOPLES]}
    back = bring_back(off, SENT[key], current).body
    assert back["note"] == [*SENT[key].get("note", ()), PEOPLES]
    assert "statusReason" not in back
    assert back.get("description") == SENT[key].get("description")


@pytest.mark.parametrize("status", ["active", "completed", "entered-in-error", "revoked"])
def test_what_a_person_moved_on_meanwhile_is_theirs(status):
    off = hold("referral:rides")
    assert (
        resume(
            off.said, SENT["referral:rides"], off.body | {"status": status}, before="active", given="on-hold"
        )
        is None
    )


def test_what_a_person_signed_there_comes_back_signed_and_stays_theirs():
    draft = with_status(SENT["social-work-follow-up"], "draft")
    signed = draft | {"id": "9", "status": "active", "intent": "order"}
    off = withdraw(draft, signed, author=AUTHOR, recorded=NOW)
    assert off is not None
    assert off.body["status"] == "on-hold"
    assert off.before == "active"
    back = bring_back(off, draft, off.body)
    assert (back.body["status"], back.body["intent"]) == ("active", "order")
    again = merge(back.said, draft, back.body)
    assert again.body["status"] == "active"
    assert again.persons == {"status"}
    assert not again.is_needed


def test_what_was_declined_while_on_hold_does_not_come_back_active():
    off = hold("referral:rides")
    declined = with_status(SENT["referral:rides"], "revoked")
    assert status_of(bring_back(off, declined, off.body).body) == "revoked"


@pytest.mark.parametrize("given", ["", "revoked"])
def test_what_we_did_not_leave_so_is_not_ours_to_bring_back(given):
    off = hold("referral:rides")
    assert resume(off.said, SENT["referral:rides"], off.body, before=off.before, given=given) is None
