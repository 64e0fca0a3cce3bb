"""What reconcile is told of the EHR, and what it has done: plain values, so that both sides can be tested by themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.shape import NOBODY, HospitalFacts
from service.domain.absence import Conclusion
from service.domain.preference_list import EMPTY, PreferenceList
from service.domain.publication import Draft, LedgerEntry
from service.ehr.capability import Capability

Json = dict[str, Any]


class Wish(StrEnum):
    """What is to become of one resource."""

    STAND = "stand"  # it is in the EHR as it is wanted: written, brought up to date, resumed
    RETIRE = "retire"  # the plan goes on without it
    WITHDRAW = (
        "withdraw"  # the discharge is called off: ended if it is a draft, on hold if a person approved it
    )
    UNSIGNED = "unsigned"  # it is written once a person has signed the plan; what stands already stays
    KEEP = "keep"  # it stands as it was told, and a later one replaces it
    LEFT = "left"  # offered to a clinician, who orders it in the EHR or not; theirs is adopted
    ASK = "ask"  # a task about an order on hold: it stands while the order is
    CLOSE = "close"  # a task about an order on hold: closed when the order is active again


class Sight(StrEnum):
    """What a look at the EHR showed of one resource of ours."""

    UNSEEN = "unseen"  # it was not looked for
    THERE = "there"
    SEVERAL = "several"  # more than one carries our identifier
    PERHAPS = "perhaps"  # something like it, and it cannot be told whose
    NOWHERE = "nowhere"  # the search answered, and it is not there
    ABSENT = "absent"  # it has an id and was not shown
    NOT_LET = "not-let"  # we were refused
    UNANSWERED = "unanswered"  # a passing fault
    NO_WAY = "no-way"  # this EHR offers no way to look


@dataclass(frozen=True, slots=True)
class Observed:
    """One look: the resource and its version where it was shown, what follows from an absence, else nothing."""

    sight: Sight = Sight.UNSEEN
    resource: Json = field(default_factory=dict)
    etag: str = ""
    absence: Conclusion = Conclusion.STANDS


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision needs beside the ledger and what was observed.

    wishes are by key. recorded is when what is now done was asked for, as it stands in the resources; at is now. but_approved: what a person approved is not put
    on hold when the discharge is called off; for_good: it is ended. For so long as patience an EHR may still be at work on what
    it has not answered. facts are of the hospital.
    preference_list is of its own orders, for an EHR to which orders are suggested by their key alone.
    vanished are elements by type that the EHR does not keep: that they are missing is nobody's edit.
    """

    capability: Capability
    wishes: Mapping[str, Wish]
    author: Author
    recorded: datetime
    at: datetime
    but_approved: bool = False
    for_good: bool = False
    patience: timedelta = timedelta()
    facts: HospitalFacts = NOBODY
    preference_list: PreferenceList = field(default_factory=lambda: EMPTY)
    vanished: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """Keep what is now known of an entry. Nothing is written to the EHR."""

    entry: LedgerEntry


@dataclass(frozen=True, slots=True)
class Write:
    """Create a resource (entry has no reference), or put one back under the version read (etag).

    entry is SENDING with what goes on the wire in flight; before is the entry as it stands again when the EHR says no.
    """

    entry: LedgerEntry
    before: LedgerEntry
    etag: str = ""

    @property
    def key(self) -> str:
        """The key of its entry."""
        return self.entry.draft.key

    @property
    def is_create(self) -> bool:
        """Whether the EHR has none of it yet."""
        return not self.entry.reference


@dataclass(frozen=True, slots=True)
class Add:
    """A task for a person that no plan asked for, as a new row of the ledger."""

    draft: Draft


Action = Record | Write | Add
