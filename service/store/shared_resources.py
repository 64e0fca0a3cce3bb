"""What all discharges of a hospital share in its EHR (the Device that writes, chosen organizations), in SQL."""

from collections.abc import Mapping

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from service.domain.publication import SharedResource
from service.store.repository import Repository
from service.store.tables import shared_resources as shared


class SharedResources(Repository):
    """One row for each such resource of a hospital in an EHR."""

    def of(self, tenant: str, base: str) -> Mapping[str, SharedResource]:
        """What is known of those of a tenant in the EHR of this FHIR base, by identifier."""
        query = select(shared).where(shared.c.tenant == tenant, shared.c.base == base)
        with self._connect() as connection:
            rows = connection.execute(query).mappings()
            return {row["identifier"]: SharedResource(row["reference"], row["looked"]) for row in rows}

    def keep(self, tenant: str, base: str, identifier: str, found: SharedResource) -> None:
        """Keep where it stands, or that the EHR did not take it."""
        known = {"reference": found.reference, "looked": found.looked}
        row = insert(shared).values(tenant=tenant, base=base, identifier=identifier, **known)
        upsert = row.on_conflict_do_update(index_elements=["tenant", "base", "identifier"], set_=known)
        with self._connect() as connection:
            connection.execute(upsert)

    def forget(self, tenant: str) -> None:
        """Forget those of a tenant; they are found again by their identifiers."""
        with self._connect() as connection:
            connection.execute(delete(shared).where(shared.c.tenant == tenant))
