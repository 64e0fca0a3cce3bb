"""The discharge plan: what is drafted, before anyone signs it.

Every item has a stable key, unique within the plan and the same on every re-planning of the same discharge
("referral:food-pantry"): edits, receipts and resources hang on it.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, Protocol, TypeVar

from service.domain.assessment import Disposition, Outcome, Readiness
from service.domain.checklist import BoostItem, ComplianceItem
from service.domain.codes import Code
from service.domain.community_service import CommunityService, Match
from service.domain.decision import SOCIAL_WORK, WHOLE_PLAN, Choice, Decision
from service.domain.evidence import Evidence
from service.domain.explanation import Explanation
from service.domain.need import Need, NeedState
from service.domain.protocol import ProtocolRef, Review, Urgency
from service.domain.record import Encounter, Gap, Patient
from service.domain.risk import RiskScore
from service.domain.sensitivity import NONE, Labels, may_be_shared, merge


@dataclass(frozen=True, slots=True)
class Referral:
    """A service asked for because of a need.

    need is the first need that asks for it, also_for the codes of the others. existing is the literal reference of
    an active order that already covers it in the EHR, "" if there is none: with one, nothing new is ordered.
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
    also_for: tuple[str, ...] = ()
    #: The service a person chose among those offered, or found themselves.
    chosen: CommunityService | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """A measurable goal with its date. existing is the EHR's own Goal that says the same, "" if there is none."""

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
    existing: str = ""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A visit or call between two dates. existing is a booked Appointment that covers it, booked its day."""

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
    booked: date | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """A booked Appointment of the record, on the day of leaving or later."""

    reference: str
    on: date
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
class Programme:
    """A public programme for which the patient may qualify, to be verified; never more than that.

    rules and figures are those in force on the day of planning since effective; "" where none are on file for it.
    need is the first need that it may help with, also_for the codes of the others.
    """

    key: str
    need: str
    title: str
    authority: str
    rules: str
    effective: date | None
    review: Review
    also_for: tuple[str, ...] = ()
    labels: Labels = NONE


@dataclass(frozen=True, slots=True)
class BedsideQuestion:
    """What nobody has asked yet."""

    need: str
    question: str
    labels: Labels = NONE


@dataclass(frozen=True, slots=True)
class Declined:
    """What people said no to: kept to be shown and reopened, and asked for nowhere."""

    referrals: tuple[Referral, ...] = ()
    goals: tuple[Goal, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    education: tuple[Education, ...] = ()
    tasks: tuple[PersonTask, ...] = ()

    def items(self) -> "tuple[Item, ...]":
        """All of them."""
        return (*self.referrals, *self.goals, *self.follow_ups, *self.education, *self.tasks)


#: Anything of a plan that a person can decide about.
Item = Referral | Goal | FollowUp | Education | PersonTask
#: The lists of a plan that hold items.
ITEM_LISTS: Final = ("referrals", "goals", "follow_ups", "education", "tasks")


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
    bookings: tuple[Booking, ...] = ()
    compliance: tuple[ComplianceItem, ...] = ()
    boost: tuple[BoostItem, ...] = ()
    programmes: tuple[Programme, ...] = ()
    declined: Declined = Declined()
    decisions: tuple[Decision, ...] = ()
    #: Why each need was raised or not; a plan that only explains itself anew is the same plan.
    explanations: tuple[Explanation, ...] = field(default=(), compare=False)

    def present(self) -> tuple[Need, ...]:
        """The needs that are there."""
        return tuple(need for need in self.needs if need.state is NeedState.PRESENT)

    def items(self) -> tuple[Item, ...]:
        """All that is asked for, without what was declined."""
        return (*self.referrals, *self.goals, *self.follow_ups, *self.education, *self.tasks)

    def decision_on(self, key: str) -> Decision | None:
        """What stands about an item, or about the whole plan: its approval or refusal, None while it is proposed."""
        verdicts = (
            one for one in reversed(self.decisions) if one.item == key and one.choice is not Choice.EDITED
        )
        last = next(verdicts, None)
        return None if last is None or last.choice is Choice.REOPENED else last

    def edit_of(self, key: str) -> Decision | None:
        """The last change that a person made to an item, None where nobody did."""
        edits = (one for one in reversed(self.decisions) if one.item == key and one.choice is Choice.EDITED)
        return next(edits, None)

    def approval_of(self, key: str) -> Decision | None:
        """Who ordered it, even where it was declined later; None once it was reopened."""
        made = [one for one in self.decisions if one.item == key]
        reopened = max((n for n, one in enumerate(made) if one.choice is Choice.REOPENED), default=-1)
        approvals = [one for one in made[reopened + 1 :] if one.choice is Choice.APPROVED]
        return approvals[-1] if approvals else None

    def unsigned(self) -> "Plan":
        """The same plan as if nobody had approved anything, for an EHR that takes drafts only."""
        return replace(
            self, decisions=tuple(one for one in self.decisions if one.choice is not Choice.APPROVED)
        )

    def shareable(self) -> "Plan":
        """The same plan without anything that carries a sensitivity label, for resources that are read whole.

        A verdict or a suggestion that rests on something withheld would give it away, so it is withheld with it.
        """
        declined = _shareable_declined(self.declined)
        return replace(
            self,
            declined=declined,
            decisions=_told(self.decisions, (*_open_only(self.items()), *declined.items())),
            needs=tuple(replace(need, evidence=_open_only(need.evidence)) for need in _open_only(self.needs)),
            referrals=tuple(_without_labelled_parts(referral) for referral in _open_only(self.referrals)),
            goals=_open_only(self.goals),
            follow_ups=_open_only(self.follow_ups),
            education=_open_only(self.education),
            tasks=_open_only(self.tasks),
            bedside_questions=_open_only(self.bedside_questions),
            risk_scores=_open_only(self.risk_scores),
            bookings=_open_only(self.bookings),
            compliance=_open_only(self.compliance),
            boost=_open_only(self.boost),
            programmes=_open_only(self.programmes),
            explanations=_open_only(self.explanations),
            disposition=_shareable_disposition(self.disposition),
            readiness=_shareable_readiness(self.readiness),
        )

    def asks_for_social_work(self) -> bool:
        """Whether the neutral follow-up stands in the shared resources in place of what is withheld."""
        return self.outcome is Outcome.GOING_HOME and self.withholds()

    def withholds(self) -> bool:
        """Whether care that is needed stays out of the shared resources, so that a neutral follow-up stands there."""
        needed = tuple(need.labels for need in self.present())
        asked_for = tuple(referral.labels for referral in self.referrals)
        return not all(map(may_be_shared, needed + asked_for))


class _Labelled(Protocol):
    @property
    def labels(self) -> Labels: ...


class _Reasoned(_Labelled, Protocol):
    @property
    def evidence(self) -> tuple[Evidence, ...]: ...


_Item = TypeVar("_Item", bound=_Labelled)
#: Going to a psychiatric hospital says why, whatever it rests on.
_PSYCHIATRIC_HOSPITAL = "psy"


def _open_only(items: tuple[_Item, ...]) -> tuple[_Item, ...]:
    return tuple(item for item in items if may_be_shared(item.labels))


def _is_open(item: _Reasoned) -> bool:
    """Whether it may be shared, and all that it rests on."""
    return may_be_shared(item.labels | merge(part.labels for part in item.evidence))


def _without_labelled_parts(referral: Referral) -> Referral:
    offered = tuple(match for match in referral.community_services if may_be_shared(match.service.labels))
    chosen = referral.chosen if referral.chosen and may_be_shared(referral.chosen.labels) else None
    evidence = _open_only(referral.evidence)
    return replace(referral, community_services=offered, evidence=evidence, chosen=chosen)


def _shareable_declined(declined: Declined) -> Declined:
    return Declined(
        referrals=tuple(_without_labelled_parts(referral) for referral in _open_only(declined.referrals)),
        goals=_open_only(declined.goals),
        follow_ups=_open_only(declined.follow_ups),
        education=_open_only(declined.education),
        tasks=_open_only(declined.tasks),
    )


def _told(decisions: tuple[Decision, ...], shared: tuple[Item, ...]) -> tuple[Decision, ...]:
    """Decisions about what is shared: a reason for or against anything else would tell of it."""
    keys = {WHOLE_PLAN, SOCIAL_WORK, *(item.key for item in shared)}
    return tuple(decision for decision in decisions if decision.item in keys)


def _shareable_disposition(disposition: Disposition | None) -> Disposition | None:
    if disposition is None or not all(map(_is_open, disposition.factors)):
        return None
    return None if _PSYCHIATRIC_HOSPITAL in {disposition.suggested, disposition.ordered} else disposition


def _shareable_readiness(readiness: Readiness | None) -> Readiness | None:
    """The verdict stands where what may be told leads to the same one; otherwise it would tell of the rest."""
    if readiness is None:
        return None
    told = tuple(blocker for blocker in readiness.blockers if _is_open(blocker))
    same = told == readiness.blockers or Readiness.of(told).verdict is readiness.verdict
    return replace(readiness, blockers=told) if same else None
