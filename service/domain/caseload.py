"""A hospital's caseload: the discharges that are open, and what of each waits for a person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID

from service.domain.discharge import Discharge, DischargeState
from service.domain.plan import Plan
from service.domain.publication import WriteStanding, WriteState


class Waiting(StrEnum):
    """What waits for a person."""

    FAILED = "failed"  # it came no further; the problem says why
    UNDECIDED = "undecided"  # items that nobody has approved or declined
    UNASSIGNED = "unassigned"  # community referrals for which nobody has chosen a service
    OVERDUE = "overdue"  # visits and calls whose last day has passed without a booking
    UNKNOWN_WRITES = "unknown-writes"  # nobody can find out whether the EHR has them
    HOLDS = "holds"  # approved, and paused because the discharge was called off
    CONFLICTS = "conflicts"  # somebody changed them in the EHR; theirs stand


#: What of the ledger waits for a person, whether the discharge stands or not.
IN_THE_LEDGER: Mapping[WriteState, Waiting] = {
    WriteState.UNKNOWN: Waiting.UNKNOWN_WRITES,
    WriteState.ON_HOLD: Waiting.HOLDS,
    WriteState.THEIRS: Waiting.CONFLICTS,
}

#: What the EHR has not taken: it is tried again by itself, and whoever looks after the hospital wants to know how much.
NOT_TAKEN: Final = (WriteStanding.WAITING, WriteStanding.REFUSED)


@dataclass(frozen=True, slots=True)
class Unwritten:
    """How many writes of a discharge the EHR has not taken, by why, and how many of them carry security labels."""

    counts: Mapping[WriteStanding, int] = field(default_factory=dict)
    restricted: Mapping[WriteStanding, int] = field(default_factory=dict)

    def told(self, *, sensitive: bool) -> dict[WriteStanding, int]:
        """What is not nothing of it, for a reader who may, or may not, know of what carries a label."""
        hidden = {} if sensitive else self.restricted
        told = {standing: self.counts.get(standing, 0) - hidden.get(standing, 0) for standing in NOT_TAKEN}
        return {standing: number for standing, number in told.items() if number}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a discharge stands in the caseload's order: by the day of leaving, those without a plan first, then by id."""

    leaving: str
    discharge: UUID


@dataclass(frozen=True, slots=True)
class OpenDischarge:
    """One discharge with its newest plan (None before the first) and how many writes are in each state that waits for a person.

    restricted counts those among them that carry security labels. unwritten waits for the EHR.
    """

    discharge: Discharge
    plan: Plan | None
    written: Mapping[WriteState, int]
    restricted: Mapping[WriteState, int]
    place: Place
    unwritten: Unwritten = field(default_factory=Unwritten)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which part of a caseload: states, and first and last day of leaving; all of it without them.

    since is the day before which those who left are followed no more, unless something of theirs still waits.
    """

    since: date
    states: frozenset[DischargeState] = frozenset()
    leaving_from: date | None = None
    leaving_until: date | None = None
