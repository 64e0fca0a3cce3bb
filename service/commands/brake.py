"""`homeward brake`: plans that would be taken back because the EHR lost many stays at once."""

import click

from service.commands.options import examples, table_or_json, waiting


@click.group(short_help="Plans held because the EHR lost many stays at once.")
def brake() -> None:
    """The brake of each hospital: when many stays or orders are gone from the EHR at once, no plan is taken back any more."""


@brake.command(
    "list",
    epilog=examples(
        "homeward brake list                  what is held, and what a person must look at",
        "homeward brake list --format json    for a program",
    ),
)
@table_or_json
def list_brakes(form: str) -> None:
    """List the hospitals whose brake is closed, the discharges that are held, and what the EHR has refused for a day.

    Exit code 0, whether something is held or not.
    """
    with waiting("Asking the database"):
        from service.commands.held import show_brakes

        show = show_brakes(form)
    show()


@brake.command(
    "release",
    epilog=examples(
        "homeward brake release general       what is still gone may be taken back",
    ),
)
@click.argument("tenant")
@table_or_json
def release_tenant(tenant: str, form: str) -> None:
    """Say that what is gone from TENANT's EHR is truly gone.

    Each held stay or order is read once more; what is still not shown is taken back, for an hour without limit. What the
    EHR shows again goes on without this command. Exit code 0; 2: there is no such hospital.
    """
    with waiting("Releasing"):
        from service.commands.held import release_brake

        show = release_brake(tenant, form)
    show()
