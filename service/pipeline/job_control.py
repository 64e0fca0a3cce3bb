"""Putting a job back into the queue, or taking it out, without losing the discharge that it belongs to.

The discharge is locked before its job, as everywhere, so that neither a worker nor another operator can come between.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from service.domain.audit import AuditEntry, Event
from service.domain.discharge import Discharge, DischargeState
from service.errors import NotFound
from service.jobs import Errand, JobState, QueuedJob, Task
from service.pipeline.ports import Operations
from service.pipeline.redrive import DUE_STATE, failed_step, put_back
from service.store import Unit

_ON_ITS_WAY: Final = frozenset({JobState.RUNNING, JobState.LOST})
_OVER: Final = frozenset({JobState.FAILED, JobState.CANCELLED})


class Outcome(StrEnum):
    """What became of a job that was put back or taken out."""

    QUEUED = "queued anew"
    RUNS_NOW = "runs now"  # it waited for its time
    DUE = "due already"
    RUNNING = "running"  # left alone
    MOOT = "moot"  # its discharge has gone on without it; nothing is left to do
    CANCELLED = "cancelled"
    OVER = "over already"
    GONE = "gone"  # done, or never there


@dataclass(frozen=True, slots=True)
class Handled:
    """A job, what became of it, and in which state that leaves its discharge (None for an errand)."""

    number: int
    outcome: Outcome
    job: QueuedJob | None = None
    discharge: DischargeState | None = None


def retry_job(number: int, deps: Operations, *, actor: str, dry_run: bool = False) -> Handled:
    """Put a failed or cancelled job back, with all its tries; one that waits for its time is run now.

    What failed for good has stopped its discharge: that goes on from the step that failed. Again is harmless.
    """
    with deps.store.begin() as unit:
        job, discharge = _lock(number, unit, deps)
        if job is None:
            return Handled(number, Outcome.GONE)
        outcome = _retrying(job, discharge, unit)
        if not dry_run:
            discharge = _retry(job, outcome, discharge, unit, deps, actor)
        return Handled(number, outcome, job, discharge.state if discharge else None)


def cancel_job(number: int, deps: Operations, *, actor: str, dry_run: bool = False) -> Handled:
    """Take a job that is due or waits out of the queue. Its discharge is then failed, so that it is seen and can go on."""
    with deps.store.begin() as unit:
        job, discharge = _lock(number, unit, deps)
        if job is None:
            return Handled(number, Outcome.GONE)
        outcome = _cancelling(job)
        if outcome is Outcome.CANCELLED and not dry_run:
            deps.jobs.control.cancel(number, unit.driver_connection)
            discharge = _stop(job, discharge, unit, deps, actor)
        return Handled(number, outcome, job, discharge.state if discharge else None)


def _lock(number: int, unit: Unit, deps: Operations) -> tuple[QueuedJob | None, Discharge | None]:
    seen = deps.jobs.control.get(number)
    discharge = _lock_discharge(seen, unit) if seen else None
    return deps.jobs.control.lock(number, unit.driver_connection), discharge


def _lock_discharge(job: QueuedJob, unit: Unit) -> Discharge | None:
    try:
        return unit.discharges.lock(job.discharge) if job.discharge else None
    except NotFound:
        return None


def _retrying(job: QueuedJob, discharge: Discharge | None, unit: Unit) -> Outcome:
    if job.state in _ON_ITS_WAY:
        return Outcome.RUNNING
    if job.state is JobState.DUE:
        return Outcome.DUE
    if job.state is JobState.WAITING:
        return Outcome.RUNS_NOW
    if job.task in set(Errand):
        return Outcome.QUEUED
    task = Task(job.task)
    if discharge and (discharge.state is DUE_STATE[task] or failed_step(discharge, unit) is task):
        return Outcome.QUEUED
    return Outcome.MOOT


def _retry(
    job: QueuedJob, outcome: Outcome, discharge: Discharge | None, unit: Unit, deps: Operations, actor: str
) -> Discharge | None:
    """Do what is said; the discharge as that leaves it."""
    control, connection = deps.jobs.control, unit.driver_connection
    if outcome is Outcome.RUNS_NOW:
        control.run_now(job.number, connection)
    if outcome not in {Outcome.QUEUED, Outcome.MOOT}:
        return discharge
    control.remove(job.number, connection)
    if outcome is Outcome.MOOT:
        return discharge
    if discharge is None:
        deps.jobs.send(Errand(job.task), job.tenant, job.reference, unit)
        return None
    if discharge.state is DischargeState.FAILED:
        put_back(discharge, unit, deps, actor=actor)
        return unit.discharges.get(discharge.id)
    deps.jobs.defer(Task(job.task), discharge.id, unit)
    return discharge


def _cancelling(job: QueuedJob) -> Outcome:
    if job.state in _ON_ITS_WAY:
        return Outcome.RUNNING
    return Outcome.OVER if job.state in _OVER else Outcome.CANCELLED


def _stop(
    job: QueuedJob, discharge: Discharge | None, unit: Unit, deps: Operations, actor: str
) -> Discharge | None:
    """Its discharge waits for a person; one that this job was not to move stays as it is."""
    if discharge is None or discharge.state is not DUE_STATE[Task(job.task)]:
        return discharge
    problem = f"An operator stopped the step '{job.task}'; `homeward jobs retry {job.number}` lets it go on."
    stopped = discharge.failed(problem, deps.now())
    unit.discharges.save(stopped)
    unit.audit.record(
        AuditEntry(stopped.changed, stopped.tenant, actor, Event.FAILED, stopped.id, reference=job.task)
    )
    return stopped
