"""What we wrote, when the discharge is called off and when it goes on. Running either twice is as good as once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fhir_mappings.bundle import Search, Update
from fhir_mappings.merge import same_version
from fhir_mappings.outbound.author import Author
from fhir_mappings.references import version_of
from fhir_mappings.withdrawal import (
    closed_task,
    hold_key,
    hold_task,
    is_hold_task,
    is_on_hold,
    restored,
    retired,
    status_before,
    withdrawn,
)
from service.domain.publication import UNSENT, Draft, Ledger, LedgerEntry, WriteState
from service.domain.write_reason import WriteReason
from service.ehr.client import Ehr
from service.errors import EhrConflict
from service.pipeline.examine import is_a_persons
from service.pipeline.marks import mark
from service.pipeline.publish import writable
from service.pipeline.send import send
from service.pipeline.settle import settle_unknown


@dataclass(frozen=True, slots=True)
class _Change:
    """What is to happen to one resource, and the ledger's state when it has."""

    entry: LedgerEntry
    state: WriteState
    body: dict[str, Any] | None = None  # None: it already is so in the EHR
    etag: str = ""
    reason: WriteReason = WriteReason.NONE


def withdraw(
    ledger: Ledger, ehr: Ehr, *, author: Author, recorded: datetime, but_approved: bool = False
) -> tuple[LedgerEntry, ...]:
    """The discharge is called off: drafts are revoked, what a person approved goes on hold with a task for a person.

    Read, changed and put back under the version read, so that nothing else in them is lost; the ledger as it then
    stands. but_approved: what a person approved stays as it is. Raises EhrUnavailable and WriteUnknown when it is worth running again.
    """
    try:
        _withdraw(ledger, ehr, author=author, recorded=recorded, but_approved=but_approved)
    except EhrConflict:
        _withdraw(ledger, ehr, author=author, recorded=recorded, but_approved=but_approved)
    return ledger.entries()


def resume(ledger: Ledger, ehr: Ehr) -> tuple[LedgerEntry, ...]:
    """A new order: what was on hold becomes active, its tasks are called off, revoked drafts wait to be published again."""
    try:
        _resume(ledger, ehr)
    except EhrConflict:
        _resume(ledger, ehr)
    return ledger.entries()


def retire(ledger: Ledger, ehr: Ehr, *, author: Author, recorded: datetime) -> None:
    """What the plan no longer proposes is revoked with the reason, unless a person has taken it up or changed it."""
    if not any(map(_is_left_over, ledger.entries())):
        return
    try:
        _retire(ledger, ehr, author=author, recorded=recorded)
    except EhrConflict:
        _retire(ledger, ehr, author=author, recorded=recorded)


def _retire(ledger: Ledger, ehr: Ehr, *, author: Author, recorded: datetime) -> None:
    there = [entry for entry in ledger.entries() if _is_left_over(entry)]
    found = [
        _retirement(entry, current, author=author, recorded=recorded) for entry, current in _read(ehr, there)
    ]
    _apply(ledger, ehr, [change for change in found if change], [])


def _is_left_over(entry: LedgerEntry) -> bool:
    """Whether it stands in the EHR as ours and no plan wants it. A Provenance tells what was, and stays."""
    settled = entry.state in {WriteState.LANDED, *UNSENT, WriteState.REFUSED}
    ours = entry.draft.resource_type != "Provenance" and not is_hold_task(entry.draft)
    return ours and settled and bool(entry.reference) and not entry.wanted


def _retirement(
    entry: LedgerEntry, current: dict[str, Any] | None, *, author: Author, recorded: datetime
) -> _Change | None:
    if current is None:
        return _Change(entry, entry.state, reason=WriteReason.UNREAD)
    if status_before(current):  # done in an earlier run that did not come to its end
        return _Change(entry, WriteState.REVOKED)
    body = retired(current, author=author, recorded=recorded)
    if is_a_persons(entry, current):
        return _Change(entry, WriteState.THEIRS, reason=WriteReason.TAKEN_UP)
    if body is None:
        return None
    return _Change(entry, WriteState.REVOKED, body, version_of(current))


def _withdraw(ledger: Ledger, ehr: Ehr, *, author: Author, recorded: datetime, but_approved: bool) -> None:
    settle_unknown(ledger, ehr)
    entries = ledger.entries()
    for entry in entries:
        if entry.state in {*UNSENT, WriteState.REFUSED} and not entry.reference:
            mark(ledger, entry.draft.key, WriteState.REVOKED)  # it never was in the EHR
    there = [entry for entry in entries if entry.reference and not is_hold_task(entry.draft)]
    changes: list[_Change] = []
    tasks: list[Draft] = []
    for entry, current in _read(ehr, there):
        change = _withdrawal(entry, current, author=author, recorded=recorded)
        if change and not (but_approved and is_on_hold(change.body or {})):
            changes.append(change)
            if (
                entry.draft.resource_type == "ServiceRequest"
                and current
                and is_on_hold(change.body or current)
            ):
                number = _holds_before(entry.draft, entries) + 1
                tasks.append(hold_task(current, entry.draft, number, author=author, recorded=recorded))
    ledger.add(tasks)
    _apply(ledger, ehr, changes, [task.key for task in tasks])


