"""`homeward protocols` and `homeward directory`: for those who write the content and those who keep the directory."""

from pathlib import Path

import click

from service.commands.options import examples, table_or_json, waiting


@click.group(short_help="The clinical and social content, for its authors.")
def protocols() -> None:
    """The protocols that decide needs: check them, list them, read them."""


@protocols.command(
    epilog=examples(
        "homeward protocols check                            what this deployment and its hospitals load",
        "homeward protocols check our-content/               a whole folder",
        "homeward protocols check --overlay general-content/ files laid over what the deployment loads",
    )
)
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--overlay",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A hospital's own files, which stand in place of those of the same name or beside them.",
)
@table_or_json
@click.pass_context
def check(ctx: click.Context, folder: Path | None, overlay: Path | None, form: str) -> None:
    """Check a FOLDER laid out like config/ (without it: what the service loads). Exit 1 and file:line for each mistake."""
    from service.commands.protocols import check_content

    show, code = check_content(folder, overlay, form)
    show()
    ctx.exit(code)


@protocols.command("list", epilog=examples("homeward protocols list --format json"))
@table_or_json
def list_(form: str) -> None:
    """List all protocols with version and review status."""
    from service.commands.protocols import list_protocols

    list_protocols(form)()


@protocols.command("show", epilog=examples("homeward protocols show food-insecurity"))
@click.argument("need")
@table_or_json
def show_(need: str, form: str) -> None:
    """Show the protocol of NEED as a clinician signs it: conditions, question, what follows, sources."""
    from service.commands.protocols import show_protocol

    show_protocol(need, form)()


@protocols.command("explain", epilog=examples("homeward protocols explain food-insecurity"))
@click.argument("need")
@table_or_json
def explain_(need: str, form: str) -> None:
    """Explain what the protocol of NEED asks of a record, with the codes of its code sets."""
    from service.commands.protocols import explain_protocol

    explain_protocol(need, form)()


@click.group(short_help="The community services referred to.")
def directory() -> None:
    """The community services that referrals go to."""


@directory.command(
    epilog=examples(
        "homeward directory load general               the sample",
        "homeward directory load general our-services/",
    )
)
@click.argument("tenant")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
def load(tenant: str, folder: Path | None) -> None:
    """Load a FOLDER of HSDS files into TENANT's directory; without FOLDER, the sample."""
    from service.commands.directory import replace_directory

    with waiting("Loading the directory"):
        count = replace_directory(tenant, folder)
    click.echo(f"{count} community services are in the directory of {tenant}.")
