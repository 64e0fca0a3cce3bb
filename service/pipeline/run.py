"""One discharge, step by step: gather, assess, match, draft, publish; or withdraw.

Each function is one job. A job may run again or too late, so each looks first whether the discharge still stands where
the job is due, and again when it commits. No database transaction is open while we speak with the EHR.
"""

from datetime import date
from typing import Final
from uuid import UUID

from config.tenants import Tenant, WritePolicy
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.plan import plan_resources
from service import metrics
from service.domain.audit import AuditEntry, Event
from service.domain.discharge import Discharge, DischargeState
from service.domain.plan import Plan
from service.domain.publication import Draft, Ledger
from service.ehr.client import Ehr
from service.errors import ConfigurationError
from service.jobs import Task
from service.pipeline.assess import assess
from service.pipeline.draft import draft
from service.pipeline.gather import gather
from service.pipeline.match import match
from service.pipeline.ports import Deps
from service.pipeline.publish import publish, set_aside
from service.pipeline.track import resume, withdraw
from service.store import Unit
from service.store.plans import PlanVersion

_DEVICE: Final = "Homeward"
#: Where a discharge stands when a task is due.
_DUE: Final = {
    Task.PLAN: DischargeState.RECEIVED,
    Task.PUBLISH: DischargeState.PLANNED,
    Task.WITHDRAW: DischargeState.CANCELLING,
}


def plan_discharge(discharge_id: UUID, deps: Deps) -> None:
    """Read the stay, propose a plan, and commit it with all that is to be written and the job that will write it."""
    discharge = deps.store.discharges.get(discharge_id)
    if discharge.state is not _DUE[Task.PLAN]:
        return
    tenant = _tenant(discharge, deps)
    with metrics.step(tenant.id, Task.PLAN):
        plan = propose(discharge.encounter, tenant, deps)
        version = _version(discharge, plan, deps)
        drafts = () if tenant.write_policy is WritePolicy.OFF else _drafts(plan, tenant, version)
        _commit_plan(discharge, version, drafts, deps)


def propose(encounter: str, tenant: Tenant, deps: Deps) -> Plan:
    """The plan for a stay ("Encounter/12") of a tenant, as of today there. Nothing is stored or written."""
    today = _today(tenant, deps)
    record = gather(encounter, deps.ehr(tenant.id), today=today)
    assessment = assess(record, deps.content, today=today, site_language=tenant.language)
    matches = match(assessment, record.patient, deps.directory(tenant.id), today=today)
    return draft(record, assessment, matches, tenant=tenant.id)


def publish_discharge(discharge_id: UUID, deps: Deps) -> None:
    """Bring the EHR to what the plan wants; what an earlier cancellation put on hold goes on first."""
    with deps.store.hold(discharge_id) as ledger:
        discharge = deps.store.discharges.get(discharge_id)
        if discharge.state is not _DUE[Task.PUBLISH]:
            return
        tenant = _tenant(discharge, deps)
        with metrics.step(tenant.id, Task.PUBLISH):
            if tenant.write_policy.writes:
                _write(discharge, ledger, deps.ehr(tenant.id))
            else:
                set_aside(ledger, tenant.write_policy)
        _finish(discharge, DischargeState.PUBLISHED, Event.PUBLISHED, deps)


def withdraw_discharge(discharge_id: UUID, deps: Deps) -> None:
    """Take back what was written for a discharge that was called off."""
    with deps.store.hold(discharge_id) as ledger:
        discharge = deps.store.discharges.get(discharge_id)
        if discharge.state is not _DUE[Task.WITHDRAW]:
            return
        tenant = _tenant(discharge, deps)
        with metrics.step(tenant.id, Task.WITHDRAW):
            withdraw(ledger, deps.ehr(tenant.id), author=author_of(tenant), recorded=discharge.changed)
        _finish(discharge, DischargeState.CANCELLED, Event.CANCELLED, deps)


def give_up(discharge_id: UUID, task: Task, problem: str, deps: Deps) -> None:
    """A step failed for good: the discharge waits for a person, unless it has gone another way meanwhile."""
    with deps.store.begin() as unit:
        discharge = unit.discharges.lock(discharge_id)
        if discharge.state is _DUE[task]:
            failed = discharge.failed(problem, deps.now())
            unit.discharges.save(failed)
            _record(failed, Event.FAILED, task.value, unit)


def author_of(tenant: Tenant) -> Author:
    """Who writes: Homeward, for this hospital."""
    return Author(_DEVICE, tenant.organization, tenant.organization_reference)


def _write(discharge: Discharge, ledger: Ledger, ehr: Ehr) -> None:
    if discharge.round > 1:
        resume(ledger, ehr)
    publish(ledger, ehr)


def _drafts(plan: Plan, tenant: Tenant, version: PlanVersion) -> tuple[Draft, ...]:
    return plan_resources(plan, author=author_of(tenant), recorded=version.created)


def _version(discharge: Discharge, plan: Plan, deps: Deps) -> PlanVersion:
    """The next version, or the last one again where nothing has changed: then nothing needs to be written again."""
    last = deps.store.plans.latest(discharge.id)
    if last is not None and last.plan == plan:
        return last
    return PlanVersion(last.number + 1 if last else 1, discharge.round, deps.now(), plan)


def _commit_plan(discharge: Discharge, version: PlanVersion, drafts: tuple[Draft, ...], deps: Deps) -> None:
    with deps.store.begin() as unit:
        now = unit.discharges.lock(discharge.id)
        if not _still_due(now, discharge):
            return
        unit.plans.keep(discharge.id, version)
        unit.publications.want(discharge.id, drafts)
        planned = now.move_to(DischargeState.PLANNED, deps.now())
        unit.discharges.save(planned)
        _record(planned, Event.PLANNED, Task.PLAN.value, unit, reference=f"version {version.number}")
        deps.jobs.defer(Task.PUBLISH, discharge.id, unit)


def _finish(discharge: Discharge, state: DischargeState, event: Event, deps: Deps) -> None:
    with deps.store.begin() as unit:
        now = unit.discharges.lock(discharge.id)
        if _still_due(now, discharge):
            done = now.move_to(state, deps.now())
            unit.discharges.save(done)
            _record(done, event, "worker", unit)


def _still_due(now: Discharge, then: Discharge) -> bool:
    return (now.state, now.round) == (then.state, then.round)


def _record(discharge: Discharge, event: Event, actor: str, unit: Unit, reference: str = "") -> None:
    at = discharge.changed
    unit.audit.record(AuditEntry(at, discharge.tenant, actor, event, discharge.id, reference))


def _tenant(discharge: Discharge, deps: Deps) -> Tenant:
    tenant = deps.tenants.get(discharge.tenant)
    if tenant is None:
        raise ConfigurationError(
            "This discharge's hospital is no longer in HOMEWARD_TENANTS_FILE; put it back."
        )
    return tenant


def _today(tenant: Tenant, deps: Deps) -> date:
    return deps.now().astimezone(tenant.time_zone).date()
