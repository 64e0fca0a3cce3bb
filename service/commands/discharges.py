"""What `homeward discharges` does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from fhir_mappings.outbound.reference_line import reference_line
from service import clock
from service.bootstrap import Operations
from service.commands.deployment import opened_operations
from service.commands.options import progress
from service.commands.tables import iso_time, json_or_table, local_time
from service.domain.discharge import Discharge, DischargeState
from service.domain.publication import LedgerEntry, WriteStanding, WriteState
from service.errors import BadInput, StoreUnavailable
from service.pipeline.redrive import Redrive, Redriven, replan, republish
from service.pipeline.settle_by_hand import Saying, settle_by_hand
from service.store.overview import Asked, Counts

Show = Callable[[], None]

#: Who has left longer ago is followed no more: readmissions are counted for 30 days.
_FOLLOWED: Final = timedelta(days=31)
_OFF: Final = (DischargeState.CANCELLING.value, DischargeState.CANCELLED.value)
_STANDING: Final = tuple(state for state in DischargeState if state.value not in _OFF)
#: What of an entry is worth a column; what has landed needs nobody.
_COLUMNS: Final = (
    WriteStanding.LANDED,
    WriteStanding.WAITING,
    WriteStanding.REFUSED,
    WriteStanding.NOT_POSSIBLE,
    WriteStanding.THEIRS,
    WriteStanding.UNKNOWN,
)


def show_discharges(
    states: Sequence[str], tenant: str, *, waits: bool, since: datetime | None, limit: int, form: str
) -> Show:
    """Read them; what comes back prints them. BadInput for an unknown hospital."""
    asked = Asked(tenant=tenant, states=tuple(map(DischargeState, states)), since=since, waiting=waits)
    with opened_operations(tenant) as deps:
        found = deps.store.overview.find(asked, limit=limit + 1)
        writes = deps.store.overview.writes_of([discharge.id for discharge in found[:limit]])
    shown, more = found[:limit], len(found) > limit
    document = {
        "discharges": [_document(discharge, writes.get(discharge.id, {})) for discharge in shown],
        "more": more,
    }
    headings = ("discharge", "tenant", "state", "changed", *_COLUMNS, "problem")
    rows = [_row(discharge, writes.get(discharge.id, {})) for discharge in shown]
    foot = f"Only the first {limit} are shown; there are more." if more else f"{len(shown)} discharges."
    return json_or_table(form, document, headings, rows, [foot])


def show_discharge(discharge_id: UUID, form: str) -> Show:
    """Read one; what comes back prints it. NotFound when it is not known."""
    with opened_operations() as deps:
        discharge = deps.store.discharges.get(discharge_id)
        entries = deps.store.publications.entries(discharge_id)
        writes = deps.store.overview.writes_of([discharge_id]).get(discharge_id, {})
        jobs = deps.jobs.control.list(discharge=discharge_id)
        history = deps.store.audit.of(discharge_id)
    document = _document(discharge, writes) | {
        "encounter": discharge.encounter,
        "order": discharge.order,
        "round": discharge.round,
        "jobs": [
            {"job": job.number, "step": job.task, "state": job.state.value, "error": job.error or None}
            for job in jobs
        ],
        "resources": [_resource(entry) for entry in entries],
        "history": [{"at": iso_time(entry.at), "event": str(entry.event)} for entry in history],
    }
    rows = [
        (
            row["type"],
            row["reference"] or "-",
            row["standing"],
            row["state"],
            row["rung"],
            row["reason"] or "-",
        )
        for row in document["resources"]
    ]
    return json_or_table(form, document, _RESOURCE_HEADINGS, rows, list(_sentences(document)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The discharges that an operator means: those of these ids, or of a hospital, or of all hospitals."""

    ids: Sequence[UUID]
    tenant: str
    everywhere: bool
    states: Sequence[str]
    since: datetime | None
    waits: bool = False


def redrive_discharges(act: str, meant: Selection, *, dry_run: bool, form: str) -> tuple[Show, int]:
    """Have those that are meant planned ("replan") or written ("republish") anew; 1 when one could not be done now."""
    if [bool(meant.ids), bool(meant.tenant), meant.everywhere].count(True) != 1:
        raise BadInput("Name the discharges, or --tenant ID, or --all.")
    called_off = any(state in _OFF for state in meant.states)
    with opened_operations(meant.tenant) as deps:
        done = [
            _redrive(act, chosen, deps, called_off=called_off, dry_run=dry_run)
            for chosen in progress(meant.ids or _choose(meant, deps), "Asking anew")
        ]
    busy = any(redrive.result is Redriven.BUSY for redrive in done)
    return _told(act, done, form, dry_run=dry_run), 1 if busy else 0


