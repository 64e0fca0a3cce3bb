"""What a plan lacks because of a fault is asked for again, by itself, until the EHR gives it.

Asked is only what is lacking, so that a type that stays refused costs one search; once something of it is answered, the
whole stay is planned anew.
"""

from collections.abc import Mapping
from typing import Final

import structlog

from config.tenants import Tenant
from service.domain.discharge import Discharge, DischargeState
from service.errors import BadInput, EhrError
from service.jobs import Errand
from service.pipeline.gather import Answers, find_answered
from service.pipeline.intake import plan_again
from service.pipeline.left_out import read_cited
from service.pipeline.ports import Deps

DOOR: Final = "reread"
#: As many as are put into the queue at one time: after an outage that all plans met, the EHR is not met by all of them at once.
_TOGETHER: Final = 100
_RESTING: Final = frozenset({DischargeState.PLANNED, DischargeState.PUBLISHED, DischargeState.FAILED})
_log = structlog.stdlib.get_logger(__name__)


def call_rereads(deps: Deps) -> None:
    """Put the stays of which something is to be asked for again into the queue; in every worker, and one finds each."""
    with deps.store.begin() as unit:
        for _, tenant, encounter in unit.unread.take_due(deps.now(), tuple(deps.tenants), limit=_TOGETHER):
            deps.jobs.send(Errand.REREAD, tenant, encounter, unit)


def reread(encounter: str, tenant: Tenant, deps: Deps) -> None:
    """Ask for what the plan of a stay lacks; plan it anew where some of that is answered now."""
    discharge = deps.store.discharges.of_stay(tenant.id, encounter)
    if discharge is None:
        return
    lacks = deps.store.unread.of(discharge.id)
    if not lacks or discharge.state not in _RESTING:
        return
    answers = _ask(discharge, {lack.resource_type: lack.searches for lack in lacks}, tenant, deps)
    believed = {lack.resource_type for lack in lacks if lack.is_believed(deps.now())} & answers.empty
    if believed:
        deps.store.unread.forget(discharge.id, believed)
    if not answers.better:
        return
    with deps.store.begin() as unit:
        now = unit.discharges.lock(discharge.id)
        if (now.state, now.round) == (discharge.state, discharge.round):
            plan_again(now, DOOR, unit, deps, deps.now())
            unit.unread.wake(tenant.id, answers.better, deps.now())


def _ask(discharge: Discharge, lacking: Mapping[str, int], tenant: Tenant, deps: Deps) -> Answers:
    """What of the lacking is answered now; nothing while the EHR keeps the stay or the patient from us."""
    today = deps.now().astimezone(tenant.time_zone).date()
    try:
        return find_answered(
            discharge.encounter,
            deps.ehr(tenant.id),
            lacking,
            today=today,
            conventions=tenant.conventions,
            cited=read_cited(discharge.id, deps),
        )
    except (EhrError, BadInput) as error:
        _log.info("what a plan lacks is not answered yet", tenant=tenant.id, reason=type(error).__name__)
        return Answers()
