"""`homeward jobs` and `homeward discharges`: the hands of whoever is called at three in the morning."""

from collections.abc import Callable
from datetime import datetime
from functools import reduce
from typing import Any, Final
from uuid import UUID

import click

from service.commands.options import (
    all_tenants,
    dry_run_option,
    examples,
    since_option,
    table_or_json,
    tenant_option,
    waiting,
)

_Command = Callable[..., Any]
_JOB_STATES: Final = ("due", "waiting", "running", "lost", "failed", "cancelled")
_DISCHARGE_STATES: Final = ("received", "planned", "published", "cancelling", "cancelled", "failed")

_job_states: Final = click.option(
    "--state", "states", multiple=True, type=click.Choice(_JOB_STATES), help="Only these; may be repeated."
)
_discharge_states: Final = click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(_DISCHARGE_STATES),
    help="Only these; may be repeated.",
)
_limit: Final = click.option(
    "--limit", type=click.IntRange(1, 10_000), default=200, show_default=True, help="Lines at most."
)

_waits: Final = click.option(
    "--waiting", "waits", is_flag=True, help="Only those with writes that wait or were refused."
)


def _with(*decorators: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    """These decorators as one, the first of them outermost."""
    return lambda command: reduce(lambda made, decorate: decorate(made), reversed(decorators), command)


#: Which discharges an act is for.
_chosen_discharges: Final = _with(
    click.argument("ids", type=click.UUID, nargs=-1, metavar="[ID]..."),
    _discharge_states,
    tenant_option,
    all_tenants,
)
#: How it is done, and told.
_redriving: Final = _with(dry_run_option, table_or_json, click.pass_context)


@click.group(short_help="The queue: what waits, runs or failed; put it back.")
def jobs() -> None:
    """The jobs of the queue. None of what is shown is PHI: ids of ours, codes and the classes of errors."""


@jobs.command(
    "list",
    epilog=examples(
        "homeward jobs list                                all but those that are done",
        "homeward jobs list --state failed                 what was given up",
        "homeward jobs list --tenant general --format json for a program",
    ),
)
@_job_states
@tenant_option
@click.option("--discharge", type=click.UUID, metavar="ID", help="Only this discharge's.")
@_limit
@table_or_json
def list_jobs(states: tuple[str, ...], tenant: str, discharge: UUID | None, limit: int, form: str) -> None:
    """List the jobs of the queue, the oldest first: state, step, tries, next try, class of the last error.

    due: a worker takes it next. waiting: until its next try. running. lost: its worker is gone, and the next living one
    takes it back. failed: given up. cancelled: by an operator. Those that are done are not kept. Exit code 0.
    """
    with waiting("Asking the database"):
        from service.commands.jobs import show_jobs

        show = show_jobs(states, tenant, discharge, limit, form)
    show()


@jobs.command("show", epilog=examples("homeward jobs show 417", "homeward jobs show 417 --format json"))
@click.argument("number", type=click.IntRange(min=1))
@table_or_json
def show_job(number: int, form: str) -> None:
    """Show the job of this NUMBER, its discharge, and what can be done about it. Exit code 2: there is none."""
    with waiting("Asking the database"):
        from service.commands.jobs import show_job

        show = show_job(number, form)
    show()


@jobs.command(
    "retry",
    epilog=examples(
        "homeward jobs retry 417                       this one, now",
        "homeward jobs retry --tenant general          all that failed of a hospital",
        "homeward jobs retry --all --state waiting     all that wait for their next try, after an outage",
        "homeward jobs retry --all --dry-run           only say what would be done",
    ),
)
@click.argument("numbers", type=click.IntRange(min=1), nargs=-1, metavar="[NUMBER]...")
@tenant_option
@all_tenants
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(["failed", "waiting", "cancelled"]),
    help="With --tenant or --all: which of them; without it, failed.",
)
@dry_run_option
@table_or_json
def retry_jobs(
    numbers: tuple[int, ...],
    tenant: str,
    everywhere: bool,  # noqa: FBT001  click passes options by name
    states: tuple[str, ...],
    dry_run: bool,  # noqa: FBT001
    form: str,
) -> None:
    """Put jobs back: failed and cancelled ones with all their tries, those that wait are run now.

    A discharge that its job stopped goes on from the step that failed. A job that runs, is done, or whose discharge has gone
    on without it, is left alone, so that asking twice does no harm. Exit code 0; 2: nothing, or not one thing, was named.
    """
    from service.commands.jobs import JobSelection, put_back_jobs

    meant = JobSelection(numbers, tenant, everywhere, states)
    put_back_jobs(meant, dry_run=dry_run, form=form)()


@jobs.command(
    "cancel",
    epilog=examples(
        "homeward jobs cancel 417               do not run it",
        "homeward jobs cancel 417 --dry-run     only say what that would leave",
    ),
)
@click.argument("numbers", type=click.IntRange(min=1), nargs=-1, required=True, metavar="NUMBER...")
@dry_run_option
@table_or_json
@click.pass_context
def cancel_jobs(ctx: click.Context, numbers: tuple[int, ...], dry_run: bool, form: str) -> None:  # noqa: FBT001
    """Take jobs that are due or wait out of the queue.

    No discharge is lost: it is failed, says that an operator stopped it, is listed and counted as such, and goes on with
    `homeward jobs retry` or `homeward discharges replan`. Exit code 0; 1: one of them runs, and cannot be stopped.
    """
    with waiting("Cancelling"):
        from service.commands.jobs import take_out_jobs

        show, code = take_out_jobs(numbers, dry_run=dry_run, form=form)
    show()
    ctx.exit(code)