def settle_discharge(discharge: UUID, said: Mapping[str, Any], *, dry_run: bool, form: str) -> Show:
    """Take a person's word for what is in the EHR; what comes back prints it."""
    saying = Saying(**said)
    with opened_operations() as deps:
        known, entries = settle_by_hand(
            discharge, saying, deps, actor="homeward discharges settle", dry_run=dry_run
        )
    rows = [(entry.draft.resource_type, entry.reference or "-", entry.standing.value) for entry in entries]
    names = ("type", "reference", "standing")
    document = {
        "discharge": str(known.id),
        "tenant": known.tenant,
        "dry_run": dry_run,
        "resources": [dict(zip(names, row, strict=True)) for row in rows],
    }
    foot = f"{len(rows)} writes{'; nothing was done (dry run)' if dry_run else ''}."
    return json_or_table(form, document, ("resource", "in the EHR", "it is"), rows, [foot])


def _choose(meant: Selection, deps: Operations) -> list[UUID]:
    """Those in the states named; without any, those that stand and are still followed."""
    states = tuple(map(DischargeState, meant.states))
    since = meant.since if states or meant.since else clock.now() - _FOLLOWED
    asked = Asked(tenant=meant.tenant, states=states or _STANDING, since=since, waiting=meant.waits)
    return [discharge.id for discharge in deps.store.overview.find(asked, limit=None)]


def _redrive(act: str, discharge: UUID, deps: Operations, *, called_off: bool, dry_run: bool) -> Redrive:
    actor = f"homeward discharges {act}"
    if act == "replan":
        return replan(discharge, deps, actor=actor, called_off=called_off, dry_run=dry_run)
    try:
        return republish(discharge, deps, actor=actor, dry_run=dry_run)
    except StoreUnavailable:
        # Another process has held it for long; a database that is away says so here.
        return Redrive(deps.store.discharges.get(discharge), Redriven.BUSY)


def _told(act: str, done: Sequence[Redrive], form: str, *, dry_run: bool) -> Show:
    rows = [
        (
            str(redrive.discharge.id),
            redrive.discharge.tenant,
            redrive.discharge.state.value,
            redrive.result.value,
        )
        for redrive in done
    ]
    names = ("discharge", "tenant", "state_before", "result")
    document = {
        "act": act,
        "dry_run": dry_run,
        "discharges": [dict(zip(names, row, strict=True)) for row in rows],
    }
    foot = f"{len(rows)} discharges{'; nothing was done (dry run)' if dry_run else ''}."
    return json_or_table(form, document, ("discharge", "tenant", "it was", "it is"), rows, [foot])


def _row(discharge: Discharge, writes: Counts) -> tuple[str, ...]:
    counts = tuple(str(writes.get(standing, 0)) for standing in _COLUMNS)
    about = (str(discharge.id), discharge.tenant, discharge.state.value, local_time(discharge.changed))
    return (*about, *counts, discharge.problem or "-")


def _document(discharge: Discharge, writes: Counts) -> dict[str, Any]:
    return {
        "discharge": str(discharge.id),
        "tenant": discharge.tenant,
        "state": discharge.state.value,
        "problem": discharge.problem or None,
        "created": iso_time(discharge.created),
        "changed": iso_time(discharge.changed),
        "writes": {standing.value: writes.get(standing, 0) for standing in WriteStanding},
    }


def _resource(entry: LedgerEntry) -> dict[str, Any]:
    """A row of the ledger without its key, which names the need that it serves."""
    return {
        "type": entry.draft.resource_type,
        "reference": entry.reference or None,
        "standing": entry.standing.value,
        "state": entry.state.value,
        "rung": entry.rung.value,
        "code": entry.reason.value or None,
        "reason": entry.problem or None,
        "look_for": reference_line(entry.draft.identifier) if entry.state is WriteState.UNKNOWN else None,
    }


_RESOURCE_HEADINGS: Final = ("resource", "in the EHR", "standing", "state", "rung", "why")


def _sentences(document: Mapping[str, Any]) -> list[str]:
    problem = f" {document['problem']}" if document["problem"] else ""
    counts = ", ".join(f"{number} {standing}" for standing, number in document["writes"].items() if number)
    jobs = ", ".join(f"{job['job']} ({job['step']}, {job['state']})" for job in document["jobs"])
    lost = [f"Look for {row['type']}: {row['look_for']}." for row in document["resources"] if row["look_for"]]
    return [
        *lost,
        f"{document['discharge']} of {document['tenant']} is {document['state']} since {document['changed']}.{problem}",
        f"In the EHR: {counts or 'nothing'}.",
        f"Jobs: {jobs or 'none'}.",
    ]
