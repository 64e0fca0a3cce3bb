"""A trigger becomes a discharge: committed together with the job that will plan it, and only once however often it comes.

What a repeated trigger does depends on its order. An order seen before is a late duplicate and starts nothing; a new
one plans the stay anew. Without an order only a person's request (REST) starts again what was cancelled or failed.
"""

from datetime import datetime
from typing import Final
from uuid import uuid4

from service.domain.audit import AuditEntry, Event
from service.domain.discharge import Action, Discharge, DischargeState, Trigger
from service.jobs import Task
from service.pipeline.ports import Deps
from service.store import Unit

#: The door through which a person or their program asks on purpose.
_ON_PURPOSE: Final = "rest"
_STOPPED: Final = frozenset({DischargeState.CANCELLING, DischargeState.CANCELLED, DischargeState.FAILED})
_CALLED_OFF: Final = frozenset({DischargeState.CANCELLING, DischargeState.CANCELLED})


def intake(trigger: Trigger, deps: Deps) -> Discharge | None:
    """The discharge this trigger is about, as it now stands; None for a cancel of a stay that is not known.

    The discharge and its job are committed together. Raises StoreUnavailable, and then nothing has happened.
    """
    at = deps.now()
    with deps.store.begin() as unit:
        if trigger.action is Action.CANCEL:
            return _cancel(trigger, unit, deps, at)
        return _plan(trigger, unit, deps, at)


def _plan(trigger: Trigger, unit: Unit, deps: Deps, at: datetime) -> Discharge:
    new = Discharge(
        uuid4(), trigger.tenant, trigger.encounter, trigger.order, DischargeState.RECEIVED, 1, at, at
    )
    if unit.discharges.add(new):
        return _begun(new, Event.RECEIVED, trigger, unit, deps)
    known = unit.discharges.lock_stay(trigger.tenant, trigger.encounter) or new
    if not _starts_again(trigger, known, unit):
        _record(Event.DUPLICATE, trigger, known, unit, at)
        return known
    again = known.asked_again(trigger.order, at)
    unit.discharges.save(again)
    return _begun(again, Event.ASKED_AGAIN, trigger, unit, deps)


def _begun(discharge: Discharge, event: Event, trigger: Trigger, unit: Unit, deps: Deps) -> Discharge:
    if trigger.order:
        unit.discharges.remember_order(discharge.id, trigger.order)
    _record(event, trigger, discharge, unit, discharge.changed)
    deps.jobs.defer(Task.PLAN, discharge.id, unit)
    return discharge


def _starts_again(trigger: Trigger, known: Discharge, unit: Unit) -> bool:
    on_purpose = trigger.door == _ON_PURPOSE
    if not trigger.order:
        return on_purpose and known.state in _STOPPED
    cancelled = unit.discharges.order_seen(known.id, trigger.order)
    if cancelled is None:
        return True
    return on_purpose and known.state is DischargeState.FAILED and not cancelled


def _cancel(trigger: Trigger, unit: Unit, deps: Deps, at: datetime) -> Discharge | None:
    known = unit.discharges.lock_stay(trigger.tenant, trigger.encounter)
    if known is None:
        _record(Event.CANCEL_OF_UNKNOWN, trigger, None, unit, at)
        return None
    if trigger.order and trigger.order != known.order:
        _record(Event.CANCEL_OF_OTHER_ORDER, trigger, known, unit, at)
        return known
    if known.state in _CALLED_OFF:
        _record(Event.DUPLICATE, trigger, known, unit, at)
        return known
    cancelling = known.move_to(DischargeState.CANCELLING, at)
    unit.discharges.save(cancelling)
    unit.discharges.cancel_orders(known.id)
    _record(Event.CANCEL_REQUESTED, trigger, known, unit, at)
    deps.jobs.defer(Task.WITHDRAW, known.id, unit)
    return cancelling


def _record(event: Event, trigger: Trigger, discharge: Discharge | None, unit: Unit, at: datetime) -> None:
    reference = trigger.order or trigger.encounter
    about = discharge.id if discharge else None
    unit.audit.record(AuditEntry(at, trigger.tenant, trigger.door, event, about, reference))
