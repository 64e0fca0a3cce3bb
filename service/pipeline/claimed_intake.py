"""Only the hospital whose stay it is plans it, where several share a FHIR server; a stay of nobody is shown, not planned.

Every door comes to one of two gates. What was read in the EHR by a job (`take_read`) is held against the filters before it
becomes a discharge. What a door took in without asking the EHR is held against them when it is to be planned
(`may_plan`). What a Subscription told is first read by a job (`is_to_be_read`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import structlog

from config.tenants import Tenant
from fhir_mappings.shared_server import neighbours_of
from service import metrics
from service.domain.audit import AuditEntry, Event
from service.domain.claims import SENTENCES, Unclaimed, UnclaimedReason
from service.domain.discharge import Action, CallOff, Discharge, DischargeState, Trigger
from service.errors import StillAnothers
from service.jobs import Errand, Task
from service.pipeline.intake import intake, take
from service.pipeline.ports import Deps
from service.pipeline.whose_stay import find_claim, is_shared
from service.store import Unit
from service.store.unclaimed import UnclaimedStay

_WORKER: Final = "worker"
#: Nothing of ours is left to be withdrawn, or a person looks already.
_OVER: Final = frozenset({DischargeState.CANCELLED, DischargeState.FAILED})
#: Stays of which it is asked again at once whose they are.
_TOGETHER: Final = 50
_log = structlog.stdlib.get_logger(__name__)


def take_read(trigger: Trigger, deps: Deps, *, seen: Iterable[Mapping[str, Any]] = ()) -> Discharge | None:
    """Take in what a job has read in the EHR, if the stay is this hospital's; seen are resources it has read.

    A stay that has gone to another hospital of the server is handed over to it. EhrUnavailable when it cannot be read now
    whose the stay is.
    """
    tenant = deps.tenants.get(trigger.tenant)
    if tenant is None or not is_shared(tenant) or trigger.action is Action.CANCEL:
        return intake(trigger, deps)
    known = deps.store.discharges.of_stay(trigger.tenant, trigger.encounter)
    if trigger.action is Action.REFRESH and known is None:
        return None
    claim = find_claim(trigger.encounter, trigger.order, tenant, deps, seen=seen)
    if claim == tenant.id:
        return _take_ours(trigger, deps)
    if isinstance(claim, Unclaimed):
        _leave(trigger, claim, deps)
        return None
    deps.store.unclaimed.resolve(tenant.id, trigger.encounter)
    if known is not None and not known.is_called_off():
        _hand_over(known, claim, deps)
    return None


def may_plan(discharge: Discharge, tenant: Tenant, deps: Deps) -> bool:
    """Whether the stay is this hospital's to plan; where it is not, the discharge says why or goes to whose it is.

    StillAnothers while the plan of the hospital that the stay was at is being withdrawn; EhrUnavailable as find_claim.
    """
    if not is_shared(tenant):
        return True
    claim = find_claim(discharge.encounter, discharge.order, tenant, deps)
    if claim == tenant.id:
        _take_over(discharge, tenant, deps)
        return True
    if isinstance(claim, Unclaimed):
        trigger = Trigger(tenant.id, discharge.encounter, Action.PLAN, _WORKER, discharge.order)
        _leave(trigger, claim, deps)
        _wait_for_a_person(discharge, claim.reason, deps)
    elif deps.store.plans.newest(discharge.id) or discharge.order:
        _hand_over(discharge, claim, deps)
    else:  # asked for here, by a person or a program of this hospital
        _wait_for_a_person(discharge, UnclaimedReason.ANOTHER_ORGANIZATION, deps)
    return False


def look_at_unclaimed(deps: Deps) -> None:
    """Have it read again whose the stays are that nobody plans. Called in every worker; one finds each due."""
    with deps.store.begin() as unit:
        for stay in unit.unclaimed.take_due(deps.tenants.keys(), deps.now(), limit=_TOGETHER):
            for reference in filter(None, (stay.encounter, stay.order)):
                deps.jobs.send(Errand.LOOK, stay.tenant, reference, unit, hurry=False)


def _take_ours(trigger: Trigger, deps: Deps) -> Discharge | None:
    with deps.store.begin() as unit:
        if unit.unclaimed.resolve(trigger.tenant, trigger.encounter):
            known = unit.discharges.lock_stay(trigger.tenant, trigger.encounter)
            if known is not None and known.state is DischargeState.FAILED:
                return _plan_again(known, trigger.order, unit, deps)
        return take(trigger, unit, deps, deps.now())


def _plan_again(known: Discharge, order: str, unit: Unit, deps: Deps) -> Discharge:
    again = known.asked_again(order, deps.now())
    unit.discharges.save(again)
    unit.audit.record(AuditEntry(deps.now(), again.tenant, _WORKER, Event.ASKED_AGAIN, again.id, order))
    deps.jobs.defer(Task.PLAN, again.id, unit, tenant=again.tenant)
    return again


def _leave(trigger: Trigger, claim: Unclaimed, deps: Deps) -> None:
    """Nobody plans the stay: told once, and shown until somebody does. A plan that stands is not taken from the patient."""
    at, reason = deps.now(), claim.reason
    with deps.store.begin() as unit:
        stay = UnclaimedStay(trigger.tenant, trigger.encounter, trigger.order, reason, at)
        if not unit.unclaimed.record(stay):
            return
        known = unit.discharges.lock_stay(trigger.tenant, trigger.encounter)
        about = known.id if known else None
        told = f"{reason.value} {trigger.encounter}"
        unit.audit.record(AuditEntry(at, trigger.tenant, trigger.door, Event.UNCLAIMED, about, told))
    metrics.STAYS_NOT_PLANNED.labels(trigger.tenant, reason.value).inc()
    _log.warning("no hospital plans a stay", tenant=trigger.tenant, reason=reason.value)


def _wait_for_a_person(discharge: Discharge, reason: UnclaimedReason, deps: Deps) -> None:
    with deps.store.begin() as unit:
        now = unit.discharges.lock(discharge.id)
        if (now.state, now.round) == (DischargeState.RECEIVED, discharge.round):
            failed = replace(now.failed(SENTENCES[reason], deps.now()), told="")
            unit.discharges.save(failed)
            unit.audit.record(AuditEntry(deps.now(), now.tenant, _WORKER, Event.FAILED, now.id, reason.value))


def _take_over(discharge: Discharge, tenant: Tenant, deps: Deps) -> None:
    """Have the plan withdrawn that another hospital of the server still has of this stay, and wait until it is."""
    others = neighbours_of(tenant, deps.tenants.values())
    before = [deps.store.discharges.of_stay(other.id, discharge.encounter) for other in others]
    standing = [known for known in before if known is not None and known.state not in _OVER]
    for known in standing:
        with deps.store.begin() as unit:
            _call_off(known, tenant.id, unit, deps)
    if standing:
        raise StillAnothers


def _hand_over(discharge: Discharge, to: str, deps: Deps) -> None:
    """The stay is another hospital's now: this one's plan is called off, and that one plans it, in one transaction."""
    with deps.store.begin() as unit:
        _call_off(discharge, to, unit, deps)
        theirs = unit.discharges.lock_stay(to, discharge.encounter)
        if theirs is not None and theirs.is_called_off():
            _plan_again(theirs, discharge.order, unit, deps)
            return
        trigger = Trigger(to, discharge.encounter, Action.PLAN, _WORKER, discharge.order)
        take(trigger, unit, deps, deps.now())


def _call_off(discharge: Discharge, to: str, unit: Unit, deps: Deps) -> None:
    now = unit.discharges.lock(discharge.id)
    if now.is_called_off():
        return
    trigger = Trigger(now.tenant, now.encounter, Action.CANCEL, _WORKER, why=CallOff.NONE)
    take(trigger, unit, deps, deps.now())
    unit.audit.record(AuditEntry(deps.now(), now.tenant, _WORKER, Event.HANDED_OVER, now.id, to))
