"""Stays that no single hospital of a shared FHIR server plans, in SQL: shown, and looked at again until one does."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from service.domain.claims import UnclaimedReason
from service.store.repository import Repository
from service.store.tables import unclaimed_stays

#: What a moment's fault hides is seen again soon; what somebody must correct, within the hour.
_PAUSES: Final = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
#: So long a stay is shown and looked at again: longer than one waits for the plan of a discharge.
KEPT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class UnclaimedStay:
    """One stay as a tenant heard of it; order is "" where none was named."""

    tenant: str
    encounter: str
    order: str
    reason: UnclaimedReason
    since: datetime


class UnclaimedStays(Repository):
    """One row for each tenant and stay."""

    def record(self, stay: UnclaimedStay) -> bool:
        """Keep that nobody plans it; whether that, or its reason, is new."""
        values = {
            "tenant": stay.tenant,
            "encounter": stay.encounter,
            "order": stay.order,
            "reason": stay.reason.value,
            "since": stay.since,
            "due": stay.since + _PAUSES[0],
            "looks": 0,
        }
        row = insert(unclaimed_stays).values(values)
        row = row.on_conflict_do_update(
            index_elements=["tenant", "encounter"],
            set_={
                "reason": stay.reason.value,
                "order": func.coalesce(func.nullif(stay.order, ""), unclaimed_stays.c.order),
            },
        )
        with self._connect() as connection:
            before = connection.execute(_reason_of(stay.tenant, stay.encounter)).scalar_one_or_none()
            connection.execute(row)
        return before != stay.reason.value

    def resolve(self, tenant: str, encounter: str) -> bool:
        """Whose it is is known now; whether it was not before."""
        row = delete(unclaimed_stays).where(
            unclaimed_stays.c.tenant == tenant, unclaimed_stays.c.encounter == encounter
        )
        with self._connect() as connection:
            return connection.execute(row.returning(unclaimed_stays.c.encounter)).first() is not None

    def take_due(self, tenants: Collection[str], at: datetime, *, limit: int) -> tuple[UnclaimedStay, ...]:
        """Those of these tenants to be looked at again now, each put off until the next look. Call it in a unit."""
        due = unclaimed_stays.c.due <= at
        query = select(unclaimed_stays).where(due, unclaimed_stays.c.tenant.in_(tenants))
        query = query.order_by(unclaimed_stays.c.due).limit(limit).with_for_update(skip_locked=True)
        with self._connect() as connection:
            connection.execute(delete(unclaimed_stays).where(due, unclaimed_stays.c.since < at - KEPT))
            rows = connection.execute(query).all()
            for row in rows:
                pause = _PAUSES[min(row.looks + 1, len(_PAUSES) - 1)]
                same = (unclaimed_stays.c.tenant == row.tenant) & (
                    unclaimed_stays.c.encounter == row.encounter
                )
                values = {"due": at + pause, "looks": row.looks + 1}
                connection.execute(update(unclaimed_stays).where(same).values(values))
        return tuple(
            UnclaimedStay(row.tenant, row.encounter, row.order, UnclaimedReason(row.reason), row.since)
            for row in rows
        )

    def of(self, tenant: str, *, limit: int = 50) -> tuple[UnclaimedStay, ...]:
        """A tenant's, the newest first."""
        query = select(unclaimed_stays).where(unclaimed_stays.c.tenant == tenant)
        query = query.order_by(unclaimed_stays.c.since.desc(), unclaimed_stays.c.encounter).limit(limit)
        with self._connect() as connection:
            return tuple(
                UnclaimedStay(row.tenant, row.encounter, row.order, UnclaimedReason(row.reason), row.since)
                for row in connection.execute(query)
            )

    def count(self) -> Mapping[tuple[str, UnclaimedReason], int]:
        """How many there are, by tenant and reason."""
        columns = (unclaimed_stays.c.tenant, unclaimed_stays.c.reason)
        with self._connect() as connection:
            rows = connection.execute(select(*columns, func.count()).group_by(*columns))
            return {(tenant, UnclaimedReason(reason)): number for tenant, reason, number in rows}


def _reason_of(tenant: str, encounter: str) -> Select[Any]:
    same = (unclaimed_stays.c.tenant == tenant) & (unclaimed_stays.c.encounter == encounter)
    return select(unclaimed_stays.c.reason).where(same).with_for_update()
