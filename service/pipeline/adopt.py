"""Items that a clinician took over from a card, or may take over: the EHR's copy is adopted, and none of ours is sent."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final

from fhir_mappings.bundle import Search, carries
from fhir_mappings.references import reference_of, references_in, version_of
from service.domain.publication import UNSENT, Draft, Landed, Ledger, LedgerEntry, Receipt, WriteState
from service.domain.write_reason import WriteReason
from service.ehr.client import Ehr
from service.ehr.writing import search_for
from service.pipeline.marks import mark, mark_landed
from service.pipeline.settle import known_in

#: Who made what: it tells of our own resources, and an adopted one is its orderer's.
_OURS_ONLY: Final = "Provenance"


class Left:
    """A ledger without what is left to clinicians: whoever publishes from it neither sends nor links to that."""

    def __init__(self, ledger: Ledger, keys: Collection[str]) -> None:
        self._ledger = ledger
        self._keys = keys

    def entries(self) -> tuple[LedgerEntry, ...]:
        """See Ledger; what is left to others is not wanted from us."""
        return tuple(
            replace(entry, wanted=False) if _is_left(entry, self._keys) else entry
            for entry in self._ledger.entries()
        )

    def add(self, drafts: Sequence[Draft]) -> None:
        """See Ledger."""
        self._ledger.add(drafts)

    def want_also(self, drafts: Sequence[Draft]) -> None:
        """See Ledger."""
        self._ledger.want_also(drafts)

    def land(self, landed: Sequence[Landed]) -> None:
        """See Ledger."""
        self._ledger.land(landed)

    def save(self, entries: Sequence[LedgerEntry]) -> None:
        """See Ledger."""
        self._ledger.save(entries)


def adopt(ledger: Ledger, ehr: Ehr, keys: Collection[str]) -> Ledger:
    """Look for the EHR's copies of these items and take them as they are; the ledger for publishing all else.

    One copy is adopted with its receipt, and what links to it is brought up to date; none leaves the item to whoever
    may still order it; several are told. A copy that lost our identifier is found by its code when the stay is read.
    """
    entries = ledger.entries()
    waiting = [entry for entry in entries if _is_left(entry, keys)]
    if not waiting:
        return ledger
    asked = [
        (entry, search)
        for entry in waiting
        if (search := search_for(entry.draft, ehr.capability(), known_in(entries)))
    ]
    for entry, found in zip(waiting, _copies(ehr, waiting, asked), strict=True):
        _settle(ledger, entry, found, entries)
    return Left(ledger, keys)


def _is_left(entry: LedgerEntry, keys: Collection[str]) -> bool:
    unsent = entry.state in {*UNSENT, WriteState.REFUSED} and not entry.reference
    return entry.wanted and unsent and entry.draft.key in keys


def _copies(
    ehr: Ehr, waiting: Sequence[LedgerEntry], asked: Sequence[tuple[LedgerEntry, Search]]
) -> list[list[dict[str, Any]]]:
    """For each that waits, the EHR's resources that carry its identifier."""
    results = ehr.batch([search for _, search in asked])
    found = {
        entry.draft.key: [one for one in result.resources if carries(one, entry.draft.identifier)]
        for (entry, _), result in zip(asked, results, strict=True)
    }
    return [found.get(entry.draft.key, []) for entry in waiting]


def _settle(
    ledger: Ledger, entry: LedgerEntry, found: Sequence[dict[str, Any]], entries: Sequence[LedgerEntry]
) -> None:
    key = entry.draft.key
    if len(found) == 1:
        mark_landed(ledger, [Receipt(key, reference_of(found[0]), version_of(found[0]))])
        for linked in entries:
            if _links_to(linked, entry):
                mark(ledger, linked.draft.key, WriteState.WAITING)
    elif found:
        mark(ledger, key, WriteState.THEIRS, reason=WriteReason.MORE_THAN_ONE)
    elif entry.reason is not WriteReason.LEFT_TO_CLINICIAN:
        mark(ledger, key, entry.state, reason=WriteReason.LEFT_TO_CLINICIAN)


def _links_to(linked: LedgerEntry, entry: LedgerEntry) -> bool:
    """Whether it was written without its link to this one, which was not there then."""
    return (
        linked.state is WriteState.LANDED
        and linked.draft.resource_type != _OURS_ONLY
        and entry.draft.full_url in set(references_in(linked.draft.body))
    )
