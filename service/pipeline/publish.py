"""A plan's drafts → resources in the EHR, each once, each with its receipt."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from config.tenants import WritePolicy
from fhir_mappings.bundle import Search, Update
from fhir_mappings.merge import agrees, overlaid, same_version
from fhir_mappings.references import resolved, version_of
from fhir_mappings.withdrawal import status_before, status_of
from service.domain.publication import Draft, Ledger, LedgerEntry, Receipt, WriteState
from service.ehr.client import Ehr
from service.ehr.ladder import Rung, step_for
from service.ehr.writing import condition, refusal_of
from service.errors import EhrConflict
from service.pipeline.send import send
from service.pipeline.settle import known_in, settle

_CHANGED: Final = "A person changed this in the EHR; theirs stands."
_UNREAD: Final = "The EHR did not let us read this before changing it."
_POLICY: Final = "This hospital's write policy is {}: nothing is sent to its EHR."
_NO_UPDATE: Final = "The EHR does not let us change a {}; it stands as first written."


def publish(ledger: Ledger, ehr: Ehr) -> tuple[LedgerEntry, ...]:
    """Bring the EHR to what the ledger wants; the ledger as it then stands.

    One transaction where nothing is unknown. What the EHR cannot take stays PENDING with a problem, what a person
    changed becomes CONFLICT. Raises EhrUnavailable and WriteUnknown when it is worth running again: whatever was sent
    stays SENDING and is then looked for first.
    """
    _look(ledger, ehr, everything=False)
    try:
        _send(ledger, ehr)
    except EhrConflict:
        # Someone was quicker than our reading; the second look shows who, and theirs is left alone.
        _look(ledger, ehr, everything=True)
        _send(ledger, ehr)
    return ledger.entries()


def set_aside(ledger: Ledger, policy: WritePolicy) -> None:
    """Write nothing, and say so at each resource that otherwise would have been."""
    problem = _POLICY.format(policy)
    for entry in ledger.entries():
        if entry.wanted and entry.state is WriteState.PENDING and entry.problem != problem:
            ledger.mark(entry.draft.key, WriteState.PENDING, problem=problem)


def _look(ledger: Ledger, ehr: Ehr, *, everything: bool) -> None:
    """Settle what is unknown; also what is new, where the EHR would not notice that it has it."""
    entries = ledger.entries()
    doubtful = [entry for entry in entries if entry.state is WriteState.SENDING or _is_new(entry)]
    if not everything:
        doubtful = [entry for entry in doubtful if _unguarded(entry, ehr)]
    if doubtful:
        settle(ledger, ehr, doubtful, known_in(entries))


def _unguarded(entry: LedgerEntry, ehr: Ehr) -> bool:
    possible = step_for(ehr.capability(), entry.draft.resource_type).rung is not Rung.NOT_POSSIBLE
    return entry.state is WriteState.SENDING or (possible and not condition(entry.draft, ehr.capability()))


def _send(ledger: Ledger, ehr: Ehr) -> None:
    entries = ledger.entries()
    creates = writable(ledger, ehr, entries)
    updates = _updates(ledger, ehr, entries)
    if creates or any(not update.reference.startswith("Provenance/") for update in updates):
        send(ledger, ehr, creates, updates)
    elif updates:
        # Nothing that the Provenance speaks of has changed: the one in the EHR is still true.
        ledger.written([Receipt(update.key, update.reference, update.etag) for update in updates])


def writable(ledger: Ledger, ehr: Ehr, entries: Iterable[LedgerEntry]) -> list[Draft]:
    """The drafts of what is not there yet and can be written; the others stay PENDING with the reason."""
    drafts: list[Draft] = []
    for entry in filter(_is_new, entries):
        step = step_for(ehr.capability(), entry.draft.resource_type)
        possible = step.rung is not Rung.NOT_POSSIBLE
        problem = refusal_of(entry.draft, ehr.capability()) if possible else step.reason
        if not problem:
            drafts.append(entry.draft)
        elif entry.problem != problem:
            ledger.mark(entry.draft.key, WriteState.PENDING, problem=problem)
    return drafts


def _is_new(entry: LedgerEntry) -> bool:
    return entry.wanted and entry.state is WriteState.PENDING and not entry.reference


def _updates(ledger: Ledger, ehr: Ehr, entries: Sequence[LedgerEntry]) -> list[Update]:
    """What is there and has changed in the plan, unless a person has changed it in the EHR."""
    changed = [
        entry for entry in entries if entry.wanted and entry.state is WriteState.PENDING and entry.reference
    ]
    possible = [entry for entry in changed if ehr.capability().can(entry.draft.resource_type, "update")]
    for entry in changed:
        if entry not in possible:
            problem = _NO_UPDATE.format(entry.draft.resource_type)
            ledger.mark(entry.draft.key, WriteState.PENDING, problem=problem)
    results = ehr.batch([_read(entry.reference) for entry in possible])
    known = known_in(entries)
    updates = [
        _update(
            ledger,
            entry,
            result.resources[0] if result.resources else None,
            resolved(entry.draft.body, known),
        )
        for entry, result in zip(possible, results, strict=True)
    ]
    return [update for update in updates if update]


def _update(
    ledger: Ledger, entry: LedgerEntry, current: dict[str, Any] | None, body: dict[str, Any]
) -> Update | None:
    key = entry.draft.key
    if current is None:
        ledger.mark(key, WriteState.PENDING, problem=_UNREAD)
        return None
    etag = version_of(current)
    if agrees(body, current):
        ledger.written([Receipt(key, entry.reference, etag)])
        return None
    if _changed_by_someone(entry, current, etag):
        ledger.mark(key, WriteState.CONFLICT, problem=_CHANGED)
        return None
    return Update(key, entry.reference, overlaid(current, body), etag)


def _changed_by_someone(entry: LedgerEntry, current: dict[str, Any], etag: str) -> bool:
    """Whether a person was there: another version than our receipt's, or a status that neither we wrote nor withdrew.

    The draft's own status may be new: a person's decision has made it so.
    """
    if entry.etag and etag:
        return not same_version(entry.etag, etag)
    before = status_before(current) or status_of(current)
    return before != status_of(entry.sent or entry.draft.body)


def _read(reference: str) -> Search:
    kind, _, identity = reference.partition("/")
    return Search(kind, id=identity)
