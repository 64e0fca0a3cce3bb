"""One discharge, step by step: gather, assess, match, draft, publish; or withdraw.

Each function is one job. A job may run again or too late, so each looks first whether the discharge still stands where
the job is due, and again when it commits. No database transaction is open while we speak with the EHR.
"""

from dataclasses import replace
from datetime import date
from typing import Final
from uuid import UUID

from config.tenants import Tenant
from fhir_mappings.inbound.encounter import CALLED_OFF
from service import clock, metrics
from service.domain.audit import AuditEntry, Event
from service.domain.discharge import Action, CallOff, Discharge, DischargeState, StayStatus, Trigger
from service.domain.plan import Plan
from service.domain.preference_list import KnownOrders
from service.domain.record import Gap, GapReason, Lasting
from service.domain.unread import doubt_silence, find_unread
from service.ehr.search import lasting_of
from service.errors import EhrError, HospitalNotConfigured, NotShown, UnknownEncounter
from service.jobs import Task
from service.pipeline.assess import assess, require_one_patient
from service.pipeline.basis import order_stands, weigh_missing
from service.pipeline.claimed_intake import may_plan
from service.pipeline.draft import draft
from service.pipeline.gather import gather
from service.pipeline.intake import take
from service.pipeline.left_out import NOTHING_CITED, Cited, read_cited
from service.pipeline.match import match
from service.pipeline.outcome_log import log_published, log_withdrawn
from service.pipeline.parties import establish_parties
from service.pipeline.ports import Deps
from service.pipeline.publishing.discharge import (
    FOLLOWED,
    publish_resources,
    seconds_until_looked_at,
    what_waits,
    withdraw_resources,
)
from service.pipeline.suggested import known_orders, may_be_ordered
from service.pipeline.supersede import supersede
from service.pipeline.versions import commit_version, draft_again, next_version
from service.store import Unit

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
        plan = _propose_if_there(discharge, tenant, deps)
        if plan is None:
            return
        if plan.encounter.reference != discharge.encounter and _hand_over(discharge, plan, deps):
            return
        if plan.encounter.status in CALLED_OFF:
            _call_off(discharge, plan, deps)
        else:
            _commit_plan(discharge, plan, tenant, deps)


def _propose_if_there(discharge: Discharge, tenant: Tenant, deps: Deps) -> Plan | None:
    """The plan; None where the stay is another hospital's, or what a plan would be made from is gone."""
    try:
        if not (may_plan(discharge, tenant, deps) and order_stands(discharge, tenant, deps)):
            return None
        return propose(
            discharge.encounter,
            tenant,
            deps,
            cited=read_cited(discharge.id, deps),
            orders=known_orders(discharge, tenant, deps),
        )
    except (EhrError, UnknownEncounter) as error:
        if isinstance(error, UnknownEncounter):
            missing: EhrError = NotShown(discharge.encounter, is_absent=True)
        else:
            missing = error
        if not isinstance(missing, NotShown) or missing.reference != discharge.order:
            _remember_failure(discharge, error, deps)
        if not isinstance(missing, NotShown):
            raise
    weigh_missing(missing, discharge, tenant, deps)
    return None


def propose(
    encounter: str,
    tenant: Tenant,
    deps: Deps,
    *,
    cited: Cited = NOTHING_CITED,
    orders: KnownOrders | None = None,
) -> Plan:
    """The plan for a stay ("Encounter/12") of a tenant, as of today there. Nothing is stored or written.

    cited is what the plan before rests on; orders what is known of those that were suggested, None for a stay that has no discharge.

    Raises what gather does, and PatientMerged for a patient who lives and whose record is one no longer.
    """
    today = _today(tenant, deps)
    content, conventions = deps.content(tenant.id), tenant.conventions
    asked = content.questions
    record = gather(
        encounter, deps.ehr(tenant.id), today=today, asked=asked, conventions=conventions, cited=cited
    )
    assessment = assess(record, content, today=today, site_language=tenant.language)
    require_one_patient(record, assessment)
    matches = match(assessment, record.patient, deps.directory(tenant.id), today=today)
    known = KnownOrders(tenant.preference_list) if orders is None else orders
    return draft(record, assessment, matches, tenant=tenant.id, orders=known)


