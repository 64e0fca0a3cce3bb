"""What could not be in an EHR is published once the EHR takes more than it did, or its hospital lets more be written."""

import hashlib
from typing import Final
from uuid import UUID

import structlog

from config.tenants import Tenant
from service.domain.discharge import DischargeState
from service.ehr.capability import Capability
from service.ehr.scopes import WRITTEN_TYPES
from service.jobs import Task
from service.pipeline.ports import Deps
from service.pipeline.publishing.discharge import FOLLOWED

#: Between two discharges that are published because of it: an EHR with a new ability is not met by a month's plans at once.
_PACE_SECONDS: Final = 2
_log = structlog.stdlib.get_logger(__name__)


def publish_what_is_let_in(tenant: Tenant, deps: Deps) -> int:
    """Have discharges published again of which something could not be written, where more can be now; how many.

    Only what is followed still. Nothing more is asked of the EHR than its /metadata, which is mostly known.
    """
    digest = takes(tenant, deps.ehr(tenant.id).capability())
    if deps.store.hospitals.takes(tenant.id) == digest:
        return 0
    shut_out = deps.store.publications.shut_out(tenant.id, deps.now() - FOLLOWED)
    count = sum(
        _publish_later(discharge, 1 + number * _PACE_SECONDS, deps)
        for number, discharge in enumerate(shut_out)
    )
    # Last, so that who is stopped in between begins anew: what is on its way already is left alone.
    deps.store.hospitals.keep_takes(tenant.id, digest, deps.now())
    if count:
        _log.info("an ehr takes what it did not: plans are published again", tenant=tenant.id, count=count)
    return count


def takes(tenant: Tenant, capability: Capability) -> str:
    """A digest of what can be written to this EHR."""
    told = [tenant.write_policy.value, str(capability.modifier_extensions)]
    told += [f"{service} {order.code}" for service, order in sorted(tenant.preference_list.items())]
    for kind in WRITTEN_TYPES:
        stated = capability.of(kind)
        told.append(f"{kind} {sorted(stated.interactions)} {sorted(stated.search_parameters)}")
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _publish_later(discharge_id: UUID, seconds: int, deps: Deps) -> bool:
    with deps.store.begin() as unit:
        discharge = unit.discharges.lock(discharge_id)
        if discharge.state is not DischargeState.PUBLISHED:
            return False
        unit.discharges.save(discharge.move_to(DischargeState.PLANNED, deps.now()))
        deps.jobs.defer_later(Task.PUBLISH, discharge_id, unit, tenant=discharge.tenant, seconds=seconds)
        return True
