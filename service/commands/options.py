"""What several commands share: how examples are shown, table or JSON, and a spinner while something takes long."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from service import clock

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


_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


class Moment(click.ParamType[datetime]):
    """A moment in the past: 90m, 24h or 7d ago, or an ISO 8601 day or time (UTC unless it says otherwise)."""

    name = "AGO"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment, with a time zone."""
        if isinstance(value, datetime):
            return value
        text = str(value)
        try:
            if ago := re.fullmatch(r"(\d{1,5})([mhd])", text):
                return clock.now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            at = datetime.fromisoformat(text)
        except (ValueError, OverflowError):
            self.fail("give 90m, 24h, 7d, or a day such as 2026-03-01", param, ctx)
        return at if at.tzinfo else at.replace(tzinfo=UTC)


tenant_option: Final = click.option("--tenant", default="", metavar="ID", help="Only this hospital's.")
all_tenants: Final = click.option("--all", "everywhere", is_flag=True, help="Those of all hospitals.")
dry_run_option: Final = click.option("--dry-run", is_flag=True, help="Only say what would be done.")
since_option: Final = click.option(
    "--since", type=Moment(), metavar="AGO", help="Only those changed since: 90m, 24h, 7d, or a day."
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


_Item = TypeVar("_Item")


def progress(items: Sequence[_Item], text: str) -> Iterable[_Item]:
    """The items one by one, with a bar on stderr while a person is looking."""
    if not sys.stderr.isatty() or len(items) < 2:  # noqa: PLR2004  one is done before a bar could be read
        return items
    from rich.console import Console
    from rich.progress import track

    return track(items, description=text, console=Console(stderr=True), transient=True)
