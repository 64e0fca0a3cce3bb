"""A hospital that only watches (`shadow`): all that publishing would do, up to the writes.

Its EHR is asked for /metadata and nothing else, so that what is made ready is what that EHR would have got.
"""

from dataclasses import replace

from config.tenants import WritePolicy
from fhir_mappings.merge import pruned
from service.domain.publication import Ledger, WriteState
from service.domain.write_reason import WriteReason
from service.ehr.capability import Capability
from service.ehr.ladder import Rung, descend, step_for
from service.pipeline.hands_off import as_if_allowed, set_aside
from service.pipeline.marks import mark
from service.pipeline.publish import Lower, of_types, unmade_of
from service.pipeline.send import speaks_of_nothing


def rehearse(ledger: Ledger, policy: WritePolicy, capability: Capability, lower: Lower) -> None:
    """Make ready what the EHR would get, on its lower rungs too; what it does not take says so, the rest is set aside."""
    entries = [as_if_allowed(entry) for entry in ledger.entries()]
    types = descend(entries, capability).types
    drafts = lower() if types else ()
    types = descend(entries, capability, unmade=unmade_of(drafts, types)).types
    ledger.want_also(of_types(drafts, types, capability))
    lacking = _lacking(ledger, capability)
    kinds = {entry.draft.key: entry.draft.resource_type for entry in ledger.entries()}
    for key, reason in lacking.items():
        mark(ledger, key, WriteState.IMPOSSIBLE, reason=reason, detail=kinds[key])
    set_aside(ledger, policy, but=lacking)


def _lacking(ledger: Ledger, capability: Capability) -> dict[str, WriteReason]:
    """The keys of what this EHR would not get, with why."""
    new = [entry.draft for entry in ledger.entries() if entry.is_new]
    steps = {draft.key: step_for(capability, draft.resource_type) for draft in new}
    lacking = {key: step.lack for key, step in steps.items() if step.rung is Rung.NOT_POSSIBLE}
    missing = {draft.full_url for draft in new if draft.key in lacking}
    empty = {
        draft.key: WriteReason.NOTHING_TO_SPEAK_OF
        for draft in new
        if draft.key not in lacking and speaks_of_nothing(replace(draft, body=pruned(draft.body, missing)))
    }
    return lacking | empty
