"""Putting a discharge back on its way by an operator's hand: planned anew, written anew, or withdrawn anew.

The discharge moves and its job is queued in one transaction, under the discharge's row lock, so that it is safe beside
workers and however often it is asked for.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from service.domain.audit import AuditEntry, Event
from service.domain.discharge import Discharge, DischargeState
from service.domain.publication import Ledger, WriteState
from service.jobs import Task
from service.pipeline.ports import Operations
from service.store import Store, Unit

#: Where a discharge stands when a task is due.
DUE_STATE: Final = {
    Task.PLAN: DischargeState.RECEIVED,
    Task.PUBLISH: DischargeState.PLANNED,
    Task.WITHDRAW: DischargeState.CANCELLING,
}


class Redriven(StrEnum):
    """What became of a discharge that was to go on."""

    PLANS = "planned anew"  # its stay is read again, and what comes of it is written
    WRITES = "written anew"  # what is not in the EHR yet is tried again, from the plan there is
    WITHDRAWS = "withdrawn anew"  # it was called off, and what stands in the EHR is taken back
    CALLED_OFF = "left alone: called off"
    NO_PLAN = "left alone: no plan yet"  # there is nothing to write
    BUSY = "left alone: being written"  # another process writes it just now; ask again


@dataclass(frozen=True, slots=True)
class Redrive:
    """One discharge and what becomes of it."""

    discharge: Discharge
    result: Redriven


def replan(
    discharge: UUID, deps: Operations, *, actor: str, called_off: bool, dry_run: bool = False
) -> Redrive:
    """Have a discharge read and planned anew. One that was called off is left alone unless called_off says so."""
    with deps.store.begin() as unit:
        known = unit.discharges.lock(discharge)
        result = _replanning(known, unit, called_off=called_off)
        if not dry_run and result is not Redriven.CALLED_OFF:
            put_back(known, unit, deps, actor=actor)
    return Redrive(known, result)


def republish(discharge: UUID, deps: Operations, *, actor: str, dry_run: bool = False) -> Redrive:
    """Have what an EHR has not taken yet tried again, what it refused too, from the plan there is.

    What a person changed in the EHR, and what nobody can find out about, stays as it is.
    """
    if dry_run:
        with deps.store.begin() as unit:
            known = unit.discharges.lock(discharge)
            return Redrive(known, _rewriting(known, unit))
    # Whoever writes it now would not notice what is changed under it.
    with deps.store.hold(discharge) as ledger, deps.store.begin() as unit:
        known = unit.discharges.lock(discharge)
        result = _rewriting(known, unit)
        if result is Redriven.WRITES:
            _write_again(known, ledger, unit, deps, actor)
        return Redrive(known, result)


def put_back(discharge: Discharge, unit: Unit, deps: Operations, *, actor: str) -> None:
    """A locked discharge goes on from the step at which it failed; where it did not fail, it is planned anew."""
    if failed_step(discharge, unit) is Task.WITHDRAW:
        moved = replace(discharge.move_to(DischargeState.CANCELLING, deps.now()), problem="")
        _go_on(moved, Task.WITHDRAW, Event.CANCEL_REQUESTED, unit, deps, actor)
    elif discharge.state is DischargeState.RECEIVED:
        # It is on its way already: its job is made sure of, and run now.
        deps.jobs.defer(Task.PLAN, discharge.id, unit)
    else:
        _go_on(discharge.asked_again("", deps.now()), Task.PLAN, Event.ASKED_AGAIN, unit, deps, actor)


def failed_step(discharge: Discharge, store: Unit | Store) -> Task | None:
    """The step at which a discharge failed, from its trail; None where it has not failed, or the trail does not say."""
    if discharge.state is not DischargeState.FAILED:
        return None
    failures = [entry for entry in store.audit.of(discharge.id) if entry.event is Event.FAILED]
    # The step itself tells of its failure; where somebody else does, they name it.
    told = (failures[-1].actor, failures[-1].reference) if failures else ()
    return next((Task(name) for name in told if name in set(Task)), None)


def is_being_withdrawn(discharge: Discharge, unit: Unit) -> bool:
    """Whether it is called off, also where taking it back from the EHR has failed: nothing of it may be decided or written."""
    return discharge.is_called_off() or failed_step(discharge, unit) is Task.WITHDRAW


def _replanning(discharge: Discharge, unit: Unit, *, called_off: bool) -> Redriven:
    if discharge.is_called_off() and not called_off:
        return Redriven.CALLED_OFF
    return Redriven.WITHDRAWS if failed_step(discharge, unit) is Task.WITHDRAW else Redriven.PLANS


def _rewriting(discharge: Discharge, unit: Unit) -> Redriven:
    if is_being_withdrawn(discharge, unit):
        return Redriven.CALLED_OFF
    planned = discharge.state in {DischargeState.PLANNED, DischargeState.PUBLISHED}
    if planned or failed_step(discharge, unit) is Task.PUBLISH:
        return Redriven.WRITES
    return Redriven.NO_PLAN


def _write_again(discharge: Discharge, ledger: Ledger, unit: Unit, deps: Operations, actor: str) -> None:
    refused = [entry for entry in ledger.entries() if entry.wanted and entry.state is WriteState.REFUSED]
    ledger.save([entry.moved_to(WriteState.WAITING) for entry in refused])
    if discharge.state is DischargeState.PLANNED:
        deps.jobs.defer(Task.PUBLISH, discharge.id, unit)
        return
    moved = replace(discharge.move_to(DischargeState.PLANNED, deps.now()), problem="")
    _go_on(moved, Task.PUBLISH, Event.ASKED_AGAIN, unit, deps, actor)


def _go_on(moved: Discharge, task: Task, event: Event, unit: Unit, deps: Operations, actor: str) -> None:
    unit.discharges.save(moved)
    unit.audit.record(AuditEntry(moved.changed, moved.tenant, actor, event, moved.id))
    deps.jobs.defer(task, moved.id, unit)
