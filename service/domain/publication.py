"""What was written to the EHR: one entry for each resource, with its receipt."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from service.domain.write_reason import IMPOSSIBLE, KEPT_BACK, WriteReason, explain
from service.errors import IllegalTransition


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


class WriteState(StrEnum):
    """What we know of a write. The values are stored, and the version before this one reads them too."""

    WAITING = "pending"  # not sent as it is now wanted; it will be
    SENDING = "sending"  # sent, or about to be; after a crash this means unknown: look before sending again
    UNKNOWN = "unknown"  # sent, and the EHR offers no way to look that decides it: a person must
    REFUSED = "refused"  # the EHR read it and said no; the item stands on a lower rung
    IMPOSSIBLE = "impossible"  # not possible here: this EHR takes no such resource
    LANDED = "written"  # the EHR confirmed it as it is wanted; reference and etag are the receipt
    REVOKED = "revoked"  # withdrawn by us
    ON_HOLD = "on-hold"  # approved by a person, paused because the discharge was cancelled
    THEIRS = "conflict"  # a person changed it in the EHR; theirs stands


#: Where a write may go next; every state may also stay. SENDING is left by an answer or by a look, UNKNOWN by a look alone:
#: nothing of which nobody knows whether it arrived is sent again.
_ALLOWED: Final[Mapping[WriteState, frozenset[WriteState]]] = {
    WriteState.WAITING: frozenset(WriteState) - {WriteState.UNKNOWN},
    WriteState.SENDING: frozenset(WriteState),
    WriteState.UNKNOWN: frozenset(WriteState) - {WriteState.SENDING},
    WriteState.REFUSED: frozenset(WriteState) - {WriteState.UNKNOWN},
    WriteState.IMPOSSIBLE: frozenset(WriteState) - {WriteState.UNKNOWN, WriteState.REFUSED},
    WriteState.LANDED: frozenset(WriteState) - {WriteState.UNKNOWN, WriteState.REFUSED},
    WriteState.REVOKED: frozenset(
        {WriteState.WAITING, WriteState.SENDING, WriteState.LANDED, WriteState.ON_HOLD, WriteState.THEIRS}
    ),
    WriteState.ON_HOLD: frozenset(
        {WriteState.WAITING, WriteState.SENDING, WriteState.LANDED, WriteState.REVOKED, WriteState.THEIRS}
    ),
    WriteState.THEIRS: frozenset(
        {WriteState.WAITING, WriteState.SENDING, WriteState.LANDED, WriteState.ON_HOLD, WriteState.REVOKED}
    ),
}


class WriteStanding(StrEnum):
    """How a wish stands, in the word that page, REST and metrics use."""

    LANDED = "landed"  # the EHR shows it as it is wanted
    WAITING = "waiting"  # not yet, or not as it is now wanted; it is tried again by itself
    UNSIGNED = "waiting-for-signature"  # it is written once a person has signed the plan
    REFUSED = (
        "refused"  # the EHR read it and said no; tried again when it, or the EHR, changes, and once a day
    )
    NOT_POSSIBLE = "not-possible"  # this EHR takes no such resource, or the hospital's policy sends none
    THEIRS = "theirs"  # a person changed, removed or signed it in the EHR
    UNKNOWN = "unknown"  # nobody can find out whether the EHR has it; a person must look
    WITHDRAWN = "withdrawn"  # taken back by us
    ON_HOLD = "on-hold"  # approved, and paused because the discharge was called off
    REPLACED = "replaced"  # it stands as it was told, and a later one of ours says that it replaces it
    LEFT = "left"  # no plan wants it any more, and it is still to be taken back


_STANDINGS: Final[Mapping[WriteState, WriteStanding]] = {
    WriteState.WAITING: WriteStanding.WAITING,
    WriteState.SENDING: WriteStanding.WAITING,
    WriteState.UNKNOWN: WriteStanding.UNKNOWN,
    WriteState.REFUSED: WriteStanding.REFUSED,
    WriteState.IMPOSSIBLE: WriteStanding.NOT_POSSIBLE,
    WriteState.LANDED: WriteStanding.LANDED,
    WriteState.REVOKED: WriteStanding.WITHDRAWN,
    WriteState.ON_HOLD: WriteStanding.ON_HOLD,
    WriteState.THEIRS: WriteStanding.THEIRS,
}


def standing_of_write(state: WriteState, reason: WriteReason, *, wanted: bool) -> WriteStanding:
    """How a row of the ledger stands."""
    if state is WriteState.LANDED and reason is WriteReason.REPLACED:
        return WriteStanding.REPLACED
    if state is WriteState.WAITING and reason is WriteReason.NOT_SIGNED and wanted:
        return WriteStanding.UNSIGNED
    if not wanted and state in {WriteState.LANDED, WriteState.WAITING, WriteState.IMPOSSIBLE}:
        return WriteStanding.LEFT
    if state is WriteState.WAITING and reason in IMPOSSIBLE | KEPT_BACK:
        return WriteStanding.NOT_POSSIBLE
    return _STANDINGS[state]


#: After these, publishing has nothing left to do for a wish.
SETTLED: Final = frozenset(WriteStanding) - {WriteStanding.WAITING, WriteStanding.UNKNOWN}


class Landing(StrEnum):
    """Where an item of the plan stands in the EHR, best first."""

    RESOURCE = "resource"  # as a resource of its own
    CARE_PLAN = "care plan"  # in the words of the CarePlan
    DOCUMENT = "document"  # in the plan as a document
    MESSAGE = "message"  # in a message to the care team
    CONCERN = "concern"  # the need as an unconfirmed health concern, without what is to be done
    PAGE = "page"  # on Homeward's page only


IN_WORDS: Final[Mapping[Landing, str]] = {
    Landing.CARE_PLAN: "It stands in the words of the care plan.",
    Landing.DOCUMENT: "It stands in the plan document.",
    Landing.MESSAGE: "It stands in a message to the care team.",
    Landing.CONCERN: "What it is for stands as an unconfirmed health concern or problem.",
    Landing.PAGE: "It stands on Homeward's page only.",
}


@dataclass(frozen=True, slots=True)
class Landed:
    """The rung on which the item of this key stands; why it stands no higher is the reason of its entry."""

    key: str
    rung: Landing


@dataclass(frozen=True, slots=True)
class SharedResource:
    """A resource that all discharges of a hospital share: "Device/7", or "" where its EHR took none when it was asked."""

    reference: str
    looked: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """The EHR's answer for one resource: "ServiceRequest/7" and its version ETag ('W/"1"'), "" where it gives none."""

    key: str
    reference: str
    etag: str