def publish_discharge(discharge_id: UUID, deps: Deps) -> None:
    """Bring the EHR to what the plan wants; what an earlier cancellation put on hold goes on first.

    The discharge is published when nothing of it waits. Until then it stays planned, and this comes again.
    """
    _prepare(discharge_id, deps)
    with deps.store.hold(discharge_id) as ledger:
        discharge = deps.store.discharges.get(discharge_id)
        if discharge.state is not _DUE[Task.PUBLISH]:
            return
        tenant = _tenant(discharge, deps)
        version, began = deps.store.plans.newest(discharge_id), clock.machine_seconds()
        with metrics.step(tenant.id, Task.PUBLISH):
            seconds = publish_resources(discharge, ledger, tenant, deps)
        if seconds is None:
            _finish(discharge, DischargeState.PUBLISHED, Event.PUBLISHED, deps, version=version)
            _come_again(discharge, seconds_until_looked_at(ledger.entries(), deps.now()), deps)
        else:
            _go_on_later(discharge, Task.PUBLISH, seconds, what_waits(ledger.entries()), deps)
        log_published(discharge, ledger.entries(), clock.machine_seconds() - began)


def withdraw_discharge(discharge_id: UUID, deps: Deps) -> None:
    """Take back what was written for a discharge that was called off; it is cancelled when nothing of that waits."""
    with deps.store.hold(discharge_id) as ledger:
        discharge = deps.store.discharges.get(discharge_id)
        if discharge.state is not _DUE[Task.WITHDRAW]:
            return
        tenant, began = _tenant(discharge, deps), clock.machine_seconds()
        with metrics.step(tenant.id, Task.WITHDRAW):
            seconds = withdraw_resources(discharge, ledger, tenant, deps)
        if seconds is None:
            _finish(discharge, DischargeState.CANCELLED, Event.CANCELLED, deps)
        else:
            _go_on_later(discharge, Task.WITHDRAW, seconds, what_waits(ledger.entries()), deps)
        log_withdrawn(discharge, ledger.entries(), clock.machine_seconds() - began)


def held_up(discharge_id: UUID, task: Task, problem: str, deps: Deps) -> None:
    """A step is to be tried again: the history says why nothing happens; problem is one PHI-free sentence."""
    with deps.store.begin() as unit:
        discharge = unit.discharges.lock(discharge_id)
        if discharge.state is _DUE[task]:
            entry = AuditEntry(
                deps.now(), discharge.tenant, "worker", Event.HELD_UP, discharge_id, reference=problem
            )
            unit.audit.record(entry)


def give_up(discharge_id: UUID, task: Task, problem: str, deps: Deps) -> None:
    """A step failed for good: the discharge waits for a person, unless it has gone another way meanwhile."""
    with deps.store.begin() as unit:
        discharge = unit.discharges.lock(discharge_id)
        if discharge.state is _DUE[task]:
            failed = discharge.failed(problem, deps.now())
            unit.discharges.save(failed)
            _record(failed, Event.FAILED, task.value, unit)


def _prepare(discharge_id: UUID, deps: Deps) -> None:
    """What is to be written names the author and chosen organizations where the EHR has them."""
    discharge = _take_up_again(deps.store.discharges.get(discharge_id), deps)
    if discharge.state is not _DUE[Task.PUBLISH]:
        return
    tenant = _tenant(discharge, deps)
    if tenant.write_policy.writes and establish_parties(discharge, tenant, deps):
        draft_again(discharge, tenant, deps)


def _take_up_again(discharge: Discharge, deps: Deps) -> Discharge:
    """A published one of which something was refused, or left to clinicians, is tried again when its job comes."""
    if discharge.state is not DischargeState.PUBLISHED:
        return discharge
    with deps.store.begin() as unit:
        now = unit.discharges.lock(discharge.id)
        entries = unit.publications.entries(discharge.id)
        waits = seconds_until_looked_at(entries, deps.now()) is not None
        if tenant := deps.tenants.get(discharge.tenant):
            waits = waits or may_be_ordered(tenant, entries, unit.offers.of(discharge.id))
        if now.state is DischargeState.PUBLISHED and waits:
            now = now.move_to(DischargeState.PLANNED, deps.now())
            unit.discharges.save(now)
    return now


def _come_again(discharge: Discharge, seconds: int | None, deps: Deps) -> None:
    """Have a published discharge tried again once more, while it is followed."""
    if seconds is None or deps.now() - discharge.created > FOLLOWED:
        return
    with deps.store.begin() as unit:
        deps.jobs.defer_later(Task.PUBLISH, discharge.id, unit, tenant=discharge.tenant, seconds=seconds)


