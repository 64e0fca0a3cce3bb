"""What was written to the EHR: one entry for each resource, with its receipt."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Draft:
    """One resource ready to be written.

    key is the plan item's key ("care-plan", "referral:…"); identifier is the stable urn:uuid by which the resource is
    found again in any EHR; body is FHIR JSON without id, whose references to other drafts are their urn:uuid full_url.
    """

    key: str
    resource_type: str
    identifier: str
    full_url: str
    body: dict[str, Any]


def digest_of(body: dict[str, Any]) -> str:
    """SHA-256 of a body as canonical JSON, in hex: equal bodies have equal digests, whatever the order of keys."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class WriteState(StrEnum):
    """What we know of a write."""

    PENDING = "pending"  # not sent
    SENDING = "sending"  # sent, or about to be; after a crash this means unknown: look before sending again
    WRITTEN = "written"  # the EHR confirmed it; reference and etag are the receipt
    REVOKED = "revoked"  # withdrawn by us
    ON_HOLD = "on-hold"  # approved by a person, paused because the discharge was cancelled
    CONFLICT = "conflict"  # a person changed it in the EHR; theirs stands


@dataclass(frozen=True, slots=True)
class Receipt:
    """The EHR's answer for one resource: "ServiceRequest/7" and its version ETag ('W/"1"'), "" where it gives none."""

    key: str
    reference: str
    etag: str


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One row of the ledger: what we want in the EHR, what we know is there.

    digest is `digest_of` the body last wanted; a draft that changes after it was written becomes PENDING and keeps its
    reference and etag. problem is the PHI-free sentence that says why it is not there yet, or whose change stands.
    wanted is False for what an earlier plan asked for and the present one does not.
    """

    draft: Draft
    state: WriteState
    digest: str
    reference: str = ""
    etag: str = ""
    problem: str = ""
    wanted: bool = True


class Ledger(Protocol):
    """The ledger of one discharge, held by the one process that may write its resources to the EHR.

    Each call is a short commit of its own, so that what is known survives the process and none is open while we speak
    HTTP. Every call raises StoreUnavailable when the hold is lost: whoever gets that must stop writing.
    """

    def entries(self) -> tuple[LedgerEntry, ...]:
        """What is wanted and what is there, in the order of the plan."""
        ...

    def add(self, drafts: Sequence[Draft]) -> None:
        """New rows, PENDING, for what no plan asked for (a task about a withdrawal); a key that is there keeps its row."""
        ...

    def sending(self, keys: Collection[str]) -> None:
        """These are about to be sent: from here on their fate is unknown until a receipt is written."""
        ...

    def written(self, receipts: Sequence[Receipt]) -> None:
        """The EHR confirmed these. An entry whose body has changed since it was read stays pending, with its receipt."""
        ...

    def mark(
        self, key: str, state: WriteState, *, reference: str = "", etag: str = "", problem: str = ""
    ) -> None:
        """One entry's state and problem; a reference or ETag that is not given stays as it is, a problem does not."""
        ...
