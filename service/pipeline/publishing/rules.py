"""The rules of the table in reconcile: what becomes of one entry. Pure; each gives the entry as it stands, or a write."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from fhir_mappings import withdrawal
from fhir_mappings.bundle import carries
from fhir_mappings.merge import Merged, is_all_there, merge, same_version
from fhir_mappings.outbound.notice import keeps_verdict_out
from fhir_mappings.references import reference_of
from fhir_mappings.resumption import resume
from fhir_mappings.withdrawal import TakenBack, closed_task, hold_key, hold_task, is_in_error, status_of
from service.domain.absence import Conclusion
from service.domain.preference_list import listed_order
from service.domain.publication import UNSENT, Draft, InFlight, LedgerEntry, WriteState
from service.domain.write_reason import PASSING, WriteReason
from service.domain.write_shape import Change
from service.ehr.capability import Capability
from service.ehr.ladder import Rung, step_for
from service.ehr.writing import refusal_of
from service.pipeline.publishing.actions import Observed, Sight, Situation, Wish, Write
from service.pipeline.publishing.settle import missed

__all__ = [
    "Case",
    "adopt",
    "be_replaced",
    "bring_up_to_date",
    "close_task",
    "create",
    "create_or_wait",
    "doubt",
    "forget",
    "hold_key",
    "is_made_there",
    "leave_copies",
    "leave_to_clinician",
    "name_nobody",
    "retire",
    "task_for",
    "wait",
    "wait_for_signature",
    "withdraw",
]

Json = dict[str, Any]

#: What was refused is tried again after this, though neither it nor the EHR has changed.
REFUSED_AGAIN: Final = timedelta(days=1)
_FIRST_VERSION: Final = 'W/"1"'
_ACTIVE: Final = "active"
_ON_HOLD: Final = "on-hold"
_ENDED: Final = frozenset({"revoked", "completed", "entered-in-error"})
_STATUS: Final = frozenset({"status", "lifecycleStatus", "clinicalStatus"})
#: A Task that its provider works on, or has done, is as it was wanted.
_PROGRESS: Final = frozenset({"requested", "received", "accepted", "in-progress", "completed"})
_THEIR_DOING: Final = frozenset({WriteReason.SIGNED_THERE, WriteReason.TAKEN_UP})


@dataclass(frozen=True, slots=True)
class Case:
    """One entry to decide on. ours is its draft with links to what is there; focus the order that a task is about."""

    entry: LedgerEntry
    wish: Wish
    look: Observed
    ours: Json
    situation: Situation
    focus: tuple[LedgerEntry, Observed] | None = None


# --- new ------------------------------------------------------------------------------------------
def create(case: Case) -> LedgerEntry | Write:
    """Write what the EHR does not have; say why where it cannot be there."""
    entry = case.entry
    if entry.reference or entry.state not in {*UNSENT, WriteState.REFUSED, WriteState.REVOKED}:
        return entry
    if case.wish is Wish.ASK and entry.state is WriteState.REVOKED:
        return entry
    lack = _lack(case)
    if lack is not WriteReason.NONE:
        return _impossible(entry, lack)
    if _is_refused_still(entry, case.situation):
        return entry
    before = entry if entry.state is WriteState.REFUSED else _waiting_as_it_was(entry)
    return _write(before, InFlight(case.ours, entry.digest, before.state), "")


def create_or_wait(case: Case) -> LedgerEntry | Write:
    """Without an answer to a look: what was never sent can be sent, of what has an id nothing follows."""
    return wait(case) if case.entry.reference else create(case)


def adopt(case: Case) -> LedgerEntry:
    """Take the copy that a clinician ordered as it is: nobody knows what we would have said in it."""
    found = case.look
    if not carries(found.resource, case.entry.draft.identifier):
        return case.entry.moved_to(
            WriteState.THEIRS,
            WriteReason.ORDERED_THERE,
            reference=reference_of(found.resource),
            etag=found.etag,
            sent=None,
            sent_digest=case.entry.digest,
            attempts=0,
        )
    is_decided = status_of(found.resource) != status_of(case.ours)
    state = WriteState.THEIRS if is_decided else WriteState.LANDED
    return case.entry.moved_to(
        state,
        WriteReason.CHANGED_BY_PERSON if is_decided else WriteReason.NONE,
        reference=reference_of(found.resource),
        etag=found.etag,
        sent=None,
        sent_digest=case.entry.digest,
        attempts=0,
    )


def _leave_adopted(entry: LedgerEntry) -> LedgerEntry:
    """What a clinician ordered is theirs, also when the plan has come to want something else."""
    if entry.state in {WriteState.LANDED, WriteState.THEIRS}:
        return entry
    return entry.moved_to(WriteState.THEIRS, WriteReason.OTHER_WORDS, sent_digest=entry.digest, attempts=0)


def leave_to_clinician(case: Case) -> LedgerEntry:
    """It was offered to a clinician, who orders it in the EHR or not."""
    entry = case.entry
    if entry.state not in {*UNSENT, WriteState.REFUSED}:
        return entry
    return entry.moved_to(WriteState.WAITING, WriteReason.LEFT_TO_CLINICIAN, attempts=0)


def name_nobody(case: Case) -> LedgerEntry:
    """Several orders may have come of what was offered to a clinician: none is taken for it, and nothing more is offered."""
    entry = case.entry
    if entry.state not in {*UNSENT, WriteState.REFUSED}:
        return entry
    return entry.moved_to(WriteState.WAITING, WriteReason.WHICH_ORDER, attempts=0)


def leave_copies(case: Case) -> LedgerEntry:
    """Several are told, never joined."""
    return case.entry.moved_to(WriteState.THEIRS, WriteReason.MORE_THAN_ONE, attempts=0)


def fingerprint(entry: LedgerEntry, capability: Capability) -> str:
    """A name for the draft and for what the EHR says it takes of its type: what was refused is tried again when it changes."""
    stated = (capability.software, capability.known_as, capability.of(entry.draft.resource_type))
    told = [
        repr(sorted(part) if isinstance(part, frozenset) else part)
        for part in (*stated[:2], *_parts_of(stated[2]))
    ]
    return hashlib.sha256("\n".join([entry.digest, *told]).encode()).hexdigest()


def _parts_of(resource: object) -> list[object]:
    return [getattr(resource, name) for name in ("interactions", "search_parameters", "versioning")]


def wait_for_signature(case: Case) -> LedgerEntry | Write:
    """Nothing of it is written until a person signs; what stands as it was signed is left so."""
    entry = case.entry
    lack = _lack(case)
    if not entry.reference and lack is not WriteReason.NONE:
        return _impossible(entry, lack) if entry.state in {*UNSENT, WriteState.REFUSED} else entry
    if entry.reference and entry.digest == entry.sent_digest:
        return bring_up_to_date(case) if case.look.sight is Sight.THERE else entry
    if entry.state not in {*UNSENT, WriteState.REFUSED, WriteState.REVOKED}:
        return entry
    return entry.moved_to(WriteState.WAITING, WriteReason.NOT_SIGNED, attempts=0)


def be_replaced(case: Case) -> LedgerEntry:
    """A later one names it as replaced. What a person made of it stays theirs."""
    entry = case.entry
    if entry.state not in {WriteState.LANDED, WriteState.WAITING, WriteState.IMPOSSIBLE}:
        return entry
    if not entry.reference and entry.state is not WriteState.LANDED:
        return entry
    return entry.moved_to(WriteState.LANDED, WriteReason.REPLACED, attempts=0)


def _lack(case: Case) -> WriteReason:
    """Why this EHR cannot hold it, NONE when it can."""
    entry, capability = case.entry, case.situation.capability
    step = step_for(capability, entry.draft.resource_type)
    if step.rung is Rung.NOT_POSSIBLE:
        return WriteReason.NO_ORDER_CODE if _has_no_order(entry, case.situation) else step.lack
    if speaks_of_nothing(entry.draft.resource_type, case.ours):
        return WriteReason.NOTHING_TO_SPEAK_OF
    return refusal_of(entry.draft, capability)


def _has_no_order(entry: LedgerEntry, situation: Situation) -> bool:
    """Whether it could be suggested to a clinician if the hospital had named an order of its own for it."""
    is_order = entry.draft.resource_type == "ServiceRequest" and not entry.draft.is_restricted
    is_by_key = is_order and situation.capability.hooks.orders_by_key
    return is_by_key and listed_order(entry.draft.key, situation.preference_list) is None


def speaks_of_nothing(resource_type: str, body: Mapping[str, Any]) -> bool:
    """Whether it says who made what, and nothing of that is there."""
    return resource_type == "Provenance" and not body.get("target")


def _is_refused_still(entry: LedgerEntry, situation: Situation) -> bool:
    stands = entry.state in {WriteState.LANDED, WriteState.THEIRS}
    is_believed = entry.state is WriteState.REFUSED or (stands and not entry.attempts)
    if not is_believed or entry.refused_as != fingerprint(entry, situation.capability):
        return False
    return entry.tried is not None and situation.at - entry.tried < REFUSED_AGAIN


def _impossible(entry: LedgerEntry, lack: WriteReason) -> LedgerEntry:
    return entry.moved_to(WriteState.IMPOSSIBLE, lack, entry.draft.resource_type, attempts=0)


def _waiting_as_it_was(entry: LedgerEntry) -> LedgerEntry:
    if entry.state is WriteState.WAITING:
        return entry
    return entry.moved_to(WriteState.WAITING)


# --- what stands there ------------------------------------------------------------------------------
def bring_up_to_date(case: Case) -> LedgerEntry | Write:
    """Merge what is wanted into what stands there: what people changed stays; what we had taken back stands again."""
    entry, look = case.entry, case.look
    if not entry.reference:
        entry = _found(case)
    elif entry.sent is None and entry.sent_digest:
        return _leave_adopted(entry)
    elif _is_signed_there(entry):
        return entry
    if case.situation.capability.shape(entry.draft.resource_type).change is not Change.PUT:
        return _stand_as_told(entry, look)
    return _bring_merged(case, entry, *_merge(entry, case))


def _bring_merged(
    case: Case, entry: LedgerEntry, merged: Merged, state: WriteState, reason: WriteReason
) -> LedgerEntry | Write:
    """Put what is merged, where the EHR does not hold it already and lets it be changed."""
    look = case.look
    is_ours_alone = _is_untouched(entry, look) and not merged.persons
    if not merged.is_needed:
        return entry.moved_to(
            state,
            reason,
            etag=entry.etag if merged.persons else look.etag,
            observed=look.etag if is_ours_alone else "",
            sent=merged.said,
            sent_digest=entry.digest,
            status_before="",
            status_given="",
            attempts=0,
            refused_as="",
        )
    if not case.situation.capability.may_be_put(entry.draft.resource_type):
        return _unchangeable(entry)
    if _is_refused_still(entry, case.situation):
        return entry
    sent = InFlight(
        merged.body,
        entry.digest,
        entry.state,
        becomes=state,
        reason=reason,
        said=merged.said,
        is_ours_alone=is_ours_alone,
    )
    return _write(entry, sent, look.etag)


def _stand_as_told(entry: LedgerEntry, look: Observed) -> LedgerEntry:
    """What can never be changed stands as it was told, whatever else is wanted by now."""
    if is_in_error(look.resource):
        return entry.moved_to(WriteState.THEIRS, WriteReason.REMOVED_BY_PERSON, attempts=0)
    if entry.sent_digest != entry.digest:
        return _unchangeable(entry)
    return entry.moved_to(WriteState.LANDED, etag=look.etag, observed=look.etag, attempts=0, refused_as="")


def _is_signed_there(entry: LedgerEntry) -> bool:
    """Whether a clinician signed it in the EHR, and we have not put it on hold since: theirs stands as it is."""
    is_signed = entry.state is WriteState.THEIRS and entry.reason is WriteReason.SIGNED_THERE
    return is_signed and not entry.status_given


def _is_untouched(entry: LedgerEntry, look: Observed) -> bool:
    """Whether nobody but the server has changed what we said. A server changes no status by itself."""
    is_as_said = entry.sent is None or status_of(entry.sent) == status_of(look.resource)
    return same_version(entry.observed, look.etag) and is_as_said


def _merge(entry: LedgerEntry, case: Case) -> tuple[Merged, WriteState, WriteReason]:
    """What is wanted merged into what stands there, and whose words stand once it is."""
    look, said = case.look, entry.sent
    before = entry.status_before or status_of(entry.draft.body)
    if entry.status_given and said is not None:
        back = resume(said, case.ours, look.resource, before=before, given=entry.status_given)
        if back is not None:
            return (back, *_whose_again(entry, back, case.ours, before))
    merged = merge(said, case.ours, look.resource, is_untouched=_is_untouched(entry, look))
    return (merged, *_whose(entry, merged, look.resource))


def _whose_again(
    entry: LedgerEntry, merged: Merged, ours: Json, before: str
) -> tuple[WriteState, WriteReason]:
    """Whose words stand in what comes back: a status that a person had given comes back as theirs."""
    if status_of(merged.body) == before != status_of(ours):
        known = entry.reason not in {WriteReason.NONE, *PASSING}
        return WriteState.THEIRS, entry.reason if known else WriteReason.CHANGED_BY_PERSON
    return _whose(entry, merged, merged.body)


def _found(case: Case) -> LedgerEntry:
    """The entry with the one copy that was found of it: ours if it says what we want or nobody has changed it since."""
    entry, look = case.entry, case.look
    is_ours = is_all_there(case.ours, look.resource) or same_version(look.etag, _FIRST_VERSION)
    base = look.resource if same_version(look.etag, _FIRST_VERSION) else case.ours
    return replace(
        entry,
        reference=reference_of(look.resource),
        etag=look.etag if is_ours else "",
        observed=look.etag if is_ours else "",
        sent=base if is_ours else None,
        attempts=0,
    )


def _whose(entry: LedgerEntry, merged: Merged, theirs: Json) -> tuple[WriteState, WriteReason]:
    """Whose words stand once this is merged. Work on a Task is what it is for; any other status is a decision."""
    if entry.reason in _THEIR_DOING and entry.state is WriteState.THEIRS and merged.persons:
        return WriteState.THEIRS, entry.reason
    if keeps_verdict_out(entry.draft.resource_type, merged.kept_out):
        return WriteState.THEIRS, WriteReason.VERDICT_KEPT_OUT
    is_progress = entry.draft.resource_type == "Task" and status_of(theirs) in _PROGRESS
    if merged.persons - (_STATUS if is_progress else frozenset()):
        reason = WriteReason.OTHER_WORDS if entry.sent is None else WriteReason.CHANGED_BY_PERSON
        return WriteState.THEIRS, reason
    return WriteState.LANDED, WriteReason.NONE


def _unchangeable(entry: LedgerEntry) -> LedgerEntry:
    if entry.state is WriteState.LANDED:
        return entry  # it stands as wanted but for a link that came later
    return (
        entry.moved_to(WriteState.IMPOSSIBLE, WriteReason.NO_UPDATE, entry.draft.resource_type, attempts=0)
        if entry.state in {*UNSENT, WriteState.REFUSED}
        else entry
    )


# --- what was not shown ------------------------------------------------------------------------------
def doubt(case: Case) -> LedgerEntry:
    """One look that does not show it proves nothing; that it is gone is concluded from several, apart."""
    entry = case.entry
    if case.look.absence is Conclusion.GONE:
        return entry.moved_to(WriteState.THEIRS, WriteReason.REMOVED_BY_PERSON, attempts=0)
    if entry.state is WriteState.THEIRS:
        return entry
    state = (
        WriteState.WAITING if case.wish is Wish.STAND and entry.state is WriteState.LANDED else entry.state
    )
    return missed(replace(entry, state=state), WriteReason.ABSENT_ONCE)


def wait(case: Case) -> LedgerEntry:
    """It could not be read: what stands as it is wanted is left, all else is tried again."""
    entry = case.entry
    is_settled = entry.state in {WriteState.LANDED, WriteState.THEIRS, WriteState.REFUSED}
    if case.wish is Wish.STAND and is_settled and entry.sent_digest in {"", entry.digest}:
        return entry
    reason = WriteReason.UNREAD if entry.reference else WriteReason.NOT_FOUND_OUT
    if entry.state is WriteState.THEIRS:
        reason = entry.reason
    return missed(entry, reason)


# --- taken back --------------------------------------------------------------------------------------
def forget(case: Case) -> LedgerEntry:
    """What never was in the EHR is not to be there any more. A task about an order that still rests is kept."""
    entry = case.entry
    if entry.reference or entry.state not in {*UNSENT, WriteState.REFUSED}:
        return entry
    if case.wish is Wish.CLOSE and not _rests_no_longer(case):
        return entry
    return entry.moved_to(WriteState.REVOKED, attempts=0)


def is_made_there(entry: LedgerEntry, look: Observed) -> bool:
    """Whether a clinician made it and nothing in it is ours: we never take it back."""
    is_adopted = entry.sent is None and bool(entry.sent_digest) and not entry.status_given
    return is_adopted and bool(look.resource) and not carries(look.resource, entry.draft.identifier)


def retire(case: Case) -> LedgerEntry | Write:
    """The plan goes on without it: ended with the reason, unless a person has taken it up or changed it."""
    entry, look = case.entry, case.look
    if entry.status_given and status_of(look.resource) == entry.status_given != _ON_HOLD:
        return entry.moved_to(WriteState.REVOKED, attempts=0)
    if entry.sent is not None and (signed := _give_back(entry, entry.sent, look)):
        return signed
    taken = withdrawal.retire(
        entry.sent or entry.draft.body,
        look.resource,
        author=case.situation.author,
        recorded=case.situation.recorded,
    )
    if _is_a_persons(entry, look) and status_of(look.resource) != entry.status_given:
        return entry.moved_to(WriteState.THEIRS, WriteReason.TAKEN_UP, attempts=0)
    return _take_back(case, taken, WriteState.REVOKED) if taken else entry


def _give_back(entry: LedgerEntry, said: Json, look: Observed) -> Write | None:
    """Bring back what rests since we called it off and was a person's before, as by signing it; None for all else."""
    if not entry.status_given or status_of(said) == entry.status_given:
        return None
    back = resume(said, said, look.resource, before=entry.status_before, given=entry.status_given)
    if back is None:
        return None
    theirs, taken_up = WriteState.THEIRS, WriteReason.TAKEN_UP
    sent = InFlight(back.body, entry.digest, entry.state, becomes=theirs, reason=taken_up, said=back.said)
    return _write(entry, sent, look.etag)


