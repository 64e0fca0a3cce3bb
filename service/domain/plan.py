"""The discharge plan: what is drafted, before anyone signs it, and what of it may be shared."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol, TypeVar

from service.domain.assessment import Disposition, Outcome, Readiness
from service.domain.checklist import BoostItem, ComplianceItem
from service.domain.content_origin import ContentOrigin
from service.domain.decision import SOCIAL_WORK, WHOLE_PLAN, Choice, Decision
from service.domain.evidence import Evidence
from service.domain.explanation import Explanation
from service.domain.need import Need, NeedState
from service.domain.plan_parts import (
    ITEM_LISTS,
    BedsideQuestion,
    Booking,
    Declined,
    Education,
    FollowUp,
    Goal,
    Item,
    PersonTask,
    Programme,
    Referral,
    Superseded,
)
from service.domain.record import Encounter, Gap, Patient
from service.domain.risk import RiskScore
from service.domain.sensitivity import NONE, Labels, may_be_shared, merge

#: The plan and its parts, by one name.
__all__ = [
    "ITEM_LISTS",
    "BedsideQuestion",
    "Booking",
    "Declined",
    "Education",
    "FollowUp",
    "Goal",
    "Item",
    "PersonTask",
    "Plan",
    "Programme",
    "Referral",
    "Superseded",
]


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
    declined: Declined = field(default_factory=Declined)
    decisions: tuple[Decision, ...] = ()
    #: What of the sensitive the patient agreed to have shared with the care team.
    consented: Labels = NONE
    #: Names the content it was made by; the same plan by other content is the same plan.
    content: ContentOrigin | None = field(default=None, compare=False)
    #: Who looks after the patient, as literal references; a plan that only others are told of is the same plan.
    care_team: tuple[str, ...] = field(default=(), compare=False)
    #: Why each need was raised or not; a plan that only explains itself anew is the same plan.
    explanations: tuple[Explanation, ...] = field(default=(), compare=False)
    #: What of an earlier stay's proposals this plan makes anew; once they are withdrawn, the same plan is the same.
    supersedes: tuple[Superseded, ...] = field(default=(), compare=False)
    #: The plan as the record without anything sensitive leads to it; None where it was drafted without one.
    for_everybody: "Plan | None" = None
    #: Types of which the record held nothing although a stay has some as a rule: asked for again, and no gap.
    silent: frozenset[str] = field(default=frozenset(), compare=False)
    #: Whether this is what everybody may read: it holds no verdict, whatever the record says.
    is_shared: bool = False

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

    def signature(self, proposed: datetime) -> Decision | None:
        """Who has signed the plan as a whole since it was proposed so; None while nobody has, or once it was declined."""
        verdict = self.decision_on(WHOLE_PLAN)
        is_signed = verdict is not None and verdict.choice is Choice.APPROVED and verdict.at >= proposed
        return verdict if is_signed else None

    def is_changed_since_signed(self, proposed: datetime) -> bool:
        """Whether the plan as a whole stands approved, and was proposed anew since."""
        verdict = self.decision_on(WHOLE_PLAN)
        return verdict is not None and verdict.choice is Choice.APPROVED and verdict.at < proposed

    def unsigned(self) -> "Plan":
        """The same plan as if nobody had approved anything, for an EHR that takes drafts only."""
        return replace(
            self,
            decisions=tuple(
                decision for decision in self.decisions if decision.choice is not Choice.APPROVED
            ),
            for_everybody=self.for_everybody.unsigned() if self.for_everybody else None,
        )

    def shareable(self) -> "Plan":
        """The plan for everybody, for resources that are read whole: nothing in it tells whether anything is withheld.

        It is the one drafted without the sensitive statements, less what carries a label by itself. Where to go is told as
        somebody has named it; a suggestion and a verdict would have to weigh what is withheld, so there are none.
        """
        if self.is_shared:
            return self
        told = self.for_everybody or self
        declined = _shareable_declined(told.declined)
        return replace(
            told,
            declined=declined,
            decisions=_told(told.decisions, (*_open_only(told.items()), *declined.items())),
            needs=tuple(replace(need, evidence=_open_only(need.evidence)) for need in _open_only(told.needs)),
            referrals=tuple(_without_labelled_parts(referral) for referral in _open_only(told.referrals)),
            goals=_open_only(told.goals),
            follow_ups=_open_only(told.follow_ups),
            education=_open_only(told.education),
            tasks=_open_only(told.tasks),
            bedside_questions=_open_only(told.bedside_questions),
            risk_scores=_open_only(told.risk_scores),
            bookings=_open_only(told.bookings),
            compliance=_open_only(told.compliance),
            boost=_open_only(told.boost),
            programmes=_open_only(told.programmes),
            explanations=_open_only(told.explanations),
            gaps=tuple(replace(gap, said=()) for gap in _open_only(told.gaps)),
            disposition=_shareable_disposition(told.disposition),
            readiness=_shareable_readiness(told.readiness),
            consented=NONE,
            content=self.content,
            is_shared=True,
        )

    def restricted(self) -> "Plan":
        """Only what carries labels whose sharing the patient agreed to, for resources of its own that carry them too.

        Needs and referrals are told without the evidence and the services that say more than was agreed to.
        """
        referrals, goals = self._agreed(self.referrals), tuple(filter(self._is_agreed, self.goals))
        declined = Declined(
            referrals=self._agreed(self.declined.referrals),
            goals=tuple(filter(self._is_agreed, self.declined.goals)),
        )
        return Plan(
            tenant=self.tenant,
            patient=self.patient,
            encounter=self.encounter,
            today=self.today,
            discharge_date=self.discharge_date,
            outcome=self.outcome,
            needs=tuple(
                replace(need, evidence=self._may_cite(need.evidence))
                for need in self.needs
                if self._may_be_told(need.labels)
            ),
            referrals=referrals,
            goals=goals,
            declined=declined,
            decisions=_told(self.decisions, (*referrals, *goals, *declined.items())),
            consented=self.consented,
        )

    def _may_be_told(self, labels: Labels) -> bool:
        return labels <= self.consented

    def _may_cite(self, evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
        return tuple(one for one in evidence if self._may_be_told(one.labels))

    def _is_agreed(self, item: "Referral | Goal") -> bool:
        return bool(item.labels) and self._may_be_told(item.labels)

    def _agreed(self, referrals: tuple[Referral, ...]) -> tuple[Referral, ...]:
        return tuple(self._narrowed(one) for one in referrals if self._is_agreed(one))

    def _narrowed(self, referral: Referral) -> Referral:
        chosen = referral.chosen
        return replace(
            referral,
            evidence=self._may_cite(referral.evidence),
            community_services=tuple(
                one for one in referral.community_services if self._may_be_told(one.service.labels)
            ),
            chosen=chosen if chosen and self._may_be_told(chosen.labels) else None,
        )

    def asks_for_social_work(self) -> bool:
        """Whether the neutral follow-up stands in the shared resources: for whoever leaves, so that it tells nothing."""
        return self.outcome is Outcome.GOING_HOME

    def withholds(self) -> bool:
        """Whether care that is needed stays out of what everybody may read."""
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
    # Where all that was found is withheld, "no community service found" would be untrue.
    asked = referral.community and bool(offered or not referral.community_services)
    return replace(referral, community_services=offered, evidence=evidence, chosen=chosen, community=asked)


def _shareable_declined(declined: Declined) -> Declined:
    return Declined(
        referrals=tuple(_without_labelled_parts(referral) for referral in _open_only(declined.referrals)),
        goals=_open_only(declined.goals),
        follow_ups=_open_only(declined.follow_ups),
        education=_open_only(declined.education),
        tasks=_open_only(declined.tasks),
    )


def _told(decisions: tuple[Decision, ...], shared: tuple[Item, ...]) -> tuple[Decision, ...]:
    """Decisions about what is shared: a reason for or against anything else would tell of it.

    Why something was approved says over which blocker.
    """
    keys = {WHOLE_PLAN, SOCIAL_WORK, *(item.key for item in shared)}
    told = (decision for decision in decisions if decision.item in keys)
    return tuple(
        replace(decision, reason="") if decision.choice is Choice.APPROVED else decision for decision in told
    )


def _shareable_disposition(disposition: Disposition | None) -> Disposition | None:
    """Where others send the patient, with what speaks for and against; no suggestion of ours."""
    if disposition is None:
        return None
    factors = tuple(factor for factor in disposition.factors if _is_open(factor))
    if not may_be_shared(disposition.labels) or _PSYCHIATRIC_HOSPITAL in {
        disposition.suggested,
        disposition.ordered,
    }:
        return Disposition(suggested="", display="", factors=factors)
    # Somebody's own words for a place may say anything.
    return replace(disposition, suggested="", display="", factors=factors, unread="", hint="")


def _shareable_readiness(readiness: Readiness | None) -> Readiness | None:
    """What is to be settled before leaving, as far as everybody may know it, and no verdict."""
    if readiness is None:
        return None
    return Readiness(None, tuple(blocker for blocker in readiness.blockers if _is_open(blocker)))
