"""A discharge's plan as it goes to an EHR that does not take it as CarePlan, Goals and ServiceRequests."""

from collections.abc import Sequence
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NoReturn

import structlog

from config.tenants import Tenant
from fhir_mappings.outbound.document import Renderer
from fhir_mappings.outbound.lower import lower_resources
from service.domain.discharge import Discharge
from service.domain.publication import Draft
from service.pipeline.parties import known_author, page_of
from service.pipeline.ports import Deps
from service.pipeline.publishing.publish import Drafts
from service.pipeline.publishing.signed import said_at
from service.store.plans import PlanVersion

_log = structlog.stdlib.get_logger(__name__)


def lower_rungs(discharge: Discharge, tenant: Tenant, deps: Deps) -> Drafts:
    """The drafts of the plan that stands, made when they are first asked for."""
    return cache(partial(_lower, discharge, tenant, deps))


def _lower(discharge: Discharge, tenant: Tenant, deps: Deps) -> Sequence[Draft]:
    version = deps.store.plans.latest(discharge.id)
    return () if version is None else draw_lower_rungs(version, discharge, tenant, deps)


def draw_lower_rungs(
    version: PlanVersion, discharge: Discharge, tenant: Tenant, deps: Deps
) -> tuple[Draft, ...]:
    """The drafts of one version, dated as what it says was last decided."""
    author = known_author(tenant, version.plan, deps.store, page=page_of(discharge, deps))
    return lower_resources(
        version.plan, author=author, recorded=said_at(version), pdf=pdf_renderer(), zone=tenant.time_zone
    )


@cache
def pdf_renderer() -> Renderer | None:
    """HTML to PDF where the extra `pdf` and the Pango it draws with are installed, None elsewhere."""
    if find_spec("weasyprint") is None:
        return None
    try:
        library: Any = import_module("weasyprint")
    except OSError:
        _log.warning("no PDF is made: the extra pdf needs Pango (Debian: libpangoft2-1.0-0)")
        return None
    return lambda page: bytes(library.HTML(string=page, url_fetcher=_nothing_outside).write_pdf())


def _nothing_outside(url: str, *_: object, **__: object) -> NoReturn:
    """A plan has no pictures: whatever would be fetched is not ours. The address is not repeated."""
    del url
    raise ValueError("A plan document fetches nothing.")
