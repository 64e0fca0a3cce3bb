"""A deployment of one hospital for tests: real store, real jobs, a real EHR behind a gateway that can fail, a clock that is moved."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from config.content import load_contents
from config.ehr_quirks import load_quirks
from config.logging import ensure_logging
from config.settings import load_settings
from config.tenants import Tenant, WritePolicy
from service import clock
from service.bootstrap import steps
from service.ehr.client import Ehr
from service.jobs import Jobs
from service.pipeline.reread import call_rereads
from service.pipeline.waking import Waker
from tests.ehr_fixtures import LimitedEhr
from tests.faulty_ehr import Gateway, gateway_to
from tests.movable_clock import MovableClock


@dataclass
class Deps:
    """A deployment with one hospital behind the gateway; the clock stands until it is moved."""

    store: Any
    jobs: Any
    gateway: Gateway
    client: Ehr
    tenants: dict[str, Tenant]
    contents: Any
    database: str
    clock: MovableClock
    settings: Any = field(default_factory=lambda: load_settings({}))
    waker: Waker = field(default_factory=lambda: Waker(lambda _: 0))
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self):
        return self.at

    def content(self, tenant):
        return self.contents[tenant]

    def ehr(self, _tenant):
        return self.client

    def directory(self, tenant):
        return self.store.directory.of(tenant)

    def work(self, *, later: timedelta = timedelta()) -> None:
        """Move the clock and the jobs that wait, call what is due, and have all jobs done."""
        self.at += later
        if later:
            self.clock.advance(database=self.database, seconds=later.total_seconds())
        call_rereads(self)
        self.jobs.work(until_idle=True)


@contextmanager
def deployment(mode: str, base_url: str, store: Any, database_url: str) -> Iterator[Deps]:
    ensure_logging("info")  # structlog's own way shows all that a failing step knows
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, discharges CASCADE")
    with _followed_clock() as moved, gateway_to(base_url) as gateway:
        tenant = Tenant(
            id="t",
            fhir_base_url=gateway.url,
            organization="Example Hospital",
            write_policy=WritePolicy.FULL,
        )
        singles = {"batch": False, "transaction": False} if mode == "singles" else {}
        client = (
            LimitedEhr(tenant, **singles)
            if singles
            else Ehr(tenant, quirks=load_quirks(), sleep=lambda _: None)
        )
        with client:
            made = Deps(
                store,
                None,
                gateway,
                client,
                {"t": tenant},
                load_contents("", {"t": None}),
                database_url,
                moved,
            )
            built: Any = made
            made.jobs = Jobs(database_url, lambda: steps(built))
            yield made


@contextmanager
def _followed_clock() -> Iterator[MovableClock]:
    """What lets an EHR alone, or waits for it, goes by this clock as well."""
    with TemporaryDirectory() as folder:
        moved = MovableClock(Path(folder))
        clock.follow(str(moved.file))
        try:
            yield moved
        finally:
            clock.follow("")
