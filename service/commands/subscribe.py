"""`homeward subscribe`: have a hospital's EHR tell us of discharge orders, or see how it does."""

from contextlib import closing
from dataclasses import asdict

import click
import orjson
from rich.console import Console
from rich.table import Table

from config.settings import settings_of_this_process
from service.bootstrap import build_deps
from service.domain.watch import Way
from service.errors import BadInput
from service.pipeline.subscribe import Standing, Subscribed, subscribe

_JSON = "json"


def subscribe_tenant(tenant: str, *, check: bool, form: str) -> int:
    """Do it, or with check only look, and print how it stands; 0 if orders reach us and nothing is left to repair, else 1.

    BadInput when there is no such tenant; ConfigurationError and EhrError as subscribe raises them.
    """
    deps = build_deps(settings_of_this_process())
    if tenant not in deps.tenants:
        raise BadInput("There is no such hospital in HOMEWARD_TENANTS_FILE; check its id.")
    with closing(deps.store), closing(deps.ehr(tenant)):
        found = subscribe(deps.tenants[tenant], deps, check=check)
    if form == _JSON:
        click.echo(orjson.dumps(_document(found), option=orjson.OPT_INDENT_2))
    else:
        _print(found)
    return 0 if found.holds else 1


def _document(found: Subscribed) -> dict[str, object]:
    return {
        "tenant": found.tenant,
        "way": found.means.way.value,
        "reason": found.means.reason,
        "holds": found.holds,
        "watched": found.watched,
        "failures": found.failures,
        "subscriptions": [asdict(standing) for standing in found.standings],
    }


def _print(found: Subscribed) -> None:
    console = Console(highlight=False)
    console.print(f"{found.tenant}: {_HEADLINES[found.means.way]}. {found.means.reason}", soft_wrap=True)
    if found.standings:
        console.print(_table(found.standings))
    if found.means.way is not Way.NONE and not found.watched:
        console.print(
            "Homeward does not look for orders itself yet: run this once without --check.", soft_wrap=True
        )
    if found.failures:
        console.print(
            f"The last {found.failures} of our own searches failed; the worker's log says why.",
            soft_wrap=True,
        )
    if any(one.status != "active" or one.faults for one in found.standings):
        console.print(
            "Not all is as it should be. Is `homeward web` running, and can the EHR reach HOMEWARD_PUBLIC_URL? "
            "Then run this again without --check.",
            soft_wrap=True,
        )


def _table(standings: tuple[Standing, ...]) -> Table:
    table = Table()
    for heading in ("tells of", "in the EHR", "status", "wrong", "done"):
        table.add_column(heading, overflow="fold")
    for one in standings:
        table.add_row(
            one.subject, one.reference or "-", one.status or "-", ", ".join(one.faults) or "-", one.done
        )
    return table


_HEADLINES = {
    Way.BACKPORT: "topic-based subscription",
    Way.REST_HOOK: "R4 rest-hook subscription",
    Way.POLL: "polling",
    Way.NONE: "CDS Hooks or REST only",
}
