"""Drafts and updates on their way to the EHR: together where it takes transactions, else in the order of their links."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

from fhir_mappings.bundle import Update
from fhir_mappings.merge import pruned
from fhir_mappings.references import references_in, resolved
from service.domain.publication import Draft, Ledger, LedgerEntry, Receipt, WriteState
from service.domain.write_reason import WriteReason
from service.ehr.client import Ehr
from service.ehr.writing import Outcome, write_each, write_together
from service.errors import EhrConflict, EhrError, EhrRefused, EhrRejected
from service.pipeline.marks import mark, mark_landed, mark_sending

_UNAUTHORIZED: Final = 401


def send(
    ledger: Ledger, ehr: Ehr, creates: Sequence[Draft], updates: Sequence[Update], *, again: bool = False
) -> None:
    """Write all of these; each that arrived gets its receipt, each that did not its problem.

    Raises EhrConflict when someone was quicker, and what is worth another run (EhrUnavailable, WriteUnknown) after
    everything else has been tried; EhrRefused when our credential is. again: it is the second try after a conflict, so
    each is written by itself where need be, and one that meets another conflict is theirs.
    """
    creates, updates = _without_waiting(ledger, creates, updates)
    if not creates and not updates:
        return
    try:
        if ehr.capability().transaction and _sent_together(ledger, ehr, creates, updates):
            return
    except EhrConflict:
        if not again:
            raise
    _send_each(ledger, ehr, creates, updates, again=again)


def _without_waiting(
    ledger: Ledger, creates: Sequence[Draft], updates: Sequence[Update]
) -> tuple[list[Draft], list[Update]]:
    """All but what links to a resource that may or may not be there: it stays PENDING."""
    waiting = _unknown(ledger.entries())
    ready = list(creates)
    while held := [draft for draft in ready if _links(draft.body, waiting)]:
        waiting |= {draft.full_url for draft in held}
        ready = [draft for draft in ready if draft not in held]
        for draft in held:
            mark(ledger, draft.key, WriteState.WAITING, reason=WriteReason.WAITS_FOR_ANOTHER)
    for update in updates:
        if _links(update.body, waiting):
            mark(ledger, update.key, WriteState.WAITING, reason=WriteReason.WAITS_FOR_ANOTHER)
    return ready, [update for update in updates if not _links(update.body, waiting)]


def _sent_together(ledger: Ledger, ehr: Ehr, creates: Sequence[Draft], updates: Sequence[Update]) -> bool:
    """One transaction; False when the EHR refuses the whole, so that one bad resource does not lose the rest."""
    drafts, changes = _linked(ledger, creates, updates, coming=creates)
    keys = _keys(drafts, changes)
    mark_sending(ledger, keys)
    try:
        outcomes = write_together(ehr, drafts, changes)
    except (EhrConflict, EhrRejected, EhrRefused) as error:
        for key in keys:  # all or nothing: it was nothing
            mark(ledger, key, WriteState.WAITING)
        if isinstance(error, EhrConflict) or _is_about_us(error):
            raise
        return False
    _raise_first(_take(ledger, keys, outcomes).values())
    return True


def _send_each(
    ledger: Ledger, ehr: Ehr, creates: Sequence[Draft], updates: Sequence[Update], *, again: bool
) -> None:
    """What is linked to first, updates last. An error keeps back only what depends on the resource it struck."""
    failures: dict[str, EhrError] = {}
    rest, changed = list(creates), list(updates)
    while wave := _next_wave(rest, _unknown(ledger.entries())):
        rest = [draft for draft in rest if draft not in wave]
        failures |= _write(ledger, ehr, *_linked(ledger, wave, (), coming=rest))
    for draft in rest:
        mark(ledger, draft.key, WriteState.WAITING, reason=WriteReason.WAITS_FOR_ANOTHER)
    changed = [update for update in changed if not _links(update.body, _unknown(ledger.entries()))]
    failures |= _write(ledger, ehr, *_linked(ledger, (), changed, coming=rest))
    if again:
        failures = _left_to_others(ledger, failures)
    _raise_first(failures.values())


def _left_to_others(ledger: Ledger, failures: dict[str, EhrError]) -> dict[str, EhrError]:
    """What met a second conflict is theirs; the other failures."""
    rest: dict[str, EhrError] = {}
    for key, error in failures.items():
        if isinstance(error, EhrConflict):
            mark(ledger, key, WriteState.THEIRS, reason=WriteReason.AT_THE_SAME_TIME)
        else:
            rest[key] = error
    return rest


def _next_wave(rest: Sequence[Draft], unknown: set[str]) -> list[Draft]:
    """The drafts that link to nothing which is still to be written or unknown."""
    waiting = {draft.full_url for draft in rest} | unknown
    return [draft for draft in rest if not _links(draft.body, waiting)]


def _write(
    ledger: Ledger, ehr: Ehr, drafts: Sequence[Draft], updates: Sequence[Update]
) -> dict[str, EhrError]:
    keys = _keys(drafts, updates)
    if not keys:
        return {}
    mark_sending(ledger, keys)
    return _take(ledger, keys, write_each(ehr, drafts, updates))


def _take(ledger: Ledger, keys: Sequence[str], outcomes: Sequence[Outcome]) -> dict[str, EhrError]:
    """Record what became of each; the errors by key."""
    mark_landed(ledger, [outcome for outcome in outcomes if isinstance(outcome, Receipt)])
    failures = {
        key: outcome for key, outcome in zip(keys, outcomes, strict=True) if isinstance(outcome, EhrError)
    }
    for key, error in failures.items():
        mark(ledger, key, _state_after(error), reason=_reason_of(error), detail=str(error))
    return failures


def _state_after(error: EhrError) -> WriteState:
    """What the EHR said no to is not there: for good where it is the content. Of anything else nobody knows."""
    if isinstance(error, EhrRejected):
        return WriteState.REFUSED
    return WriteState.WAITING if isinstance(error, EhrRefused | EhrConflict) else WriteState.SENDING


def _reason_of(error: EhrError) -> WriteReason:
    match error:
        case EhrRejected():
            return WriteReason.REJECTED
        case EhrConflict():
            return WriteReason.CHANGED_MEANWHILE
        case EhrRefused():
            return WriteReason.NOT_LET
    return WriteReason.NO_ANSWER


def _is_about_us(error: EhrError) -> bool:
    """Whether it is our credential that was refused, and so anything we send."""
    return isinstance(error, EhrRefused) and error.status == _UNAUTHORIZED


def _raise_first(failures: Iterable[EhrError]) -> None:
    for failure in failures:
        if failure.retryable or _is_about_us(failure):
            raise failure


def _linked(
    ledger: Ledger, drafts: Sequence[Draft], updates: Sequence[Update], *, coming: Collection[Draft]
) -> tuple[list[Draft], list[Update]]:
    """The same, with links to what is there as references, and without links to what is neither there nor coming."""
    entries = ledger.entries()
    known = {entry.draft.full_url: entry.reference for entry in entries if entry.reference}
    missing = {entry.draft.full_url for entry in entries} - set(known) - {draft.full_url for draft in coming}
    linked = [replace(draft, body=pruned(resolved(draft.body, known), missing)) for draft in drafts]
    for draft in filter(speaks_of_nothing, linked):
        mark(ledger, draft.key, WriteState.IMPOSSIBLE, reason=WriteReason.NOTHING_TO_SPEAK_OF)
    changes = [replace(update, body=pruned(resolved(update.body, known), missing)) for update in updates]
    return [draft for draft in linked if not speaks_of_nothing(draft)], changes


def speaks_of_nothing(draft: Draft) -> bool:
    """Whether it says who made what, and nothing of that is there."""
    return draft.resource_type == "Provenance" and not draft.body.get("target")


def _unknown(entries: Iterable[LedgerEntry]) -> set[str]:
    """Full URLs of what may or may not be there."""
    return {
        entry.draft.full_url for entry in entries if entry.state is WriteState.SENDING and not entry.reference
    }


def _links(body: object, targets: Collection[str]) -> bool:
    return any(reference in targets for reference in references_in(body))


def _keys(drafts: Sequence[Draft], updates: Sequence[Update]) -> list[str]:
    return [draft.key for draft in drafts] + [update.key for update in updates]
