"""What was looked for in an EHR and not shown, until it is shown again or concluded to be gone; in SQL."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from service.domain.absence import Conclusion, Doubt, Look, Shown, Subject, conclude
from service.domain.watch import CLOCKS_DIFFER, LONGEST_PAUSE
from service.store.repository import Repository
from service.store.tables import doubts

_KEY: Final = ("tenant", "reference", "shown")


class Doubts(Repository):
    """One row for each resource of a tenant and what its looks showed: absent, or refused."""

    def weigh(self, look: Look, at: datetime) -> tuple[Conclusion, Doubt | None]:
        """Add a look to what is kept of this resource; return what follows, and the doubt as it is now kept.

        Call it in a unit: the row is locked until the unit ends.
        """
        kept = self._lock(look)
        conclusion, doubt = conclude(look, kept, at)
        if doubt is not None:
            self._save(doubt)
        elif look.shown is Shown.PRESENT:
            self.clear(look.tenant, [look.reference])
        return conclusion, doubt

    def clear(self, tenant: str, references: Collection[str]) -> tuple[Doubt, ...]:
        """Forget every doubt about these resources, and return them: they were seen, or nobody needs them any more."""
        about = (doubts.c.tenant == tenant) & doubts.c.reference.in_(references)
        with self._connect() as connection:
            rows = connection.execute(delete(doubts).where(about).returning(doubts)).mappings()
            return tuple(_doubt(row) for row in rows)

    def of(self, tenant: str, *, subject: Subject | None = None) -> tuple[Doubt, ...]:
        """A tenant's doubts, the oldest first."""
        query = select(doubts).where(doubts.c.tenant == tenant).order_by(doubts.c.first, doubts.c.reference)
        if subject is not None:
            query = query.where(doubts.c.subject == subject.value)
        with self._connect() as connection:
            return tuple(_doubt(row) for row in connection.execute(query).mappings())

    def take_due(self, subjects: Collection[Subject], at: datetime, *, limit: int) -> tuple[Doubt, ...]:
        """Those to be looked at again now and that no other process takes, locked until the unit ends."""
        # One that is due later than any look can be was put off by a clock that was ahead.
        due = (doubts.c.due <= at) | (doubts.c.due > at + LONGEST_PAUSE + CLOCKS_DIFFER)
        query = select(doubts).where(due, doubts.c.subject.in_([s.value for s in subjects]))
        query = query.order_by(doubts.c.due).limit(limit).with_for_update(skip_locked=True)
        with self._connect() as connection:
            return tuple(_doubt(row) for row in connection.execute(query).mappings())

    def put_off(self, doubt: Doubt, due: datetime) -> None:
        """Look again at this later moment, because a look is on its way."""
        same = (doubts.c.tenant == doubt.tenant) & (doubts.c.reference == doubt.reference)
        with self._connect() as connection:
            connection.execute(
                update(doubts).where(same & (doubts.c.shown == doubt.shown.value)).values(due=due)
            )

    def _lock(self, look: Look) -> Doubt | None:
        same = (doubts.c.tenant == look.tenant) & (doubts.c.reference == look.reference)
        query = select(doubts).where(same & (doubts.c.shown == look.shown.value)).with_for_update()
        with self._connect() as connection:
            row = connection.execute(query).mappings().first()
            return _doubt(row) if row else None

    def _save(self, doubt: Doubt) -> None:
        row = insert(doubts).values(_row(doubt))
        with self._connect() as connection:
            connection.execute(row.on_conflict_do_update(index_elements=list(_KEY), set_=_row(doubt)))


def _row(doubt: Doubt) -> dict[str, Any]:
    return asdict(doubt) | {"subject": doubt.subject.value, "shown": doubt.shown.value}


def _doubt(row: RowMapping) -> Doubt:
    return Doubt(**{**row, "subject": Subject(row["subject"]), "shown": Shown.of(row["shown"])})
