"""A request of ours that somebody signed in the EHR itself: who that was."""

import re
from typing import Final

from fhir_mappings.inbound.elements import Json, first, text
from fhir_mappings.servers import reference_at
from service.domain.decision import Signer

#: A draft that was signed, and one that has been carried out since.
_STANDS: Final = frozenset({"active", "completed"})
#: Request intents (R4) that authorize something to be done; ours are proposals.
_ORDERS: Final = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_PERSON: Final = re.compile(r"(Practitioner|PractitionerRole)/[A-Za-z0-9\-.]{1,64}")


def signer_of(request: Json, *, base: str) -> Signer | None:
    """Whom a signed order names as its requester; None for a draft, a proposal, or where it names no clinician.

    base is the FHIR base URL of the EHR it was read from. An order that still names our software was signed by nobody.
    """
    if request.get("status") not in _STANDS or request.get("intent") not in _ORDERS:
        return None
    requester = first(request.get("requester"))
    reference = reference_at(text(requester.get("reference")), base)
    if not _PERSON.fullmatch(reference):
        return None
    return Signer(text(requester.get("display")) or reference, reference=reference)