def withdraw(case: Case) -> LedgerEntry | Write:
    """The discharge is called off: a draft is ended, what a person approved rests; a person's words stand in either.

    Where nothing comes back (for_good), what a person approved is ended as well.
    """
    entry, look, for_good = case.entry, case.look, case.situation.for_good
    rests = entry.status_given == _ON_HOLD
    if entry.status_given and status_of(look.resource) == entry.status_given and not (for_good and rests):
        return _as_taken_back(entry)
    taken = (withdrawal.retire if for_good else withdrawal.withdraw)(
        entry.sent or entry.draft.body,
        look.resource,
        author=case.situation.author,
        recorded=case.situation.recorded,
    )
    is_spared = case.situation.but_approved and taken is not None and taken.given == _ON_HOLD
    if taken is None or is_spared:
        return replace(entry, attempts=0, reason=_lasting(entry), detail=entry.detail)
    if entry.state is WriteState.THEIRS and entry.reason is not WriteReason.SIGNED_THERE:
        return _take_back(case, taken, WriteState.THEIRS, entry.reason)
    if taken.given == _ON_HOLD:
        return _take_back(case, taken, WriteState.ON_HOLD, _lasting(entry))
    if _is_a_persons(entry, look):
        return _take_back(case, taken, WriteState.THEIRS, WriteReason.EDITED_BEFORE_WITHDRAWAL)
    return _take_back(case, taken, WriteState.REVOKED)


