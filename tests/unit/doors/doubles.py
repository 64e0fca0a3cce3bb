"""What the doors work with, in memory: the smallest store, queue and EHR that answer as the real ones do."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from config.content import load_content
from config.tenants import Tenant
from service.domain.allowance import Book, Grant, Limit, Wish, lend
from service.domain.audit import AuditEntry, Event
from service.domain.discharge import Action, Discharge, DischargeState, Trigger
from service.domain.ehr_clock import EhrClock
from service.domain.plan import Plan
from service.domain.publication import LedgerEntry, WriteStanding
from service.domain.watch import Watch, Way
from service.ehr.public_keys import PublicKeys
from service.errors import NotFound, StoreUnavailable
from service.jobs import Errand, JobState, QueueDepth

NOW = datetime(2024, 3, 5, 12, 0, tzinfo=UTC)
SECRET = "a secret of the sandbox"
DEMO = Tenant(
    id="demo",
    fhir_base_url="http://127.0.0.1:9/fhir",
    organization="Prairie Sample Hospital",
    subscription_secret=SECRET,
)


def discharge(**more: Any) -> Discharge:
    given: dict[str, Any] = {
        "id": uuid4(),
        "tenant": "demo",
        "encounter": "Encounter/e1",
        "order": "ServiceRequest/o1",
        "state": DischargeState.RECEIVED,
        "round": 1,
        "created": NOW,
        "changed": NOW,
    }
    return Discharge(**given | more)


@dataclass
class Shelf:
    """The store's repositories in one: discharges, their plans and their trail."""

    known: dict[UUID, Discharge] = field(default_factory=dict)
    planned: dict[UUID, Plan] = field(default_factory=dict)
    written: dict[UUID, tuple[LedgerEntry, ...]] = field(default_factory=dict)
    shown: list[Any] = field(default_factory=list)
    spent: set[str] = field(default_factory=set)
    begun: dict[str, Any] = field(default_factory=dict)
    recorded: list[AuditEntry] = field(default_factory=list)
    trails: dict[UUID, tuple[AuditEntry, ...]] = field(default_factory=dict)
    lent: dict[str, Book] = field(default_factory=dict)
    away: bool = False
    current: bool = True
    fault: str = ""
    watched: tuple[Watch, ...] = (Watch("demo", Way.POLL, NOW, NOW),)
    services: dict[str, int] = field(default_factory=lambda: {"demo": 7})
    clocks: dict[str, EhrClock] = field(default_factory=dict)

    @property
    def allowances(self) -> Any:
        return SimpleNamespace(lend=self._lend)

    @property
    def discharges(self) -> Any:
        return self

    @property
    def plans(self) -> Any:
        return SimpleNamespace(latest=self._version, newest=lambda key: int(key in self.planned))

    @property
    def overview(self) -> Any:
        counts = {"demo": {WriteStanding.LANDED: 3}}
        return SimpleNamespace(writes_of_tenants=lambda: counts, waits=lambda _: ())

    @property
    def watches(self) -> Any:
        return SimpleNamespace(all=lambda: self.watched)

    @property
    def directory(self) -> Any:
        return SimpleNamespace(sizes=lambda: self.services)

    @property
    def ehr_clocks(self) -> Any:
        return SimpleNamespace(all=lambda: self.clocks)

    @property
    def publications(self) -> Any:
        return SimpleNamespace(entries=lambda key: self.written.get(key, ()))

    @property
    def offers(self) -> Any:
        return SimpleNamespace(of=lambda _: (), show=self.shown.extend)

    @property
    def spent_tokens(self) -> Any:
        return SimpleNamespace(spend=self._spend, forget=lambda _: None)

    @property
    def sessions(self) -> Any:
        def keep(digest: str, content: Any, *, expires: datetime) -> None:
            self.begun[digest] = (content, expires)

        return SimpleNamespace(keep=keep, forget=lambda _: None)

    @property
    def hospitals(self) -> Any:
        """All are served, and by this process alone."""
        return SimpleNamespace(has_left=self._is_of_another, is_known=self._is_of_another)

    @property
    def audit(self) -> Any:
        return SimpleNamespace(of=self._trail, record=self.recorded.append)

    @contextmanager
    def begin(self) -> Iterator[Any]:
        """A unit of work that is the shelf itself."""
        self._answer()
        yield self

    def get(self, key: UUID) -> Discharge:
        self._answer()
        if key not in self.known:
            raise NotFound
        return self.known[key]

    def latest(self, tenant: str) -> tuple[Discharge, ...]:
        return tuple(found for found in self.known.values() if found.tenant == tenant)

    def known_stays(self, tenant: str, encounters: Collection[str]) -> frozenset[str]:
        self._answer()
        return frozenset(found.encounter for found in self.latest(tenant) if found.encounter in encounters)

    def of_stay(self, tenant: str, encounter: str) -> Discharge | None:
        self._answer()
        return next((found for found in self.latest(tenant) if found.encounter == encounter), None)

    def _is_of_another(self, _: str) -> bool:
        self._answer()
        return False

    def _spend(self, digest: str, _: datetime) -> bool:
        self._answer()
        new = digest not in self.spent
        self.spent.add(digest)
        return new

    def _lend(self, name: str, limit: Limit, wish: Wish) -> Grant:
        self._answer()
        self.lent[name], grant = lend(self.lent.get(name, Book()), wish, limit, now=NOW.timestamp())
        return grant

    def of_order(self, tenant: str, order: str) -> Discharge | None:
        return next((found for found in self.latest(tenant) if found.order == order), None)

    def count(self) -> Mapping[tuple[str, DischargeState], int]:
        self._answer()
        return {("demo", DischargeState.RECEIVED): len(self.known)}

    def count_held(self) -> Mapping[str, int]:
        self._answer()
        return (
            {"demo": held} if (held := sum(bool(hospital.held) for hospital in self.known.values())) else {}
        )

    def at_head(self) -> bool:
        self._answer()
        return self.current

    def try_writing(self) -> None:
        self._answer()
        if self.fault:
            raise StoreUnavailable(sqlstate=self.fault)

    def _answer(self) -> None:
        if self.away:
            raise StoreUnavailable

    def _version(self, key: UUID) -> Any:
        return SimpleNamespace(plan=self.planned[key], number=1, created=NOW) if key in self.planned else None

    def _trail(self, key: UUID) -> tuple[AuditEntry, ...]:
        received = AuditEntry(NOW, "demo", "rest", Event.RECEIVED, key, "ServiceRequest/o1")
        return (received, *self.trails.get(key, ()))


