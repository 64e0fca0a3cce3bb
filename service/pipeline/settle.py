"""What became of writes of which no answer is known: looked for before anything is sent again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fhir_mappings.bundle import Search
from fhir_mappings.likeness import Likeness, likeness
from fhir_mappings.merge import agrees, pruned, same_version
from fhir_mappings.references import reference_of, resolved, version_of
from service.domain.publication import Ledger, LedgerEntry, Receipt, WriteState
from service.domain.record import GapReason
from service.domain.write_reason import WriteReason
from service.ehr.client import Ehr
from service.ehr.search import Lack, SearchResult
from service.ehr.writing import searches_for
from service.pipeline.marks import mark, mark_landed


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
            mark(ledger, entry.draft.key, WriteState.UNKNOWN, reason=WriteReason.CANNOT_LOOK)
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
        mark(ledger, key, WriteState.THEIRS, reason=WriteReason.REMOVED_BY_PERSON)
    elif len(ours) == 1:
        _adopt(ledger, entry, ours[0], known)
    elif ours:
        mark(ledger, key, WriteState.THEIRS, reason=WriteReason.MORE_THAN_ONE)
    elif result.gaps:
        _not_seen(ledger, entry, result)
    elif perhaps and entry.is_doubtful:
        mark(ledger, key, WriteState.UNKNOWN, reason=WriteReason.PERHAPS_THERE)
    elif entry.is_doubtful or entry.reason:
        mark(ledger, key, WriteState.WAITING)


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
        mark(ledger, key, entry.state, reason=WriteReason.NOT_FOUND_OUT)
    else:
        mark(ledger, key, WriteState.UNKNOWN, reason=WriteReason.NOT_LET_LOOK)


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
        mark_landed(ledger, [Receipt(key, reference, etag)])
    elif entry.reference:
        # The update did not arrive. The etag stays that of our last receipt, so that another's change shows.
        mark(ledger, key, WriteState.WAITING)
    elif etag == 'W/"1"':
        mark(ledger, key, WriteState.WAITING, reference=reference, etag=etag)
    else:
        mark(ledger, key, WriteState.THEIRS, reference=reference, etag=etag, reason=WriteReason.OTHER_WORDS)
