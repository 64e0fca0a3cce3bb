"""The items of the compliance checklist that only the plan itself can show."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from service.domain.checklist import ComplianceItem, Mark, Shown
from service.domain.evidence import Evidence
from service.domain.need import NeedState
from service.domain.plan import Plan, Referral
from service.domain.sensitivity import Labels, merge
from service.pipeline.draft.standing import words

_Finding = tuple[Mark, tuple[Evidence, ...]]
_OPEN: Final[_Finding] = (Mark.OPEN, ())
_NOT_APPLICABLE: Final[_Finding] = (Mark.NOT_APPLICABLE, ())
_LANGUAGE: Final = "language-access"
_INTERPRETER: Final = "interpreter-services"


def settled(items: Collection[ComplianceItem], plan: Plan) -> tuple[ComplianceItem, ...]:
    """The items on this plan."""
    return tuple(_settled(item, plan) for item in items)


def marked(items: Collection[ComplianceItem], told: Plan, plan: Plan) -> tuple[ComplianceItem, ...]:
    """The items of the whole plan: one that stands otherwise than in the plan for everybody carries all labels there are."""
    known = {item.key: item.mark for item in told.compliance}
    labels = _withheld(plan)
    return tuple(
        item if item.mark is known.get(item.key) else replace(item, labels=item.labels | labels)
        for item in items
    )


def _settled(item: ComplianceItem, plan: Plan) -> ComplianceItem:
    if item.mark is not Mark.OPEN or not (item.shown or item.for_services):
        return item
    mark, evidence = _judged(item, plan)
    return replace(
        item, mark=mark, evidence=evidence, labels=item.labels | merge(one.labels for one in evidence)
    )


def _judged(item: ComplianceItem, plan: Plan) -> _Finding:
    if item.for_services and not _concerns(item, plan):
        return _NOT_APPLICABLE
    return _SHOWN[item.shown](plan) if item.shown else _OPEN


def _concerns(item: ComplianceItem, plan: Plan) -> bool:
    """Whether the plan has one of the services; while the place to go is open, it may yet."""
    place = plan.disposition
    there = {referral.service for referral in plan.referrals}
    there |= {place.suggested, place.ordered} if place else set()
    return not there.isdisjoint(item.for_services) or not (place and place.suggested)


def _risk_scored(plan: Plan) -> _Finding:
    for score in plan.risk_scores:
        if score.value is not None:
            said = f"{score.name}: {score.value}, {score.band}"
            return Mark.MET, (_this_plan(plan, said),)
    return _OPEN


def _needs_assessed(plan: Plan) -> _Finding:
    decided = plan.disposition is not None and bool(plan.disposition.suggested)
    if plan.bedside_questions or not decided:
        return _OPEN
    return Mark.MET, (_this_plan(plan, "Every need was asked about, and a place to go is suggested"),)


def _language_arranged(plan: Plan) -> _Finding:
    need = next((need for need in plan.needs if need.code == _LANGUAGE), None)
    if need is None or need.state is NeedState.NOT_ASSESSED:
        return _OPEN
    if need.state is NeedState.ABSENT:
        return Mark.MET, need.evidence
    ordered = [item for item in plan.referrals if item.service == _INTERPRETER and item.existing]
    return (Mark.MET, tuple(map(_order, ordered))) if ordered else _OPEN


def _services_found(plan: Plan) -> _Finding:
    asked = [referral for referral in plan.referrals if referral.community or referral.existing]
    if not asked:
        return _NOT_APPLICABLE
    if all(referral.community_services or referral.existing for referral in asked):
        return Mark.MET, (_this_plan(plan, f"{len(asked)} services found"),)
    return _OPEN


def _services_ordered(plan: Plan) -> _Finding:
    if not plan.referrals:
        return _NOT_APPLICABLE
    if all(referral.existing for referral in plan.referrals):
        return Mark.MET, tuple(_order(referral) for referral in plan.referrals)
    return _OPEN


def _visits_booked(plan: Plan) -> _Finding:
    """Calls are made, not booked."""
    visits = [visit for visit in plan.follow_ups if "call" not in words(visit.text).split()]
    if not visits:
        return _NOT_APPLICABLE
    if all(visit.existing for visit in visits):
        return Mark.MET, tuple(
            Evidence(x.existing, x.code, x.booked, x.text, labels=x.labels) for x in visits
        )
    return _OPEN


_SHOWN: Final[dict[Shown, Callable[[Plan], _Finding]]] = {
    Shown.RISK_SCORED: _risk_scored,
    Shown.NEEDS_ASSESSED: _needs_assessed,
    Shown.LANGUAGE_ARRANGED: _language_arranged,
    Shown.SERVICES_FOUND: _services_found,
    Shown.SERVICES_ORDERED: _services_ordered,
    Shown.VISITS_BOOKED: _visits_booked,
}


def _order(referral: Referral) -> Evidence:
    return Evidence(referral.existing, referral.code, None, referral.title, labels=referral.labels)


def _this_plan(plan: Plan, text: str) -> Evidence:
    return Evidence(plan.encounter.reference, None, plan.today, text)


def _withheld(plan: Plan) -> Labels:
    found = [merge(need.labels for need in plan.needs), merge(score.labels for score in plan.risk_scores)]
    found += [referral.labels for referral in plan.referrals] + [visit.labels for visit in plan.follow_ups]
    return merge(found)