@dataclass
class Doubles:
    """Stands in for bootstrap's Deps, and remembers the triggers that were let in."""

    store: Shelf = field(default_factory=Shelf)
    tenants: Mapping[str, Tenant] = field(default_factory=lambda: {"demo": DEMO})
    workers: int = 1
    triggers: list[Trigger] = field(default_factory=list)
    ehrs: dict[str, Any] = field(default_factory=dict)
    errands: list[tuple[Errand, str, str]] = field(default_factory=list)

    @property
    def jobs(self) -> Any:
        control = SimpleNamespace(depths=lambda: (QueueDepth("demo", "plan", JobState.DUE, 2, 30.0),))
        return SimpleNamespace(workers_alive=lambda: self.workers, send=self._send, control=control)

    hook_keys: PublicKeys = field(default_factory=PublicKeys)

    def content(self, _tenant: str = "") -> Any:
        return _content()

    def ehr(self, tenant: str) -> Any:
        return self.ehrs[tenant]

    def now(self) -> datetime:
        return NOW

    def _send(self, errand: Errand, tenant: str, reference: str, _unit: Any) -> None:
        self.errands.append((errand, tenant, reference))

    def keep(self, **more: Any) -> Discharge:
        made = discharge(**more)
        self.store.known[made.id] = made
        return made

    def take_in(self, trigger: Trigger) -> Discharge | None:
        """Remember the trigger; a discharge for its stay, as intake gives it."""
        self.triggers.append(trigger)
        known = [made for made in self.store.latest(trigger.tenant) if made.encounter == trigger.encounter]
        if known or trigger.action is Action.CANCEL:
            return known[0] if known else None
        return self.keep(tenant=trigger.tenant, encounter=trigger.encounter, order=trigger.order)


_content = cache(load_content)
