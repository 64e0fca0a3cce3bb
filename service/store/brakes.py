"""The brakes of all hospitals in SQL: whether plans are taken back by themselves, and what was called off unheard of."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from service.domain.brake import Brake
from service.store.repository import Repository
from service.store.tables import brakes, called_off_orders

#: Notifications of an order that was called off come late by hours; by days when an EHR was down.
_REMEMBERED: Final = timedelta(days=31)


class Brakes(Repository):
    """One row for each hospital whose brake was ever closed or released."""

    def lock(self, tenant: str) -> Brake:
        """A hospital's brake, held against all others until the unit ends, so that no two plans pass it at once."""
        with self._connect() as connection:
            connection.execute(insert(brakes).values(tenant=tenant).on_conflict_do_nothing())
            query = select(brakes).where(brakes.c.tenant == tenant).with_for_update()
            return Brake(**connection.execute(query).mappings().one())

    def save(self, brake: Brake) -> None:
        """Keep the brake as it now is."""
        row = insert(brakes).values(asdict(brake))
        with self._connect() as connection:
            connection.execute(row.on_conflict_do_update(index_elements=["tenant"], set_=asdict(brake)))

    def closed(self) -> tuple[Brake, ...]:
        """Those that are closed now, the longest closed first."""
        query = select(brakes).where(brakes.c.closed.is_not(None)).order_by(brakes.c.closed)
        with self._connect() as connection:
            return tuple(Brake(**row) for row in connection.execute(query).mappings())


class CalledOffOrders(Repository):
    """Orders of stays that are not known here, which the EHR said to be called off."""

    def remember(self, tenant: str, order: str, at: datetime) -> None:
        """This order was called off; those of long ago are forgotten."""
        row = insert(called_off_orders).values(tenant=tenant, order=order, at=at)
        row = row.on_conflict_do_update(index_elements=["tenant", "order"], set_={"at": at})
        with self._connect() as connection:
            connection.execute(delete(called_off_orders).where(called_off_orders.c.at < at - _REMEMBERED))
            connection.execute(row)

    def knows(self, tenant: str, order: str) -> bool:
        """Whether this order was called off."""
        same = (called_off_orders.c.tenant == tenant) & (called_off_orders.c.order == order)
        with self._connect() as connection:
            return connection.execute(select(called_off_orders.c.at).where(same)).first() is not None

    def forget(self, tenant: str, order: str) -> None:
        """The EHR shows that this order stands after all."""
        same = (called_off_orders.c.tenant == tenant) & (called_off_orders.c.order == order)
        with self._connect() as connection:
            connection.execute(delete(called_off_orders).where(same))
