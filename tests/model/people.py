"""What clinicians do to our resources in an EHR's own screens, and how it is seen that it stands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from fhir_mappings.sameness import still_says

Json = dict[str, Any]

NURSE: Final = {"reference": "Practitioner/nina", "type": "Practitioner", "display": "Nina Example, RN"}
NOTE: Final = {"text": "Asked her: yes", "authorReference": NURSE, "time": "2024-03-06T09:00:00Z"}
_DIV: Final = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Hers</p></div>'


@dataclass(frozen=True, slots=True, repr=False)
class Edit:
    """A person's change of one element. stands tells of a resource whether their words are in it.

    A later edit of the same element takes the place of this one. to_status is the status that it gives, "" for none.
    """

    name: str
    kind: str
    element: str
    apply: Callable[[Json], object]
    stands: Callable[[Json], bool]
    to_status: str = ""

    def __repr__(self) -> str:
        return f"<{self.name} of a {self.kind}>"

    def _repr_pretty_(self, printer: Any, _: bool) -> None:  # noqa: FBT001
        """Print it in one line when an example is told."""
        printer.text(repr(self))


def _set(kind: str, element: str, value: Any, name: str = "") -> Edit:
    return Edit(
        name or f"set {element} to {value}",
        kind,
        element,
        lambda resource: resource.update({element: value}),
        lambda resource: still_says(value, resource.get(element)),
        value if element in {"status", "lifecycleStatus"} else "",
    )


def _add(kind: str, element: str, item: Json) -> Edit:
    return Edit(
        f"add to {element}",
        kind,
        f"{element}+",
        lambda resource: (
            resource.update({element: [item, *resource.get(element, [])]})
            if item not in resource.get(element, [])
            else None
        ),
        lambda resource: any(still_says(item, other) for other in resource.get(element, [])),
    )


def _sign(resource: Json) -> None:
    resource.update({"status": "active", "intent": "order", "requester": NURSE})


def _details(resource: Json, words: str) -> list[Json]:
    details = [item.get("detail", {}) for item in resource.get("activity", ())]
    return [detail for detail in details if words in detail.get("description", "")]


def _tick(words: str, status: str) -> Edit:
    def tick(resource: Json) -> None:
        for detail in _details(resource, words):
            detail["status"] = status

    return Edit(
        f"tick {words}",
        "CarePlan",
        f"activity:{words}",
        tick,
        lambda resource: (
            not _details(resource, words)
            or any(detail["status"] == status for detail in _details(resource, words))
        ),
    )


EDITS: Final = (
    _tick("Check food pantry", "completed"),
    _tick("Check food pantry", "in-progress"),
    _tick("How to use rides", "completed"),
    _add("CarePlan", "activity", {"detail": {"status": "scheduled", "description": "Theirs"}}),
    _add("CarePlan", "goal", {"reference": "Goal/theirs"}),
    _add("CarePlan", "note", NOTE),
    _add("CarePlan", "contributor", NURSE),
    _set("CarePlan", "title", "Plan for home"),
    _set("CarePlan", "text", {"status": "additional", "div": _DIV}),
    _set("CarePlan", "status", "active"),
    _set("CarePlan", "status", "completed"),
    _set("CarePlan", "status", "revoked"),
    _set("Goal", "lifecycleStatus", "active"),
    _set("Goal", "lifecycleStatus", "completed"),
    _set("Goal", "description", {"text": "Eats well"}),
    _set("Goal", "achievementStatus", {"text": "improving"}),
    _add("Goal", "note", NOTE),
    Edit(
        "sign",
        "ServiceRequest",
        "status",
        _sign,
        lambda resource: bool(resource["status"] == "active"),
        "active",
    ),
    _set("ServiceRequest", "status", "on-hold"),
    _set("ServiceRequest", "status", "completed"),
    _set("ServiceRequest", "status", "revoked"),
    _set("ServiceRequest", "priority", "urgent"),
    _set("ServiceRequest", "patientInstruction", "Call us first"),
    _set("ServiceRequest", "insurance", [{"reference": "Coverage/1"}]),
    _add("ServiceRequest", "note", NOTE),
    _add("ServiceRequest", "performer", {"reference": "Organization/theirs"}),
    _set("Task", "status", "accepted"),
    _set("Task", "status", "completed"),
    _set("Task", "owner", {"reference": "Organization/theirs"}),
    _add("Task", "note", NOTE),
)
#: What calling a discharge off makes of a status that a person gave.
HELD: Final = {
    ("CarePlan", "active"): "on-hold",
    ("ServiceRequest", "active"): "on-hold",
    ("Task", "accepted"): "on-hold",
    ("Goal", "active"): "on-hold",
}
