"""What a person who looks at the demo is told of where the plan stands."""

from typing import Any

from service.domain.publication import Landing, LedgerEntry, WriteState
from service.domain.write_reason import WriteReason
from service.sandbox.inpatients import inpatients
from service.sandbox.landing import main_resource, where_it_stands
from tests.builders import draft_of

PATIENT = inpatients()[0]


class Held:
    """A hospital whose EHR holds so many of each type."""

    def __init__(self, **counts: int) -> None:
        self.counts = counts

    def ours(self, _patient: object, kind: str) -> list[dict[str, Any]]:
        return [{"resourceType": kind, "id": str(number)} for number in range(self.counts.get(kind, 0))]


def said(hospital: Any, *entries: LedgerEntry) -> list[str]:
    return list(where_it_stands(hospital, PATIENT, entries))


def entry(kind: str, **more: Any) -> LedgerEntry:
    draft = draft_of(kind, {"resourceType": kind})
    return LedgerEntry(draft, **{"state": WriteState.LANDED, "digest": draft.digest, **more})


def test_what_is_in_the_ehr_is_counted_there():
    assert said(Held(DocumentReference=1, ServiceRequest=3)) == [
        "In the EHR: 1 DocumentReference, 3 ServiceRequest."
    ]
    assert said(Held()) == ["In the EHR: nothing."]


def test_what_is_not_there_as_itself_is_told_with_its_reason():
    goal = entry("Goal", rung=Landing.DOCUMENT)
    refused = entry(
        "Task", rung=Landing.PAGE, state=WriteState.IMPOSSIBLE, reason=WriteReason.NO_CREATE, detail="Task"
    )
    assert said(Held(), goal, goal, refused)[1:] == [
        "Goal (2): It stands in the plan document.",
        "Task (1): The EHR does not let us create a Task. It stands on Homeward's page only.",
    ]


def test_what_nobody_knows_is_a_persons():
    assert "a person must look" in said(Held(), entry("Condition", state=WriteState.UNKNOWN))[1]


def test_the_plan_is_shown_where_most_of_it_stands():
    def shown(**counts: int) -> list[str]:
        hospital: Any = Held(**counts)
        return [one["resourceType"] for one in main_resource(hospital, PATIENT)]

    assert shown(CarePlan=1, DocumentReference=1) == ["CarePlan"]
    assert shown(DocumentReference=2, ServiceRequest=4) == ["DocumentReference"]
    assert shown(ServiceRequest=4) == []
