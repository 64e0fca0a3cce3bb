"""The hospitals that this deployment serves or has served, in SQL: a process may know fewer than the database."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from service.store.repository import Repository
from service.store.tables import hospitals


class Hospitals(Repository):
    """One row for each tenant that any process has ever known."""

    def register(self, tenants: Collection[str], at: datetime) -> None:
        """A process knows these."""
        if not tenants:
            return
        row = insert(hospitals).values([{"tenant": tenant, "seen": at} for tenant in sorted(tenants)])
        row = row.on_conflict_do_update(index_elements=["tenant"], set_={"seen": at})
        with self._connect() as connection:
            connection.execute(row)

    def known(self) -> Mapping[str, datetime | None]:
        """All of them, with when they left, None for who is still served."""
        with self._connect() as connection:
            rows = connection.execute(select(hospitals.c.tenant, hospitals.c.left_at))
            return {row.tenant: row.left_at for row in rows}

    def is_known(self, tenant: str) -> bool:
        """Whether a process of this deployment serves it, as far as the database knows."""
        serves = (hospitals.c.tenant == tenant) & hospitals.c.left_at.is_(None)
        with self._connect() as connection:
            return connection.execute(select(hospitals.c.tenant).where(serves)).first() is not None

    def has_left(self, tenant: str) -> bool:
        """Whether nothing is planned for it any more."""
        left = (hospitals.c.tenant == tenant) & hospitals.c.left_at.is_not(None)
        with self._connect() as connection:
            return connection.execute(select(hospitals.c.tenant).where(left)).first() is not None

    def leave(self, tenant: str, at: datetime) -> None:
        """From now on nothing is planned for it. Who has left before keeps that moment."""
        row = insert(hospitals).values(tenant=tenant, seen=at, left_at=at)
        still = hospitals.c.left_at.is_(None)
        row = row.on_conflict_do_update(index_elements=["tenant"], set_={"left_at": at}, where=still)
        with self._connect() as connection:
            connection.execute(row)

    def takes(self, tenant: str) -> str:
        """The digest of what could be written to its EHR when that was last looked at, "" before."""
        query = select(hospitals.c.takes).where(hospitals.c.tenant == tenant)
        with self._connect() as connection:
            return connection.execute(query).scalar() or ""

    def keep_takes(self, tenant: str, digest: str, at: datetime) -> None:
        """Keep the digest of what can be written to its EHR."""
        row = insert(hospitals).values(tenant=tenant, seen=at, takes=digest)
        row = row.on_conflict_do_update(index_elements=["tenant"], set_={"takes": digest})
        with self._connect() as connection:
            connection.execute(row)

    def vanished(self, tenant: str) -> Mapping[str, frozenset[str]]:
        """The elements, by resource type, that its EHR was sent and did not keep, as dotted paths."""
        query = select(hospitals.c.vanished).where(hospitals.c.tenant == tenant)
        with self._connect() as connection:
            kept = connection.execute(query).scalar() or {}
        return {kind: frozenset(names) for kind, names in kept.items()}

    def add_vanished(self, tenant: str, resource_type: str, names: Collection[str], at: datetime) -> bool:
        """Keep that these did not stand there after a create; return whether any of them is news."""
        row = insert(hospitals).values(tenant=tenant, seen=at).on_conflict_do_nothing()
        query = select(hospitals.c.vanished).where(hospitals.c.tenant == tenant).with_for_update()
        with self._connect() as connection:
            connection.execute(row)
            kept = dict(connection.execute(query).scalar_one())
            known = set(kept.get(resource_type, ()))
            if set(names) <= known:
                return False
            kept[resource_type] = sorted(known | set(names))
            change = update(hospitals).where(hospitals.c.tenant == tenant).values(vanished=kept)
            connection.execute(change)
            return True

    def join(self, tenant: str) -> bool:
        """It is served again; whether it had left."""
        row = update(hospitals).where(hospitals.c.tenant == tenant, hospitals.c.left_at.is_not(None))
        with self._connect() as connection:
            return (
                connection.execute(row.values(left_at=None).returning(hospitals.c.tenant)).first() is not None
            )
