"""The items of the compliance checklist that only the plan itself can show."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from fhir_mappings.inbound.trigger import WISHES
from service.domain.checklist import ComplianceItem, Mark, Shown
from service.domain.decision import WHOLE_PLAN, Choice
from service.domain.evidence import Certainty, Evidence
from service.domain.need import NeedState
from service.domain.plan import Plan
from service.domain.record import Fact, Record
from service.domain.sensitivity import Labels, merge
from service.pipeline.draft.standing import words

#: What stands in the EHR, by its literal reference.
_Acts = Mapping[str, Fact]
_Finding = tuple[Mark, tuple[Evidence, ...]]
_OPEN: Final[_Finding] = (Mark.OPEN, ())
_NOT_APPLICABLE: Final[_Finding] = (Mark.NOT_APPLICABLE, ())
_LANGUAGE: Final = "language-access"
_INTERPRETER: Final = "interpreter-services"
_ANSWERS: Final = ("Observation/", "QuestionnaireResponse/")
_NOT_DONE: Final = frozenset({"", "draft", "on-hold", "unknown"})


def settled(items: Collection[ComplianceItem], plan: Plan, record: Record) -> tuple[ComplianceItem, ...]:
    """The items on this plan; record holds the orders and visits that stand for items of it."""
    acts = {fact.reference: fact for fact in record.facts}
    return tuple(_settled(item, plan, acts) for item in items)


def with_signature(plan: Plan) -> Plan:
    """The plan with what its approval by a named person shows; a plan that was reopened or declined shows it no more."""
    approval = plan.decision_on(WHOLE_PLAN)
    finding = _OPEN
    if approval and approval.choice is Choice.APPROVED:
        said = f"Plan approved by {approval.by.name}"
        by = approval.by.reference or approval.by.name
        finding = Mark.MET, (Evidence(plan.encounter.reference, None, approval.at.date(), said, by=by),)
    mark, evidence = finding
    items = (
        replace(item, mark=mark, evidence=evidence) if item.shown is Shown.PLAN_SIGNED else item
        for item in plan.compliance
    )
    return replace(plan, compliance=tuple(items))


def marked(items: Collection[ComplianceItem], told: Plan, plan: Plan) -> tuple[ComplianceItem, ...]:
    """The items of the whole plan: one that stands otherwise than in the plan for everybody carries all labels there are."""
    known = {item.key: item.mark for item in told.compliance}
    labels = _withheld(plan)
    return tuple(
        item if item.mark is known.get(item.key) else replace(item, labels=item.labels | labels)
        for item in items
    )


def _settled(item: ComplianceItem, plan: Plan, acts: _Acts) -> ComplianceItem:
    if item.mark is not Mark.OPEN or not (item.shown or item.for_services):
        return item
    mark, evidence = _judged(item, plan, acts)
    return replace(
        item, mark=mark, evidence=evidence, labels=item.labels | merge(cited.labels for cited in evidence)
    )


def _judged(item: ComplianceItem, plan: Plan, acts: _Acts) -> _Finding:
    if item.for_services and not _concerns(item, plan):
        return _NOT_APPLICABLE
    return _SHOWN[item.shown](plan, acts) if item.shown else _OPEN


def _concerns(item: ComplianceItem, plan: Plan) -> bool:
    """Whether the plan has one of the services; while the place to go is open, it may yet."""
    place = plan.disposition
    there = {referral.service for referral in plan.referrals}
    there |= {place.suggested, place.ordered} if place else set()
    return not there.isdisjoint(item.for_services) or not (place and place.suggested)


def _met_by(evidence: Iterable[Evidence]) -> _Finding:
    """Met where there is something, and all of it names act, actor and time."""
    found = tuple(evidence)
    return (Mark.MET, found) if found and all(act.is_act() for act in found) else _OPEN


def _needs_assessed(plan: Plan, _: _Acts) -> _Finding:
    """Somebody asked and nothing is left to ask: the answers that name who recorded them stand for it."""
    decided = plan.disposition is not None and bool(plan.disposition.suggested)
    if plan.bedside_questions or not decided:
        return _OPEN
    answers = (
        cited
        for need in plan.needs
        for cited in need.evidence
        if cited.reference.startswith(_ANSWERS) and cited.certainty is Certainty.SUPPORTED
    )
    return _met_by(dict.fromkeys(answers))


def _language_arranged(plan: Plan, acts: _Acts) -> _Finding:
    need = next((need for need in plan.needs if need.code == _LANGUAGE), None)
    if need is None or need.state is NeedState.NOT_ASSESSED:
        return _OPEN
    if need.state is NeedState.ABSENT:
        return _met_by(need.evidence)
    return _met_by(
        _act(item.existing, item.title, acts)
        for item in plan.referrals
        if item.service == _INTERPRETER and item.is_ordered()
    )


def _services_taken(plan: Plan, _: _Acts) -> _Finding:
    """A service in a directory takes nobody yet, and an order does not say that it does."""
    return _NOT_APPLICABLE if _asks_for_nothing(plan.referrals, plan) else _OPEN


def _services_ordered(plan: Plan, acts: _Acts) -> _Finding:
    if _asks_for_nothing(plan.referrals, plan):
        return _NOT_APPLICABLE
    ordered = (referral.existing if referral.is_ordered() else "" for referral in plan.referrals)
    return _met_by(
        _act(order, referral.title, acts) for order, referral in zip(ordered, plan.referrals, strict=True)
    )


def _visits_booked(plan: Plan, acts: _Acts) -> _Finding:
    """Calls are made, not booked."""
    visits = [visit for visit in plan.follow_ups if "call" not in words(visit.text).split()]
    if _asks_for_nothing(visits, plan):
        return _NOT_APPLICABLE
    return _met_by(_act(visit.existing, visit.text, acts) for visit in visits)


def _plan_signed(_plan: Plan, _: _Acts) -> _Finding:
    """Nobody signs before there is a plan (`with_signature`)."""
    return _OPEN


def _asks_for_nothing(items: Sequence[object], plan: Plan) -> bool:
    """Whether nothing is asked for, and no question is left that may yet ask for something."""
    return not items and not plan.bedside_questions


def _act(reference: str, text: str, acts: _Acts) -> Evidence:
    """What stands in the EHR for an item of the plan, with who did it and when; nothing where nobody has done it yet.

    A draft, an order on hold and a proposal stand for an item, so that it is not drafted twice, and are no act.
    """
    found = acts.get(reference)
    if found is None or found.status in _NOT_DONE or found.intent in WISHES:
        return Evidence("", None, None, text)
    code = found.codes[0] if found.codes else None
    return Evidence(reference, code, found.began, text, labels=found.labels, by=found.by)


_SHOWN: Final[dict[Shown, Callable[[Plan, _Acts], _Finding]]] = {
    Shown.NEEDS_ASSESSED: _needs_assessed,
    Shown.LANGUAGE_ARRANGED: _language_arranged,
    Shown.SERVICES_TAKEN: _services_taken,
    Shown.SERVICES_ORDERED: _services_ordered,
    Shown.VISITS_BOOKED: _visits_booked,
    Shown.PLAN_SIGNED: _plan_signed,
}


def _withheld(plan: Plan) -> Labels:
    found = [merge(need.labels for need in plan.needs), merge(score.labels for score in plan.risk_scores)]
    found += [referral.labels for referral in plan.referrals] + [visit.labels for visit in plan.follow_ups]
    return merge(found)
