"""What several commands share: how examples are shown, table or JSON, and a spinner while something takes long."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

table_or_json: Final = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="A table to read, or JSON.",
)


def _read_zone(_context: click.Context, _option: click.Parameter, name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.BadParameter("give an IANA time zone, such as America/New_York") from None


time_zone: Final = click.option(
    "--time-zone",
    "zone",
    metavar="NAME",
    callback=_read_zone,
    help="The hospital's time zone, in which every time is read: America/New_York. Without it: the stay's own offset.",
)


def examples(*lines: str) -> str:
    """The end of a command's help: what a person would type, a line each."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """A spinner on stderr while something takes long, if a person is looking."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield
