"""A stay with its plan, as people see it on both sides: in the EHR from inside, and at Homeward."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import requests

from benchmarks.faults.census import taken
from benchmarks.faults.deployment import KEY, Deployment, deployed
from benchmarks.faults.desk import Desk
from benchmarks.faults.judgement import Held, is_gone, words_of
from benchmarks.faults.rounds import BUSY
from benchmarks.faults.stays import Stay, admit
from service.sandbox.flaky import COUNTS
from service.sandbox.mode import mode_of
from service.sandbox.spells import Asks, Spell, Trouble
from tests.processes import wait_until

Json = dict[str, Any]

WRITTEN = frozenset({"ServiceRequest", "DocumentReference"})


@dataclass
class Ward:
    """One stay with its published plan, as people see it on both sides."""

    deployment: Deployment
    stay: Stay
    discharge: UUID

    @property
    def desk(self) -> Desk:
        return Desk(self.deployment.url)

    # --- the EHR, from inside ---
    def ours(self) -> Sequence[Json]:
        return taken(self.deployment.hospital, [self.stay]).of(self.stay)

    def order_of(self, key: str) -> Json:
        """The ServiceRequest of an item; {} where this EHR takes none."""
        return Held(tuple(self.ours())).of(self.stay.patient.encounter, key) or {}

    def status(self, key: str) -> str:
        return str(self.order_of(key).get("status", ""))

    def words(self) -> str:
        """All that a reader gets to see of ours that stands."""
        return " ".join(words_of(resource) for resource in self.ours() if not is_gone(resource))

    def stands(self, key: str, words: str) -> bool:
        """Whether the approval has arrived: the order is active, or the lower rung has its words."""
        if order := self.order_of(key):
            return words in words_of(order) and str(order["status"]) == "active"
        return words in self.words()

    def is_declined(self, key: str, words: str) -> bool:
        order = self.order_of(key)
        return str(order["status"]) == "revoked" if order else words not in self.words()

    def plan(self) -> Json:
        """What carries our verdict: the CarePlan, else the document."""
        found = {resource["resourceType"]: resource for resource in self.ours() if not is_gone(resource)}
        return found.get("CarePlan") or found["DocumentReference"]

    def orders(self) -> list[Json]:
        return [resource for resource in self.ours() if resource["resourceType"] == "ServiceRequest"]

    def tasks(self) -> list[Json]:
        return [resource for resource in self.ours() if resource["resourceType"] == "Task"]

    # --- Homeward ---
    def get(self, path: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            headers = {"Authorization": f"Bearer {KEY}"}
            answer = session.get(f"{self.deployment.url}{path}", headers=headers, timeout=30)
        answer.raise_for_status()
        return answer

    def told(self) -> Json:
        """As REST tells it."""
        found: Json = self.get(f"/api/v1/discharges/{self.discharge}").json()
        return found

    def page(self) -> str:
        """The page on which people decide."""
        return self.get(f"/discharges/{self.discharge}").text

    def is_published(self) -> bool:
        return bool(self.told()["state"] == "published")

    def standings(self) -> set[str]:
        return {item["standing"] for item in self.told()["landing"]}

    def items(self) -> list[Json]:
        """The referrals that nobody has decided about."""
        return [
            item
            for item in self.desk.items(self.discharge)
            if item["kind"] == "referral"
            and item["state"] == "proposed"
            and not item["existing"]
            and not item["sensitive"]
        ]

    def order(self, name: str) -> None:
        """The discharge is ordered (again), and the plan asked for."""
        patient = self.stay.patient
        at = self.deployment.deps.now()
        order = self.deployment.hospital.order_discharge(patient, at, name=f"{patient.id}-{name}")
        self.discharge = self.desk.ask(patient.encounter, order)

    # --- what goes wrong ---
    def cast(
        self,
        trouble: Trouble,
        asks: Asks = Asks.WRITES,
        types: frozenset[str] = WRITTEN,
        times: int = 0,
    ) -> None:
        self.deployment.cast([Spell(trouble, types, asks, times)], flaky=False)

    def met(self, trouble: Trouble) -> int:
        return int(self.deployment.hospital.read(COUNTS).get(trouble.value, 0))

    def wait_for(self, trouble: Trouble, before: int) -> None:
        wait_until(lambda: self.met(trouble) > before, f"meeting {trouble}")

    def recover(self, **amount: float) -> None:
        """All is well again, and time goes by once every try under way has ended and said when the next one is."""
        self.deployment.cast(flaky=False)
        database = self.deployment.deps.settings.database_url
        with psycopg.connect(database, autocommit=True, connect_timeout=10) as connection:
            wait_until(lambda: connection.execute(BUSY).fetchone() == (0,), "the end of what is under way")
        self.deployment.clock.advance(database=database, **amount)


@dataclass
class House:
    """wards are handed out, each to one test."""

    deployment: Deployment
    wards: list[Ward]
    kind: str

    def admit(self, count: int, *, first: int = 0) -> Iterator[Ward]:
        """Stays that nobody has ordered to end; those with the same place among theirs have the same record."""
        base_url = self.deployment.hospital.base_url
        for stay in list(admit(base_url, count, datetime.now(UTC).date(), first=first)):
            yield Ward(self.deployment, stay, UUID(int=0))


@contextmanager
def open_house(kind: str, log: Path, database: str, *, stays: int) -> Iterator[House]:
    """A hospital with one kind of EHR, and Homeward beside it, with some published plans."""
    with deployed(replace(mode_of(kind), spellbound=True), log, database) as deployment:
        house = House(deployment, [], kind)
        for ward in house.admit(stays):
            ward.order("order")
            house.wards.append(ward)
        wait_until(lambda: all(ward.is_published() for ward in house.wards), "the plans")
        yield house
