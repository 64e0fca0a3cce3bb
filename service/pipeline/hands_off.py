"""A hospital whose EHR is not written to (`off`, `shadow`): what is made ready stays here, and is called off here."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from config.tenants import WritePolicy
from service.domain.publication import WAITS, Ledger, LedgerEntry, WriteState

_NOT_SENT: Final = "This hospital's write policy is {}: nothing is sent to its EHR."
_NOT_WITHDRAWN: Final = (
    "This hospital's write policy is {}: nothing was sent to its EHR, so nothing is withdrawn."
)
_STAYS: Final = (
    "This hospital's write policy is {}: this stays in its EHR as it is; a person must withdraw it."
)
_OUR_REASONS: Final = frozenset(
    words.format(policy) for words in (_NOT_WITHDRAWN, _STAYS) for policy in WritePolicy if not policy.writes
)
_NOT_SENTS: Final = frozenset(_NOT_SENT.format(policy) for policy in WritePolicy)
#: What was in the EHR and is no longer, or is a person's already.
_OVER: Final = frozenset({WriteState.REVOKED, WriteState.ON_HOLD})


def set_aside(ledger: Ledger, policy: WritePolicy, *, but: Collection[str] = ()) -> None:
    """Write nothing, and say so at each resource that otherwise would have been; but: the keys of what would not."""
    problem = _NOT_SENT.format(policy)
    for entry in ledger.entries():
        waits = entry.wanted and entry.state is WriteState.PENDING and entry.draft.key not in but
        if waits and entry.problem != problem:
            ledger.mark(entry.draft.key, WriteState.PENDING, problem=problem)


def as_if_allowed(entry: LedgerEntry, policy: WritePolicy) -> LedgerEntry:
    """The entry as it would stand, had nothing been set aside."""
    return replace(entry, problem="") if entry.problem == _NOT_SENT.format(policy) else entry


def is_set_aside(entry: LedgerEntry) -> bool:
    """Whether the hospital's policy is why it was not sent."""
    return entry.problem in _NOT_SENTS


def call_off(ledger: Ledger, policy: WritePolicy) -> None:
    """Withdraw nothing from the EHR, which is not even asked, and say so at each resource that otherwise would have been.

    What was made ready and never sent is revoked here; what an earlier policy had written stays, for a person to see to.
    """
    for entry in ledger.entries():
        if entry.reference:
            if entry.state not in _OVER:
                ledger.mark(entry.draft.key, entry.state, problem=_STAYS.format(policy))
        elif entry.state in {WriteState.PENDING, WriteState.REFUSED}:
            ready = entry.problem == _NOT_SENT.format(policy)
            problem = _NOT_WITHDRAWN.format(policy) if ready else ""
            ledger.mark(entry.draft.key, WriteState.REVOKED, problem=problem)


def would_be_written(entry: LedgerEntry) -> bool:
    """Whether it waits, and would not, were the EHR written to: what the EHR does not take waits for nothing."""
    waits = entry.problem in {"", WAITS} or is_set_aside(entry)
    return entry.wanted and entry.state is WriteState.PENDING and waits


def would_be_withdrawn(entry: LedgerEntry) -> bool:
    """Whether the discharge was called off, and the EHR would have been told so of this."""
    return entry.problem in _OUR_REASONS
