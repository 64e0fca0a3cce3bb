"""The discharge plan: what is drafted, before anyone signs it.

Every item has a stable key, unique within the plan and the same on every re-planning of the same discharge
("referral:food-insecurity:food-pantry"): edits, receipts and resources hang on it.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol, TypeVar

from service.domain.assessment import Disposition, Outcome, Readiness
from service.domain.codes import Code
from service.domain.community_service import Match
from service.domain.evidence import Evidence
from service.domain.need import Need, NeedState
from service.domain.protocol import ProtocolRef, Urgency
from service.domain.record import Encounter, Gap, Patient
from service.domain.risk import RiskScore
from service.domain.sensitivity import NONE, Labels, may_be_shared


@dataclass(frozen=True, slots=True)
class Referral:
    """A service asked for because of a need.

    existing is the literal reference of an active order that already covers it in the EHR, "" if there is none: with
    one, nothing new is ordered.
    """

    key: str
    need: str
    service: str
    title: str
    category: str
    priority: Urgency
    due: date
    protocol: ProtocolRef
    code: Code | None = None
    community_services: tuple[Match, ...] = ()
    #: Whether the directory was asked; with no community_services, nothing suitable was found and a task says so.
    community: bool = True
    evidence: tuple[Evidence, ...] = ()
    existing: str = ""
    patient_text: str = ""
    labels: Labels = NONE


@dataclass(frozen=True, slots=True)
class Goal:
    """A measurable goal with its date."""

    key: str
    need: str
    text: str
    start: date
    due: date
    protocol: ProtocolRef
    measure: Code | None = None
    target: str = ""
    patient_text: str = ""
    labels: Labels = NONE


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A visit or call between two dates. existing is a booked Appointment that covers it."""

    key: str
    need: str
    text: str
    not_before: date
    due: date
    protocol: ProtocolRef
    code: Code | None = None
    existing: str = ""
    patient_text: str = ""
    labels: Labels = NONE


@dataclass(frozen=True, slots=True)
class Education:
    """What is taught before leaving; link is a MedlinePlus Connect URL built from the code, "" without one."""

    key: str
    need: str
    text: str
    protocol: ProtocolRef
    topic: Code | None = None
    link: str = ""
    patient_text: str = ""
    labels: Labels = NONE


@dataclass(frozen=True, slots=True)
class PersonTask:
    """Work for a named role: the social worker's list."""

    key: str
    need: str
    text: str
    owner: str
    due: date
    labels: Labels = NONE


@dataclass(frozen=True, slots=True)
class BedsideQuestion:
    """What nobody has asked yet."""

    need: str
    question: str
    labels: Labels = NONE


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything Homeward proposes for one discharge.

    today is the date it was made for; discharge_date the expected day of leaving, from which due dates count.
    """

    tenant: str
    patient: Patient
    encounter: Encounter
    today: date
    discharge_date: date
    outcome: Outcome
    needs: tuple[Need, ...]
    referrals: tuple[Referral, ...] = ()
    goals: tuple[Goal, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    education: tuple[Education, ...] = ()
    tasks: tuple[PersonTask, ...] = ()
    bedside_questions: tuple[BedsideQuestion, ...] = ()
    risk_scores: tuple[RiskScore, ...] = ()
    disposition: Disposition | None = None
    readiness: Readiness | None = None
    gaps: tuple[Gap, ...] = ()

    def shareable(self) -> "Plan":
        """The same plan without anything that carries a sensitivity label, for resources that are read whole."""
        return replace(
            self,
            needs=_open_only(self.needs),
            referrals=_open_only(self.referrals),
            goals=_open_only(self.goals),
            follow_ups=_open_only(self.follow_ups),
            education=_open_only(self.education),
            tasks=_open_only(self.tasks),
            bedside_questions=_open_only(self.bedside_questions),
            risk_scores=_open_only(self.risk_scores),
            disposition=self.disposition
            and replace(self.disposition, factors=_open_only(self.disposition.factors)),
            readiness=self.readiness
            and replace(self.readiness, blockers=_open_only(self.readiness.blockers)),
        )

    def withholds(self) -> bool:
        """Whether a need that is there stays out of the shared resources, so that a neutral follow-up stands there."""
        return any(need.state is NeedState.PRESENT and not may_be_shared(need.labels) for need in self.needs)


class _Labelled(Protocol):
    @property
    def labels(self) -> Labels: ...


_Item = TypeVar("_Item", bound=_Labelled)


def _open_only(items: tuple[_Item, ...]) -> tuple[_Item, ...]:
    return tuple(item for item in items if may_be_shared(item.labels))
