"""A trigger becomes a discharge: committed together with the job that will plan it, and only once however often it comes.

What a repeated trigger does depends on its order. An order seen before is a late duplicate and starts nothing, unless its
date has moved, the plan lacks something because of a fault, or a person asks on purpose after a while; a new one plans the stay anew. One that the EHR had called off is first looked at in the EHR: only if it
stands there again is it no late duplicate. Without an order only a person's request (REST) starts again what was cancelled
or failed. What happens when is the table in docs/triggers.md.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final
from uuid import uuid4

from service.domain.audit import AuditEntry, Event
from service.domain.discharge import Action, CallOff, Discharge, DischargeState, Trigger
from service.domain.publication import SETTLED
from service.jobs import Errand, Task
from service.pipeline.brake import let_go, may_take_back
from service.pipeline.ports import Deps
from service.store import Unit

#: The door through which a person or their program asks on purpose.
_ON_PURPOSE: Final = "rest"
#: The door of our own searching, which finds the same order again in every round.
_SEARCHING: Final = "poll"
#: The doors through which somebody asks who waits for the plan; the others tell what they find as often as they like.
_ASKING: Final = frozenset({_ON_PURPOSE, "cds-hooks"})
#: A program repeats a request that it got no answer to within seconds; who asks after this long wants to know how it stands now.
_ASKED_ON_PURPOSE: Final = timedelta(minutes=5)
#: Plannings and publications that wait for their next try run at once when somebody asks.
_UNDER_WAY: Final = {DischargeState.RECEIVED: Task.PLAN, DischargeState.PLANNED: Task.PUBLISH}
#: The doors by which an EHR tells what changed, whose stay it may ever be.
_TELLING: Final = frozenset({"subscription", "look"})
#: What changes nothing.
_REPEATS: Final = frozenset(
    {
        Event.DUPLICATE,
        Event.CANCEL_OF_OTHER_ORDER,
        Event.CANCEL_OF_UNKNOWN,
        Event.TO_BE_CHECKED,
        Event.LOOKED_AT,
        Event.HELD,
    }
)
_STOPPED: Final = frozenset({DischargeState.CANCELLING, DischargeState.CANCELLED, DischargeState.FAILED})
_CALLED_OFF: Final = frozenset({DischargeState.CANCELLING, DischargeState.CANCELLED})
_PLANNED_ONCE: Final = frozenset({DischargeState.PLANNED, DischargeState.PUBLISHED})


class _Effect(Enum):
    NOTHING = auto()
    PLAN = auto()
    ASK_THE_EHR = auto()


def intake(trigger: Trigger, deps: Deps) -> Discharge | None:
    """The discharge this trigger is about, as it now stands; None for a cancel of a stay that is not known.

    None, too, for a hospital that has left.
    The discharge and its job are committed together. Raises StoreUnavailable, and then nothing has happened.
    """
    at = deps.now()
    with deps.store.begin() as unit:
        return take(trigger, unit, deps, at)


def take(trigger: Trigger, unit: Unit, deps: Deps, at: datetime) -> Discharge | None:
    """The same as part of a unit of work: it happens if the unit is committed.

    What was only told of a stay of a shared server is read first: then it is known whose the stay is.
    """
    if _is_to_be_read(trigger, deps):
        deps.jobs.send(Errand.LOOK, trigger.tenant, trigger.order or trigger.encounter, unit)
        return None
    if trigger.action is Action.CANCEL:
        return _cancel(trigger, unit, deps, at)
    if unit.hospitals.has_left(trigger.tenant):
        return None
    if trigger.action is Action.REFRESH:
        known = unit.discharges.lock_stay(trigger.tenant, trigger.encounter)
        return _refresh(trigger, _let_go(trigger, known, unit, deps), unit, deps, at) if known else None
    return _plan(trigger, unit, deps, at)


def plan_again(known: Discharge, door: str, unit: Unit, deps: Deps, at: datetime) -> Discharge:
    """Plan a stay once more by the order that stands, because what its plan lacked can be had now."""
    trigger = Trigger(known.tenant, known.encounter, Action.PLAN, door)
    return _again(known.asked_again("", at), trigger, unit, deps)


def _is_to_be_read(trigger: Trigger, deps: Deps) -> bool:
    tenant = deps.tenants.get(trigger.tenant)
    told = trigger.door in _TELLING and not trigger.in_ehr and trigger.action is not Action.CANCEL
    return told and tenant is not None and tenant.stays is not None


def _plan(trigger: Trigger, unit: Unit, deps: Deps, at: datetime) -> Discharge | None:
    if trigger.hint and trigger.order and unit.called_off_orders.knows(trigger.tenant, trigger.order):
        _ask_the_ehr(trigger.order, trigger, None, unit, deps, at)
        return unit.discharges.lock_stay(trigger.tenant, trigger.encounter)
    told = "" if trigger.order else trigger.told
    ids = uuid4(), trigger.tenant, trigger.encounter, trigger.order
    new = Discharge(*ids, DischargeState.RECEIVED, 1, at, at, told=told, stay=trigger.stay)
    if unit.discharges.add(new):
        return _begun(new, Event.RECEIVED, trigger, unit, deps)
    known = _let_go(trigger, unit.discharges.lock_stay(trigger.tenant, trigger.encounter) or new, unit, deps)
    if told:
        return _refresh(trigger, known, unit, deps, at)
    effect = (
        _effect_of_order(trigger, known, unit, at)
        if trigger.order
        else _effect_of_request(trigger, known, unit, at)
    )
    if effect is _Effect.PLAN and trigger.hint:
        effect = _Effect.ASK_THE_EHR  # it may be late, and another order may stand
    if effect is _Effect.PLAN:
        return _again(known.asked_again(trigger.order, at), trigger, unit, deps)
    if effect is _Effect.ASK_THE_EHR:
        # Where it was the stay that did not take place, the order stands and says nothing.
        about = known.encounter if trigger.in_ehr else trigger.order
        _ask_the_ehr(about, trigger, known, unit, deps, at)
        return known
    if trigger.door in _ASKING and known.state in _UNDER_WAY:
        deps.jobs.defer(_UNDER_WAY[known.state], known.id, unit, tenant=known.tenant)
    _record(Event.DUPLICATE, trigger, known, unit, at)
    return known


def _refresh(trigger: Trigger, known: Discharge, unit: Unit, deps: Deps, at: datetime) -> Discharge:
    """What is known of the stay has changed, or has been told once more."""
    if _is_to_be_ended(trigger, known):
        return _end(trigger, known, unit, deps, at)
    if known.state in _CALLED_OFF and _was_a_mistake(trigger, known):
        return _undo(trigger, known, unit, deps, at)
    if (trigger.told, trigger.stay) == (known.told, known.stay):
        return known
    if trigger.hint and known.told:
        _ask_the_ehr(trigger.encounter, trigger, known, unit, deps, at)
        return known
    told = replace(known, told=trigger.told, stay=trigger.stay)
    # Kept by a version that knew no status; or the planning that is on its way reads the stay as it now is.
    is_learnt = trigger.told == known.told or (not known.told and known.state is DischargeState.RECEIVED)
    if not is_learnt and known.state not in _CALLED_OFF:
        return _again(told.asked_again("", at), trigger, unit, deps)
    unit.discharges.save(told)
    return told


def _is_to_be_ended(trigger: Trigger, known: Discharge) -> bool:
    """Whether the patient has died since the discharge was called off: what rests then rests for nobody."""
    return trigger.died and known.state is DischargeState.CANCELLED and known.call_off is not CallOff.DEATH


def _end(trigger: Trigger, known: Discharge, unit: Unit, deps: Deps, at: datetime) -> Discharge:
    """Withdraw once more, for good; who died is not brought back by a stay that stands."""
    told = replace(known, told=trigger.told, stay=trigger.stay, call_off=CallOff.DEATH)
    ending = told.move_to(DischargeState.CANCELLING, at)
    unit.discharges.save(ending)
    _record(Event.CANCEL_REQUESTED, trigger, ending, unit, at)
    deps.jobs.defer(Task.WITHDRAW, ending.id, unit, tenant=ending.tenant)
    return ending


def _was_a_mistake(trigger: Trigger, known: Discharge) -> bool:
    """Whether the stay stands, which was called off because it was gone or said that it did not take place."""
    return not trigger.stay.is_off and (known.call_off is CallOff.ABSENCE or known.stay.is_off)


def _undo(trigger: Trigger, known: Discharge, unit: Unit, deps: Deps, at: datetime) -> Discharge:
    """Plan the stay again. One that was ordered is so only if its order stands, too: that is read first."""
    if trigger.hint:
        _ask_the_ehr(trigger.encounter, trigger, known, unit, deps, at)
        return known
    told = replace(known, told=trigger.told, stay=trigger.stay)
    if not known.order and known.call_off.may_be_undone:
        return _again(told.asked_again("", at), trigger, unit, deps)
    unit.discharges.save(told)
    if known.order:
        _ask_the_ehr(known.order, trigger, told, unit, deps, at)
    return told


def _let_go(trigger: Trigger, known: Discharge, unit: Unit, deps: Deps) -> Discharge:
    """What is held because this stay or order seemed gone stands after all."""
    if known.held != trigger.about or trigger.hint:
        return known
    if known.state is DischargeState.RECEIVED:
        deps.jobs.defer(Task.PLAN, known.id, unit, tenant=known.tenant)
    return let_go(known, unit)


def _again(again: Discharge, trigger: Trigger, unit: Unit, deps: Deps) -> Discharge:
    unit.discharges.save(again)
    return _begun(again, Event.ASKED_AGAIN, trigger, unit, deps)


def _ask_the_ehr(
    about: str, trigger: Trigger, known: Discharge | None, unit: Unit, deps: Deps, at: datetime
) -> None:
    is_off = known is None or known.state in _CALLED_OFF
    _record(Event.TO_BE_CHECKED if is_off else Event.LOOKED_AT, trigger, known, unit, at)
    deps.jobs.send(Errand.LOOK, trigger.tenant, about, unit)


def _begun(discharge: Discharge, event: Event, trigger: Trigger, unit: Unit, deps: Deps) -> Discharge:
    if trigger.order:
        shown = trigger.in_ehr or trigger.hint
        if trigger.in_ehr:
            unit.called_off_orders.forget(trigger.tenant, trigger.order)
        unit.discharges.remember_order(
            discharge.id, trigger.order, trigger.told, in_ehr=shown, hint=trigger.hint
        )
    for replaced in trigger.replaces:
        unit.discharges.supersede_order(discharge.id, replaced)
    _record(event, trigger, discharge, unit, discharge.changed)
    first = event is Event.RECEIVED
    deps.jobs.defer(Task.PLAN, discharge.id, unit, tenant=discharge.tenant, first=first)
    return discharge


def _effect_of_request(trigger: Trigger, known: Discharge, unit: Unit, at: datetime) -> _Effect:
    if trigger.door == _ON_PURPOSE and known.state in _STOPPED:
        return _Effect.PLAN
    return _Effect.PLAN if _is_worth_a_plan(trigger, known, unit, at) else _Effect.NOTHING


def _effect_of_order(trigger: Trigger, known: Discharge, unit: Unit, at: datetime) -> _Effect:
    seen = unit.discharges.order_seen(known.id, trigger.order)
    if seen is None:
        return _Effect.PLAN
    if seen.ended and known.state in _CALLED_OFF:
        return _Effect.PLAN if trigger.in_ehr and not known.stay.is_off else _Effect.ASK_THE_EHR
    if seen.cancelled:
        return _Effect.NOTHING
    tried_again = trigger.door == _ON_PURPOSE and known.state is DischargeState.FAILED
    moved = trigger.told not in {"", seen.told} and known.state not in _CALLED_OFF
    worth_it = tried_again or moved or _is_worth_a_plan(trigger, known, unit, at)
    return _Effect.PLAN if worth_it else _Effect.NOTHING


def _is_worth_a_plan(trigger: Trigger, known: Discharge, unit: Unit, at: datetime) -> bool:
    """Whether asking again finds something to do: the plan lacks what a fault kept from us, or is no longer of just now.

    What waits to be written counts for who asks on purpose: planning anew has it written again.
    """
    if trigger.door not in _ASKING or known.state not in _PLANNED_ONCE:
        return False
    if any(not lack.is_settled() for lack in unit.unread.of(known.id)):
        return True
    if trigger.door != _ON_PURPOSE:
        return False
    return at - known.changed >= _ASKED_ON_PURPOSE or _has_unsettled(known, unit)


def _has_unsettled(known: Discharge, unit: Unit) -> bool:
    """Whether a publication that is over left something for which it still waits, or of which nobody knows."""
    return known.state is DischargeState.PUBLISHED and any(
        entry.standing not in SETTLED for entry in unit.publications.entries(known.id)
    )


def _cancel(trigger: Trigger, unit: Unit, deps: Deps, at: datetime) -> Discharge | None:
    known = unit.discharges.lock_stay(trigger.tenant, trigger.encounter)
    if trigger.order and (known is None or known.state in _CALLED_OFF):
        # An order may name a ward of the stay that is planned by it.
        known = unit.discharges.standing_of_order(trigger.tenant, trigger.order) or known
    if known is None:
        if trigger.order:
            unit.called_off_orders.remember(trigger.tenant, trigger.order, at)
        _record(Event.CANCEL_OF_UNKNOWN, trigger, None, unit, at)
        return None
    if trigger.order and trigger.order != known.order:
        _record(Event.CANCEL_OF_OTHER_ORDER, trigger, known, unit, at)
        return known
    if _is_to_be_ended(trigger, known):
        return _end(trigger, known, unit, deps, at)
    if known.state in _CALLED_OFF:
        if trigger.door == _ON_PURPOSE:
            unit.discharges.cancel_orders(known.id)  # from now on it is a person who called it off
            unit.discharges.save(replace(known, call_off=CallOff.PERSON))
        _record(Event.DUPLICATE, trigger, known, unit, at)
        return known
    return _called_off(trigger, known, unit, deps, at)


def _called_off(trigger: Trigger, known: Discharge, unit: Unit, deps: Deps, at: datetime) -> Discharge:
    why = CallOff.PERSON if trigger.door == _ON_PURPOSE else trigger.why
    had_plan = bool(unit.plans.newest(known.id))
    if had_plan and why.may_be_undone and not may_take_back(known, why, trigger, unit, deps):
        if known.held != trigger.about:
            unit.discharges.save(replace(known, held=trigger.about))
            _record(Event.HELD, trigger, known, unit, at)
        return known
    cancelling = known.called_off_by(why, at, had_plan=had_plan)
    if trigger.told and not trigger.order:
        cancelling = replace(cancelling, told=trigger.told, stay=trigger.stay)
    unit.discharges.save(cancelling)
    unit.discharges.cancel_orders(known.id)
    unit.doubts.clear(known.tenant, [known.encounter, known.order])
    if known.order and trigger.door != _ON_PURPOSE:
        unit.discharges.end_order(known.id, known.order)
    _record(Event.CANCEL_REQUESTED, trigger, known, unit, at)
    deps.jobs.defer(Task.WITHDRAW, known.id, unit, tenant=known.tenant)
    if trigger.hint:
        deps.jobs.send(
            Errand.LOOK, trigger.tenant, trigger.about, unit
        )  # it may be late: what stands goes on
    return cancelling


def _record(event: Event, trigger: Trigger, discharge: Discharge | None, unit: Unit, at: datetime) -> None:
    reference = trigger.order or trigger.encounter
    about = discharge.id if discharge else None
    entry = AuditEntry(at, trigger.tenant, trigger.door, event, about, reference)
    # Once is enough: a history of every round would hide what happened.
    if not (trigger.door == _SEARCHING and event in _REPEATS and unit.audit.knows(entry)):
        unit.audit.record(entry)
