"""What became of writes of which no answer is known: looked for before anything is sent again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fhir_mappings.bundle import Search
from fhir_mappings.likeness import Likeness, likeness
from fhir_mappings.merge import agrees, pruned, same_version
from fhir_mappings.references import reference_of, resolved, version_of
from service.domain.publication import Ledger, LedgerEntry, Receipt, WriteState
from service.domain.record import GapReason
from service.ehr.client import Ehr
from service.ehr.search import Lack, SearchResult
from service.ehr.writing import searches_for

CHANGED: Final = "A person changed this in the EHR; theirs stands."
REMOVED: Final = "A person removed this from the EHR; it is not written again."
_CANNOT_LOOK: Final = (
    "It is not known whether the EHR has this, and the EHR offers no way to look; a person must."
)
_NOT_LET: Final = "It is not known whether the EHR has this, and it does not let us look; a person must."
_OTHERWISE: Final = "The EHR holds this in other words than ours, and gave no receipt; they stand."
_PERHAPS: Final = (
    "The EHR has something like this, and it cannot be told whether it is ours; a person must look."
)
_NOT_NOW: Final = "It is not known whether the EHR has this; the EHR did not answer when it was looked for."
_TWICE: Final = "The EHR holds more than one copy of this; a person must remove the others."


def settle_unknown(ledger: Ledger, ehr: Ehr) -> None:
    """Settle all that was sent without an answer."""
    entries = ledger.entries()
    doubtful = [entry for entry in entries if entry.is_doubtful]
    if doubtful:
        settle(ledger, ehr, doubtful, known_in(entries))


def settle(ledger: Ledger, ehr: Ehr, doubtful: Sequence[LedgerEntry], known: Mapping[str, str]) -> None:
    """Look for these in one batch: one copy is adopted, none is to be sent (again), several are told, never joined.

    known: full URL → reference of what is surely there. What cannot be looked for, or found and not told from another's,
    is a person's (UNKNOWN) and not sent again. What could not be looked for just now stays as it is, with a problem.
    """
    asked: list[tuple[LedgerEntry, Sequence[Search]]] = []
    for entry in doubtful:
        ways = _searches(entry, ehr, known)
        if ways:
            asked.append((entry, ways))
        elif entry.state is WriteState.SENDING:
            ledger.mark(entry.draft.key, WriteState.UNKNOWN, problem=_CANNOT_LOOK)
    for (entry, _), result in zip(asked, _looked(ehr, [ways for _, ways in asked]), strict=True):
        _settle_one(ledger, entry, result, known)


def _looked(ehr: Ehr, asked: Sequence[Sequence[Search]]) -> list[SearchResult]:
    """One result for each, by the first of its ways that the EHR answers; the same question is asked once."""
    answered = _batch(ehr, [ways[0] for ways in asked])
    results = [answered[ways[0]] for ways in asked]
    refused = [
        ways[1:] for ways, result in zip(asked, results, strict=True) if ways[1:] and _is_refused(result)
    ]
    others = iter(_looked(ehr, refused) if refused else ())
    return [
        next(others) if ways[1:] and _is_refused(result) else result
        for ways, result in zip(asked, results, strict=True)
    ]


def _batch(ehr: Ehr, searches: Sequence[Search]) -> dict[Search, SearchResult]:
    once = list(dict.fromkeys(searches))
    return dict(zip(once, ehr.batch(once), strict=True))


def _is_refused(result: SearchResult) -> bool:
    """Whether asking the same again would give no more: the EHR has been asked, and does not answer this question."""
    answered = result.gone or result.resources or not result.gaps
    return not answered and not _may_pass(result)


def _may_pass(result: SearchResult) -> bool:
    """Whether the next try may give what this one did not."""
    return result.lack is Lack.PASSING or any(gap.reason is GapReason.UNREADABLE for gap in result.gaps)


def known_in(entries: Iterable[LedgerEntry]) -> dict[str, str]:
    """Full URL → reference of everything that has one."""
    return {entry.draft.full_url: entry.reference for entry in entries if entry.reference}


def _searches(entry: LedgerEntry, ehr: Ehr, known: Mapping[str, str]) -> Sequence[Search]:
    if entry.reference:
        kind, _, identity = entry.reference.partition("/")
        return [Search(kind, id=identity)]
    return list(searches_for(entry.draft, ehr.capability(), known))


def _settle_one(ledger: Ledger, entry: LedgerEntry, result: SearchResult, known: Mapping[str, str]) -> None:
    key = entry.draft.key
    ours, perhaps = _found(entry, result)
    if result.gone:
        ledger.mark(key, WriteState.CONFLICT, problem=REMOVED)
    elif len(ours) == 1:
        _adopt(ledger, entry, ours[0], known)
    elif ours:
        ledger.mark(key, WriteState.CONFLICT, problem=_TWICE)
    elif result.gaps:
        _not_seen(ledger, entry, result)
    elif perhaps and entry.is_doubtful:
        ledger.mark(key, WriteState.UNKNOWN, problem=_PERHAPS)
    elif entry.is_doubtful or entry.problem:
        ledger.mark(key, WriteState.PENDING)


def _found(entry: LedgerEntry, result: SearchResult) -> tuple[list[dict[str, Any]], bool]:
    """What is surely ours, and whether something else may be."""
    if entry.reference:
        return list(result.resources), False
    verdicts = [(one, likeness(one, entry.draft)) for one in result.resources]
    ours = [one for one, verdict in verdicts if verdict is Likeness.OURS]
    return ours, any(verdict is Likeness.PERHAPS for _, verdict in verdicts)


def _not_seen(ledger: Ledger, entry: LedgerEntry, result: SearchResult) -> None:
    """Without an answer nobody knows; a refusal to answer will not change by itself."""
    key = entry.draft.key
    if not entry.is_doubtful or _may_pass(result):
        ledger.mark(key, entry.state, problem=_NOT_NOW)
    else:
        ledger.mark(key, WriteState.UNKNOWN, problem=_NOT_LET)


def _adopt(ledger: Ledger, entry: LedgerEntry, found: dict[str, Any], known: Mapping[str, str]) -> None:
    """Take the one copy as ours; one that differs is brought up to date, unless a person has been there first."""
    key, reference, etag = entry.draft.key, reference_of(found), version_of(found)
    names = {other.draft.full_url for other in ledger.entries()}
    missing = names - set(known)
    # An update went with the links of its time: if all else is as we sent it, it has arrived.
    arrived = bool(entry.reference) and not same_version(entry.etag, etag)
    if agrees(pruned(resolved(entry.draft.body, known), missing), found) or (
        arrived and agrees(pruned(entry.draft.body, names), found)
    ):
        ledger.written([Receipt(key, reference, etag)])
    elif entry.reference:
        # The update did not arrive. The etag stays that of our last receipt, so that another's change shows.
        ledger.mark(key, WriteState.PENDING)
    elif etag == 'W/"1"':
        ledger.mark(key, WriteState.PENDING, reference=reference, etag=etag)
    else:
        ledger.mark(key, WriteState.CONFLICT, reference=reference, etag=etag, problem=_OTHERWISE)
