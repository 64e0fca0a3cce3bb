"""What nobody can find out about a write, a person can: they look in the EHR and say whether it is there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from fhir_mappings.references import literal
from service.domain.audit import AuditEntry, Event
from service.domain.discharge import Discharge, DischargeState
from service.domain.publication import InFlight, LedgerEntry, WriteState
from service.errors import BadInput
from service.jobs import Task
from service.pipeline.ports import Operations
from service.pipeline.publishing.settle import arrived
from service.store import Unit

#: How a discharge goes on once it is known: from where it stands to where it goes, and by which job.
_ON: Final = {
    DischargeState.PLANNED: (DischargeState.PLANNED, Task.PUBLISH),
    DischargeState.PUBLISHED: (DischargeState.PLANNED, Task.PUBLISH),
    DischargeState.CANCELLING: (DischargeState.CANCELLING, Task.WITHDRAW),
    DischargeState.CANCELLED: (DischargeState.CANCELLING, Task.WITHDRAW),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What a person says of the writes of a discharge of which nobody knows.

    is_there: they stand in the EHR; not: they do not, and are sent again. resource_type narrows it down, "" for all;
    reference is the resource that they found ("DocumentReference/7"), "" where they cannot tell its id.
    """

    is_there: bool
    resource_type: str = ""
    reference: str = ""


def settle_by_hand(
    discharge: UUID, saying: Saying, deps: Operations, *, actor: str, dry_run: bool = False
) -> tuple[Discharge, Sequence[LedgerEntry]]:
    """Take a person's word; the discharge and the entries that it is about, as they then stand.

    BadInput where nothing is unknown, or where one reference would stand for several.
    """
    with deps.store.hold(discharge) as ledger, deps.store.begin() as unit:
        known = unit.discharges.lock(discharge)
        meant = _meant(ledger.entries(), saying)
        settled = [_settled(entry, saying) for entry in meant]
        if not dry_run:
            ledger.save(settled)
            _go_on(known, saying, unit, deps, actor)
        return known, settled


def _meant(entries: Sequence[LedgerEntry], saying: Saying) -> list[LedgerEntry]:
    meant = [
        entry
        for entry in entries
        if entry.state is WriteState.UNKNOWN
        and not entry.reference
        and saying.resource_type in {"", entry.draft.resource_type}
    ]
    if not meant:
        raise BadInput("Nothing of this discharge waits for a person to say whether it is in the EHR.")
    if saying.reference:
        _check_reference(meant, saying.reference)
    return meant


def _check_reference(meant: Sequence[LedgerEntry], reference: str) -> None:
    if len(meant) > 1:
        raise BadInput(
            f"{len(meant)} writes are unknown, so one reference cannot stand for them; name a --type."
        )
    if literal(reference).partition("/")[0] != meant[0].draft.resource_type:
        raise BadInput(
            f"Give the reference of a {meant[0].draft.resource_type}, as {meant[0].draft.resource_type}/7."
        )


def _settled(entry: LedgerEntry, saying: Saying) -> LedgerEntry:
    if not saying.is_there:
        return entry.moved_to(WriteState.WAITING, in_flight=None, attempts=0)
    sent = entry.in_flight or InFlight(entry.draft.body, entry.digest, WriteState.WAITING)
    there = arrived(entry, sent, reference=literal(saying.reference), etag="")
    # Without its id it cannot be brought up to date, and is not sent once more because something else is wanted by now.
    return there if there.reference else replace(there, state=WriteState.LANDED, sent_digest=entry.digest)


def _go_on(discharge: Discharge, saying: Saying, unit: Unit, deps: Operations, actor: str) -> None:
    said = "it is there" if saying.is_there else "it is not there"
    entry = AuditEntry(deps.now(), discharge.tenant, actor, Event.SETTLED, discharge.id, said)
    unit.audit.record(entry)
    if discharge.state not in _ON:
        return
    state, task = _ON[discharge.state]
    if state is not discharge.state:
        unit.discharges.save(discharge.move_to(state, deps.now()))
    deps.jobs.defer(task, discharge.id, unit)
