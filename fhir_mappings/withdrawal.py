"""Taking back what we wrote when a discharge is called off, most often a delay, and bringing it back.

Drafts are revoked, what a person has approved is put on hold; never entered-in-error, because it was not an error. The
reason stands in the resource and says what the status was: so it can be told whether we did it, and undone.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from fhir_mappings import systems
from fhir_mappings.outbound.author import AUTHOR, Author
from service.domain.publication import Draft

Json = dict[str, Any]

#: Status now → status when the discharge is called off. What is not here (completed, revoked …) is left alone.
_WITHDRAWN: Final[Mapping[str, Mapping[str, str]]] = {
    "CarePlan": {"draft": "revoked", "active": "on-hold"},
    "ServiceRequest": {"draft": "revoked", "active": "on-hold"},
    "Task": {"requested": "on-hold", "accepted": "on-hold", "in-progress": "on-hold"},
    "Goal": {"proposed": "cancelled", "planned": "on-hold", "accepted": "on-hold", "active": "on-hold"},
}
_ON_HOLD: Final = "on-hold"
_HOLD: Final = "on-hold:"
_REASON: Final = "The discharge was cancelled or delayed; this was {} before."
_OUR_REASON: Final = re.compile(re.escape(_REASON).replace(r"\{\}", "([a-z-]+)"))
_GOES_ON: Final = "The discharge goes on; the referral is active again."
_TASK: Final = (
    "The discharge was cancelled or delayed, and this approved referral is on hold. Tell the provider; decide whether it "
    "still stands. It becomes active again by itself when a new discharge order comes."
)


def withdrawn(resource: Json, *, author: Author, recorded: datetime) -> Json | None:
    """The resource as it is to stand while there is no discharge; None when it is to be left alone."""
    before = status_of(resource)
    after = _WITHDRAWN.get(str(resource.get("resourceType")), {}).get(before)
    if not after:
        return None
    reason = _REASON.format(before)
    if resource["resourceType"] == "Goal":
        dated = {"statusDate": recorded.date().isoformat(), "statusReason": reason}
        return resource | dated | {"lifecycleStatus": after}
    if resource["resourceType"] == "Task":
        return resource | {"status": after, "statusReason": {"text": reason}}
    note = {
        "authorString": author.device_name,
        "time": recorded.isoformat(timespec="seconds"),
        "text": reason,
    }
    return resource | {"status": after, "note": [*_notes(resource), note]}


def status_before(resource: Json) -> str:
    """The status that a resource had before we withdrew it; "" when it is not as we left it then."""
    texts = [_reason_of(resource), *(note.get("text") for note in _notes(resource))]
    found = [match[1] for text in texts if isinstance(text, str) and (match := _OUR_REASON.fullmatch(text))]
    before = found[-1] if found else ""
    ours = _WITHDRAWN.get(str(resource.get("resourceType")), {})
    return before if before and ours.get(before) == status_of(resource) else ""


def restored(resource: Json) -> Json | None:
    """The resource with the status it had before we withdrew it, and without our reason; None when that was not us."""
    before = status_before(resource)
    if not before:
        return None
    name = "lifecycleStatus" if resource["resourceType"] == "Goal" else "status"
    return without_reason(resource) | {name: before}


def without_reason(resource: Json) -> Json:
    """The resource without the reason for which we withdrew it; notes of people stay."""
    notes = [note for note in _notes(resource) if not _OUR_REASON.fullmatch(str(note.get("text", "")))]
    ours = {"note"} | ({"statusReason", "statusDate"} if _is_our_reason(_reason_of(resource)) else set())
    rest = {name: part for name, part in resource.items() if name not in ours}
    return rest | ({"note": notes} if notes else {})


def is_on_hold(resource: Json) -> bool:
    """Whether work on it rests."""
    return status_of(resource) == _ON_HOLD


def status_of(resource: Mapping[str, Any]) -> str:
    """The status, or a Goal's lifecycleStatus; "" for a type without."""
    return str(resource.get("lifecycleStatus") or resource.get("status") or "")


def hold_task(request: Json, of: Draft, number: int, *, author: Author, recorded: datetime) -> Draft:
    """A Task for a person about an approved ServiceRequest on hold. number counts the holds of this request, from 1."""
    key = f"{hold_key(of)}{number}"
    identifier = _derived(of.identifier, key)
    body = {
        "resourceType": "Task",
        "contained": [author.device()],
        "identifier": [{"system": systems.URI_IDENTIFIER, "value": identifier}],
        "status": "requested",
        "intent": "plan",
        "code": {"text": "Referral on hold"},
        "description": _TASK,
        "focus": {"reference": f"ServiceRequest/{request['id']}"},
        **{
            name: request[its]
            for name, its in (("for", "subject"), ("encounter", "encounter"))
            if its in request
        },
        "authoredOn": recorded.isoformat(timespec="seconds"),
        "requester": AUTHOR,
    }
    return Draft(key, "Task", identifier, _derived(of.full_url, key), body)


def hold_key(of: Draft) -> str:
    """What the keys of all tasks about one request on hold begin with."""
    return f"{_HOLD}{of.key}:"


def is_hold_task(draft: Draft) -> bool:
    """Whether a draft is a task of ours about a request on hold."""
    return draft.resource_type == "Task" and draft.key.startswith(_HOLD)


def closed_task(task: Json) -> Json | None:
    """The Task called off because the referral goes on; None when a person has already taken it up."""
    if task.get("status") != "requested":
        return None
    return task | {"status": "cancelled", "statusReason": {"text": _GOES_ON}}


def _reason_of(resource: Mapping[str, Any]) -> object:
    """A Goal's statusReason is text in our words, a Task's a concept with one."""
    reason = resource.get("statusReason")
    return reason.get("text") if isinstance(reason, dict) else reason


def _notes(resource: Mapping[str, Any]) -> list[Json]:
    notes = resource.get("note")
    return [note for note in notes if isinstance(note, dict)] if isinstance(notes, list) else []


def _is_our_reason(text: object) -> bool:
    return isinstance(text, str) and _OUR_REASON.fullmatch(text) is not None


def _derived(urn: str, key: str) -> str:
    return f"urn:uuid:{uuid5(UUID(urn.removeprefix('urn:uuid:')), key)}"
