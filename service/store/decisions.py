"""Decisions in SQL: rows are added and read, never changed."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import insert, select

from service.domain.decision import Decision
from service.store.plan_json import decision_from_json, decision_to_json
from service.store.repository import Repository
from service.store.tables import decisions


class Decisions(Repository):
    """What people decided about the plans of all discharges."""

    def add(self, discharge: UUID, made: Sequence[Decision]) -> None:
        """Add these, in their order."""
        with self._connect() as connection:
            for decision in made:
                values = {
                    "discharge_id": discharge,
                    "act": decision.act,
                    "item": decision.item,
                    "choice": decision.choice.value,
                    "at": decision.at,
                    "content": decision_to_json(decision),
                }
                connection.execute(insert(decisions).values(values))

    def of(self, discharge: UUID) -> tuple[Decision, ...]:
        """All decisions about a discharge's plan, oldest first."""
        query = (
            select(decisions.c.content).where(decisions.c.discharge_id == discharge).order_by(decisions.c.id)
        )
        with self._connect() as connection:
            return tuple(map(decision_from_json, connection.execute(query).scalars()))
