"""A plan version is committed with all that is to be written for it, and with the job that will write it."""

from dataclasses import replace

from config.tenants import Tenant, WritePolicy
from fhir_mappings.outbound.plan import plan_resources
from fhir_mappings.outbound.restricted import restricted_resources
from service.domain.discharge import Discharge
from service.domain.plan import Plan
from service.domain.publication import Draft
from service.jobs import Task
from service.pipeline.carry_over import carry_over
from service.pipeline.decide import decide
from service.pipeline.parties import known_author, page_of
from service.pipeline.ports import Deps
from service.store import Unit
from service.store.plans import PlanVersion


def next_version(discharge: Discharge, proposed: Plan, unit: Unit, deps: Deps) -> PlanVersion:
    """The proposal as people have decided about it; the last version again where nothing has changed.

    What a fault kept from the proposal stands as the last version has it.
    """
    last = unit.plans.latest(discharge.id)
    before = last.plan if last else None
    if before is not None and any(gap.is_asked_again() for gap in proposed.gaps):
        proposed = carry_over(proposed, before, deps.content(discharge.tenant).protocols)
    plan = decide(proposed, unit.decisions.of(discharge.id), before=before)
    if last is not None and last.plan == plan:
        return last
    return PlanVersion(last.number + 1 if last else 1, discharge.round, deps.now(), plan)


def decided_version(discharge: Discharge, last: PlanVersion, unit: Unit) -> PlanVersion:
    """The same proposal after a further decision. created stays: that is when it was proposed."""
    return replace(last, number=last.number + 1, plan=decide(last.plan, unit.decisions.of(discharge.id)))


def commit_version(
    discharge: Discharge, version: PlanVersion, tenant: Tenant, unit: Unit, deps: Deps
) -> None:
    """Keep a version with its drafts, and have it published when the unit is committed."""
    unit.plans.keep(discharge.id, version)
    unit.publications.want(discharge.id, _drafts(version, tenant, unit, page=page_of(discharge, deps)))
    deps.jobs.defer(Task.PUBLISH, discharge.id, unit, tenant=discharge.tenant)


def draft_again(discharge: Discharge, tenant: Tenant, deps: Deps) -> None:
    """Make the drafts of the version that stands anew, with what the EHR has by now of all that they name."""
    with deps.store.begin() as unit:
        unit.discharges.lock(discharge.id)
        version = unit.plans.latest(discharge.id)
        if version is not None:
            page = page_of(discharge, deps)
            unit.publications.want(discharge.id, _drafts(version, tenant, unit, page=page))


def _drafts(version: PlanVersion, tenant: Tenant, unit: Unit, *, page: str) -> tuple[Draft, ...]:
    """What is to be written: nothing, drafts only, or what people approved as active, as the hospital allows."""
    if tenant.write_policy is WritePolicy.OFF:
        return ()
    active = tenant.write_policy is WritePolicy.FULL
    plan = version.plan if active else version.plan.unsigned()
    author, recorded = known_author(tenant, version.plan, unit, page=page), version.created
    drafts = plan_resources(plan, author=author, recorded=recorded)
    if tenant.attestations.enforces_security_labels:
        return (*drafts, *restricted_resources(plan, author=author, recorded=recorded))
    return drafts