@click.group(short_help="The discharges: how they stand; plan or write them anew.")
def discharges() -> None:
    """The discharges of all hospitals, as an operator sees them: ids, states, counts, sentences without PHI."""


@discharges.command(
    "list",
    epilog=examples(
        "homeward discharges list --state failed            a person must look",
        "homeward discharges list --waiting                 not everything is in the EHR yet",
        "homeward discharges list --tenant general --since 24h --format json",
    ),
)
@_discharge_states
@tenant_option
@_waits
@since_option
@_limit
@table_or_json
def list_discharges(
    states: tuple[str, ...],
    tenant: str,
    waits: bool,  # noqa: FBT001  click passes options by name
    since: datetime | None,
    limit: int,
    form: str,
) -> None:
    """List discharges, those that changed last first, with how many of their writes stand how in the EHR. Exit code 0."""
    with waiting("Asking the database"):
        from service.commands.discharges import show_discharges

        show = show_discharges(states, tenant, waits=waits, since=since, limit=limit, form=form)
    show()


@discharges.command(
    "show",
    epilog=examples(
        "homeward discharges show 0b6f0a52-9f5c-4c3e-9d0b-3a1f5f1c2d3e",
        "homeward discharges show 0b6f0a52-9f5c-4c3e-9d0b-3a1f5f1c2d3e --format json",
    ),
)
@click.argument("discharge", type=click.UUID, metavar="ID")
@table_or_json
def show_discharge(discharge: UUID, form: str) -> None:
    """Show one discharge: its state, its jobs, and each resource's standing in the EHR and why. Exit code 1: not known."""
    with waiting("Asking the database"):
        from service.commands.discharges import show_discharge

        show = show_discharge(discharge, form)
    show()


@discharges.command(
    "replan",
    epilog=examples(
        "homeward discharges replan 0b6f0a52-9f5c-4c3e-9d0b-3a1f5f1c2d3e",
        "homeward discharges replan --tenant general --state failed    all that failed there",
        "homeward discharges replan --tenant general --dry-run         only say which",
    ),
)
@_chosen_discharges
@since_option
@_redriving
def replan(ctx: click.Context, /, dry_run: bool, form: str, **named: Any) -> None:  # noqa: FBT001
    """Read stays anew and plan them anew; people's decisions are kept, and nothing is written where nothing has changed.

    With --tenant or --all those changed within the last 31 days, unless --since or --state says otherwise. What was called
    off is left alone unless --state names it. Exit code 0; 1: one could not be done now; 2: nothing was named.
    """
    ctx.exit(_redrive("replan", named, dry_run=dry_run, form=form))


@discharges.command(
    "republish",
    epilog=examples(
        "homeward discharges republish 0b6f0a52-9f5c-4c3e-9d0b-3a1f5f1c2d3e",
        "homeward discharges republish --tenant general --waiting     all with something that is not in the EHR",
        "homeward discharges republish --all --state failed --dry-run",
    ),
)
@_chosen_discharges
@_waits
@since_option
@_redriving
def republish(ctx: click.Context, /, dry_run: bool, form: str, **named: Any) -> None:  # noqa: FBT001
    """Try anew what the EHR has not taken yet, and what it refused, from the plans there are; nothing is read anew.

    What a person changed in the EHR stands. Which are meant, and the exit codes, are as with replan.
    """
    ctx.exit(_redrive("republish", named, dry_run=dry_run, form=form))


@discharges.command(
    "settle",
    epilog=examples(
        "homeward discharges settle 0b6f0a52-9f5c-4c3e-9d0b-3a1f5f1c2d3e --there",
        "homeward discharges settle 0b6f0a52-9f5c-4c3e-9d0b-3a1f5f1c2d3e --there --reference DocumentReference/7",
        "homeward discharges settle 0b6f0a52-9f5c-4c3e-9d0b-3a1f5f1c2d3e --not-there --dry-run",
    ),
)
@click.argument("discharge", type=click.UUID, metavar="ID")
@click.option(
    "--there/--not-there", "is_there", required=True, default=None, help="What you found in the EHR."
)
@click.option(
    "--type", "resource_type", default="", metavar="TYPE", help="Only writes of this resource type."
)
@click.option(
    "--reference", default="", metavar="TYPE/ID", help="The resource that you found, where you know its id."
)
@dry_run_option
@table_or_json
@click.pass_context
def settle(ctx: click.Context, /, discharge: UUID, dry_run: bool, form: str, **said: Any) -> None:  # noqa: FBT001
    """Say whether a write is in the EHR of which nobody else can find out; what is not there is sent again.

    Look in the patient's chart first: a note of ours ends with its reference, which `discharges show` gives. Exit code 0; 1: the discharge is not known; 2: nothing of it is unknown.
    """
    from service.commands.discharges import settle_discharge

    settle_discharge(discharge, said, dry_run=dry_run, form=form)()
    ctx.exit(0)


def _redrive(act: str, named: dict[str, Any], *, dry_run: bool, form: str) -> int:
    from service.commands.discharges import Selection, redrive_discharges

    show, code = redrive_discharges(act, Selection(**named), dry_run=dry_run, form=form)
    show()
    return code
