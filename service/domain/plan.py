"""The discharge plan: what is drafted, before anyone signs it, and what of it may be shared."""

from dataclasses import dataclass, field, replace
from datetime import date
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
            gaps=tuple(replace(gap, said=()) for gap in _open_only(self.gaps)),
            disposition=_shareable_disposition(self.disposition),
            readiness=_shareable_readiness(self.readiness),
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
    """Decisions about what is shared: a reason for or against anything else would tell of it."""
    keys = {WHOLE_PLAN, SOCIAL_WORK, *(item.key for item in shared)}
    return tuple(decision for decision in decisions if decision.item in keys)


def _shareable_disposition(disposition: Disposition | None) -> Disposition | None:
    if disposition is None or not all(map(_is_open, disposition.factors)):
        return None
    if not may_be_shared(disposition.labels):
        return None
    if _PSYCHIATRIC_HOSPITAL in {disposition.suggested, disposition.ordered}:
        return None
    # Somebody's own words for a place may say anything.
    return replace(disposition, unread="", hint="")


def _shareable_readiness(readiness: Readiness | None) -> Readiness | None:
    """The verdict stands where what may be told leads to the same one; otherwise it would tell of the rest."""
    if readiness is None:
        return None
    told = tuple(blocker for blocker in readiness.blockers if _is_open(blocker))
    same = told == readiness.blockers or Readiness.of(told).verdict is readiness.verdict
    return replace(readiness, blockers=told) if same else None
