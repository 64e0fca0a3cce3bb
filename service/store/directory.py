"""The directory of community services in SQL, one for each tenant."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Text, cast, delete, func, insert, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from service.domain.community_service import CommunityService, Sought
from service.domain.sensitivity import Label
from service.store.repository import Repository
from service.store.tables import community_services

_SETS = ("services", "postal_codes", "languages", "labels")


class TenantDirectory(Repository):
    """The services one tenant refers to: the port through which matching asks for candidates."""

    def __init__(self, tenant: str, repository: Repository) -> None:
        super().__init__(repository._connect)  # noqa: SLF001 - of its own class
        self._tenant = tenant

    def candidates(self, services: Collection[str], postal_code: str) -> Sequence[CommunityService]:
        """Entries that answer at least one of the services and serve this place, ordered by id.

        postal_code may be a ZIP+4; "" is an unknown place, which every service area may hold.
        """
        query = select(community_services).where(
            community_services.c.tenant == self._tenant,
            community_services.c.services.overlap(cast(sorted(services), ARRAY(Text))),
        )
        if place := postal_code.strip().partition("-")[0]:
            query = query.where(_serves(place))
        with self._connect() as connection:
            rows = connection.execute(query.order_by(community_services.c.id)).mappings()
            return tuple(_service(row) for row in rows)


class CommunityServices(Repository):
    """The directories of all tenants."""

    def of(self, tenant: str) -> TenantDirectory:
        """One tenant's directory."""
        return TenantDirectory(tenant, self)

    def page(
        self, tenant: str, sought: Sought, *, after: str = "", limit: int
    ) -> tuple[CommunityService, ...]:
        """At most so many of the entries after this id that are sought, by id."""
        listed = community_services.c
        conditions = [listed.tenant == tenant, listed.id > after]
        if sought.service:
            conditions.append(listed.services.contains([sought.service]))
        if sought.postal_code:
            conditions.append(_serves(sought.postal_code))
        if sought.words:
            named = listed.name + " " + listed.organization
            conditions.append(named.icontains(sought.words, autoescape=True))
        if not sought.labelled:
            conditions.append(func.cardinality(listed.labels) == 0)
        query = select(community_services).where(*conditions).order_by(listed.id).limit(limit)
        with self._connect() as connection:
            return tuple(_service(row) for row in connection.execute(query).mappings())

    def sizes(self) -> Mapping[str, int]:
        """How many services each hospital's directory has; none for one without."""
        query = select(community_services.c.tenant, func.count()).group_by(community_services.c.tenant)
        with self._connect() as connection:
            return {tenant: number for tenant, number in connection.execute(query)}  # noqa: C416  rows, not pairs

    def get(self, tenant: str, service: str) -> CommunityService | None:
        """The entry of this id; None if there is none."""
        with self._connect() as connection:
            row = (
                connection.execute(select(community_services).where(_entry(tenant, service)))
                .mappings()
                .first()
            )
            return _service(row) if row else None

    def keep(self, tenant: str, service: CommunityService) -> bool:
        """Put the entry in place of the one of its id; whether there was none."""
        with self._connect() as connection:
            before = connection.execute(delete(community_services).where(_entry(tenant, service.id)))
            connection.execute(insert(community_services), _row(tenant, service))
            return before.rowcount == 0

    def remove(self, tenant: str, service: str) -> bool:
        """Whether there was an entry of this id; now there is none."""
        with self._connect() as connection:
            return connection.execute(delete(community_services).where(_entry(tenant, service))).rowcount > 0

    def load(self, tenant: str, services: Iterable[CommunityService]) -> int:
        """Replace a tenant's whole directory, all or nothing; the number of entries it now has."""
        rows = [_row(tenant, service) for service in services]
        with self._connect() as connection:
            connection.execute(delete(community_services).where(community_services.c.tenant == tenant))
            if rows:
                connection.execute(insert(community_services), rows)
        return len(rows)


def _entry(tenant: str, service: str) -> ColumnElement[bool]:
    return (community_services.c.tenant == tenant) & (community_services.c.id == service)


def _serves(place: str) -> ColumnElement[bool]:
    areas = community_services.c.postal_codes
    return or_(func.cardinality(areas) == 0, areas.contains([place]))


def _row(tenant: str, service: CommunityService) -> dict[str, Any]:
    values = {field.name: getattr(service, field.name) for field in fields(service)}
    return {"tenant": tenant, **values, **{name: sorted(values[name]) for name in _SETS}}


def _service(row: RowMapping) -> CommunityService:
    values = {name: value for name, value in row.items() if name != "tenant"}
    sets: dict[str, Any] = {name: frozenset(values[name]) for name in _SETS}
    sets["labels"] = frozenset(Label(label) for label in values["labels"])
    return CommunityService(**values | sets)
