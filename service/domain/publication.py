"""What was written to the EHR: one entry for each resource, with its receipt."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol


@dataclass(frozen=True, slots=True)
class Draft:
    """One resource ready to be written.

    key is the plan item's key ("care-plan", "referral:…"); identifier is the stable urn:uuid by which the resource is
    found again in any EHR; body is FHIR JSON without id, whose references to other drafts are their urn:uuid full_url.
    meaning is a digest of what counts in the body, "" where all of it does: two drafts that mean the same need no second
    writing, whatever day they were made on.
    """

    key: str
    resource_type: str
    identifier: str
    full_url: str
    body: dict[str, Any]
    meaning: str = field(default="", compare=False)

    @property
    def is_restricted(self) -> bool:
        """Whether it carries security labels: it is never put in words elsewhere."""
        return bool(self.body.get("meta", {}).get("security"))

    @property
    def digest(self) -> str:
        """By which it is told whether a draft has changed."""
        return self.meaning or digest_of(self.body)


def digest_of(body: dict[str, Any]) -> str:
    """SHA-256 of a body as canonical JSON, in hex: equal bodies have equal digests, whatever the order of keys."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


#: The problem of a draft that will be sent once another write is no longer unknown.
WAITS: Final = "This waits for another resource of which it is not known whether the EHR has it."


#: The problem of an order that a clinician signed in the EHR itself: nothing is wrong with it, and it waits for nobody.
SIGNED_THERE: Final = "A clinician signed this in the EHR; theirs stands."


class WriteState(StrEnum):
    """What we know of a write."""

    PENDING = "pending"  # not sent
    SENDING = "sending"  # sent, or about to be; after a crash this means unknown: look before sending again
    UNKNOWN = "unknown"  # sent, and the EHR offers no way to look that decides it: a person must
    REFUSED = "refused"  # the EHR read it and said no; the item stands on a lower rung
    WRITTEN = "written"  # the EHR confirmed it; reference and etag are the receipt
    REVOKED = "revoked"  # withdrawn by us
    ON_HOLD = "on-hold"  # approved by a person, paused because the discharge was cancelled
    CONFLICT = "conflict"  # a person changed it in the EHR; theirs stands


class Landing(StrEnum):
    """Where an item of the plan stands in the EHR, best first."""

    RESOURCE = "resource"  # as a resource of its own
    CARE_PLAN = "care plan"  # in the words of the CarePlan
    DOCUMENT = "document"  # in the plan as a document
    MESSAGE = "message"  # in a message to the care team
    CONCERN = "concern"  # the need as an unconfirmed health concern, without what is to be done
    PAGE = "page"  # on Homeward's page only


@dataclass(frozen=True, slots=True)
class Landed:
    """The rung on which the item of this key stands, and the PHI-free sentence that says why."""

    key: str
    rung: Landing
    reason: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The EHR's answer for one resource: "ServiceRequest/7" and its version ETag ('W/"1"'), "" where it gives none."""

    key: str
    reference: str
    etag: str


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One row of the ledger: what we want in the EHR, what we know is there.

    digest is that of the draft last wanted; one that changes after it was written becomes PENDING and keeps its
    reference and etag. problem is the PHI-free sentence that says why it is not there yet, or whose change stands.
    wanted is False for what an earlier plan asked for and the present one does not. rung and reason say where the item
    stands in the EHR; sent is the body that the receipt is for, None before the first.
    """

    draft: Draft
    state: WriteState
    digest: str
    reference: str = ""
    etag: str = ""
    problem: str = ""
    wanted: bool = True
    rung: Landing = Landing.RESOURCE
    reason: str = ""
    sent: dict[str, Any] | None = None

    @property
    def is_new(self) -> bool:
        """Whether it is to be written and never was."""
        return self.wanted and self.state is WriteState.PENDING and not self.reference

    @property
    def is_doubtful(self) -> bool:
        """Whether nobody knows if the EHR has it, or has it as it is now wanted."""
        return self.state in {WriteState.SENDING, WriteState.UNKNOWN}


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

    def want_also(self, drafts: Sequence[Draft]) -> None:
        """Make these wanted beside the plan's own, by the same rules: how a plan stands on lower rungs."""
        ...

    def land(self, landed: Sequence[Landed]) -> None:
        """On which rung these stand, and why."""
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
