"""Whether one more plan may be taken back because the EHR lost its stay or order, or says that it does not stand."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from service import metrics
from service.domain.brake import USUAL_LIMIT, WINDOW, stops_absence, stops_words
from service.domain.discharge import CallOff, Discharge, Trigger
from service.jobs import Errand
from service.pipeline.ports import Deps, Operations
from service.store import Unit

#: What was missed within this time counts as missed now: known stays are looked at every hour.
_MISSED: Final = timedelta(hours=2)
_log = structlog.stdlib.get_logger(__name__)


def may_take_back(known: Discharge, why: CallOff, trigger: Trigger, unit: Unit, deps: Deps) -> bool:
    """Whether this plan may be taken back now; if not, the hospital's brake is closed and says so, once.

    An absence while nobody could prove that the EHR was well is a person's.
    """
    at = deps.now()
    brake = unit.brakes.lock(known.tenant)
    if brake.is_released(at):
        return True
    counts = unit.discharges.count_taken_back(known.tenant, at - WINDOW, at - _MISSED)
    hospital = deps.tenants.get(known.tenant)
    limit = hospital.plans_taken_back_per_hour if hospital else USUAL_LIMIT
    if why is CallOff.ABSENCE:
        is_stopped = bool(brake.closed) or not trigger.is_proven or stops_absence(counts, limit)
    else:
        is_stopped = stops_words(counts, limit)
    if is_stopped and brake.closed is None:
        unit.brakes.save(replace(brake, closed=at))
        metrics.BRAKES_CLOSED.labels(known.tenant, why.value).inc()
        _log.error(
            "the brake has closed: plans are no longer taken back", tenant=known.tenant, reason=why.value
        )
    return not is_stopped


def let_go(held: Discharge, unit: Unit) -> Discharge:
    """What this discharge was held for is seen again: it stands. With the last one held the brake opens."""
    free = replace(held, held="")
    unit.discharges.save(free)
    if not unit.discharges.held(held.tenant):
        unit.brakes.save(replace(unit.brakes.lock(held.tenant), closed=None))
        _log.warning("the brake has opened: what was missed is seen again", tenant=held.tenant)
    return free


def release(tenant: str, deps: Operations) -> tuple[Discharge, ...]:
    """A person says that what is gone is gone: look at it once more, and for an hour take back what is still gone.

    Return the discharges that were held.
    """
    at = deps.now()
    with deps.store.begin() as unit:
        brake = unit.brakes.lock(tenant)
        held = unit.discharges.held(tenant)
        unit.brakes.save(replace(brake, closed=None, released=at))
        deps.jobs.send_all(Errand.LOOK, tenant, [discharge.held for discharge in held], unit)
    return held
