"""Taking back what we wrote when a discharge is called off, most often a delay, and bringing it back.

Drafts are revoked, what a person has approved is put on hold; never entered-in-error, because it was not an error. Why it
was taken back stands in the resource for people. Whether we did it, and from which status, is told by codes alone: the
ledger keeps the status before, and a resource is as we left it while it has the status that follows from that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from fhir_mappings import systems
from fhir_mappings.inbound.codes import bare_code
from fhir_mappings.outbound.author import Author, without_orphans
from fhir_mappings.own_marks import own_identifier, with_source, with_tag
from fhir_mappings.references import literal
from service.domain.publication import Draft

Json = dict[str, Any]

#: Status now → status when the discharge is called off. What is not here (completed, revoked …) is left alone.
_WITHDRAWN: Final[Mapping[str, Mapping[str, str]]] = {
    "CarePlan": {"draft": "revoked", "active": "on-hold"},
    "ServiceRequest": {"draft": "revoked", "active": "on-hold"},
    "Task": {"requested": "on-hold", "accepted": "on-hold", "in-progress": "on-hold"},
    "Goal": {"proposed": "cancelled", "planned": "on-hold", "accepted": "on-hold", "active": "on-hold"},
    "DocumentReference": {"current": "superseded"},
    "Condition": {"active": "inactive"},
}
#: Status now → status when the plan no longer proposes it.
_RETIRED: Final[Mapping[str, Mapping[str, str]]] = {
    "CarePlan": {"draft": "revoked", "active": "revoked", "on-hold": "revoked"},
    "ServiceRequest": {"draft": "revoked", "active": "revoked", "on-hold": "revoked"},
    "Task": {"requested": "cancelled", "on-hold": "cancelled"},
    "Goal": dict.fromkeys(("proposed", "planned", "accepted", "active", "on-hold"), "cancelled"),
    "DocumentReference": {"current": "superseded"},
    "Condition": {"active": "inactive"},
}
_ON_HOLD: Final = "on-hold"
_IN_ERROR: Final = "entered-in-error"
#: Who can be asked to do something about an order that they signed.
_PEOPLE: Final = ("Practitioner/", "PractitionerRole/")
_HOLD: Final = "on-hold:"
_REASON: Final = "The discharge was cancelled or delayed; this was {} before."
_NO_LONGER: Final = "The discharge plan no longer proposes this; it was {} before."
_GOES_ON: Final = "The discharge goes on; the referral is active again."
_ENDED: Final = "The referral is no longer on hold: it has ended."
_TASK: Final = (
    "The discharge was cancelled or delayed, and this approved referral is on hold. Tell the provider; decide whether it "
    "still stands. It becomes active again by itself when a new discharge order comes."
)


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A resource that is called off.

    body is to be put. said is the base of the next merge: what we last said, with the reason and, unless the status before
    was a person's, with the new status. before is the status that it had and given the one that we gave it, for the ledger.
    """

    body: Json
    said: Json
    before: str
    given: str


def withdraw(said: Json, current: Json, *, author: Author, recorded: datetime) -> TakenBack | None:
    """Call off a resource while there is no discharge; None when it is to be left alone.

    said is the body that we last said, current the resource as the EHR has it.
    """
    return _take_back(said, current, _WITHDRAWN, _REASON, author=author, recorded=recorded)


def retire(said: Json, current: Json, *, author: Author, recorded: datetime) -> TakenBack | None:
    """Call off a resource that the plan no longer proposes; None when it is to be left alone."""
    return _take_back(said, current, _RETIRED, _NO_LONGER, author=author, recorded=recorded)


def _take_back(
    said: Json,
    current: Json,
    table: Mapping[str, Mapping[str, str]],
    words: str,
    *,
    author: Author,
    recorded: datetime,
) -> TakenBack | None:
    before = status_of(current)
    after = table.get(str(current.get("resourceType")), {}).get(before)
    if not after:
        return None
    reason = words.format(before)
    is_ours = status_of(said) == before
    return TakenBack(
        _with_reason(with_status(current, after), reason, author=author, recorded=recorded),
        _with_reason(with_status(said, after) if is_ours else said, reason, author=author, recorded=recorded),
        before,
        after,
    )


