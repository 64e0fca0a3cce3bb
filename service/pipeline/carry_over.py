"""A plan made while the EHR kept parts of the record from us keeps what the plan before it knew from those parts.

Nothing is taken from a patient on one failed look. What was read all the same counts: a place that is named, a death, an
answer of no. Pure: the same two plans and protocols always give the same plan.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from service.domain.assessment import Blocker, Disposition, Outcome, Readiness
from service.domain.checklist import Mark
from service.domain.content import Protocol
from service.domain.evidence import Evidence
from service.domain.need import Need, NeedState
from service.domain.plan import ITEM_LISTS, FollowUp, Goal, Item, PersonTask, Plan, Referral
from service.domain.sensitivity import merge
from service.pipeline.assess.unread_types import RISKS, types_asked, types_unread

#: What is judged of the whole record, anew each time: either that of the plan before stands, or the new one.
_OF_DISPOSITION: Final = frozenset({"disposition-open", "disposition-mismatch"})
_OF_QUESTIONS: Final = frozenset({"not-assessed", "not-assessed-in-private"})
_OF_GAPS: Final = frozenset({"record-incomplete", "record-provisional"})
#: What says that somebody has died or is transferred, besides Patient and stay.
_ENDS: Final = frozenset({"Condition", "Observation", "QuestionnaireResponse", "ServiceRequest"})
_DATES: Final = ("start", "not_before", "due")


def carry_over(plan: Plan, before: Plan, protocols: Iterable[Protocol]) -> Plan:
    """The new plan with what it lacks only because a fault kept it from us; the new plan itself where nothing was kept."""
    unread = types_unread(plan.gaps)
    if not unread or before.patient.reference != plan.patient.reference:
        return plan
    if before.outcome is not plan.outcome:
        known_end = before.outcome is not Outcome.GOING_HOME and unread & _ENDS
        # What ended the stay is among what could not be read.
        return replace(before, gaps=plan.gaps, encounter=plan.encounter) if known_end else plan
    if plan.outcome is not Outcome.GOING_HOME:
        return plan
    asked = {protocol.ref.id: _types_of(protocol) for protocol in protocols}
    return _carried(plan, before, _Reading(unread, asked))


@dataclass(frozen=True, slots=True)
class _Reading:
    """What could not be read, and which resource types decide each need."""

    unread: frozenset[str]
    asked: Mapping[str, frozenset[str]]

    def rests_on(self, evidence: Iterable[Evidence]) -> bool:
        """Whether a statement of an unread type is among the evidence."""
        return not self.unread.isdisjoint(part.reference.partition("/")[0] for part in evidence)

    def lacks(self, reference: str) -> bool:
        """Whether a resource is of an unread type."""
        return reference.partition("/")[0] in self.unread

    def decides(self, need: Need) -> bool:
        """Whether what is unread may decide a need."""
        return self.rests_on(need.evidence) or bool(self.asked.get(need.code, frozenset()) & self.unread)


def _types_of(protocol: Protocol) -> frozenset[str]:
    return frozenset().union(*map(types_asked, protocol.expressions()))


def _carried(plan: Plan, before: Plan, reading: _Reading) -> Plan:
    needs = _needs(plan, before, reading)
    place = _disposition(plan, before, reading)
    goes_elsewhere = place is not None and place.is_for_a_facility() and not _goes_to_facility(before)
    merged = replace(
        plan,
        needs=needs,
        disposition=place,
        readiness=_readiness(plan, before, place),
        risk_scores=before.risk_scores if reading.unread & RISKS and before.risk_scores else plan.risk_scores,
        bookings=_with(plan.bookings, before.bookings, reading, lambda booking: booking.reference),
        care_team=tuple(dict.fromkeys((*plan.care_team, *before.care_team))),
        consented=plan.consented | (before.consented if "Consent" in reading.unread else frozenset()),
        bedside_questions=_questions(plan, before, needs),
        compliance=_marks(plan.compliance, before.compliance, lambda item: item.mark is not Mark.MET),
        boost=_marks(plan.boost, before.boost, lambda item: item.state is NeedState.NOT_ASSESSED),
        explanations=_explanations(plan, before, needs),
    )
    if not goes_elsewhere:
        merged = replace(merged, **_items(plan, before, needs, reading))
    told, told_before = plan.for_everybody, before.for_everybody
    if told is not None and told_before is not None:
        merged = replace(merged, for_everybody=_carried(told, told_before, reading))
    return merged


def _needs(plan: Plan, before: Plan, reading: _Reading) -> tuple[Need, ...]:
    """Each need as the fuller of the two readings has it, in the new plan's order, those of the plan before last."""
    now = {need.code: need for need in plan.needs}
    for old in before.needs:
        new = now.get(old.code)
        if old.state is NeedState.NOT_ASSESSED or not reading.decides(old):
            continue
        if new is None or new.state is NeedState.NOT_ASSESSED:
            now[old.code] = old
        elif old.state is NeedState.PRESENT and reading.rests_on(old.evidence):
            now[old.code] = _with_evidence_of(old, new)
    return tuple(now.values())


def _with_evidence_of(old: Need, new: Need) -> Need:
    evidence = tuple(dict.fromkeys((*old.evidence, *new.evidence)))
    return replace(
        old, evidence=evidence, labels=old.labels | new.labels | merge(part.labels for part in evidence)
    )


