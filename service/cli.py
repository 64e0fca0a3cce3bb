"""The command line: `homeward COMMAND`. Each command's module is imported only when it is run, so that help is instant."""

from datetime import datetime
from pathlib import Path
from traceback import walk_tb
from typing import NoReturn
from zoneinfo import ZoneInfo

import click

from service.commands.brake import brake
from service.commands.content import directory, protocols
from service.commands.operators import discharges, jobs
from service.commands.options import examples, table_or_json, time_zone, waiting
from service.commands.tenant_group import tenant
from service.errors import BadInput, ConfigurationError, HomewardError

_EXAMPLES = examples(
    "homeward plan patient.json                     a plan from a Bundle, as a table",
    "homeward explain patient.json food-insecurity  why this need is on the plan, or is not",
    "homeward demo                                  a discharge order in a sandbox EHR becomes a plan",
    "homeward preflight general                     what a hospital's EHR lets us do",
    "homeward serve                                 database, web and worker in one command",
    "homeward jobs list --state failed              what was given up, and by what error",
    "homeward COMMAND --help                        more examples",
)


class _Sentences(click.Group):
    """Says in one sentence what went wrong: exit 2 for what was given, 1 for what failed. Never a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; every error becomes a sentence on stderr."""
        try:
            return super().invoke(ctx)
        except (BadInput, ConfigurationError) as error:
            _fail(error.public_message, 2)
        except HomewardError as error:
            _fail(error.public_message, 1)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, its message may hold PHI
            _fail(f"Something went wrong inside Homeward ({_place(error)}); please report this.", 1)


@click.group(cls=_Sentences, epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="homeward", message="%(prog)s %(version)s")
def main() -> None:
    """Homeward: a discharge order becomes a draft plan with community referrals, for people to decide on."""


@main.command(
    short_help="Plan from a Bundle file, without any server.",
    epilog=examples(
        "homeward plan patient.json                     a table to read",
        "homeward plan patient.json.gz --format json    documented JSON",
        "homeward plan ward.json --encounter 12 --today 2026-03-02",
        "curl … | homeward plan - --format bundle       the FHIR transaction an EHR would get",
    ),
)
@click.argument("file")
@click.option(
    "--encounter", metavar="ID", help="The stay to plan, with or without Encounter/. Without it: the latest."
)
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="Plan as of this day.")
@time_zone
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "bundle"]),
    default="table",
    show_default=True,
    help="A table to read, the documented JSON, or the FHIR transaction.",
)
def plan(file: str, encounter: str | None, today: datetime | None, zone: ZoneInfo | None, form: str) -> None:
    """Plan from FILE, a FHIR R4 Bundle (plain or .gz; - reads standard input), without any server."""
    with waiting("Reading and planning"):
        from service.commands.plan_file import plan_file

        on = today.date() if today else None
        show = plan_file(file, encounter=encounter, today=on, form=form, zone=zone)
    show()


@main.command(
    short_help="Say of every need why it is raised, or why not.",
    epilog=examples(
        "homeward explain patient.json                  all needs, in a table",
        "homeward explain patient.json food-insecurity  one need, to the last condition",
    ),
)
@click.argument("file")
@click.argument("need", required=False, default="")
@click.option("--encounter", metavar="ID", help="The stay, as for plan.")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="As of this day.")
@time_zone
@table_or_json
def explain(
    file: str, need: str, encounter: str | None, today: datetime | None, zone: ZoneInfo | None, form: str
) -> None:
    """Explain the plan of FILE: each need, raised or not, with protocol, evidence and the conditions that failed.

    With NEED (its code, such as food-insecurity) the whole evaluation of this one.
    """
    with waiting("Reading and planning"):
        from service.commands.plan_file import explain_file

        on = today.date() if today else None
        show = explain_file(file, need=need, encounter=encounter, today=on, form=form, zone=zone)
    show()


@main.command(
    short_help="Run everything: database, web and worker.",
    epilog=examples(
        "HOMEWARD_TENANTS_FILE=tenants.yaml homeward serve",
    ),
)
def serve() -> None:
    """Run everything: database (embedded, unless HOMEWARD_DATABASE_URL names one), migrations, web and worker."""
    from service.commands.serve import serve_all

    serve_all()


@main.command(
    short_help="Run the web server alone.",
    epilog=examples(
        "HOMEWARD_DATABASE_URL=postgresql://… HOMEWARD_BIND=0.0.0.0:8000 homeward web",
    ),
)
def web() -> None:
    """Run the web server alone (gunicorn on HOMEWARD_BIND)."""
    from service.commands.serve import become_web

    become_web()


@main.command(
    short_help="Run one worker alone.",
    epilog=examples(
        "HOMEWARD_DATABASE_URL=postgresql://… homeward worker",
    ),
)
def worker() -> None:
    """Run one worker alone; start as many as you like, on any host."""
    from service.commands.serve import run_worker

    run_worker()


