"""What people do in the EHR while Homeward works: they change what was proposed, and learn more about the patient."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.faults.census import chart_of
from benchmarks.faults.stays import Stay
from fhir_mappings import systems
from fhir_mappings.references import reference_of
from service.sandbox.hospital import Hospital

Json = dict[str, Any]

_WORDS: Final = " (as discussed with the family)"
_NOTE: Final = "The daughter was told on the ward."
#: By type, the element whose words a clinician changes: one that Homeward writes too. Best first.
_ELEMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "CarePlan": ("title",),
    "ServiceRequest": ("code", "text"),
    "Goal": ("description", "text"),
    "DocumentReference": ("description",),
    "Condition": ("code", "text"),
}
_NOTED: Final = ("CarePlan", "ServiceRequest", "Goal", "Condition")
_EACH, _NAMED = "*", "#"


@dataclass(frozen=True, slots=True)
class Edit:
    """A clinician's words in one resource ("CarePlan/7") of a stay.

    In path, "*" stands for every element of a list and "#id" for the one with that id.
    """

    reference: str
    path: tuple[str, ...]
    words: str

    def stands_in(self, resource: Mapping[str, Any]) -> bool:
        """Whether the EHR still has these words there."""
        return self.words in _values(resource, self.path)


def change_words(hospital: Hospital, ours: Iterable[Json], number: int) -> Edit | None:
    """Change the words of one of these resources, another type for each number; None where there is none to change."""
    found = {str(resource["resourceType"]): resource for resource in ours}
    kinds = [kind for kind in _ELEMENTS if kind in found and _words(found[kind], _ELEMENTS[kind])]
    if not kinds:
        return None
    kind = kinds[number % len(kinds)]
    path = _ELEMENTS[kind]
    current = hospital.read(reference_of(found[kind]))
    words = f"{_words(current, path)}{_WORDS}"
    hospital.put(_written(current, path, words))
    return Edit(reference_of(current), path, words)


def describe(hospital: Hospital, ours: Iterable[Json], number: int) -> Edit | None:
    """A nurse writes a description on the plan; other words where there is no CarePlan."""
    plan = _first(ours, "CarePlan")
    if plan is None:
        return change_words(hospital, ours, number)
    current = hospital.read(reference_of(plan))
    words = "Going home with the daughter; calls to be made after noon."
    hospital.put({**current, "description": words})
    return Edit(reference_of(plan), ("description",), words)


def tick(hospital: Hospital, ours: Iterable[Json], number: int) -> Edit | None:
    """A nurse ticks an activity of the plan and says so; other words where there is none to tick."""
    plan = _first(ours, "CarePlan")
    current = hospital.read(reference_of(plan)) if plan else {}
    worded = [place for place, activity in enumerate(current.get("activity", ())) if "detail" in activity]
    if not worded:
        return change_words(hospital, ours, number)
    activities = list(current["activity"])
    done = activities[worded[number % len(worded)]]
    ticked = {**done, "detail": {**done["detail"], "status": "completed"}, "progress": [{"text": _NOTE}]}
    activities[worded[number % len(worded)]] = ticked
    hospital.put({**current, "activity": activities})
    named = f"{_NAMED}{done['id']}" if "id" in done else _EACH
    return Edit(reference_of(current), ("activity", named, "detail", "status"), "completed")


def note(hospital: Hospital, ours: Iterable[Json], number: int) -> Edit | None:
    """Somebody adds a note to what we wrote; other words where nothing takes notes."""
    found = [resource for resource in ours if resource["resourceType"] in _NOTED]
    if not found:
        return change_words(hospital, ours, number)
    current = hospital.read(reference_of(found[number % len(found)]))
    hospital.put({**current, "note": [*current.get("note", ()), {"text": _NOTE}]})
    return Edit(reference_of(current), ("note", _EACH, "text"), _NOTE)


def sign_there(hospital: Hospital, ours: Iterable[Json], number: int) -> Edit | None:
    """A physician makes an order of what was proposed; other words where nothing was."""
    proposed = [
        resource
        for resource in ours
        if resource["resourceType"] == "ServiceRequest" and resource["status"] == "draft"
    ]
    if not proposed:
        return change_words(hospital, ours, number)
    current = hospital.read(reference_of(proposed[number % len(proposed)]))
    by = {"reference": "Practitioner/arthur-attending", "display": "Arthur Attending, MD"}
    hospital.put({**current, "status": "active", "intent": "order", "requester": by})
    return Edit(reference_of(current), ("status",), "active")


def add_words(hospital: Hospital, ours: Iterable[Json]) -> Edit | None:
    """A clinician writes into the newest note or message of ours; None where there is none."""
    chart = chart_of(hospital, ours)
    newest = chart.newest("DocumentReference") or chart.newest("Communication")
    if newest is None:
        return None
    current = hospital.read(newest.reference)
    name, *path = _path_of_words(current)
    part, *others = current[name]
    words = _added(part, path)
    hospital.put({**current, name: [_written(part, tuple(path), words), *others]})
    return Edit(newest.reference, (name, _EACH, *path), words)


def _path_of_words(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """Where a note or a message has its words."""
    if resource["resourceType"] == "DocumentReference":
        return "content", "attachment", "data"
    is_attached = "contentAttachment" in resource["payload"][0]
    return ("payload", "contentAttachment", "data") if is_attached else ("payload", "contentString")


def _added(part: Mapping[str, Any], path: Sequence[str]) -> str:
    """The words at a path with a line more, as they are kept there."""
    words = next(_values(part, tuple(path)))
    if path[-1] != "data":
        return f"{words}\n{_NOTE}"
    return b64encode(f"{b64decode(words).decode()}\n{_NOTE}".encode()).decode()


def revoke(hospital: Hospital, order: str) -> None:
    """The attending physician calls the discharge off."""
    hospital.put({**hospital.read(order), "status": "revoked"})


def finding(hospital: Hospital, stay: Stay) -> None:
    """A need that nobody had recorded before stands in the record now, so that the plan must change."""
    code = {"system": systems.ICD10CM, "code": "Z59.41", "display": "Food insecurity"}
    other = {"system": systems.ICD10CM, "code": "Z59.82", "display": "Transportation insecurity"}
    known = "food-insecurity" in stay.patient.needs
    hospital.put(
        {
            "resourceType": "Condition",
            "id": f"{stay.patient.id}-finding",
            "clinicalStatus": {"coding": [{"system": systems.CONDITION_CLINICAL, "code": "active"}]},
            "verificationStatus": {
                "coding": [{"system": systems.CONDITION_VERIFICATION, "code": "confirmed"}]
            },
            "category": [{"coding": [{"system": systems.CONDITION_CATEGORY, "code": "problem-list-item"}]}],
            "code": {"coding": [other if known else code]},
            "subject": {"reference": stay.subject},
            "encounter": {"reference": stay.patient.encounter},
        }
    )


def _first(ours: Iterable[Json], kind: str) -> Json | None:
    return next((resource for resource in ours if resource["resourceType"] == kind), None)


def _words(resource: Mapping[str, Any], path: tuple[str, ...]) -> str:
    return next(_values(resource, path), "")


def _values(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    """The strings at a path."""
    if not path:
        if isinstance(value, str):
            yield value
    elif isinstance(value, list):
        name, *rest = path
        for element in value:
            if name == _EACH or name == f"{_NAMED}{element.get('id')}":
                yield from _values(element, tuple(rest))
    elif isinstance(value, Mapping):
        yield from _values(value.get(path[0]), path[1:])


def _written(resource: Mapping[str, Any], path: tuple[str, ...], words: str) -> Json:
    name, *rest = path
    changed = _written(resource[name], tuple(rest), words) if rest else words
    return {**resource, name: changed}
