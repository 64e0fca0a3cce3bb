"""What a hospital's EHR would have got, had its write policy allowed it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from config.tenants import Tenant
from fhir_mappings.merge import pruned
from fhir_mappings.outbound.author import Author
from fhir_mappings.withdrawal import withdraw
from service.domain.discharge import Discharge
from service.domain.publication import Draft, LedgerEntry
from service.pipeline.parties import author_of
from service.pipeline.publishing.write_policy import would_be_withdrawn, would_be_written
from service.store import Store


@dataclass(frozen=True, slots=True)
class Withheld:
    """One discharge, what was made ready for it and not sent, and what would have been withdrawn since, as it would stand.

    Both in the order of the plan.
    """

    discharge: Discharge
    drafts: tuple[Draft, ...]
    withdrawn: tuple[Draft, ...] = ()

    def kinds(self) -> Counter[str]:
        """How many of each resource type would have been written, and not withdrawn."""
        return Counter(draft.resource_type for draft in self.drafts)


def withheld(tenant: Tenant, store: Store, *, limit: int) -> tuple[Withheld, ...]:
    """A tenant's discharges with something that waits, or would have been withdrawn, the last changed first.

    limit bounds how many are looked at.
    """
    author = author_of(tenant)
    found = (
        _withheld(discharge, store.publications.entries(discharge.id), author)
        for discharge in store.discharges.latest(tenant.id, limit=limit)
    )
    return tuple(one for one in found if one.drafts or one.withdrawn)


def _withheld(discharge: Discharge, entries: Iterable[LedgerEntry], author: Author) -> Withheld:
    known = tuple(entries)
    called_off = [entry.draft for entry in known if would_be_withdrawn(entry)]
    stands = [
        (draft, withdraw(draft.body, draft.body, author=author, recorded=discharge.changed))
        for draft in called_off
    ]
    missing = {entry.draft.full_url for entry in known if not entry.reference and not would_be_written(entry)}
    ready = (entry.draft for entry in known if would_be_written(entry))
    return Withheld(
        discharge,
        drafts=tuple(replace(draft, body=pruned(draft.body, missing)) for draft in ready),
        withdrawn=tuple(replace(draft, body=taken.body) for draft, taken in stands if taken is not None),
    )
