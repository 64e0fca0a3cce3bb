"""Plan versions: what was proposed for a discharge, and when."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert

from service.domain.plan import Plan
from service.store.plan_json import plan_from_json, plan_to_json
from service.store.repository import Repository
from service.store.tables import plan_versions


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """One version of a discharge's plan: number counts from 1, round is the planning that first made it."""

    number: int
    round: int
    created: datetime
    plan: Plan


class Plans(Repository):
    """The plan versions of all discharges."""

    def latest(self, discharge: UUID) -> PlanVersion | None:
        """The version that stands; None before the first."""
        return self._first(select(plan_versions).where(plan_versions.c.discharge_id == discharge))

    def _first(self, query: Select[Any]) -> PlanVersion | None:
        """The newest of the versions that a query finds."""
        query = query.order_by(plan_versions.c.version.desc()).limit(1)
        with self._connect() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        return PlanVersion(row["version"], row["round"], row["created"], plan_from_json(row["content"]))

    def standing_at(self, discharge: UUID, at: datetime) -> PlanVersion | None:
        """The newest version of what had been proposed by then, with all that people decided about it."""
        query = select(plan_versions).where(
            plan_versions.c.discharge_id == discharge, plan_versions.c.created <= at
        )
        return self._first(query)

    def newest(self, discharge: UUID) -> int:
        """The number of the version that stands, 0 before the first."""
        query = select(func.max(plan_versions.c.version)).where(plan_versions.c.discharge_id == discharge)
        with self._connect() as connection:
            return connection.execute(query).scalar_one() or 0

    def keep(self, discharge: UUID, version: PlanVersion) -> None:
        """Keep this version; one that is kept already stays as it is."""
        values = {
            "discharge_id": discharge,
            "version": version.number,
            "round": version.round,
            "created": version.created,
            "content": plan_to_json(version.plan),
        }
        with self._connect() as connection:
            connection.execute(insert(plan_versions).values(values).on_conflict_do_nothing())
