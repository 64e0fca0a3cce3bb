"""`homeward shadow-report`: what a pilot's EHR would have got."""

from contextlib import closing

import click
import orjson
from rich.console import Console

from config.settings import settings_of_this_process
from service.bootstrap import build_deps
from service.errors import BadInput
from service.pipeline.shadow import withheld
from service.presentation.shadow_report import shadow_document, shadow_table


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
    Console(highlight=False).print(shadow_table(tenant, found))
