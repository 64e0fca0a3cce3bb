"""The only place that builds adapters: settings in, everything the doors and the steps work with out."""

import gc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from config.addresses import is_loopback
from config.content import load_contents
from config.ehr_quirks import Quirk, load_quirks
from config.logging import ensure_logging
from config.preference_list import check_services
from config.settings import Settings
from config.tenants import Tenant
from config.tenants_file import load_tenants
from fhir_mappings.outbound.validate import load_models
from fhir_mappings.shared_server import check_shared_servers
from service import clock
from service.domain.community_service import Directory
from service.domain.content import Content
from service.ehr.client import Ehr, limit_of
from service.ehr.lent import LentAllowance
from service.ehr.public_keys import PublicKeys
from service.ehr.scopes import WRITTEN_TYPES
from service.errors import ConfigurationError, HospitalNotConfigured
from service.jobs import Jobs, Steps
from service.pipeline.place import load_places
from service.pipeline.service_area import AreaDirectory
from service.pipeline.waking import Waker
from service.store import Store, embedded, open_engine

#: So many new objects, and the collector looks through the young ones. Reading a record makes hundreds of thousands and nearly
#: none of them in circles; at Python's own 700 it was a fifteenth of the time of planning a long record.
_NEW_OBJECTS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """The adapters of one process. Connections are opened at first use, so after the fork."""

    settings: Settings
    tenants: Mapping[str, Tenant]
    contents: Mapping[str, Content]
    store: Store
    jobs: Jobs
    ehr: Callable[[str], Ehr]
    directory: Callable[[str], Directory]
    now: Callable[[], datetime]
    waker: Waker = field(default_factory=lambda: Waker(lambda _: 0))
    hook_keys: PublicKeys = field(default_factory=PublicKeys)

    def content(self, tenant: str) -> Content:
        """The protocols, instruments and code sets of a hospital."""
        return self.contents[_known(self.tenants, tenant).id]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """The adapters of a command that looks after discharges and jobs: a mistake in the content does not stand in its way."""

    tenants: Mapping[str, Tenant]
    store: Store
    jobs: Jobs
    now: Callable[[], datetime]


def build_operations(settings: Settings) -> Operations:
    """The adapters for looking after a deployment; raises as build_deps does."""
    ensure_logging(settings.log_level)
    clock.follow(settings.clock_file)
    tenants = tenants_of(settings, load_quirks())
    url = database_url(settings)
    return Operations(
        tenants=tenants, store=Store(open_engine(url)), jobs=Jobs(url, _works_nothing), now=clock.now
    )


def _works_nothing() -> Steps:
    raise RuntimeError("a command that looks after jobs runs none")


def build_deps(settings: Settings) -> Deps:
    """The adapters of a deployment; starts the embedded PostgreSQL where no other is named.

    Raises ConfigurationError for a wrong tenants or content file, StoreUnavailable when PostgreSQL does not start.
    """
    ensure_logging(settings.log_level)
    clock.follow(settings.clock_file)
    quirks = load_quirks()
    tenants = tenants_of(settings, quirks)
    url = database_url(settings)
    store = Store(open_engine(url))
    jobs = Jobs(
        url,
        lambda: steps(deps),
        concurrency=settings.job_concurrency,
        revive=partial(database_url, settings),
    )
    waker = Waker(partial(_wake, jobs=jobs, store=store))
    contents = load_contents(settings.content_dir, {name: tenant.content for name, tenant in tenants.items()})
    tables = {name: tenant.preference_list for name, tenant in tenants.items()}
    check_services(tables, contents, Path(settings.tenants_file).name)
    deps = Deps(
        settings=settings,
        tenants=tenants,
        contents=contents,
        store=store,
        jobs=jobs,
        ehr=cache(lambda tenant: _ehr(_known(tenants, tenant), quirks, store, waker)),
        directory=lambda tenant: AreaDirectory(
            store.directory.of(tenant), _known(tenants, tenant).service_area
        ),
        now=clock.now,
        waker=waker,
    )
    return deps


def tenants_of(settings: Settings, quirks: Iterable[Quirk]) -> Mapping[str, Tenant]:
    """The hospitals of the tenants file, none without a file; ConfigurationError for a wrong one."""
    if not settings.tenants_file:
        return {}
    path = Path(settings.tenants_file)
    tenants = load_tenants(path, known_quirks={quirk.id for quirk in quirks})
    check_shared_servers(tenants, path.name)
    if settings.clock_file:
        _refuse_a_moved_clock_for(tenants.values())
    return tenants


def _refuse_a_moved_clock_for(tenants: Iterable[Tenant]) -> None:
    """A hospital's record must not be read and written on a wrong day."""
    away = [tenant.id for tenant in tenants if not is_loopback(urlsplit(tenant.fhir_base_url).hostname or "")]
    if away:
        raise ConfigurationError(
            f"HOMEWARD_CLOCK_FILE is for tests: unset it, for the EHR of {', '.join(away)} is not on this machine."
        )


def database_url(settings: Settings) -> str:
    """The database's URL; the embedded one runs when this returns, however often it is asked for."""
    return settings.database_url or embedded.start(settings.state_dir)


def steps(deps: Deps) -> Steps:
    """The pipeline as callables, so that the job library meets no step and the steps no job library."""
    # Only a worker needs the steps and all they load.
    from service.pipeline import run  # noqa: PLC0415
    from service.pipeline.chores import Chores  # noqa: PLC0415
    from service.pipeline.errands import run_errand  # noqa: PLC0415

    return Steps(
        plan=partial(run.plan_discharge, deps=deps),
        publish=partial(run.publish_discharge, deps=deps),
        withdraw=partial(run.withdraw_discharge, deps=deps),
        give_up=partial(run.give_up, deps=deps),
        held_up=partial(run.held_up, deps=deps),
        errand=partial(run_errand, deps=deps),
        chores=Chores(deps, deps.waker),
        tenants=frozenset(deps.tenants),
    )


def warm(deps: Deps) -> None:
    """Load now what every plan needs, and keep the garbage collector from looking through it again and again.

    It all stays as long as the process. Looking for garbage in it was a third of the CPU time of planning a long record.
    """
    steps(deps)
    load_models(WRITTEN_TYPES)
    load_places()
    spare_the_collector()


def spare_the_collector() -> None:
    """What is loaded by now stays: looking through it for garbage again and again would cost every job and every caller."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 10, 10)


def _ehr(tenant: Tenant, quirks: tuple[Quirk, ...], store: Store, waker: Waker) -> Ehr:
    """A hospital's EHR, asked by all processes together no more than its limits allow."""
    lender = partial(store.allowances.lend, f"ehr {tenant.id}")
    ehr = Ehr(tenant, quirks=quirks, allowance=LentAllowance(limit_of(tenant), lender))
    ehr.recovered = partial(waker.recovered, tenant.id)
    return ehr


def _wake(tenant: str, *, jobs: Jobs, store: Store) -> int:
    """Make due what waits for a hospital's EHR: its jobs, of which the number is returned, and what its plans lack."""
    store.unread.wake_passing(tenant, clock.now())
    return jobs.wake(tenant)


def _known(tenants: Mapping[str, Tenant], tenant: str) -> Tenant:
    if tenant not in tenants:
        raise HospitalNotConfigured(tenant)
    return tenants[tenant]
