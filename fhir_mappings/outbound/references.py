"""Who is who among the resources of one plan: stable identifiers, and the links between drafts that have no id yet."""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

#: Namespace of every UUID Homeward derives. Never change it: identifiers in EHRs hang on it.
_NAMESPACE: Final = UUID("6f0c1d0e-5b0a-5f0e-9a57-3c6a1f1d7b42")
_LITERAL: Final = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9.\-]{1,64}")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of everything planned for one stay: the same stay and key always give the same names."""

    tenant: str
    encounter: str

    def identifier(self, key: str) -> str:
        """The urn:uuid by which an item's resource is found again in any EHR."""
        return self._urn("identifier", key)

    def full_url(self, key: str) -> str:
        """The urn:uuid by which drafts of one transaction name each other; it ends with the transaction."""
        return self._urn("full-url", key)

    def card(self, key: str) -> UUID:
        """The id of a CDS Hooks card or suggestion about an item: every call shows it under the same one."""
        return UUID(self._urn("card", key))

    def _urn(self, use: str, key: str) -> str:
        # The separator cannot stand in a reference or a key, so that no two stays share a name.
        return f"urn:uuid:{uuid5(_NAMESPACE, chr(31).join((use, self.tenant, self.encounter, key)))}"


def type_of(reference: str) -> str:
    """The resource type of a literal reference ("Condition" of "Condition/7"), "" for anything else."""
    found = _LITERAL.fullmatch(reference)
    return found[1] if found else ""