def _go_on_later(discharge: Discharge, task: Task, seconds: int, problem: str, deps: Deps) -> None:
    """Not all is as it is wanted: the step comes again, and the history says once why it waits."""
    with deps.store.begin() as unit:
        if not _still_due(unit.discharges.lock(discharge.id), discharge):
            return
        deps.jobs.defer_later(task, discharge.id, unit, tenant=discharge.tenant, seconds=seconds)
        entry = AuditEntry(deps.now(), discharge.tenant, "worker", Event.HELD_UP, discharge.id, problem)
        if problem and not unit.audit.knows(entry):
            unit.audit.record(entry)


def _hand_over(discharge: Discharge, plan: Plan, deps: Deps) -> bool:
    """The encounter that was named is part of a stay, or was merged into it; whether that stay has a discharge already.

    If so it is that one which is planned. If not, this one becomes the stay's when its plan is committed.
    """
    stay = plan.encounter.reference
    with deps.store.begin() as unit:
        now = unit.discharges.lock(discharge.id)
        if not _still_due(now, discharge):
            return True
        if unit.discharges.lock_stay(discharge.tenant, stay) is None:
            return False
        whole = Trigger(discharge.tenant, stay, Action.PLAN, "worker", order=discharge.order)
        part = Trigger(discharge.tenant, discharge.encounter, Action.CANCEL, "worker", why=CallOff.NONE)
        take(part, unit, deps, deps.now())
        take(whole, unit, deps, deps.now())
        _record(now, Event.PART_OF_STAY, Task.PLAN.value, unit, reference=stay)
    return True


def _call_off(discharge: Discharge, plan: Plan, deps: Deps) -> None:
    """The EHR itself says that this stay did not take place: whatever asked for a plan was late, or a mistake."""
    told, stay = plan.encounter.told, StayStatus.of(plan.encounter.status)
    trigger = Trigger(discharge.tenant, discharge.encounter, Action.CANCEL, "worker", told=told, stay=stay)
    with deps.store.begin() as unit:
        if _still_due(unit.discharges.lock(discharge.id), discharge):
            take(trigger, unit, deps, deps.now())


def _commit_plan(discharge: Discharge, plan: Plan, tenant: Tenant, deps: Deps) -> None:
    with deps.store.begin() as unit:
        now = unit.discharges.lock(discharge.id)
        if not _still_due(now, discharge):
            return
        version = next_version(now, plan, unit, deps)
        told, stay = plan.encounter.told, StayStatus.of(plan.encounter.status)
        planned = replace(now, encounter=plan.encounter.reference).planned(told, stay, deps.now())
        unit.discharges.save(planned)
        _record(planned, Event.PLANNED, Task.PLAN.value, unit, reference=f"version {version.number}")
        _keep_unread(planned, plan, unit)
        commit_version(planned, version, tenant, unit, deps)
        supersede(plan, planned, unit, deps)


def _keep_unread(planned: Discharge, plan: Plan, unit: Unit) -> None:
    """What the plan lacks is asked for again, and where it is the first what it found nothing of."""
    at, before = planned.changed, unit.unread.of(planned.id)
    is_first = unit.plans.latest(planned.id) is None
    doubted = doubt_silence(plan.silent, before, at, is_first=is_first)
    unit.unread.keep(planned.id, planned.tenant, (*find_unread(plan.gaps, at), *doubted))


def _remember_failure(discharge: Discharge, error: EhrError | UnknownEncounter, deps: Deps) -> None:
    """Stay or patient could not be read, which may pass: should the planning be given up, they are asked for again."""
    lasting = lasting_of(error) if isinstance(error, EhrError) else Lasting.PERHAPS
    gap = Gap("Encounter", GapReason.REFUSED, str(error), lasting=lasting)
    with deps.store.begin() as unit:
        if _still_due(unit.discharges.lock(discharge.id), discharge):
            unit.unread.keep(discharge.id, discharge.tenant, find_unread([gap], deps.now()))


def _finish(
    discharge: Discharge, state: DischargeState, event: Event, deps: Deps, *, version: int | None = None
) -> None:
    """One state further, unless the discharge has gone another way, or a person has decided since this version.

    Their decision has a job of its own, which is due while the state stays.
    """
    with deps.store.begin() as unit:
        now = unit.discharges.lock(discharge.id)
        decided = version is not None and unit.plans.newest(discharge.id) != version
        if _still_due(now, discharge) and not decided:
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
        raise HospitalNotConfigured(discharge.tenant)
    return tenant


def _today(tenant: Tenant, deps: Deps) -> date:
    return deps.now().astimezone(tenant.time_zone).date()
