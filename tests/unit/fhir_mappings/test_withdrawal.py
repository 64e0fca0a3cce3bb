from datetime import UTC, datetime

import pytest

from fhir_mappings.outbound.validate import validate
from fhir_mappings.withdrawal import closed_task, hold_task, status_of, withdraw
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


def call_off(current):
    return withdraw(current, current, author=AUTHOR, recorded=NOW)


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
def test_what_is_called_off_says_so_by_its_status_and_keeps_all_else(kind, before, after):
    current = resource(kind, before, note=[{"text": "a person's"}])
    off = call_off(current)
    assert off is not None
    assert (status_of(off.body), off.before, off.given) == (after, before, after)
    assert off.body["unknown"] == {"kept": True}
    assert off.body["note"][0] == {"text": "a person's"}


@pytest.mark.parametrize("status", ["completed", "revoked", "on-hold", "entered-in-error", "unknown", ""])
@pytest.mark.parametrize("kind", ["CarePlan", "ServiceRequest", "Goal", "Provenance", "Task"])
def test_what_is_neither_draft_nor_approved_is_left_alone(kind, status):
    assert call_off(resource(kind, status)) is None


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
