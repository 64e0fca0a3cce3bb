"""What the EHR now holds of ours, against what we wrote and what the plan now wants: whose words stand."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from fhir_mappings.bundle import Search, Update
from fhir_mappings.merge import agrees, only_added, overlaid, pruned, same_version
from fhir_mappings.references import resolved, version_of
from fhir_mappings.withdrawal import status_before, status_of
from service.domain.publication import UNSENT, Ledger, LedgerEntry, Receipt, WriteState
from service.domain.write_reason import WriteReason
from service.ehr.client import Ehr
from service.ehr.search import SearchResult
from service.pipeline.marks import mark, mark_landed
from service.pipeline.settle import known_in

_SIGNS: Final = "Provenance"


def updates(ledger: Ledger, ehr: Ehr, entries: Sequence[LedgerEntry]) -> list[Update]:
    """What is there and has changed in the plan, unless a person has changed it in the EHR.

    Everything that stands in the EHR is read, in one batch, so that a person's change is known also where the plan says
    the same as before. Nothing is read when nothing was written yet.
    """
    there = [entry for entry in entries if _is_ours(entry)]
    changed = [entry for entry in there if entry.state in UNSENT]
    for entry in changed:
        if not _can_update(entry, ehr):
            kind = entry.draft.resource_type
            mark(ledger, entry.draft.key, WriteState.IMPOSSIBLE, reason=WriteReason.NO_UPDATE, detail=kind)
    read = [entry for entry in there if entry not in changed or _can_update(entry, ehr)]
    results = ehr.batch([_reading(entry.reference) for entry in read])
    names = known_in(entries)
    missing = {entry.draft.full_url for entry in entries} - set(names)
    found = [
        _examined(ledger, entry, result, names, missing) for entry, result in zip(read, results, strict=True)
    ]
    return [update for update in found if update]


def _is_ours(entry: LedgerEntry) -> bool:
    """Whether we may have to change it, or a person may have. A Provenance is nobody's to change."""
    if not entry.wanted or not entry.reference:
        return False
    looked_at = entry.state is WriteState.LANDED and entry.draft.resource_type != _SIGNS
    return entry.state in UNSENT or looked_at


def _can_update(entry: LedgerEntry, ehr: Ehr) -> bool:
    return ehr.capability().can(entry.draft.resource_type, "update")


def _examined(
    ledger: Ledger,
    entry: LedgerEntry,
    result: SearchResult,
    names: dict[str, str],
    missing: Collection[str],
) -> Update | None:
    key, changed = entry.draft.key, entry.state in UNSENT
    if result.gone:
        mark(ledger, key, WriteState.THEIRS, reason=WriteReason.REMOVED_BY_PERSON)
        return None
    if not result.resources:
        if changed:
            mark(ledger, key, WriteState.WAITING, reason=WriteReason.UNREAD)
        return None
    current = result.resources[0]
    etag = version_of(current)
    body = resolved(entry.draft.body, names)
    if changed and agrees(body, current):
        mark_landed(ledger, [Receipt(key, entry.reference, etag)])
    elif is_a_persons(entry, current, missing):
        mark(ledger, key, WriteState.THEIRS, reason=WriteReason.CHANGED_BY_PERSON)
    elif changed:
        return Update(key, entry.reference, overlaid(current, body), etag)
    return None


def is_a_persons(entry: LedgerEntry, current: dict[str, Any], missing: Collection[str] = ()) -> bool:
    """Whether a person has changed what we wrote.

    Its status is another than we gave it or withdrew it from; or it no longer says what we sent. What we want to change must
    say just that, but for what others have added and our change would keep; where it has another version and nobody knows
    what we sent, it is a person's.
    """
    sent = pruned(entry.sent, missing) if entry.sent is not None else None
    before = status_before(current) or status_of(current)
    if before != status_of(sent or entry.draft.body):
        return True
    etag = version_of(current)
    if entry.etag and etag:
        if same_version(entry.etag, etag):
            return False
        if entry.state in UNSENT:
            return sent is None or _is_changed(sent, current)
        return sent is not None and not agrees(sent, current)
    return entry.state in UNSENT and sent is not None and not only_added(sent, current)


def _is_changed(sent: dict[str, Any], current: dict[str, Any]) -> bool:
    """Whether somebody changed what we sent. A narrative that is not ours may be theirs, where versions tell that they were here."""
    return not only_added(sent, current) or current.get("text", sent.get("text")) != sent.get("text")


def _reading(reference: str) -> Search:
    kind, _, identity = reference.partition("/")
    return Search(kind, id=identity)
