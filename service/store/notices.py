"""Numbered notifications of Subscriptions, shared by all web processes: none is acted on twice, none is lost unseen.

An EHR counts the events of a Subscription and sends them in any order. A number that was passed over is kept as missing
until it comes or what it told was found in another way.
"""

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from service.store.repository import Repository
from service.store.tables import notices


class Notices(Repository):
    """The event numbers heard of, by tenant and Subscription ("Subscription/7")."""

    def begin(self, tenant: str, subscription: str, count: int) -> None:
        """The EHR has sent this many events before we listen. A smaller count than before means that it counts anew."""
        highest = self._highest(tenant, subscription)
        if highest is None or highest > count:
            self._forget(tenant, subscription)
            self._add(tenant, subscription, range(count, count + 1), heard=True)
        else:
            self.count(tenant, subscription, count)

    def count(self, tenant: str, subscription: str, count: int) -> bool:
        """The EHR says how many events it has sent so far; whether one of them has not been heard."""
        highest = self._highest(tenant, subscription)
        if highest is None:
            self._add(tenant, subscription, range(count, count + 1), heard=True)
            return False
        self._add(tenant, subscription, range(highest + 1, count + 1), heard=False)
        return highest < count

    def hear(self, tenant: str, subscription: str, number: int) -> tuple[bool, bool]:
        """Whether this event is heard for the first time, and whether numbers before it were passed over."""
        highest = self._highest(tenant, subscription)
        passed = range(number if highest is None else highest + 1, number)
        self._add(tenant, subscription, passed, heard=False)
        row = insert(notices).values(tenant=tenant, subscription=subscription, number=number, heard=True)
        row = row.on_conflict_do_update(
            index_elements=["tenant", "subscription", "number"], set_={"heard": True}, where=~notices.c.heard
        )
        with self._connect() as connection:
            is_new = connection.execute(row.returning(notices.c.number)).first() is not None
        return is_new, len(passed) > 0

    def missing(self, tenant: str, subscription: str) -> tuple[int, ...]:
        """The numbers that were passed over and have not come since, ascending."""
        query = select(notices.c.number).where(_of(tenant, subscription), ~notices.c.heard)
        with self._connect() as connection:
            return tuple(connection.execute(query.order_by(notices.c.number)).scalars())

    def found(self, tenant: str, subscription: str, numbers: tuple[int, ...]) -> None:
        """What these events told is known by now."""
        theirs = _of(tenant, subscription) & notices.c.number.in_(numbers)
        with self._connect() as connection:
            connection.execute(update(notices).where(theirs).values(heard=True))

    def forget_before(self, tenant: str, subscription: str, number: int) -> None:
        """Drop the numbers below this one: so late a repeat does not come."""
        with self._connect() as connection:
            connection.execute(delete(notices).where(_of(tenant, subscription), notices.c.number < number))

    def _highest(self, tenant: str, subscription: str) -> int | None:
        query = select(func.max(notices.c.number)).where(_of(tenant, subscription))
        with self._connect() as connection:
            highest: int | None = connection.execute(query).scalar_one()
            return highest

    def _add(self, tenant: str, subscription: str, numbers: range, *, heard: bool) -> None:
        # More than a thousand lost at once are one search all the same.
        kept = numbers[-1000:]
        rows = [
            {"tenant": tenant, "subscription": subscription, "number": number, "heard": heard}
            for number in kept
        ]
        if rows:
            with self._connect() as connection:
                connection.execute(insert(notices).values(rows).on_conflict_do_nothing())

    def _forget(self, tenant: str, subscription: str) -> None:
        with self._connect() as connection:
            connection.execute(delete(notices).where(_of(tenant, subscription)))


def _of(tenant: str, subscription: str) -> ColumnElement[bool]:
    return (notices.c.tenant == tenant) & (notices.c.subscription == subscription)
