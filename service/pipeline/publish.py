"""A plan's drafts → resources in the EHR, each once, each with its receipt."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from fhir_mappings.merge import pruned
from fhir_mappings.outbound.document import fitted
from service.domain.publication import Draft, Ledger, LedgerEntry, Receipt, WriteState
from service.domain.write_reason import WriteReason
from service.ehr.capability import Capability
from service.ehr.client import Ehr
from service.ehr.ladder import Rung, descend, step_for
from service.ehr.writing import condition, refusal_of
from service.errors import EhrConflict, WriteUnknown
from service.pipeline.examine import updates
from service.pipeline.marks import mark, mark_landed
from service.pipeline.send import send
from service.pipeline.settle import known_in, settle

_SIGNS: Final = "Provenance"

#: The same plan as document, message and health concerns, for an EHR that does not take it otherwise.
Lower = Callable[[], Sequence[Draft]]


def publish(ledger: Ledger, ehr: Ehr, lower: Lower = tuple) -> tuple[LedgerEntry, ...]:
    """Bring the EHR to what the ledger wants; the ledger as it then stands.

    One transaction where nothing is unknown. What the EHR does not take as a resource of its own goes on the lower rungs
    that it has; the ledger says where each item stands. What a person changed becomes CONFLICT, what nobody can find out
    UNKNOWN. Raises EhrUnavailable and WriteUnknown when it is worth running again: whatever was sent stays SENDING and is
    then looked for first. Raises EhrRefused when our credential is refused.
    """
    _bring(ledger, ehr)
    _descend(ledger, ehr, lower)
    if any(entry.state is WriteState.SENDING for entry in ledger.entries()):
        raise WriteUnknown("Some writes could not be looked for just now.")
    return ledger.entries()


def _bring(ledger: Ledger, ehr: Ehr) -> None:
    _look(ledger, ehr, everything=False)
    try:
        _send(ledger, ehr, again=False)
    except EhrConflict:
        # Someone was quicker than our reading; the second look shows who, and theirs is left alone.
        _look(ledger, ehr, everything=True)
        _send(ledger, ehr, again=True)


def _descend(ledger: Ledger, ehr: Ehr, lower: Lower) -> None:
    """One rung down for what the EHR does not take, and further where it refuses that as well."""
    tried: frozenset[str] = frozenset()
    found = descend(ledger.entries(), ehr.capability())
    while not found.types <= tried:
        tried |= found.types
        ledger.want_also(of_types(lower(), tried, ehr.capability()))
        _bring(ledger, ehr)
        found = descend(ledger.entries(), ehr.capability(), unmade=unmade_of(lower(), tried))
    stood = {entry.draft.key: entry.rung for entry in ledger.entries()}
    ledger.land([item for item in found.landed if stood[item.key] is not item.rung])


def unmade_of(drafts: Sequence[Draft], types: frozenset[str]) -> frozenset[str]:
    """The types of which there is nothing to write: a document that is too large, a message that nobody would get."""
    return types - {draft.resource_type for draft in drafts}


def of_types(drafts: Sequence[Draft], types: frozenset[str], capability: Capability) -> list[Draft]:
    """The drafts of these types as this EHR takes them, and the Provenance of them where one is taken."""
    signed = capability.can(_SIGNS, "create")
    chosen = [_fitted(draft, capability) for draft in drafts if draft.resource_type in types]
    others = {draft.full_url for draft in drafts if draft.resource_type not in types}
    sources = [draft for draft in drafts if draft.resource_type == _SIGNS and signed]
    return [*chosen, *(replace(draft, body=pruned(draft.body, others)) for draft in sources)]


def _fitted(draft: Draft, capability: Capability) -> Draft:
    if draft.resource_type != "DocumentReference":
        return draft
    one, device = capability.one_attachment, capability.device_author
    return replace(draft, body=fitted(draft.body, one_attachment=one, device_author=device))


def _look(ledger: Ledger, ehr: Ehr, *, everything: bool) -> None:
    """Settle what is unknown; also what is new, where the EHR would not notice that it has it."""
    entries = ledger.entries()
    doubtful = [entry for entry in entries if entry.is_doubtful or entry.is_new]
    if not everything:
        doubtful = [entry for entry in doubtful if _unguarded(entry, ehr)]
    if doubtful:
        settle(ledger, ehr, doubtful, known_in(entries))


def _unguarded(entry: LedgerEntry, ehr: Ehr) -> bool:
    possible = step_for(ehr.capability(), entry.draft.resource_type).rung is not Rung.NOT_POSSIBLE
    return entry.is_doubtful or (possible and not condition(entry.draft, ehr.capability()))


def _send(ledger: Ledger, ehr: Ehr, *, again: bool) -> None:
    entries = ledger.entries()
    creates = writable(ledger, ehr, entries)
    changes = updates(ledger, ehr, entries)
    if creates or any(not update.reference.startswith(f"{_SIGNS}/") for update in changes):
        send(ledger, ehr, creates, changes, again=again)
    elif changes:
        # Nothing that the Provenance speaks of has changed: the one in the EHR is still true.
        mark_landed(ledger, [Receipt(update.key, update.reference, update.etag) for update in changes])


def writable(ledger: Ledger, ehr: Ehr, entries: Iterable[LedgerEntry]) -> list[Draft]:
    """The drafts of what is not there yet and can be written; the others are IMPOSSIBLE, with the reason."""
    drafts: list[Draft] = []
    for entry in (entry for entry in entries if entry.is_new):
        step = step_for(ehr.capability(), entry.draft.resource_type)
        possible = step.rung is not Rung.NOT_POSSIBLE
        reason = refusal_of(entry.draft, ehr.capability()) if possible else step.lack
        if reason is WriteReason.NONE:
            drafts.append(entry.draft)
        elif entry.reason is not reason:
            kind = entry.draft.resource_type
            mark(ledger, entry.draft.key, WriteState.IMPOSSIBLE, reason=reason, detail=kind)
    return drafts
