"""The audit trail in SQL: rows are added and read, never changed."""

from uuid import UUID

from sqlalchemy import RowMapping, insert, select

from service.domain.audit import AuditEntry, event_of
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
            "event": str(entry.event),
            "reference": entry.reference,
        }
        with self._connect() as connection:
            connection.execute(insert(audit).values(values))

    def knows(self, entry: AuditEntry) -> bool:
        """Whether the same was recorded at any time before."""
        told = (entry.tenant, entry.discharge, entry.actor, str(entry.event), entry.reference)
        columns = (audit.c.tenant, audit.c.discharge_id, audit.c.actor, audit.c.event, audit.c.reference)
        # An entry about no discharge holds a NULL, which equals nothing.
        same = [column.is_not_distinct_from(value) for column, value in zip(columns, told, strict=True)]
        with self._connect() as connection:
            return connection.execute(select(audit.c.id).where(*same).limit(1)).first() is not None

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
        event=event_of(row["event"]),
        discharge=row["discharge_id"],
        reference=row["reference"],
    )
