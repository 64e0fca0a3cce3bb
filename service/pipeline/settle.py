"""What became of writes of which no answer is known: looked for before anything is sent again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fhir_mappings.bundle import Search, carries
from fhir_mappings.merge import agrees
from fhir_mappings.references import reference_of, resolved, version_of
from service.domain.publication import Ledger, LedgerEntry, Receipt, WriteState
from service.ehr.client import Ehr
from service.ehr.search import SearchResult
from service.ehr.writing import search_for

_CANNOT_LOOK = "It is not known whether the EHR has this, and the EHR offers no way to look; a person must."
_NOT_NOW = "It is not known whether the EHR has this; the EHR did not answer when it was looked for."
_TWICE = "The EHR holds more than one copy of this; a person must remove the others."
_CHANGED = "A person changed this in the EHR; theirs stands."


def settle_unknown(ledger: Ledger, ehr: Ehr) -> None:
    """Settle all that was sent without an answer."""
    entries = ledger.entries()
    doubtful = [entry for entry in entries if entry.state is WriteState.SENDING]
    if doubtful:
        settle(ledger, ehr, doubtful, known_in(entries))


def settle(ledger: Ledger, ehr: Ehr, doubtful: Sequence[LedgerEntry], known: Mapping[str, str]) -> None:
    """Look for these in one batch: one copy is adopted, none is to be sent (again), several are told, never joined.

    known: full URL → reference of what is surely there. What cannot be looked for stays as it is, with a problem.
    """
    asked: list[tuple[LedgerEntry, Search]] = []
    for entry in doubtful:
        search = _search(entry, ehr, known)
        if search:
            asked.append((entry, search))
        elif entry.state is WriteState.SENDING:
            ledger.mark(entry.draft.key, WriteState.SENDING, problem=_CANNOT_LOOK)
    for (entry, _), result in zip(asked, ehr.batch([search for _, search in asked]), strict=True):
        _settle_one(ledger, entry, result, known)


def known_in(entries: Iterable[LedgerEntry]) -> dict[str, str]:
    """Full URL → reference of everything that has one."""
    return {entry.draft.full_url: entry.reference for entry in entries if entry.reference}


def _search(entry: LedgerEntry, ehr: Ehr, known: Mapping[str, str]) -> Search | None:
    if entry.reference:
        kind, _, identity = entry.reference.partition("/")
        return Search(kind, id=identity)
    return search_for(entry.draft, ehr.capability(), known)


def _settle_one(ledger: Ledger, entry: LedgerEntry, result: SearchResult, known: Mapping[str, str]) -> None:
    key = entry.draft.key
    found = [one for one in result.resources if entry.reference or carries(one, entry.draft.identifier)]
    if not found and result.gaps:
        ledger.mark(key, entry.state, problem=_NOT_NOW)
    elif not found:
        ledger.mark(key, WriteState.PENDING)
    elif len(found) > 1:
        ledger.mark(key, WriteState.CONFLICT, problem=_TWICE)
    else:
        _adopt(ledger, entry, found[0], known)


def _adopt(ledger: Ledger, entry: LedgerEntry, found: dict[str, Any], known: Mapping[str, str]) -> None:
    """Take the one copy as ours; one that differs is brought up to date, unless a person has been there first."""
    key, reference, etag = entry.draft.key, reference_of(found), version_of(found)
    if agrees(resolved(entry.draft.body, known), found):
        ledger.written([Receipt(key, reference, etag)])
    elif entry.reference:
        # The update did not arrive. The etag stays that of our last receipt, so that another's change shows.
        ledger.mark(key, WriteState.PENDING)
    elif etag in {"", 'W/"1"'}:
        ledger.mark(key, WriteState.PENDING, reference=reference, etag=etag)
    else:
        ledger.mark(key, WriteState.CONFLICT, reference=reference, etag=etag, problem=_CHANGED)
