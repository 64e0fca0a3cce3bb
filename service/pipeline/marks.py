"""One entry's state in the ledger, as the steps of publishing record it."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from service.domain.publication import InFlight, Ledger, LedgerEntry, Receipt, WriteState
from service.domain.write_reason import WriteReason


def mark(  # noqa: PLR0913  a row has as many columns
    ledger: Ledger,
    key: str,
    state: WriteState,
    *,
    reference: str = "",
    etag: str = "",
    reason: WriteReason = WriteReason.NONE,
    detail: str = "",
) -> None:
    """Move one entry to this state with this reason; a reference or ETag that is not given stays as it is."""
    entry = _by_key(ledger)[key]
    moved = entry.moved_to(state, reason, detail, in_flight=None)
    known = replace(moved, reference=reference or entry.reference, etag=etag or entry.etag)
    ledger.save([known])


def mark_sending(ledger: Ledger, keys: Collection[str]) -> None:
    """Record that these are about to be sent: from here on their fate is unknown until a receipt is written."""
    entries = _by_key(ledger)
    ledger.save([_sending(entries[key]) for key in keys])


def mark_landed(ledger: Ledger, receipts: Sequence[Receipt]) -> None:
    """Record receipts. Each settles what was sent: a newer wish stays waiting."""
    entries = _by_key(ledger)
    ledger.save([_landed(entries[receipt.key], receipt) for receipt in receipts])


def _sending(entry: LedgerEntry) -> LedgerEntry:
    in_flight = InFlight(entry.draft.body, entry.digest, entry.state)
    return entry.moved_to(WriteState.SENDING, in_flight=in_flight)


def _landed(entry: LedgerEntry, receipt: Receipt) -> LedgerEntry:
    sent = entry.in_flight or InFlight(entry.draft.body, entry.digest, entry.state)
    state = WriteState.LANDED if sent.digest == entry.digest else WriteState.WAITING
    return entry.moved_to(
        state,
        reference=receipt.reference or entry.reference,
        etag=receipt.etag or entry.etag,
        observed=receipt.etag or entry.observed,
        sent=sent.body,
        sent_digest=sent.digest,
        in_flight=None,
        attempts=0,
    )


def _by_key(ledger: Ledger) -> dict[str, LedgerEntry]:
    return {entry.draft.key: entry for entry in ledger.entries()}
