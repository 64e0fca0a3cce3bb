"""What a plan is made from: the stay, its patient, and an order of which only a notification told. Is it there?"""

from dataclasses import replace

from config.tenants import Tenant
from service.domain.absence import Conclusion, Shown, shown_by
from service.domain.discharge import Action, Discharge
from service.errors import EhrError, NotShown, UnknownEncounter
from service.pipeline.doubt import miss, see_again
from service.pipeline.look import asked_by, take_all
from service.pipeline.ports import Deps
from service.pipeline.stay_of_order import with_stay

DOOR = "worker"


def weigh_missing(missing: NotShown, discharge: Discharge, tenant: Tenant, deps: Deps) -> None:
    """Weigh that what the plan is made from was not shown: it is tried again, called off if it is gone, else a person's.

    Raises UnknownEncounter, or the error that was given: for a while it is retryable.
    """
    shown = Shown.ABSENT if missing.is_absent else Shown.NOT_LET
    conclusion = miss(missing.reference, shown, tenant, deps, discharge=discharge.id)
    now = deps.store.discharges.get(discharge.id)
    if (now.state, now.round) != (discharge.state, discharge.round):
        return
    if conclusion in {Conclusion.GONE, Conclusion.ASK_A_PERSON}:
        raise UnknownEncounter
    raise missing


def order_stands(discharge: Discharge, tenant: Tenant, deps: Deps) -> bool:
    """Whether an order that only a notification told of stands in the EHR: a notification may be late by hours.

    If not, the discharge is called off; NotShown while the EHR does not show it. Where the EHR lets nobody read orders, the
    notification is all there is.
    """
    seen = deps.store.discharges.order_seen(discharge.id, discharge.order) if discharge.order else None
    if seen is None or not seen.hint:
        return True
    ehr = deps.ehr(tenant.id)
    if not ehr.capability().can("ServiceRequest", "read"):
        return True
    try:
        order = ehr.read(discharge.order)
    except EhrError as error:
        if (shown := shown_by(error)) is Shown.UNANSWERED:
            raise
        raise NotShown(discharge.order, is_absent=shown is Shown.ABSENT) from error
    see_again([discharge.order], tenant, deps)
    asked = list(asked_by(with_stay(order, tenant, deps), None, tenant, deps.now(), door=DOOR))
    if all(trigger.action is not Action.CANCEL for trigger in asked):
        return True
    take_all([replace(trigger, encounter=discharge.encounter) for trigger in asked], deps)
    return False
