"""The command line: `homeward COMMAND`. Each command's module is imported only when it is run, so that help is instant."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from traceback import walk_tb
from typing import NoReturn

import click

from service.errors import BadInput, ConfigurationError, HomewardError

_EXAMPLES = """
\b
Examples:
  homeward plan patient.json                     a plan from a Bundle, as a table
  homeward plan patient.json.gz --format json    the same as documented JSON
  curl … | homeward plan - --format bundle       the FHIR transaction an EHR would get
  homeward explain patient.json food-insecurity  why this need is on the plan, or is not
  homeward demo                                  a discharge order in a sandbox EHR becomes a plan
  homeward serve                                 database, web and worker in one command
"""


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
    """Homeward: a discharge order becomes a plan with community referrals, followed until the need is met."""


@main.command(short_help="Plan from a Bundle file, without any server.")
@click.argument("file")
@click.option(
    "--encounter", metavar="ID", help="The stay to plan, with or without Encounter/. Without it: the latest."
)
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="Plan as of this day.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "bundle"]),
    default="table",
    show_default=True,
    help="A table to read, the documented JSON, or the FHIR transaction.",
)
def plan(file: str, encounter: str | None, today: datetime | None, form: str) -> None:
    """Plan from FILE, a FHIR R4 Bundle (plain or .gz; - reads standard input), without any server."""
    with _waiting("Reading and planning"):
        from service.commands.plan_file import plan_file

        show = plan_file(file, encounter=encounter, today=today.date() if today else None, form=form)
    show()


@main.command(short_help="Say of every need why it is raised, or why not.")
@click.argument("file")
@click.argument("need", required=False, default="")
@click.option("--encounter", metavar="ID", help="The stay, as for plan.")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="As of this day.")
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True, help="How."
)
def explain(file: str, need: str, encounter: str | None, today: datetime | None, form: str) -> None:
    """Explain the plan of FILE: each need, raised or not, with protocol, evidence and the conditions that failed.

    With NEED (its code, such as food-insecurity) the whole evaluation of this one.
    """
    with _waiting("Reading and planning"):
        from service.commands.plan_file import explain_file

        show = explain_file(
            file, need=need, encounter=encounter, today=today.date() if today else None, form=form
        )
    show()


@main.command(short_help="Run everything: database, web and worker.")
def serve() -> None:
    """Run everything: database (embedded, unless HOMEWARD_DATABASE_URL names one), migrations, web and worker."""
    from service.commands.serve import serve_all

    serve_all()


@main.command(short_help="Run the web server alone.")
def web() -> None:
    """Run the web server alone (gunicorn on HOMEWARD_BIND)."""
    from service.commands.serve import become_web

    become_web()


@main.command(short_help="Run one worker alone.")
def worker() -> None:
    """Run one worker alone; start as many as you like, on any host."""
    from service.commands.serve import run_worker

    run_worker()


@main.command("subscribe", short_help="Have an EHR tell us of discharge orders.")
@click.argument("tenant")
@click.option("--check", is_flag=True, help="Only say how it stands; change nothing.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="A table to read, or JSON.",
)
@click.pass_context
def subscribe_to(ctx: click.Context, tenant: str, check: bool, form: str) -> None:  # noqa: FBT001  click passes options by name
    """Have TENANT's EHR tell us of discharge orders: by a topic, by a rest-hook, or by our own searching.

    What is missing is made and what is broken is repaired; running it again changes nothing. Exit code 0: orders reach
    us; 1: not, or something is left to repair; 2: the configuration is wrong.
    """
    with _waiting("Asking the EHR"):
        from service.commands.subscribe import subscribe_tenant

        code = subscribe_tenant(tenant, check=check, form=form)
    ctx.exit(code)


@main.command(short_help="Bring the database to the newest version.")
@click.option("--check", is_flag=True, help="Prove the migrations on a throwaway database instead.")
def migrate(check: bool) -> None:  # noqa: FBT001  click passes options by name
    """Bring the database's schema to the newest version."""
    from config.settings import settings_of_this_process
    from service.commands.migrate import rehearse, upgrade

    with _waiting("Migrating"):
        if check:
            rehearse()
        else:
            upgrade(settings_of_this_process())
    click.echo(
        "The migrations make exactly our tables." if check else "The database is at the newest version."
    )


