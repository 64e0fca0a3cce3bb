"""What `homeward jobs` does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from service.commands.deployment import opened_operations
from service.commands.options import progress
from service.commands.tables import iso_time, json_or_table, local_time
from service.errors import BadInput
from service.jobs import JobState, QueuedJob, Task
from service.pipeline.job_control import Handled, Outcome, cancel_job, retry_job

Show = Callable[[], None]

_RETRY: Final = "homeward jobs retry"
_CANCEL: Final = "homeward jobs cancel"
#: What may be done about a job in each state.
_REMEDIES: Final = {
    JobState.DUE: "It runs as soon as a worker is free. Is one alive? `homeward worker`.",
    JobState.WAITING: "It is tried again at the time of its next try; `homeward jobs retry {0}` runs it now.",
    JobState.RUNNING: "It runs now.",
    JobState.LOST: "Its worker is gone; the next worker that lives takes it back within a minute.",
    JobState.FAILED: "It was given up; `homeward jobs retry {0}` puts it back once the cause is mended.",
    JobState.CANCELLED: "An operator took it out; `homeward jobs retry {0}` puts it back.",
}
#: What a job's outcome means for its discharge.
_MEANINGS: Final = {
    Outcome.QUEUED: "put back with all its tries",
    Outcome.RUNS_NOW: "does not wait for its next try",
    Outcome.DUE: "nothing to do: a worker takes it next",
    Outcome.RUNNING: "left alone: it runs now",
    Outcome.MOOT: "taken off the list: its discharge has gone on without it",
    Outcome.CANCELLED: "not run",
    Outcome.OVER: "nothing to do: it is over",
    Outcome.GONE: "nothing to do: done, or put back before",
}
_STOPPED: Final = {
    Task.PLAN: "no plan is made until it is put back",
    Task.PUBLISH: "what is not in the EHR yet stays out of it until it is put back",
    Task.WITHDRAW: "what stands in the EHR stays there until it is put back",
}


def show_jobs(states: Sequence[str], tenant: str, discharge: UUID | None, limit: int, form: str) -> Show:
    """Read the jobs; what comes back prints them. BadInput for an unknown hospital."""
    with opened_operations(tenant) as deps:
        wanted = [JobState(state) for state in states]
        found = deps.jobs.control.list(states=wanted, tenant=tenant, discharge=discharge, limit=limit + 1)
        alive = deps.jobs.workers_alive()
    shown, more = found[:limit], len(found) > limit
    document = {"jobs": [_document(job) for job in shown], "more": more, "workers_alive": alive}
    foot = [f"Only the first {limit} are shown; there are more."] if more else []
    foot += [] if alive else ["No worker is alive: run `homeward worker`."]
    return json_or_table(
        form, document, _HEADINGS, [_row(job) for job in shown], foot or [f"{len(shown)} jobs."]
    )


def show_job(number: int, form: str) -> Show:
    """Read one job; what comes back prints it. BadInput when there is none of this number."""
    with opened_operations() as deps:
        job = deps.jobs.control.get(number)
        if job is None:
            raise BadInput(
                f"There is no job {number}: it is done, or was put back under another number. `homeward jobs list` shows "
                "those there are."
            )
        discharge = deps.store.discharges.get(job.discharge) if job.discharge else None
    remedy = _REMEDIES[job.state].format(job.number)
    document = _document(job) | {
        "discharge_state": discharge.state.value if discharge else None,
        "discharge_problem": discharge.problem if discharge else None,
        "remedy": remedy,
    }
    rows = [(name, "-" if value in {None, ""} else str(value)) for name, value in document.items()]
    return json_or_table(form, document, ("what", "how it stands"), rows, [])


@dataclass(frozen=True, slots=True)
class JobSelection:
    """The jobs that an operator means: those of these numbers, or of a hospital or all hospitals in these states."""

    numbers: Sequence[int]
    tenant: str
    everywhere: bool
    states: Sequence[str]


def put_back_jobs(meant: JobSelection, *, dry_run: bool, form: str) -> Show:
    """Put them back, failed ones where no state is named; what comes back prints what became of each."""
    if [bool(meant.numbers), bool(meant.tenant), meant.everywhere].count(True) != 1:
        raise BadInput("Name the jobs to put back, or --tenant ID, or --all.")
    with opened_operations(meant.tenant) as deps:
        wanted = [JobState(state) for state in meant.states or ("failed",)]
        found = () if meant.numbers else deps.jobs.control.list(states=wanted, tenant=meant.tenant)
        handled = [
            retry_job(number, deps, actor=_RETRY, dry_run=dry_run)
            for number in progress(meant.numbers or [job.number for job in found], "Putting jobs back")
        ]
    return _told(handled, form, dry_run=dry_run)


def take_out_jobs(numbers: Sequence[int], *, dry_run: bool, form: str) -> tuple[Show, int]:
    """Take these out; exit code 1 when one of them runs."""
    with opened_operations() as deps:
        handled = [cancel_job(number, deps, actor=_CANCEL, dry_run=dry_run) for number in numbers]
    running = any(done.outcome is Outcome.RUNNING for done in handled)
    return _told(handled, form, dry_run=dry_run), 1 if running else 0


_HEADINGS: Final = (
    "job",
    "state",
    "tenant",
    "step",
    "discharge",
    "tries",
    "next try",
    "last error",
    "failed at",
)


def _row(job: QueuedJob) -> tuple[str, ...]:
    about = str(job.discharge or job.concerns or "-")
    times = (local_time(job.next_try), job.error or "-", local_time(job.failed))
    return (str(job.number), job.state, job.tenant or "-", job.task, about, str(job.attempts), *times)


def _document(job: QueuedJob) -> dict[str, Any]:
    return {
        "job": job.number,
        "state": job.state.value,
        "tenant": job.tenant,
        "step": job.task,
        "discharge": str(job.discharge) if job.discharge else None,
        "resource_type": job.concerns or None,
        "attempts": job.attempts,
        "queued": iso_time(job.queued),
        "next_try": iso_time(job.next_try),
        "error": job.error or None,
        "failed": iso_time(job.failed),
    }


def _told(handled: Sequence[Handled], form: str, *, dry_run: bool) -> Show:
    rows = [
        (
            str(done.number),
            done.job.task if done.job else "-",
            str(done.job.discharge or "-") if done.job else "-",
            done.outcome.value,
            done.discharge.value if done.discharge else "-",
            _meaning(done),
        )
        for done in handled
    ]
    names = ("job", "step", "discharge", "outcome", "discharge_state", "meaning")
    document = {"dry_run": dry_run, "jobs": [dict(zip(names, row, strict=True)) for row in rows]}
    headings = ("job", "step", "discharge", "outcome", "discharge is", "that means")
    foot = [f"{len(rows)} jobs{'; nothing was done (dry run)' if dry_run else ''}."]
    return json_or_table(form, document, headings, rows, foot)


def _meaning(done: Handled) -> str:
    meaning = _MEANINGS[done.outcome]
    if done.outcome is not Outcome.CANCELLED or done.job is None:
        return meaning
    if done.job.discharge is None:
        return f"{meaning}; the next round of this hospital finds what it was to look at, if there are rounds"
    return f"{meaning}; {_STOPPED[Task(done.job.task)]}"
