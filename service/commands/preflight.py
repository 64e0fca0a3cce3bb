"""`homeward preflight`: what a hospital's EHR lets us do, before go-live."""

import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

import click
import orjson
from rich.console import Console

from config.content import load_content
from config.ehr_quirks import Quirk, load_quirks
from config.preference_list import check_services
from config.settings import settings_of_this_process
from config.tenants import Tenant
from config.vendor_files import Vendor, find_vendor, load_vendors
from service import clock
from service.bootstrap import tenants_of
from service.commands.bundle_input import read_input
from service.commands.deployment import opened_operations
from service.domain.publication import Draft
from service.ehr.capability import capability_from
from service.ehr.quirks import with_quirks
from service.errors import BadInput, EhrNotFhir, StoreUnavailable
from service.pipeline.finding import Area, Finding, Preflight, Verdict
from service.pipeline.nominal_plan import nominal_drafts
from service.pipeline.preflight import of_capability
from service.pipeline.preflight_bodies import of_vanished
from service.pipeline.preflight_live import of_tenant, of_unnamed_rules
from service.pipeline.preflight_orders import suggestible_services
from service.pipeline.preflight_vendor import NO_HOSPITAL, of_vendor
from service.pipeline.preflight_writes import of_links
from service.pipeline.setup import Missing, find_lacks
from service.presentation.preflight import preflight_document, preflight_table

_WIDE: Final = 160


def run_preflight(tenant: str | None, metadata: str | None, vendor: str | None, form: str) -> int:
    """Look at a tenant's EHR, a saved CapabilityStatement or a product, and print it; the exit code. BadInput for none."""
    quirks = load_quirks()
    product = find_vendor(load_vendors(), vendor) if vendor is not None else None
    _print(preflight := _looked_at(tenant, metadata, product, quirks), form)
    return preflight.verdict.exit_code


def _looked_at(
    tenant: str | None, metadata: str | None, product: Vendor | None, quirks: tuple[Quirk, ...]
) -> Preflight:
    if tenant is not None and metadata is None:
        return _asked(tenant, product, quirks)
    if metadata is not None and tenant is None:
        return _saved(metadata, product, quirks)
    if product is not None and tenant is None:
        services = partial(_services, "", NO_HOSPITAL)
        return of_vendor(product, quirks, clock.now().date(), services=services)
    raise BadInput(
        "Name a hospital of the tenants file, a saved CapabilityStatement with --metadata FILE, or a product with --vendor "
        "NAME."
    )


def _asked(name: str, product: Vendor | None, quirks: tuple[Quirk, ...]) -> Preflight:
    settings = settings_of_this_process()
    tenants = tenants_of(settings, quirks)
    if name not in tenants:
        raise BadInput("There is no such hospital in HOMEWARD_TENANTS_FILE; check its id.")
    tenant = tenants[name]
    asked = replace(tenant, quirks=tenant.quirks | product.rules) if product else tenant
    found = of_tenant(
        asked,
        quirks,
        clock.now(),
        services=partial(_services, settings.content_dir, tenant),
        drafts=partial(_drafts, settings.content_dir, asked),
    )
    findings = (*found.findings, *of_links(settings.linked_url, tenant), *_setup(tenant))
    if product is None:
        return replace(found, findings=findings)
    return replace(
        found, findings=(*findings, *of_unnamed_rules(tenant, product, quirks)), notes=product.notes
    )


def _services(content_dir: str, tenant: Tenant) -> Collection[str]:
    """The services that a card may suggest by the hospital's content."""
    content = load_content(Path(content_dir) if content_dir else None, tenant.content)
    check_services({tenant.id: tenant.preference_list}, {tenant.id: content}, "the tenants file")
    return suggestible_services(content)


def _drafts(content_dir: str, tenant: Tenant, today: date) -> Sequence[Draft]:
    content = load_content(Path(content_dir) if content_dir else None, tenant.content)
    return nominal_drafts(tenant, content, today)


def _setup(tenant: Tenant) -> Iterator[Finding]:
    """What this deployment still lacks to plan the hospital's discharges: none of it is the EHR's."""
    settings = settings_of_this_process()
    watch, services, vanished = None, 0, dict[str, frozenset[str]]()
    # A database of our own that was never started holds nothing; it is not made for looking.
    if settings.database_url or settings.state_dir.exists():
        try:
            with opened_operations() as deps:
                watch = deps.store.watches.of(tenant.id)
                services = deps.store.directory.sizes().get(tenant.id, 0)
                vanished = dict(deps.store.hospitals.vanished(tenant.id))
        except StoreUnavailable as error:
            yield Finding(Area.SETUP, "database", Verdict.DEGRADED, error.public_message)
            return
    yield from of_vanished(vanished)
    lacks = list(find_lacks(tenant, watch, services))
    for lack in lacks:
        yield Finding(Area.SETUP, lack.value, Verdict.DEGRADED, Missing(tenant.id, lack).said)
    if not lacks:
        said = f"Its discharges are heard of, and {services} community services are in its directory."
        yield Finding(Area.SETUP, "complete", Verdict.READY, said)


def _saved(file: str, product: Vendor | None, quirks: tuple[Quirk, ...]) -> Preflight:
    """As for a hospital with the default policy, to which every scope is granted."""
    try:
        named = product.rules if product else frozenset()
        capability = with_quirks(capability_from(_json(file)), quirks, named=named)
    except EhrNotFhir:
        raise BadInput("This is not a CapabilityStatement; save the answer to GET {base}/metadata.") from None
    findings = of_capability(
        capability, NO_HOSPITAL, today=clock.now().date(), services=partial(_services, "", NO_HOSPITAL)
    )
    return Preflight(Path(file).name, tuple(findings), product.notes if product else ())


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
