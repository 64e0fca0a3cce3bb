"""One discharge: who asked, how far it has come, and which way it may go next."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from service.errors import IllegalTransition


class Action(StrEnum):
    """What a trigger asks for."""

    PLAN = "plan"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Trigger:
    """Someone says that this stay is to be planned, or no longer.

    encounter and order are literal references ("Encounter/12", "ServiceRequest/7"; order "" when there is none);
    door names the way it came in ("subscription", "rest", "cds-hooks", "poll").
    """

    tenant: str
    encounter: str
    action: Action
    door: str
    order: str = ""


class DischargeState(StrEnum):
    """How far a discharge has come."""

    RECEIVED = "received"  # committed, its plan is on the way
    PLANNED = "planned"  # a plan version is committed, publication is on the way
    PUBLISHED = "published"  # the EHR holds it, with receipts
    CANCELLING = "cancelling"  # drafts are being withdrawn from the EHR
    CANCELLED = "cancelled"
    FAILED = "failed"  # a person must look; `problem` says at what


_ALLOWED = {
    DischargeState.RECEIVED: {DischargeState.PLANNED, DischargeState.FAILED, DischargeState.CANCELLING},
    DischargeState.PLANNED: {
        DischargeState.PUBLISHED,
        DischargeState.RECEIVED,
        DischargeState.FAILED,
        DischargeState.CANCELLING,
    },
    DischargeState.PUBLISHED: {DischargeState.RECEIVED, DischargeState.CANCELLING},
    DischargeState.CANCELLING: {DischargeState.CANCELLED, DischargeState.FAILED, DischargeState.RECEIVED},
    DischargeState.CANCELLED: {DischargeState.RECEIVED},
    DischargeState.FAILED: {DischargeState.RECEIVED, DischargeState.CANCELLING},
}


@dataclass(frozen=True, slots=True)
class Discharge:
    """One stay that is being planned; unique by (tenant, encounter).

    order is the order that stands now; round counts plannings asked for (1 for the first), so that a repeated job
    knows whether it is still wanted; problem is the PHI-free sentence a person reads when state is FAILED.
    """

    id: UUID
    tenant: str
    encounter: str
    order: str
    state: DischargeState
    round: int
    created: datetime
    changed: datetime
    problem: str = ""

    def move_to(self, new: DischargeState, at: datetime) -> "Discharge":
        """The same discharge one step further; IllegalTransition if the table does not allow it."""
        if new not in _ALLOWED[self.state]:
            raise IllegalTransition(self.state, new)
        return replace(self, state=new, changed=at)

    def asked_again(self, order: str, at: datetime) -> "Discharge":
        """The same stay, to be planned once more because of this order ("" keeps the one that stands)."""
        again = self if self.state is DischargeState.RECEIVED else self.move_to(DischargeState.RECEIVED, at)
        return replace(again, order=order or self.order, round=self.round + 1, changed=at, problem="")

    def failed(self, problem: str, at: datetime) -> "Discharge":
        """The same discharge, waiting for a person; problem is one PHI-free sentence."""
        return replace(self.move_to(DischargeState.FAILED, at), problem=problem)