@dataclass(frozen=True, slots=True)
class InFlight:
    """What was put on the wire for an entry and is not confirmed.

    body is the resource as it is sent, digest that of the draft it was made from; said is what of it counts as said by us
    (None: all), is_ours_alone whether nobody else's words are in it. was is the entry's state before, becomes with its reason what it is once this has arrived. status_before and
    status_given are those of a resource that this takes back; "" otherwise.
    """

    body: dict[str, Any]
    digest: str
    was: WriteState
    becomes: WriteState = WriteState.LANDED
    reason: WriteReason = WriteReason.NONE
    said: dict[str, Any] | None = None
    is_ours_alone: bool = True
    status_before: str = ""
    status_given: str = ""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One row of the ledger: what we want in the EHR, what we sent, what we know is there.

    wanted: draft, and digest, by which a changed wish is told; is_wanted is False for what an earlier plan asked for and the
    present one does not. in flight: what was sent and is not confirmed, None where nothing is. sent and sent_digest:
    what we said in the body that the last receipt is for (None: not known), and the digest of its draft; reference and etag are that receipt. observed is the
    version that holds no words but ours, "" where others' stand in it or nobody knows. A receipt settles what was sent: while digest and sent_digest differ, the wish waits.

    reason says why it stands so, with a detail free of PHI. status_before is the status that a resource had before we took it
    back, status_given the one we gave it: while the EHR shows that one, it is as we left it; "" for what we did not take back.
    attempts counts the tries in a row that the EHR did not let through, tried is the last of them; refused_as names what it
    refused, draft and capability, so that another is tried. rung is where the item stands.
    """

    draft: Draft
    state: WriteState
    digest: str
    reference: str = ""
    etag: str = ""
    reason: WriteReason = WriteReason.NONE
    detail: str = ""
    wanted: bool = True
    rung: Landing = Landing.RESOURCE
    sent: dict[str, Any] | None = None
    sent_digest: str = ""
    in_flight: InFlight | None = None
    observed: str = ""
    status_before: str = ""
    status_given: str = ""
    attempts: int = 0
    tried: datetime | None = None
    refused_as: str = ""
    #: Since when it stands, or waits, as it does; None before it is kept.
    since: datetime | None = field(default=None, compare=False)

    @property
    def is_new(self) -> bool:
        """Whether it is to be written and never was."""
        return self.wanted and self.state in UNSENT and not self.reference

    @property
    def is_doubtful(self) -> bool:
        """Whether nobody knows if the EHR has it, or has it as it was sent."""
        return self.state in {WriteState.SENDING, WriteState.UNKNOWN}

    @property
    def standing(self) -> WriteStanding:
        """How the wish stands, for people and metrics."""
        return standing_of_write(self.state, self.reason, wanted=self.wanted)

    @property
    def settles(self) -> str:
        """The digest of the one wish that this state is about; "" for a state that stands whatever is wanted."""
        if self.state is WriteState.LANDED and self.reason is not WriteReason.REPLACED:
            return self.sent_digest
        return self.digest if self.state in {WriteState.REFUSED, WriteState.IMPOSSIBLE} else ""

    @property
    def problem(self) -> str:
        """The sentence for a person who must, or may, look at it; "" for nothing."""
        return explain(self.reason, self.detail)

    @property
    def why_there(self) -> str:
        """The sentence for a person that says why it stands on a lower rung; "" on its own, and for what stands nowhere now."""
        if self.rung is Landing.RESOURCE or self.state is WriteState.REVOKED:
            return ""
        return f"{self.problem} {IN_WORDS[self.rung]}".strip()

    def moved_to(
        self, state: WriteState, reason: WriteReason = WriteReason.NONE, detail: str = "", **more: Any
    ) -> "LedgerEntry":
        """The same entry in another state, with this reason; IllegalTransition where the table does not allow it."""
        if state is not self.state and state not in _ALLOWED[self.state]:
            raise IllegalTransition(self.state, state)
        return replace(self, state=state, reason=reason, detail=detail, **more)


#: Not there as far as anyone knows, and nothing of it is under way.
UNSENT: Final = frozenset({WriteState.WAITING, WriteState.IMPOSSIBLE})


class Ledger(Protocol):
    """The ledger of one discharge, held by the one process that may write its resources to the EHR.

    Each call is a short commit of its own, so that what is known survives the process and none is open while we speak
    HTTP. Every call raises StoreUnavailable when the hold is lost: whoever gets that must stop writing.
    """

    def entries(self) -> tuple[LedgerEntry, ...]:
        """What is wanted and what is there, in the order of the plan."""
        ...

    def add(self, drafts: Sequence[Draft]) -> None:
        """New rows, WAITING, for what no plan asked for (a task about a withdrawal); a key that is there keeps its row."""
        ...

    def want_also(self, drafts: Sequence[Draft]) -> None:
        """Make these wanted beside the plan's own, by the same rules: how a plan stands on lower rungs."""
        ...

    def land(self, landed: Sequence[Landed]) -> None:
        """On which rung these stand."""
        ...

    def save(self, entries: Sequence[LedgerEntry]) -> None:
        """What is known of these: all but what is wanted.

        A receipt, a refusal or what is not possible is about the wish it was decided for (digest, sent_digest): where a
        newer one has been made meanwhile, that one waits.
        """
        ...
