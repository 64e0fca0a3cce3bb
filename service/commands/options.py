"""What several commands share: how examples are shown, table or JSON, and a spinner while something takes long."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

table_or_json: Final = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="A table to read, or JSON.",
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