def _withdrawal(
    entry: LedgerEntry, current: dict[str, Any] | None, *, author: Author, recorded: datetime
) -> _Change | None:
    if current is None:
        return _Change(entry, entry.state, reason=WriteReason.UNREAD)
    etag = version_of(current)
    if status_before(current):  # done in an earlier run that did not come to its end
        return _Change(entry, _state_of(current, entry), reason=_standing_reason(entry))
    body = withdrawn(current, author=author, recorded=recorded)
    if body is None:
        return None
    if _edited(entry, etag) and not is_on_hold(body):
        return _Change(entry, WriteState.THEIRS, body, etag, WriteReason.EDITED_BEFORE_WITHDRAWAL)
    return _Change(entry, _state_of(body, entry), body, etag, _standing_reason(entry))


def _state_of(resource: dict[str, Any], entry: LedgerEntry) -> WriteState:
    if entry.state is WriteState.THEIRS and entry.reason is not WriteReason.SIGNED_THERE:
        return WriteState.THEIRS  # a person's words stay theirs, on hold or not
    return WriteState.ON_HOLD if is_on_hold(resource) else WriteState.REVOKED


def _standing_reason(entry: LedgerEntry) -> WriteReason:
    """What a person did stays told; a problem of an earlier try is over with this one."""
    return entry.reason if entry.state is WriteState.THEIRS else WriteReason.NONE


def _edited(entry: LedgerEntry, etag: str) -> bool:
    return bool(entry.etag and etag) and not same_version(entry.etag, etag)


def _holds_before(request: Draft, entries: Sequence[LedgerEntry]) -> int:
    """How often this request was on hold and went on: its tasks of then are closed."""
    prefix = hold_key(request)
    return sum(entry.draft.key.startswith(prefix) and entry.state is WriteState.REVOKED for entry in entries)


def _resume(ledger: Ledger, ehr: Ehr) -> None:
    settle_unknown(ledger, ehr)
    entries = ledger.entries()
    held = [entry for entry in entries if entry.reference and _is_held(entry)]
    changes = [change for entry, current in _read(ehr, held) if (change := _resumption(entry, current))]
    _apply(ledger, ehr, changes, [])
    for entry in entries:
        if entry.wanted and entry.state is WriteState.REVOKED and not is_hold_task(entry.draft):
            mark(ledger, entry.draft.key, WriteState.WAITING)


def _is_held(entry: LedgerEntry) -> bool:
    """Whether it may rest in the EHR. PENDING too: an earlier run that broke off may have left it so."""
    if is_hold_task(entry.draft):
        return entry.state is not WriteState.REVOKED
    return entry.state in {WriteState.ON_HOLD, WriteState.THEIRS, *UNSENT}


def _resumption(entry: LedgerEntry, current: dict[str, Any] | None) -> _Change | None:
    if current is None:
        return _Change(entry, entry.state, reason=WriteReason.UNREAD)
    if is_hold_task(entry.draft):
        return _Change(entry, WriteState.REVOKED, closed_task(current), version_of(current))
    if entry.state in UNSENT and not is_on_hold(current):
        return None  # publishing brings it up to date
    state = WriteState.THEIRS if entry.state is WriteState.THEIRS else WriteState.LANDED
    return _Change(entry, state, restored(current), version_of(current), _standing_reason(entry))


def _apply(ledger: Ledger, ehr: Ehr, changes: Sequence[_Change], new: Sequence[str]) -> None:
    """Write the changes and the new tasks; then, and only then, say so in the ledger."""
    wanted = [change for change in changes if change.body is not None]
    possible = [c for c in wanted if ehr.capability().can(c.entry.draft.resource_type, "update")]
    creates = writable(ledger, ehr, [entry for entry in ledger.entries() if entry.draft.key in new])
    updates = [Update(c.entry.draft.key, c.entry.reference, c.body or {}, c.etag) for c in possible]
    send(ledger, ehr, creates, updates)
    now = {entry.draft.key: entry for entry in ledger.entries()}
    for change in changes:
        _conclude(
            ledger, change, now[change.entry.draft.key], tried=change not in wanted or change in possible
        )


def _conclude(ledger: Ledger, change: _Change, now: LedgerEntry, *, tried: bool) -> None:
    key = change.entry.draft.key
    if change.body is None or (now.state is WriteState.LANDED and tried):
        mark(ledger, key, change.state, reason=change.reason)
    elif now.state is not WriteState.SENDING:
        reason = now.reason if now.reason is not WriteReason.NONE else WriteReason.NO_WITHDRAWAL
        mark(ledger, key, change.entry.state, reason=reason, detail=now.detail)


def _read(ehr: Ehr, entries: Sequence[LedgerEntry]) -> list[tuple[LedgerEntry, dict[str, Any] | None]]:
    searches = [Search(kind, id=number) for kind, _, number in (e.reference.partition("/") for e in entries)]
    results = ehr.batch(searches)
    return [
        (entry, result.resources[0] if result.resources else None)
        for entry, result in zip(entries, results, strict=True)
    ]
