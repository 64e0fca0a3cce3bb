"""Looks at stays, orders and patients that did not show them: what is kept of them, and what follows.

Nothing is taken from a patient because of one look (service/domain/absence.py), and what was concluded is undone when the EHR
shows it again.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from service import metrics
from service.domain.absence import Conclusion, Look, Shown, Subject
from service.domain.audit import AuditEntry, Event
from service.domain.discharge import Action, CallOff, Discharge, DischargeState, Trigger
from service.errors import EhrError
from service.jobs import Errand, Task
from service.pipeline.intake import take
from service.pipeline.ports import Deps
from service.store import Unit

DOOR: Final = "look"
SUBJECTS: Final = {
    "Encounter": Subject.STAY,
    "ServiceRequest": Subject.ORDER,
    "Patient": Subject.PATIENT,
}
#: Other resources of a type that are read as proof that the EHR is well; of many, as one of them may be gone as well.
_PROOFS: Final = 3
_LATEST: Final = 200
#: An order or stay without a discharge loses nobody anything: after so many looks it is let be.
_LOOKS_AT_UNKNOWN: Final = 4
#: Doubts whose next look is put into the queue together, and how long such a look may take before it is put in once more.
_TOGETHER: Final = 100
_ON_ITS_WAY: Final = timedelta(minutes=1)
_FOR_GOOD: Final = frozenset({Conclusion.GONE, Conclusion.ASK_A_PERSON})
_UNPLANNED: Final = frozenset({DischargeState.RECEIVED, DischargeState.FAILED})
_log = structlog.stdlib.get_logger(__name__)


def miss(
    reference: str,
    shown: Shown,
    tenant: Tenant,
    deps: Deps,
    *,
    is_healthy: bool = False,
    discharge: UUID | None = None,
) -> Conclusion:
    """Weigh a look that did not show this stay, order or patient, and take back the plan of one that is gone.

    is_healthy: another of its type was shown just now; else one is looked for. discharge is whose patient it is. What a
    discharge does not need, or what the EHR never showed, is not missed.
    """
    subject, known = SUBJECTS[reference.partition("/")[0]], _known(reference, tenant, deps, discharge)
    if known is not None and not _is_missed(reference, known, deps):
        return Conclusion.STANDS
    proof = shown is Shown.ABSENT and (is_healthy or is_well(reference, tenant, deps))
    about = known.id if known else None
    with deps.store.begin() as unit:
        at = deps.now()
        look = Look(tenant.id, subject, reference, shown, is_healthy=proof, discharge=about)
        conclusion, doubt = unit.doubts.weigh(look, at)
        metrics.DOUBTS.labels(tenant.id, subject.value, shown.value).inc()
        if doubt is not None and doubt.asked == at:
            _log.error("a person must look: the EHR does not show it", tenant=tenant.id, reason=shown.value)
        if (
            known is None
            and doubt is not None
            and (doubt.looks >= _LOOKS_AT_UNKNOWN or conclusion in _FOR_GOOD)
        ):
            unit.doubts.clear(tenant.id, [reference])
        if known is not None and shown is Shown.ABSENT and conclusion in _FOR_GOOD:
            _take_back(reference, known, unit, deps, is_proven=conclusion is Conclusion.GONE)
    return conclusion


def see_again(references: Collection[str], tenant: Tenant, deps: Deps) -> None:
    """The EHR has shown these: what was put off or failed for want of them is planned now."""
    orders = [
        reference for reference in references if SUBJECTS.get(reference.partition("/")[0]) is Subject.ORDER
    ]
    if orders:
        deps.store.discharges.show_orders(tenant.id, orders)
    doubted = {doubt.reference for doubt in deps.store.doubts.of(tenant.id)} & set(references)
    if not doubted:
        return
    with deps.store.begin() as unit:
        ended = unit.doubts.clear(tenant.id, sorted(doubted))
        for discharge in sorted({doubt.discharge for doubt in ended if doubt.discharge}):
            _plan_after_all(unit.discharges.lock(discharge), unit, deps)


def is_well(reference: str, tenant: Tenant, deps: Deps) -> bool:
    """Whether the EHR gives another resource of this one's type that it gave before."""
    kind = reference.partition("/")[0]
    doubted = {doubt.reference for doubt in deps.store.doubts.of(tenant.id)}
    known = deps.store.discharges.latest(tenant.id, limit=_LATEST)
    read_before = [
        name for each in known for name in (each.encounter, each.order) if name.startswith(f"{kind}/")
    ]
    others = [name for name in dict.fromkeys(read_before) if name != reference and name not in doubted]
    try:
        results = deps.ehr(tenant.id).batch(
            [Search(kind, id=name.partition("/")[2]) for name in others[:_PROOFS]]
        )
    except EhrError:
        return False
    return any(result.shown is Shown.PRESENT for result in results)


def call_looks(deps: Deps) -> None:
    """Put the looks that are due into the queue. Called in every worker; each look is put in by one of them."""
    at = deps.now()
    with deps.store.begin() as unit:
        for doubt in unit.doubts.take_due(SUBJECTS.values(), at, limit=_TOGETHER):
            unit.doubts.put_off(doubt, at + _ON_ITS_WAY)
            if doubt.tenant in deps.tenants:
                deps.jobs.send(Errand.LOOK, doubt.tenant, doubt.reference, unit, hurry=False)


def _known(reference: str, tenant: Tenant, deps: Deps, discharge: UUID | None) -> Discharge | None:
    if discharge is not None:
        return deps.store.discharges.get(discharge)
    if SUBJECTS[reference.partition("/")[0]] is Subject.STAY:
        return deps.store.discharges.of_stay(tenant.id, reference)
    return deps.store.discharges.of_order(tenant.id, reference)


def _is_missed(reference: str, known: Discharge, deps: Deps) -> bool:
    """Whether the discharge stands by what was not shown."""
    if known.is_called_off():
        return False
    if SUBJECTS[reference.partition("/")[0]] is not Subject.ORDER:
        return True
    seen = deps.store.discharges.order_seen(known.id, reference)
    return reference == known.order and seen is not None and seen.in_ehr


def _take_back(reference: str, known: Discharge, unit: Unit, deps: Deps, *, is_proven: bool) -> None:
    """Call off the discharge of a stay or order that is gone. A patient who is gone, or a stay never seen, is a person's."""
    subject = SUBJECTS[reference.partition("/")[0]]
    is_unseen = known.state in _UNPLANNED and not unit.plans.newest(known.id)
    if subject is Subject.PATIENT or (subject is Subject.STAY and is_unseen):
        return
    order = reference if subject is Subject.ORDER else ""
    trigger = Trigger(known.tenant, known.encounter, Action.CANCEL, DOOR, order)
    trigger = replace(trigger, why=CallOff.ABSENCE, is_proven=is_proven)
    metrics.TRIGGERS.labels(trigger.tenant, trigger.door, trigger.action).inc()
    take(trigger, unit, deps, deps.now())


def _plan_after_all(known: Discharge, unit: Unit, deps: Deps) -> None:
    at = deps.now()
    if known.state is DischargeState.RECEIVED:
        deps.jobs.defer(Task.PLAN, known.id, unit, tenant=known.tenant)
    elif known.state is DischargeState.FAILED and known.call_off is CallOff.NONE:
        unit.discharges.save(known.asked_again("", at))
        entry = AuditEntry(at, known.tenant, DOOR, Event.SEEN_AGAIN, known.id, known.encounter)
        unit.audit.record(entry)
        deps.jobs.defer(Task.PLAN, known.id, unit, tenant=known.tenant)
