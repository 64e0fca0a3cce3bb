"""The directory of community services in SQL, one for each tenant."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import RowMapping, Text, cast, delete, func, insert, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from service.domain.community_service import CommunityService
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
            areas = community_services.c.postal_codes
            query = query.where(or_(func.cardinality(areas) == 0, areas.contains([place])))
        with self._connect() as connection:
            rows = connection.execute(query.order_by(community_services.c.id)).mappings()
            return tuple(_service(row) for row in rows)


class CommunityServices(Repository):
    """The directories of all tenants."""

    def of(self, tenant: str) -> TenantDirectory:
        """One tenant's directory."""
        return TenantDirectory(tenant, self)

    def load(self, tenant: str, services: Iterable[CommunityService]) -> int:
        """Replace a tenant's whole directory, all or nothing; the number of entries it now has."""
        rows = [_row(tenant, service) for service in services]
        with self._connect() as connection:
            connection.execute(delete(community_services).where(community_services.c.tenant == tenant))
            if rows:
                connection.execute(insert(community_services), rows)
        return len(rows)


def _row(tenant: str, service: CommunityService) -> dict[str, Any]:
    values = {field.name: getattr(service, field.name) for field in fields(service)}
    return {"tenant": tenant, **values, **{name: sorted(values[name]) for name in _SETS}}


def _service(row: RowMapping) -> CommunityService:
    values = {name: value for name, value in row.items() if name != "tenant"}
    sets: dict[str, Any] = {name: frozenset(values[name]) for name in _SETS}
    sets["labels"] = frozenset(Label(label) for label in values["labels"])
    return CommunityService(**values | sets)
