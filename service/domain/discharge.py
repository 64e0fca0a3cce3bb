"""One discharge: who asked, how far it has come, and which way it may go next."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from service.errors import IllegalTransition


class Action(StrEnum):
    """What a trigger asks for."""

    PLAN = "plan"
    REFRESH = "refresh"  # the stay has changed: plan it anew if it is being planned at all
    CANCEL = "cancel"


class CallOff(StrEnum):
    """Why a discharge was called off, for those that are."""

    NONE = ""  # it stands, or was called off before this was kept
    PERSON = "person"  # by REST
    WORDS = "words"  # the EHR says so of stay or order
    ABSENCE = "absence"  # stay or order is no longer in the EHR
    DEATH = "death"  # called off, and then the patient died: what rested is ended

    @property
    def may_be_undone(self) -> bool:
        """Whether the EHR may show that it was a mistake."""
        return self in {CallOff.WORDS, CallOff.ABSENCE}

    @classmethod
    def of(cls, code: str) -> "CallOff":
        """The reason of a stored code; NONE, which nothing undoes, for one that only a later version knows."""
        return cls(code) if code in set(cls) else cls.NONE


class StayStatus(StrEnum):
    """The status of a stay in R4's words."""

    UNTOLD = ""  # nobody has told, or in no word of R4's
    PLANNED = "planned"
    ARRIVED = "arrived"
    TRIAGED = "triaged"
    IN_PROGRESS = "in-progress"
    ON_LEAVE = "onleave"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    IN_ERROR = "entered-in-error"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, written: str) -> "StayStatus":
        """The status of that code, UNTOLD for a word that R4 does not know."""
        return cls(written) if written in set(cls) else cls.UNTOLD

    @property
    def is_off(self) -> bool:
        """Whether the stay did not take place."""
        return self in {StayStatus.CANCELLED, StayStatus.IN_ERROR}

    @property
    def goes_on(self) -> bool:
        """Whether it has begun and not ended."""
        return self in {StayStatus.IN_PROGRESS, StayStatus.ON_LEAVE}


@dataclass(frozen=True, slots=True)
class Trigger:
    """Someone says that this stay is to be planned, or no longer.

    encounter and order are literal references ("Encounter/12", "ServiceRequest/7"; order "" when there is none);
    door names the way it came in ("subscription", "rest", "cds-hooks", "poll"). told is what order or stay say of the
    date, as a digest ("" if nothing): another one than before means that it has moved. stay is the status of a stay that was
    told of. replaces are the orders that
    this one stands for. in_ehr says that the EHR was asked just now, so that this is no late duplicate; hint, that only a
    notification tells of it, which may be late. why is the reason of a cancel; is_proven says of an absence that the EHR was
    well meanwhile. died says that the patient of the stay that was told of has died.
    """

    tenant: str
    encounter: str
    action: Action
    door: str
    order: str = ""
    told: str = ""
    stay: StayStatus = StayStatus.UNTOLD
    replaces: tuple[str, ...] = ()
    in_ehr: bool = False
    hint: bool = False
    why: CallOff = CallOff.WORDS
    is_proven: bool = False
    died: bool = False

    @property
    def about(self) -> str:
        """The order or, without one, the stay that it tells of."""
        return self.order or self.encounter


@dataclass(frozen=True, slots=True)
class SeenOrder:
    """What is known of an order.

    cancelled: it stands no longer. ended: it was the EHR that called it off, so that the EHR may say that it stands
    again; what a person called off here stays so. told: what it last said of its date, as a digest. in_ehr: the EHR has
    shown it, so that it may be missed there. hint: only a notification told of it, which may be late.
    """

    cancelled: bool
    ended: bool
    told: str
    in_ehr: bool = True
    hint: bool = False


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
    # A person's decision is published like a plan.
    DischargeState.PUBLISHED: {DischargeState.RECEIVED, DischargeState.PLANNED, DischargeState.CANCELLING},
    DischargeState.CANCELLING: {DischargeState.CANCELLED, DischargeState.FAILED, DischargeState.RECEIVED},
    # Once more where the patient has died since: nothing rests for them.
    DischargeState.CANCELLED: {DischargeState.RECEIVED, DischargeState.CANCELLING},
    # From the step that failed: read anew, written anew, or withdrawn anew.
    DischargeState.FAILED: {DischargeState.RECEIVED, DischargeState.PLANNED, DischargeState.CANCELLING},
}


@dataclass(frozen=True, slots=True)
class Discharge:
    """One stay that is being planned; unique by (tenant, encounter).

    order is the order that stands now; round counts plannings asked for (1 for the first), so that a repeated job
    knows whether it is still wanted; problem is the PHI-free sentence a person reads when state is FAILED; told is a digest of
    what was last told of the stay, and stay its status then. call_off and called_off say why and when it was called off;
    held is the stay or order because of which it would be, were the hospital's brake not closed.
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
    told: str = ""
    stay: StayStatus = StayStatus.UNTOLD
    call_off: CallOff = CallOff.NONE
    called_off: datetime | None = None
    held: str = ""

    def move_to(self, new: DischargeState, at: datetime) -> "Discharge":
        """The same discharge one step further; IllegalTransition if the table does not allow it."""
        if new not in _ALLOWED[self.state]:
            raise IllegalTransition(self.state, new)
        return replace(self, state=new, changed=at)

    def planned(self, told: str, stay: StayStatus, at: datetime) -> "Discharge":
        """The same discharge with a plan of the stay as it was then told of."""
        return replace(
            self.move_to(DischargeState.PLANNED, at), told=told or self.told, stay=stay or self.stay
        )

    def asked_again(self, order: str, at: datetime) -> "Discharge":
        """The same stay, to be planned once more because of this order ("" keeps the one that stands)."""
        again = self if self.state is DischargeState.RECEIVED else self.move_to(DischargeState.RECEIVED, at)
        again = replace(again, order=order or self.order, round=self.round + 1, changed=at, problem="")
        return replace(again, call_off=CallOff.NONE, called_off=None, held="")

    def called_off_by(self, why: CallOff, at: datetime, *, had_plan: bool) -> "Discharge":
        """The same discharge, to be taken back."""
        cancelling = self.move_to(DischargeState.CANCELLING, at)
        return replace(cancelling, call_off=why, called_off=at if had_plan else None, held="")

    def is_called_off(self) -> bool:
        """Whether there is nothing to decide until it is ordered again."""
        return self.state in {DischargeState.CANCELLING, DischargeState.CANCELLED}

    def failed(self, problem: str, at: datetime) -> "Discharge":
        """The same discharge, waiting for a person; problem is one PHI-free sentence."""
        return replace(self.move_to(DischargeState.FAILED, at), problem=problem)