def _disposition(plan: Plan, before: Plan, reading: _Reading) -> Disposition | None:
    """Where to go: as it is named now; what an unread order named, or what a fuller record suggested, else."""
    new, old = plan.disposition, before.disposition
    if new is None or old is None or new.named is not None or new.unread:
        return new
    if old.named is not None:
        return old if old.named.by == "order" and reading.lacks("ServiceRequest/") else new
    return old


def _goes_to_facility(plan: Plan) -> bool:
    return plan.disposition is not None and plan.disposition.is_for_a_facility()


def _readiness(plan: Plan, before: Plan, place: Disposition | None) -> Readiness | None:
    """Everything that stands in the way by either reading; never a better verdict than before."""
    if plan.readiness is None or before.readiness is None:
        return plan.readiness
    old_ones = _OF_QUESTIONS | (_OF_DISPOSITION if place is before.disposition else frozenset())
    new_only = _OF_GAPS | (_OF_DISPOSITION - old_ones)
    kept: dict[str, Blocker] = {
        blocker.key: blocker for blocker in plan.readiness.blockers if blocker.key not in old_ones
    }
    for blocker in before.readiness.blockers:
        known = kept.get(blocker.key)
        if blocker.key not in new_only and (known is None or (blocker.blocks and not known.blocks)):
            kept[blocker.key] = blocker
    return Readiness.of(tuple(kept.values()))


def _questions(plan: Plan, before: Plan, needs: Iterable[Need]) -> tuple[Any, ...]:
    """What is still to be asked: not what the plan before knew."""
    open_needs = {need.code for need in needs if need.state is NeedState.NOT_ASSESSED}
    questions = {question.need: question for question in plan.bedside_questions}
    for question in before.bedside_questions:
        questions.setdefault(question.need, question)
    return tuple(question for need, question in questions.items() if need in open_needs)


def _explanations(plan: Plan, before: Plan, needs: Iterable[Need]) -> tuple[Any, ...]:
    """Each need is explained by the reading that it is from."""
    old = {explanation.need: explanation for explanation in before.explanations}
    known = {need.code for need in needs if need in before.needs and need not in plan.needs}
    return tuple(
        old.get(explanation.need, explanation) if explanation.need in known else explanation
        for explanation in plan.explanations
    )


def _marks(new: tuple[Any, ...], old: tuple[Any, ...], lacks: Callable[[Any], bool]) -> tuple[Any, ...]:
    """Each line of a checklist; one that is open now as the plan before had it."""
    known = {item.key: item for item in old}
    return tuple(known.get(item.key, item) if lacks(item) else item for item in new)


def _with(
    new: tuple[Any, ...], old: tuple[Any, ...], reading: _Reading, reference: Callable[[Any], str]
) -> tuple[Any, ...]:
    there = {reference(item) for item in new}
    lacking = (item for item in old if reference(item) not in there and reading.lacks(reference(item)))
    return (*new, *lacking)


def _items(plan: Plan, before: Plan, needs: Iterable[Need], reading: _Reading) -> dict[str, Any]:
    """The items of both, by list: the new one's, and those of the plan before for needs that what is unread decides."""
    open_to_doubt = {need.code for need in needs if need.state is NeedState.PRESENT and reading.decides(need)}
    later = plan.discharge_date - before.discharge_date
    lists: dict[str, Any] = {}
    for name in ITEM_LISTS:
        old = {item.key: _moved(item, later) for item in getattr(before, name)}
        new = {item.key: _as_ordered(item, old.get(item.key), reading) for item in getattr(plan, name)}
        lost = {
            key: item
            for key, item in old.items()
            if key not in new and _needs_of(item) & open_to_doubt and not _is_search(item, plan)
        }
        lists[name] = (*(item for item in new.values() if not _is_twin(item, old, lost)), *lost.values())
    return lists


def _is_twin(item: Item, old: Mapping[str, Item], lost: Mapping[str, Item]) -> bool:
    """Whether a referral stands here anew only because what makes it sensitive is unread: its key tells of its readers."""
    if item.key in old or not isinstance(item, Referral):
        return False
    twins = (
        referral
        for referral in lost.values()
        if isinstance(referral, Referral) and referral.service == item.service
    )
    return any(_needs_of(twin) & _needs_of(item) for twin in twins)


def _needs_of(item: Item) -> frozenset[str]:
    return frozenset({item.need, *getattr(item, "also_for", ())})


def _is_search(item: Item, plan: Plan) -> bool:
    """Whether it looks for a service of a referral that the new plan has, and has found one for."""
    return isinstance(item, PersonTask) and item.key in {
        f"task:{referral.key}" for referral in plan.referrals
    }


def _as_ordered(item: Item, old: Item | None, reading: _Reading) -> Item:
    """An item that the EHR has already, as the plan before knew from what is unread now."""
    existing = str(getattr(old, "existing", ""))
    is_known = existing and reading.lacks(existing) and not getattr(item, "existing", "")
    if old is None or not is_known:
        return item
    if isinstance(item, FollowUp):
        return old
    if isinstance(item, Referral) and isinstance(old, Referral):
        return replace(item, existing=existing, existing_words=old.existing_words)
    return replace(item, existing=existing) if isinstance(item, Goal) else item


def _moved(item: Item, later: timedelta) -> Item:
    """The same so many days later, as the day of leaving has moved."""
    dates = {name: getattr(item, name) + later for name in _DATES if getattr(item, name, None)}
    moved: Item = replace(item, **dates) if later else item
    return moved
