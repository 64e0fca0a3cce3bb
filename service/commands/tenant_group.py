"""`homeward tenant`: the hospitals of the deployment, and what to do before one is taken out of the tenants file."""

import click

from service.commands.options import dry_run_option, examples, table_or_json, waiting


@click.group(short_help="The hospitals: list them; let one leave.")
def tenant() -> None:
    """The hospitals of the deployment."""


@tenant.command(
    "list",
    epilog=examples(
        "homeward tenant list                  who is served, and stays that nobody plans",
        "homeward tenant list --format json    for a program",
    ),
)
@table_or_json
def list_them(form: str) -> None:
    """List the hospitals: those of the tenants file, and those that only the database knows.

    served: in the file. not configured: known to the database alone; its discharges wait until its entry is back. left: by
    `homeward tenant leave`. Below stand stays of a shared FHIR base that no hospital's `stays` claims, or several do.
    """
    with waiting("Asking the database"):
        from service.commands.tenants import list_tenants

        show = list_tenants(form)
    show()


@tenant.command(
    "leave",
    epilog=examples(
        "homeward tenant leave general --dry-run    what would be withdrawn",
        "homeward tenant leave general              withdraw it; nothing is planned any more",
        "homeward tenant join general               undo",
    ),
)
@click.argument("name", metavar="ID")
@dry_run_option
@table_or_json
@click.pass_context
def leave_one(ctx: click.Context, name: str, dry_run: bool, form: str) -> None:  # noqa: FBT001  click passes options by name
    """Withdraw the drafts and Subscriptions of the hospital ID from its EHR, before its entry is taken out of the file.

    From then on nothing is planned for it. What people approved stays active and is listed. Running it again goes on where
    it was. Exit code 0: all is withdrawn; 1: something still stands, run it again; 2: there is no such hospital.
    """
    from service.commands.tenants import leave_tenant

    show, code = leave_tenant(name, dry_run=dry_run, form=form)
    show()
    ctx.exit(code)


@tenant.command("join", epilog=examples("homeward tenant join general"))
@click.argument("name", metavar="ID")
def join_one(name: str) -> None:
    """Serve the hospital ID again, which had left. Exit code 2: there is no such hospital."""
    with waiting("Asking the database"):
        from service.commands.tenants import join_tenant

        said = join_tenant(name)
    click.echo(said)
