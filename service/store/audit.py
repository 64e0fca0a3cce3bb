"""The audit trail in SQL: rows are added and read, never changed."""

from uuid import UUID

from sqlalchemy import RowMapping, insert, select

from service.domain.audit import AuditEntry, Event
from service.store.repository import Repository
from service.store.tables import audit


class Audit(Repository):
    """Who did what, and when."""

    def record(self, entry: AuditEntry) -> None:
        """Add one entry."""
        values = {
            "at": entry.at,
            "tenant": entry.tenant,
            "discharge_id": entry.discharge,
            "actor": entry.actor,
            "event": entry.event.value,
            "reference": entry.reference,
        }
        with self._connect() as connection:
            connection.execute(insert(audit).values(values))

    def of(self, discharge: UUID) -> tuple[AuditEntry, ...]:
        """All that happened to a discharge, oldest first."""
        query = select(audit).where(audit.c.discharge_id == discharge).order_by(audit.c.id)
        with self._connect() as connection:
            return tuple(_entry(row) for row in connection.execute(query).mappings())


def _entry(row: RowMapping) -> AuditEntry:
    return AuditEntry(
        at=row["at"],
        tenant=row["tenant"],
        actor=row["actor"],
        event=Event(row["event"]),
        discharge=row["discharge_id"],
        reference=row["reference"],
    )