def close_task(case: Case) -> LedgerEntry | Write:
    """A task about an order on hold is called off when the order goes on in the EHR, or has ended, unless a person has taken it up."""
    entry, look = case.entry, case.look
    if not _rests_no_longer(case):
        return replace(entry, attempts=0)
    closed = closed_task(look.resource, goes_on=_status_of_order(case) == _ACTIVE)
    if closed is None:
        return entry.moved_to(WriteState.REVOKED, attempts=0)
    if not case.situation.capability.may_be_put("Task"):
        return replace(entry, reason=WriteReason.NO_WITHDRAWAL, detail="", attempts=0)
    sent = InFlight(closed, entry.digest, entry.state, becomes=WriteState.REVOKED)
    return _write(entry, sent, look.etag)


def task_for(order: LedgerEntry, look: Observed, number: int, situation: Situation) -> Draft:
    """The task for a person about an order on hold."""
    return hold_task(look.resource, order.draft, number, author=situation.author, recorded=situation.recorded)


def _take_back(
    case: Case, taken: TakenBack, becomes: WriteState, reason: WriteReason = WriteReason.NONE
) -> LedgerEntry | Write:
    entry = case.entry
    if not case.situation.capability.may_be_put(entry.draft.resource_type):
        return replace(entry, reason=WriteReason.NO_WITHDRAWAL, detail="", attempts=0)
    sent = InFlight(
        taken.body,
        entry.digest,
        entry.state,
        becomes=becomes,
        reason=reason,
        said=taken.said,
        is_ours_alone=_is_untouched(entry, case.look),
        status_before=entry.status_before if taken.before == entry.status_given else taken.before,
        status_given=taken.given,
    )
    return _write(entry, sent, case.look.etag)