@main.command(
    "subscribe",
    short_help="Have an EHR tell us of discharge orders.",
    epilog=examples(
        "homeward subscribe general            make or repair what is missing",
        "homeward subscribe general --check    only say how it stands",
    ),
)
@click.argument("tenant")
@click.option("--check", is_flag=True, help="Only say how it stands; change nothing.")
@table_or_json
@click.pass_context
def subscribe_to(ctx: click.Context, tenant: str, check: bool, form: str) -> None:  # noqa: FBT001  click passes options by name
    """Have TENANT's EHR tell us of discharge orders: by a topic, by a rest-hook, or by our own searching.

    What is missing is made and what is broken is repaired; running it again changes nothing. Exit code 0: orders reach
    us; 1: not, or something is left to repair; 2: the configuration is wrong.
    """
    with waiting("Asking the EHR"):
        from service.commands.subscribe import subscribe_tenant

        code = subscribe_tenant(tenant, check=check, form=form)
    ctx.exit(code)


@main.command(
    short_help="Bring the database to the newest version.",
    epilog=examples(
        "homeward migrate            before a new version is started",
        "homeward migrate --check    on a throwaway database",
    ),
)
@click.option("--check", is_flag=True, help="Prove the migrations on a throwaway database instead.")
def migrate(check: bool) -> None:  # noqa: FBT001  click passes options by name
    """Bring the database's schema to the newest version."""
    from config.settings import settings_of_this_process
    from service.commands.migrate import rehearse, upgrade

    with waiting("Migrating"):
        if check:
            rehearse()
        else:
            upgrade(settings_of_this_process())
    click.echo(
        "The migrations make exactly our tables." if check else "The database is at the newest version."
    )


@main.command(
    short_help="See it work, with a sandbox EHR.",
    epilog=examples(
        "homeward demo                     stays up until Ctrl-C",
        "homeward demo --once              exit 0 after the plan was read back",
        "homeward demo --ehr epic-like     an EHR that takes no CarePlan",
    ),
)
@click.option("--once", is_flag=True, help="Verify the plan by reading it back from the EHR, then stop.")
@click.option(
    "--ehr",
    default="full",
    show_default=True,
    help="Which EHR the sandbox plays: full, epic-like, oracle-like or singles; with ,flaky it fails at times.",
)
@click.pass_context
def demo(ctx: click.Context, once: bool, ehr: str) -> None:  # noqa: FBT001  click passes options by name
    """A discharge order in a sandbox EHR becomes a plan in that EHR, before your eyes."""
    from service.sandbox.demo import run_demo

    ctx.exit(run_demo(once=once, ehr=ehr))


@main.command(
    short_help="What a hospital's EHR lets us do, before go-live.",
    epilog=examples(
        "homeward preflight general                      ask its EHR",
        "homeward preflight --vendor epic                what a product takes, without any server",
        "homeward preflight general --vendor canvas      a hospital whose /metadata names no software",
        "homeward preflight --metadata statement.json    without a connection",
        "homeward preflight general --format json        for the checks of a deployment",
    ),
)
@click.argument("tenant", required=False)
@click.option(
    "--metadata", metavar="FILE", help="Look at a saved CapabilityStatement instead (- reads standard input)."
)
@click.option(
    "--vendor",
    metavar="NAME",
    help="An EHR product, by name or alias: what is publicly known of it, with no server, or beside TENANT's EHR.",
)
@table_or_json
@click.pass_context
def preflight(
    ctx: click.Context, tenant: str | None, metadata: str | None, vendor: str | None, form: str
) -> None:
    """Look at TENANT's EHR, at a saved /metadata or at a product: what can be read and written there, how, and why.

    Exit code 0: ready. 1: usable with less, and the table says with what. 2: not usable.
    """
    with waiting("Looking at the EHR"):
        from service.commands.preflight import run_preflight

        code = run_preflight(tenant, metadata, vendor, form)
    ctx.exit(code)


@main.command(
    short_help="What would have been written, while nothing is.",
    epilog=examples(
        "homeward shadow-report general",
        "homeward shadow-report general --format json --limit 1000 > report.json",
    ),
)
@click.argument("tenant")
@table_or_json
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=200, show_default=True, help="Discharges at most."
)
def shadow_report(tenant: str, form: str, limit: int) -> None:
    """What TENANT's EHR would have got by now under a write policy that writes; the last changed discharges first.

    The table names ids and kinds of resources only. The JSON holds the resources themselves, so it is PHI.
    """
    from service.commands.shadow_report import print_shadow_report

    print_shadow_report(tenant, form, limit)


main.add_command(protocols)
main.add_command(directory)
main.add_command(jobs)
main.add_command(discharges)
main.add_command(tenant)
main.add_command(brake)


def _fail(sentence: str, code: int) -> NoReturn:
    click.echo(f"homeward: {sentence}", err=True)
    raise click.exceptions.Exit(code)


def _place(error: BaseException) -> str:
    """Where it happened: class, file and line, nothing of its message."""
    frames = list(walk_tb(error.__traceback__))
    frame, line = frames[-1]
    return f"{type(error).__name__} at {'/'.join(Path(frame.f_code.co_filename).parts[-2:])}:{line}"


if __name__ == "__main__":
    main(prog_name="homeward")
