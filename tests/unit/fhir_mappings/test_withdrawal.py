from datetime import UTC, datetime

import pytest

from fhir_mappings.outbound.validate import validate
from fhir_mappings.withdrawal import closed_task, hold_task, restored, status_before, withdrawn
from tests.builders import draft_of
from tests.ehr_fixtures import AUTHOR

NOW = datetime(2024, 3, 5, 15, 0, tzinfo=UTC)
STATUS = {"Goal": "lifecycleStatus"}


def resource(kind, status, **more):
    return {
        "resourceType": kind,
        "id": "9",
        STATUS.get(kind, "status"): status,
        "unknown": {"kept": True},
        **more,
    }


def call_off(one):
    return withdrawn(one, author=AUTHOR, recorded=NOW)


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("CarePlan", "draft", "revoked"),
        ("CarePlan", "active", "on-hold"),
        ("ServiceRequest", "draft", "revoked"),
        ("ServiceRequest", "active", "on-hold"),
        ("Goal", "proposed", "cancelled"),
        ("Goal", "accepted", "on-hold"),
    ],
)
def test_what_is_withdrawn_can_be_restored_to_the_letter(kind, before, after):
    one = resource(kind, before, note=[{"text": "a person's"}])
    off = call_off(one)
    assert off[STATUS.get(kind, "status")] == after
    assert off["unknown"] == {"kept": True}
    assert status_before(off) == before
    assert restored(off) == one


@pytest.mark.parametrize("status", ["completed", "revoked", "on-hold", "entered-in-error", "unknown", ""])
@pytest.mark.parametrize("kind", ["CarePlan", "ServiceRequest", "Goal", "Provenance", "Task"])
def test_what_is_neither_draft_nor_approved_is_left_alone(kind, status):
    assert call_off(resource(kind, status)) is None


def test_what_a_person_ended_is_not_ours_to_restore():
    assert restored(resource("ServiceRequest", "revoked")) is None
    ended = call_off(resource("ServiceRequest", "active")) | {"status": "completed"}
    assert restored(ended) is None


def test_a_note_that_is_none_is_no_reason():
    assert status_before(resource("CarePlan", "revoked", note="odd")) == ""
    assert status_before(resource("CarePlan", "revoked", note=[7, {"text": None}])) == ""


def test_the_task_about_a_referral_on_hold_is_valid_and_stable():
    request = resource(
        "ServiceRequest", "active", subject={"reference": "Patient/7"}, encounter={"reference": "Encounter/1"}
    )
    of = draft_of("referral", {"resourceType": "ServiceRequest"})
    task = hold_task(request, of, 1, author=AUTHOR, recorded=NOW)
    assert validate(task.body)
    assert task.body["focus"] == {"reference": "ServiceRequest/9"}
    assert task.body["encounter"] == {"reference": "Encounter/1"}
    assert task.identifier == hold_task(request, of, 1, author=AUTHOR, recorded=NOW).identifier
    assert task.identifier != hold_task(request, of, 2, author=AUTHOR, recorded=NOW).identifier


def test_only_a_task_that_nobody_took_up_is_closed():
    closed = closed_task({"status": "requested"})
    assert closed is not None
    assert closed["status"] == "cancelled"
    assert closed_task({"status": "accepted"}) is None
