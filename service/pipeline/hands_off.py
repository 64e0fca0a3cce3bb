"""A hospital whose EHR is not written to (`off`, `shadow`): what is made ready stays here, and is called off here."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from config.tenants import WritePolicy
from service.domain.publication import UNSENT, Ledger, LedgerEntry, WriteState
from service.domain.write_reason import WriteReason
from service.pipeline.marks import mark

#: What was in the EHR and is no longer, or is a person's already.
_OVER: Final = frozenset({WriteState.REVOKED, WriteState.ON_HOLD})


def set_aside(ledger: Ledger, policy: WritePolicy, *, but: Collection[str] = ()) -> None:
    """Write nothing, and say so at each resource that otherwise would have been; but: the keys of what would not."""
    for entry in ledger.entries():
        waits = entry.wanted and entry.state is WriteState.WAITING and entry.draft.key not in but
        if waits and not is_set_aside(entry):
            reason = WriteReason.NOT_SENT
            mark(ledger, entry.draft.key, WriteState.WAITING, reason=reason, detail=policy.value)


def as_if_allowed(entry: LedgerEntry) -> LedgerEntry:
    """The entry as it would stand, had nothing been set aside."""
    return replace(entry, reason=WriteReason.NONE, detail="") if is_set_aside(entry) else entry


def is_set_aside(entry: LedgerEntry) -> bool:
    """Whether the hospital's policy is why it was not sent."""
    return entry.reason is WriteReason.NOT_SENT


def call_off(ledger: Ledger, policy: WritePolicy) -> None:
    """Withdraw nothing from the EHR, which is not even asked, and say so at each resource that otherwise would have been.

    What was made ready and never sent is revoked here; what an earlier policy had written stays, for a person to see to.
    """
    for entry in ledger.entries():
        if entry.reference:
            if entry.state not in _OVER:
                mark(ledger, entry.draft.key, entry.state, reason=WriteReason.STAYS, detail=policy.value)
        elif entry.state in {*UNSENT, WriteState.REFUSED}:
            reason = WriteReason.NOT_WITHDRAWN if is_set_aside(entry) else WriteReason.NONE
            detail = policy.value if is_set_aside(entry) else ""
            mark(ledger, entry.draft.key, WriteState.REVOKED, reason=reason, detail=detail)


def would_be_written(entry: LedgerEntry) -> bool:
    """Whether it waits, and would not, were the EHR written to: what the EHR does not take waits for nothing."""
    return entry.wanted and entry.state is WriteState.WAITING


def would_be_withdrawn(entry: LedgerEntry) -> bool:
    """Whether the discharge was called off, and the EHR would have been told so of this."""
    return entry.reason in {WriteReason.NOT_WITHDRAWN, WriteReason.STAYS}