@main.command(short_help="See it work, with a sandbox EHR.")
@click.option("--once", is_flag=True, help="Verify the plan by reading it back from the EHR, then stop.")
@click.option("--ehr", default="full", show_default=True, help="Which kind of EHR the sandbox plays.")
@click.pass_context
def demo(ctx: click.Context, once: bool, ehr: str) -> None:  # noqa: FBT001  click passes options by name
    """A discharge order in a sandbox EHR becomes a plan in that EHR, before your eyes."""
    from service.sandbox.demo import run_demo

    ctx.exit(run_demo(once=once, ehr=ehr))


@main.command(short_help="What a hospital's EHR lets us do, before go-live.")
@click.argument("tenant", required=False)
@click.option(
    "--metadata", metavar="FILE", help="Look at a saved CapabilityStatement instead (- reads standard input)."
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def preflight(ctx: click.Context, tenant: str | None, metadata: str | None, form: str) -> None:
    """Look at TENANT's EHR, or at a saved /metadata: what can be read and written there, how, and why.

    Exit code 0: ready. 1: usable with less, and the table says with what. 2: not usable.
    """
    with _waiting("Looking at the EHR"):
        from service.commands.preflight import run_preflight

        code = run_preflight(tenant, metadata, form)
    ctx.exit(code)


@main.command(short_help="What would have been written, while nothing is.")
@click.argument("tenant")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=200, show_default=True, help="Discharges at most."
)
def shadow_report(tenant: str, form: str, limit: int) -> None:
    """What TENANT's EHR would have got by now under a write policy that writes; the last changed discharges first.

    The table names ids and kinds of resources only. The JSON holds the resources themselves, so it is PHI.
    """
    from service.commands.shadow_report import print_shadow_report

    print_shadow_report(tenant, form, limit)


@main.group(short_help="The clinical and social content, for its authors.")
def protocols() -> None:
    """The protocols that decide needs: check them, list them, read them."""


_form = click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True, help="How."
)


@protocols.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@_form
@click.pass_context
def check(ctx: click.Context, folder: Path | None, form: str) -> None:
    """Check a FOLDER laid out like config/ (without it: what is shipped). Exit 1 and file:line for each mistake."""
    from service.commands.protocols import check_folder

    show, code = check_folder(folder, form)
    show()
    ctx.exit(code)


@protocols.command("list")
@_form
def list_(form: str) -> None:
    """List all protocols with version and review status."""
    from service.commands.protocols import list_protocols

    list_protocols(form)()


@protocols.command("show")
@click.argument("need")
@_form
def show_(need: str, form: str) -> None:
    """Show the protocol of NEED as a clinician signs it: conditions, question, what follows, sources."""
    from service.commands.protocols import show_protocol

    show_protocol(need, form)()


@protocols.command("explain")
@click.argument("need")
@_form
def explain_(need: str, form: str) -> None:
    """Explain what the protocol of NEED asks of a record, with the codes of its code sets."""
    from service.commands.protocols import explain_protocol

    explain_protocol(need, form)()


@main.group(short_help="The community services referred to.")
def directory() -> None:
    """The community services that referrals go to."""


@directory.command()
@click.argument("tenant")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
def load(tenant: str, folder: Path | None) -> None:
    """Load a FOLDER of HSDS files into TENANT's directory; without FOLDER, the sample."""
    from service.commands.directory import replace_directory

    with _waiting("Loading the directory"):
        count = replace_directory(tenant, folder)
    click.echo(f"{count} community services are in the directory of {tenant}.")


@contextmanager
def _waiting(text: str) -> Iterator[None]:
    """A spinner on stderr while something takes long, if a person is looking."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


def _fail(sentence: str, code: int) -> NoReturn:
    click.echo(f"homeward: {sentence}", err=True)
    raise click.exceptions.Exit(code)


def _place(error: BaseException) -> str:
    """Where it happened: class, file and line, nothing of its message."""
    frames = list(walk_tb(error.__traceback__))
    frame, line = frames[-1]
    return f"{type(error).__name__} at {'/'.join(Path(frame.f_code.co_filename).parts[-2:])}:{line}"


if __name__ == "__main__":
    main()


if __name__ == "__main__":
    main(prog_name="homeward")
