"""A hospital whose EHR is not written to (`off`, `shadow`): what is made ready stays here, and is called off here."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from config.tenants import Tenant, WritePolicy
from fhir_mappings.merge import pruned
from service.domain.publication import UNSENT, Ledger, LedgerEntry, WriteState
from service.domain.write_reason import WriteReason
from service.ehr.capability import Capability
from service.ehr.ladder import Rung, descend, step_for
from service.pipeline.publishing.publish import Drafts
from service.pipeline.publishing.ready import as_taken, facts_of, of_types, unmade_of
from service.pipeline.publishing.rules import speaks_of_nothing

#: What was in the EHR and is no longer, or is a person's already.
_OVER: Final = frozenset({WriteState.REVOKED, WriteState.ON_HOLD})


def set_aside(ledger: Ledger, policy: WritePolicy, *, but: Collection[str] = ()) -> None:
    """Write nothing, and say so at each resource that otherwise would have been; but: the keys of what would not."""
    waiting = [
        entry
        for entry in ledger.entries()
        if entry.wanted and entry.state is WriteState.WAITING and entry.draft.key not in but
    ]
    ledger.save(
        [
            entry.moved_to(WriteState.WAITING, WriteReason.NOT_SENT, policy.value)
            for entry in waiting
            if not is_set_aside(entry)
        ]
    )


def rehearse(ledger: Ledger, tenant: Tenant, capability: Capability, lower: Drafts) -> None:
    """Make ready what the EHR would get, on its lower rungs too; what it does not take says so, the rest is set aside.

    The EHR of a hospital that only watches (`shadow`) is asked for /metadata and nothing else.
    """
    entries = [_as_if_allowed(entry) for entry in ledger.entries()]
    types = descend(entries, capability).types
    facts = facts_of(tenant)
    drafts = as_taken(lower(), capability, facts) if types else []
    types = descend(entries, capability, unmade=unmade_of(drafts, types)).types
    ledger.want_also(of_types(drafts, types, capability, facts))
    lacking = _lacking(ledger.entries(), capability)
    ledger.save(
        [
            entry.moved_to(WriteState.IMPOSSIBLE, lacking[entry.draft.key], entry.draft.resource_type)
            for entry in ledger.entries()
            if entry.draft.key in lacking
        ]
    )
    set_aside(ledger, tenant.write_policy, but=lacking)


def call_off(ledger: Ledger, policy: WritePolicy) -> None:
    """Withdraw nothing from the EHR, which is not even asked, and say so at each resource that otherwise would have been.

    What was made ready and never sent is revoked here; what an earlier policy had written stays, for a person to see to.
    """
    changed = [_called_off(entry, policy.value) for entry in ledger.entries()]
    ledger.save([entry for entry in changed if entry is not None])


def is_set_aside(entry: LedgerEntry) -> bool:
    """Whether the hospital's policy is why it was not sent."""
    return entry.reason is WriteReason.NOT_SENT


def would_be_written(entry: LedgerEntry) -> bool:
    """Whether it waits, and would not, were the EHR written to: what the EHR does not take waits for nothing."""
    return entry.wanted and entry.state is WriteState.WAITING


def would_be_withdrawn(entry: LedgerEntry) -> bool:
    """Whether the discharge was called off, and the EHR would have been told so of this."""
    return entry.reason in {WriteReason.NOT_WITHDRAWN, WriteReason.STAYS}


def _called_off(entry: LedgerEntry, policy: str) -> LedgerEntry | None:
    if entry.reference:
        stays = replace(entry, reason=WriteReason.STAYS, detail=policy)
        return None if entry.state in _OVER else stays
    if entry.state not in {*UNSENT, WriteState.REFUSED}:
        return None
    if is_set_aside(entry):
        return entry.moved_to(WriteState.REVOKED, WriteReason.NOT_WITHDRAWN, policy)
    return entry.moved_to(WriteState.REVOKED)


def _as_if_allowed(entry: LedgerEntry) -> LedgerEntry:
    """The entry as it would stand, had nothing been set aside."""
    return replace(entry, reason=WriteReason.NONE, detail="") if is_set_aside(entry) else entry


def _lacking(entries: Collection[LedgerEntry], capability: Capability) -> dict[str, WriteReason]:
    """The keys of what this EHR would not get, with why."""
    new = [entry.draft for entry in entries if entry.is_new]
    steps = {draft.key: step_for(capability, draft.resource_type) for draft in new}
    lacking = {key: step.lack for key, step in steps.items() if step.rung is Rung.NOT_POSSIBLE}
    missing = {draft.full_url for draft in new if draft.key in lacking}
    empty = {
        draft.key: WriteReason.NOTHING_TO_SPEAK_OF
        for draft in new
        if draft.key not in lacking and speaks_of_nothing(draft.resource_type, pruned(draft.body, missing))
    }
    return lacking | empty
