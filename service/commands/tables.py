"""One answer in two forms: a table for people, which stays a line each in a pipe, or JSON for programs."""

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import click
import orjson
from rich.console import Console
from rich.table import Table

#: In a pipe nobody wraps: an id stays whole, and a row a line that grep finds.
_WIDE: Final = 240


def json_or_table(
    form: str, document: Any, headings: Sequence[str], rows: Iterable[Sequence[str]], foot: Sequence[str]
) -> Callable[[], None]:
    """What prints it: the document as JSON, or the rows under their headings with the lines of the foot below."""
    if form == "json":
        return lambda: click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)

    def show() -> None:
        console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
        if table.rows:
            console.print(table)
        for line in foot:
            console.print(line, soft_wrap=True)

    return show


def local_time(at: datetime | None) -> str:
    """A moment as a person reads it here, "-" for none."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S%z") if at else "-"


def iso_time(at: datetime | None) -> str | None:
    """The same for a program."""
    return at.isoformat() if at else None