def _with_reason(changed: Json, reason: str, *, author: Author, recorded: datetime) -> Json:
    """Why it was called off, where people look for it in a resource of this type."""
    match changed["resourceType"]:
        case "Goal":
            return changed | {"statusDate": recorded.date().isoformat(), "statusReason": reason}
        case "Task":
            return changed | {"statusReason": {"text": reason}}
        case "DocumentReference":
            return changed | {"description": reason}
    note = {
        "authorString": author.device_name,
        "time": recorded.isoformat(timespec="seconds"),
        "text": reason,
    }
    return changed | {"note": [*_notes(changed), note]}


def is_on_hold(resource: Json) -> bool:
    """Whether work on it rests."""
    return status_of(resource) == _ON_HOLD


def status_of(resource: Mapping[str, Any]) -> str:
    """The status, a Goal's lifecycleStatus or a Condition's clinicalStatus; "" for a type without."""
    status = resource.get("lifecycleStatus") or resource.get("status") or ""
    clinical = resource.get("clinicalStatus")
    if isinstance(clinical, dict):
        status = bare_code(clinical)
    return str(status)


def is_in_error(resource: Mapping[str, Any]) -> bool:
    """Whether a person has said that it should never have been there."""
    verification = resource.get("verificationStatus")
    told = bare_code(verification) if isinstance(verification, dict) else ""
    return _IN_ERROR in {status_of(resource), told}


def hold_task(request: Json, of: Draft, number: int, *, author: Author, recorded: datetime) -> Draft:
    """A Task for a person about an approved ServiceRequest on hold. number counts the holds of this request, from 1."""
    key = f"{hold_key(of)}{number}"
    identifier = _derived(of.identifier, key)
    body = {
        "resourceType": "Task",
        "identifier": [own_identifier(identifier)],
        "status": "requested",
        "intent": "plan",
        "code": {"text": "Referral on hold"},
        "description": f"{_TASK} {author.page}" if author.page else _TASK,
        "focus": {"reference": f"ServiceRequest/{request['id']}"},
        **{
            name: request[its]
            for name, its in (("for", "subject"), ("encounter", "encounter"))
            if its in request
        },
        "authoredOn": recorded.isoformat(timespec="seconds"),
        "requester": author.writer(),
        **_owner_of_hold(request, author),
    }
    return Draft(
        key, "Task", identifier, _derived(of.full_url, key), with_source(with_tag(body), author.page)
    )


def _owner_of_hold(request: Json, author: Author) -> Json:
    """Who is to see to it: who signed the order, else the social workers; nobody looks for a Task that is nobody's."""
    requester = request.get("requester")
    signer = str(requester.get("reference", "")) if isinstance(requester, dict) else ""
    if literal(signer).startswith(_PEOPLE):
        return {"owner": requester}
    social_work = author.social_work()
    return {"owner": social_work} if social_work.get("reference") else {}


def hold_key(of: Draft) -> str:
    """What the keys of all tasks about one request on hold begin with."""
    return f"{_HOLD}{of.key}:"


def is_hold_task(draft: Draft) -> bool:
    """Whether a draft is a task of ours about a request on hold."""
    return draft.resource_type == "Task" and draft.key.startswith(_HOLD)


def closed_task(task: Json, *, goes_on: bool = True) -> Json | None:
    """The Task called off because the referral goes on, or has ended; None when a person has already taken it up."""
    if task.get("status") != "requested":
        return None
    return task | {"status": "cancelled", "statusReason": {"text": _GOES_ON if goes_on else _ENDED}}


def with_status(resource: Json, status: str) -> Json:
    """The resource with another status, a Goal's lifecycleStatus or a Condition's clinicalStatus.

    Without what an earlier release contained and nothing names any more: an EHR refuses that with a 422.
    """
    rest = without_orphans(resource)
    if rest["resourceType"] == "Goal":
        return rest | {"lifecycleStatus": status}
    if rest["resourceType"] == "Condition":
        coding = {"system": systems.CONDITION_CLINICAL, "code": status}
        return rest | {"clinicalStatus": {"coding": [coding]}}
    return rest | {"status": status}


def _notes(resource: Mapping[str, Any]) -> list[Json]:
    notes = resource.get("note")
    return [note for note in notes if isinstance(note, dict)] if isinstance(notes, list) else []


def _derived(urn: str, key: str) -> str:
    return f"urn:uuid:{uuid5(UUID(urn.removeprefix('urn:uuid:')), key)}"
