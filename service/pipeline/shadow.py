"""What a hospital's EHR would have got, had its write policy allowed it."""

from collections import Counter
from dataclasses import dataclass

from service.domain.discharge import Discharge
from service.domain.publication import Draft, LedgerEntry, WriteState
from service.store import Store


@dataclass(frozen=True, slots=True)
class Withheld:
    """One discharge and what was made ready for it and not sent, in the order of the plan."""

    discharge: Discharge
    drafts: tuple[Draft, ...]

    def kinds(self) -> Counter[str]:
        """How many of each resource type."""
        return Counter(draft.resource_type for draft in self.drafts)


def withheld(tenant: str, store: Store, *, limit: int) -> tuple[Withheld, ...]:
    """A tenant's discharges with something that waits, the last changed first; limit bounds how many are looked at."""
    found = (
        Withheld(
            discharge,
            tuple(entry.draft for entry in store.publications.entries(discharge.id) if _waits(entry)),
        )
        for discharge in store.discharges.latest(tenant, limit=limit)
    )
    return tuple(one for one in found if one.drafts)


def _waits(entry: LedgerEntry) -> bool:
    return entry.wanted and entry.state is WriteState.PENDING
