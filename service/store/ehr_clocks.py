"""The clocks of EHRs, as workers have measured them, in SQL; and which alarms have been told."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from service.domain.ehr_clock import EhrClock, first_measure
from service.domain.watch import CLOCKS_DIFFER
from service.store.repository import Repository
from service.store.tables import alarms, ehr_clocks


class EhrClocks(Repository):
    """One row for each hospital whose EHR has answered."""

    def all(self) -> Mapping[str, EhrClock]:
        """The clocks by hospital."""
        with self._connect() as connection:
            return {
                row["tenant"]: EhrClock(**row) for row in connection.execute(select(ehr_clocks)).mappings()
            }

    def of(self, tenant: str) -> EhrClock | None:
        """A hospital's clock; None before it has answered."""
        with self._connect() as connection:
            row = (
                connection.execute(select(ehr_clocks).where(ehr_clocks.c.tenant == tenant)).mappings().first()
            )
        return EhrClock(**row) if row else None

    def measure(self, tenant: str, ahead: float, at: datetime) -> EhrClock:
        """Keep what was measured; the clock as it is then known."""
        known = self.of(tenant)
        clock = known.measured_again(ahead, at) if known else first_measure(tenant, ahead, at)
        row = insert(ehr_clocks).values(asdict(clock))
        with self._connect() as connection:
            connection.execute(row.on_conflict_do_update(index_elements=["tenant"], set_=asdict(clock)))
        return clock


class Alarms(Repository):
    """What was told lately, so that it is told once for all workers together."""

    def is_to_be_told(self, name: str, at: datetime, every: timedelta) -> bool:
        """Whether nobody has told this within that time; from now on somebody has."""
        row = insert(alarms).values(name=name, told=at)
        due = (alarms.c.told <= at - every) | (alarms.c.told > at + CLOCKS_DIFFER)
        row = row.on_conflict_do_update(index_elements=["name"], set_={"told": at}, where=due)
        with self._connect() as connection:
            return connection.execute(row.returning(alarms.c.name)).first() is not None
