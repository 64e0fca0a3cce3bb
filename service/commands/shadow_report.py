"""`homeward shadow-report`: what a pilot's EHR would have got."""

import sys
from contextlib import closing
from typing import Final

import click
import orjson
from rich.console import Console

from config.settings import settings_of_this_process
from service.bootstrap import build_deps
from service.errors import BadInput
from service.pipeline.shadow import withheld
from service.presentation.shadow_report import shadow_document, shadow_table

_WIDE: Final = 160


def print_shadow_report(name: str, form: str, limit: int) -> None:
    """Print it; BadInput when there is no such tenant."""
    deps = build_deps(settings_of_this_process())
    with closing(deps.store) as store:
        if name not in deps.tenants:
            raise BadInput("There is no such hospital in HOMEWARD_TENANTS_FILE; check its id.")
        tenant, found = deps.tenants[name], withheld(deps.tenants[name], store, limit=limit)
    if form == "json":
        click.echo(orjson.dumps(shadow_document(tenant, found), option=orjson.OPT_INDENT_2))
        return
    # In a pipe nobody wraps: an id stays whole.
    width = None if sys.stdout.isatty() else _WIDE
    Console(highlight=False, width=width).print(shadow_table(tenant, found))