def _as_taken_back(entry: LedgerEntry) -> LedgerEntry:
    """It stands as we left it in an earlier run that did not come to its end."""
    if entry.state is WriteState.THEIRS:
        return replace(entry, attempts=0)
    state = WriteState.ON_HOLD if entry.status_given == _ON_HOLD else WriteState.REVOKED
    return entry.moved_to(state, _lasting(entry), attempts=0)


def _lasting(entry: LedgerEntry) -> WriteReason:
    """What a person did stays told; a problem of an earlier try is over with this one."""
    lasts = entry.reason in {WriteReason.SIGNED_THERE, WriteReason.CHANGED_BY_PERSON, WriteReason.TAKEN_UP}
    lasts = lasts or (entry.state is WriteState.THEIRS)
    return entry.reason if lasts else WriteReason.NONE


def _is_a_persons(entry: LedgerEntry, look: Observed) -> bool:
    """Whether somebody changed what we said."""
    if entry.sent is None:
        return not same_version(entry.etag, look.etag) or entry.state is WriteState.LANDED
    untouched = same_version(entry.observed, look.etag)
    return bool(merge(entry.sent, entry.sent, look.resource, is_untouched=untouched).persons)


def _rests_no_longer(case: Case) -> bool:
    """Whether the order that a task is about is active again, or has ended."""
    if case.focus is None or case.focus[0].status_given == _ON_HOLD:
        return False
    return _status_of_order(case) in {_ACTIVE, *_ENDED}


def _status_of_order(case: Case) -> str:
    """The status that the EHR shows of the order that a task is about, "" where it was not shown."""
    order = case.focus[1] if case.focus else Observed()
    return status_of(order.resource) if order.sight is Sight.THERE else ""


def _write(entry: LedgerEntry, sent: InFlight, etag: str) -> Write:
    return Write(entry.moved_to(WriteState.SENDING, in_flight=sent), entry, etag)
