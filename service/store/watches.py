"""What is watched of each tenant, in SQL."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from service.domain.watch import CLOCKS_DIFFER, LONGEST_PAUSE, Watch, Way
from service.store.repository import Repository
from service.store.tables import watches


class Watches(Repository):
    """One watch for each tenant that was subscribed or is polled."""

    def of(self, tenant: str) -> Watch | None:
        """A tenant's watch; None where nobody asked for one."""
        with self._connect() as connection:
            row = connection.execute(select(watches).where(watches.c.tenant == tenant)).mappings().first()
            return _watch(row) if row else None

    def all(self) -> tuple[Watch, ...]:
        """Every watch there is."""
        with self._connect() as connection:
            rows = connection.execute(select(watches).order_by(watches.c.tenant)).mappings()
            return tuple(_watch(row) for row in rows)

    def lock(self, tenant: str) -> Watch | None:
        """The same, held against all others until the unit ends."""
        query = select(watches).where(watches.c.tenant == tenant).with_for_update()
        with self._connect() as connection:
            row = connection.execute(query).mappings().first()
            return _watch(row) if row else None

    def due(self, at: datetime, tenants: Collection[str]) -> tuple[Watch, ...]:
        """Those of these tenants whose time has come and that no other process takes now, held until the unit ends.

        And those that lie ahead, see Watch.lies_ahead: their time would not come.
        """
        ahead = at + CLOCKS_DIFFER
        moments = (
            watches.c.due > ahead + LONGEST_PAUSE,
            watches.c.since > ahead,
            watches.c.stays_seen > ahead,
        )
        query = select(watches).where(or_(watches.c.due <= at, *moments), watches.c.tenant.in_(tenants))
        query = query.order_by(watches.c.tenant)
        with self._connect() as connection:
            rows = connection.execute(query.with_for_update(skip_locked=True)).mappings()
            return tuple(_watch(row) for row in rows)

    def save(self, watch: Watch) -> None:
        """Keep the watch as it now is."""
        row = insert(watches).values(_row(watch))
        with self._connect() as connection:
            connection.execute(row.on_conflict_do_update(index_elements=["tenant"], set_=_row(watch)))

    def forget(self, tenant: str) -> None:
        """Watch this tenant no longer."""
        with self._connect() as connection:
            connection.execute(delete(watches).where(watches.c.tenant == tenant))


def _row(watch: Watch) -> dict[str, Any]:
    return asdict(watch) | {"way": watch.way.value}


def _watch(row: RowMapping) -> Watch:
    return Watch(**{**row, "way": Way(row["way"])})
