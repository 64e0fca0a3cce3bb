"""Numbered notifications of Subscriptions, shared by all web processes: none is acted on twice, none is lost unseen.

An EHR counts the events of a Subscription and sends them in any order. A number that was passed over is kept as missing
until it comes or what it told was found in another way.
"""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import ARRAY, BigInteger, Boolean, ColumnElement, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import Insert, insert

from service.store.repository import Repository
from service.store.tables import notices

_MOST_MISSING: Final = 1000


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
        self._add(tenant, subscription, self._kept(highest + 1, count + 1), heard=False)
        return highest < count

    def hear(self, tenant: str, subscription: str, numbers: Collection[int]) -> tuple[frozenset[int], bool]:
        """Which of these events are heard for the first time, and whether numbers before them were passed over."""
        if not numbers:
            return frozenset(), False
        highest = self._highest(tenant, subscription)
        follows = min(numbers) if highest is None else highest + 1
        passed = [number for number in self._kept(follows, max(numbers)) if number not in numbers]
        told = _rows(tenant, subscription, dict.fromkeys(passed, False) | dict.fromkeys(numbers, True))
        told = told.on_conflict_do_update(
            index_elements=["tenant", "subscription", "number"],
            set_={"heard": True},
            where=~notices.c.heard & told.excluded.heard,
        )
        with self._connect() as connection:
            new = connection.execute(told.returning(notices.c.number)).scalars()
            return frozenset(new).intersection(numbers), bool(passed)

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

    def _kept(self, first: int, end: int) -> range:
        """The numbers from first to before end; of more than a thousand the last: so many lost are one search all the same."""
        return range(max(first, end - _MOST_MISSING), end)

    def _add(self, tenant: str, subscription: str, numbers: range, *, heard: bool) -> None:
        if numbers:
            rows = _rows(tenant, subscription, dict.fromkeys(numbers, heard))
            with self._connect() as connection:
                connection.execute(rows.on_conflict_do_nothing())

    def _forget(self, tenant: str, subscription: str) -> None:
        with self._connect() as connection:
            connection.execute(delete(notices).where(_of(tenant, subscription)))


def _rows(tenant: str, subscription: str, heard: Mapping[int, bool]) -> Insert:
    """A row for each number, whether it was heard.

    In one order everywhere, so that two processes cannot wait for each other. All numbers are one value: a statement of a thousand values takes longer to write than to run.
    """
    numbers = sorted(heard)
    each = func.unnest(literal(numbers, ARRAY(BigInteger)))
    whether = func.unnest(literal([heard[number] for number in numbers], ARRAY(Boolean)))
    rows = select(literal(tenant), literal(subscription), each, whether)
    return insert(notices).from_select(["tenant", "subscription", "number", "heard"], rows)


def _of(tenant: str, subscription: str) -> ColumnElement[bool]:
    return (notices.c.tenant == tenant) & (notices.c.subscription == subscription)
