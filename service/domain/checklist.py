"""Checklists on a plan: what a compliant discharge shows (42 CFR 482.43, RED, IDEAL), and the eight P of BOOST.

Neither is a score. What the record does not show is open, or not assessed: never met, never absent. An item is met by acts
alone, each with who did it and when: never by what we drafted, by an empty directory or by a question that nobody answered.
"""

from dataclasses import dataclass
from enum import StrEnum

from service.domain.evidence import Evidence
from service.domain.expression import Expression
from service.domain.need import NeedState
from service.domain.protocol import Review
from service.domain.sensitivity import NONE, Labels


class Mark(StrEnum):
    """How an item of the compliance checklist stands."""

    MET = "met"
    OPEN = "open"
    NOT_APPLICABLE = "not applicable"


class Shown(StrEnum):
    """What of an item only the drafted plan itself can show."""

    NEEDS_ASSESSED = "needs-assessed"  # no bedside question is left, and somebody recorded the answers
    LANGUAGE_ARRANGED = (
        "language-arranged"  # somebody recorded that no help is needed, or ordered an interpreter
    )
    SERVICES_TAKEN = (
        "services-taken"  # nothing shows it: a directory takes nobody; not applicable without a referral
    )
    SERVICES_ORDERED = "services-ordered"  # somebody has ordered each referral
    VISITS_BOOKED = "visits-booked"  # each visit of the plan is a booked appointment with somebody
    PLAN_SIGNED = "plan-signed"  # a named person has approved the plan


@dataclass(frozen=True, slots=True)
class ComplianceRule:
    """One item as `config/compliance.yaml` gives it.

    frameworks name what asks for it ("42 CFR 482.43(a)(8)", "RED 9"). applies and met are asked of the record, shown of
    the plan; without met and shown only a person can say that it is done. owner does it, as to_do says. With for_services
    it applies only to a plan with one of these referral services or dispositions.
    """

    key: str
    requirement: str
    frameworks: tuple[str, ...]
    owner: str
    to_do: str
    review: Review = Review.PENDING
    applies: Expression | None = None
    met: Expression | None = None
    shown: Shown | None = None
    for_services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ComplianceItem:
    """One item on a plan. owner and to_do say who does what while it is open; evidence is why it is met."""

    key: str
    requirement: str
    frameworks: tuple[str, ...]
    mark: Mark
    owner: str
    to_do: str
    evidence: tuple[Evidence, ...] = ()
    review: Review = Review.PENDING
    labels: Labels = NONE
    shown: Shown | None = None
    for_services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BoostRule:
    """One P of BOOST as `config/boost_8p.yaml` gives it. Without present it is the earlier admissions that count.

    read is the resource type of which the record must hold one for silence to mean no; "" where only an answer does.
    """

    key: str
    title: str
    present: Expression | None = None
    absent: Expression | None = None
    read: str = ""
    labels: Labels = NONE


@dataclass(frozen=True, slots=True)
class BoostItem:
    """One P of BOOST on a plan, in the three states of a need."""

    key: str
    title: str
    state: NeedState
    evidence: tuple[Evidence, ...] = ()
    labels: Labels = NONE


@dataclass(frozen=True, slots=True)
class Checklists:
    """The checklists of a deployment."""

    compliance: tuple[ComplianceRule, ...] = ()
    boost: tuple[BoostRule, ...] = ()

    def expressions(self) -> tuple[Expression, ...]:
        """Every expression that stands in them."""
        asked = [rule.applies for rule in self.compliance] + [rule.met for rule in self.compliance]
        asked += [rule.present for rule in self.boost] + [rule.absent for rule in self.boost]
        return tuple(expression for expression in asked if expression is not None)


NO_CHECKLISTS = Checklists()
