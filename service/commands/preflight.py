"""`homeward preflight`: what a hospital's EHR lets us do, before go-live."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
import orjson
from rich.console import Console

from config.ehr_quirks import Quirk, load_quirks
from config.settings import settings_of_this_process
from config.tenants import Tenant
from service import clock
from service.bootstrap import tenants_of
from service.commands.bundle_input import read_input
from service.commands.deployment import opened_operations
from service.ehr.capability import capability_from
from service.ehr.quirks import with_quirks
from service.errors import BadInput, EhrNotFhir, StoreUnavailable
from service.pipeline.finding import Area, Finding, Preflight, Verdict
from service.pipeline.preflight import of_capability
from service.pipeline.preflight_live import of_tenant
from service.pipeline.preflight_writes import of_links
from service.pipeline.setup import Missing, find_lacks
from service.presentation.preflight import preflight_document, preflight_table

_WIDE: Final = 160


def run_preflight(tenant: str | None, metadata: str | None, form: str) -> int:
    """Look at a tenant's EHR, or at a saved CapabilityStatement, and print it; the exit code. BadInput for neither."""
    quirks = load_quirks()
    if (tenant is None) == (metadata is None):
        raise BadInput(
            "Name a hospital of the tenants file, or a saved CapabilityStatement with --metadata FILE."
        )
    preflight = _asked(tenant, quirks) if tenant is not None else _saved(str(metadata), quirks)
    _print(preflight, form)
    return preflight.verdict.exit_code


def _asked(name: str, quirks: tuple[Quirk, ...]) -> Preflight:
    settings = settings_of_this_process()
    tenants = tenants_of(settings, quirks)
    if name not in tenants:
        raise BadInput("There is no such hospital in HOMEWARD_TENANTS_FILE; check its id.")
    found = of_tenant(tenants[name], quirks, clock.now())
    links = of_links(settings.linked_url, tenants[name])
    return replace(found, findings=(*found.findings, *links, *_setup(tenants[name])))


def _setup(tenant: Tenant) -> Iterator[Finding]:
    """What this deployment still lacks to plan the hospital's discharges: none of it is the EHR's."""
    settings = settings_of_this_process()
    watch, services = None, 0
    # A database of our own that was never started holds nothing; it is not made for looking.
    if settings.database_url or settings.state_dir.exists():
        try:
            with opened_operations() as deps:
                watch = deps.store.watches.of(tenant.id)
                services = deps.store.directory.sizes().get(tenant.id, 0)
        except StoreUnavailable as error:
            yield Finding(Area.SETUP, "database", Verdict.DEGRADED, error.public_message)
            return
    lacks = list(find_lacks(tenant, watch, services))
    for lack in lacks:
        yield Finding(Area.SETUP, lack.value, Verdict.DEGRADED, Missing(tenant.id, lack).said)
    if not lacks:
        said = f"Its discharges are heard of, and {services} community services are in its directory."
        yield Finding(Area.SETUP, "complete", Verdict.READY, said)


def _saved(file: str, quirks: tuple[Quirk, ...]) -> Preflight:
    """As for a hospital with the default policy, to which every scope is granted."""
    try:
        capability = with_quirks(capability_from(_json(file)), quirks)
    except EhrNotFhir:
        raise BadInput("This is not a CapabilityStatement; save the answer to GET {base}/metadata.") from None
    # The address is not used: nothing is asked of a server here.
    nobody = Tenant(id="file", fhir_base_url="http://127.0.0.1/fhir", organization="")
    findings = of_capability(capability, nobody, today=clock.now().date())
    return Preflight(Path(file).name, tuple(findings))


def _json(file: str) -> dict[str, object]:
    try:
        statement = orjson.loads(read_input(file))
    except orjson.JSONDecodeError:
        raise BadInput("This file is not JSON.") from None
    return statement if isinstance(statement, dict) else {}


def _print(preflight: Preflight, form: str) -> None:
    if form == "json":
        click.echo(orjson.dumps(preflight_document(preflight), option=orjson.OPT_INDENT_2))
        return
    # In a pipe nobody wraps: a row stays a line that grep finds.
    width = None if sys.stdout.isatty() else _WIDE
    Console(highlight=False, width=width).print(preflight_table(preflight))
