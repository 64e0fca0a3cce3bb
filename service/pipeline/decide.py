"""What people have decided → the plan as it then stands. Pure: the same plan and decisions always give the same plan."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

from service.domain.assessment import Outcome
from service.domain.decision import SOCIAL_WORK, UNCHANGED, WHOLE_PLAN, Choice, Decision, Edit
from service.domain.plan import (
    ITEM_LISTS,
    Declined,
    Education,
    FollowUp,
    Goal,
    Item,
    PersonTask,
    Plan,
    Referral,
)
from service.errors import IllegalTransition, Unusable
from service.pipeline.draft.compliance import with_signature

PROPOSED: Final = "proposed"
#: What a person may do with an item, by how it stands.
_ALLOWED: Final = {
    PROPOSED: {Choice.APPROVED, Choice.DECLINED, Choice.EDITED},
    Choice.APPROVED.value: {Choice.DECLINED, Choice.EDITED},
    Choice.DECLINED.value: {Choice.REOPENED},
}


def decide(plan: Plan, decisions: Sequence[Decision], *, before: Plan | None = None) -> Plan:
    """The plan with all decisions about it: edits made, declined items set apart.

    What a person approved stands as they signed it, whatever is proposed now, and what they decided about stands also
    where it is no longer proposed: it is taken over from the plan before. Deciding a decided plan again changes nothing. Who died or is transferred goes home to none of it.
    """
    known = replace(plan, decisions=tuple(decisions), for_everybody=_for_everybody(plan, decisions, before))
    if plan.outcome is not Outcome.GOING_HOME:
        return known
    asked: dict[str, Any] = {}
    declined: dict[str, Any] = {}
    for name in ITEM_LISTS:
        items = [_wanted(_edited(item, decisions), known) for item in _all_of(name, known, before)]
        asked[name] = tuple(item for item in items if not _is_declined(item.key, known))
        declined[name] = tuple(item for item in items if _is_declined(item.key, known))
    decided = replace(known, **asked, declined=Declined(**declined))
    return with_signature(replace(decided, tasks=_still_to_do(decided)))


def _for_everybody(plan: Plan, decisions: Sequence[Decision], before: Plan | None) -> Plan | None:
    """The same decisions about the plan for everybody."""
    told = plan.for_everybody
    if told is None:
        return None
    return decide(told, decisions, before=(before.for_everybody or before.shareable()) if before else None)


def check(plan: Plan, decision: Decision) -> None:
    """Whether this may be decided as things stand: IllegalTransition, or Unusable with what to change instead."""
    item = next((one for one in _every_item(plan) if one.key == decision.item), None)
    if _existing(item) and not _is_perhaps_ordered(item):
        raise Unusable("The EHR has this already; decide about it there.")
    if decision.choice not in _ALLOWED[state_of(plan, decision.item)]:
        raise IllegalTransition(state_of(plan, decision.item), decision.choice.value)
    if decision.choice is Choice.EDITED:
        _check_edit(plan, item, decision.edit)


def state_of(plan: Plan, key: str) -> str:
    """How an item stands: proposed, approved or declined."""
    verdict = plan.decision_on(key)
    return verdict.choice.value if verdict else PROPOSED


def decidable(plan: Plan) -> dict[str, Item | None]:
    """Everything a person can decide about by its key; the whole plan and the neutral request are no items."""
    if plan.outcome is not Outcome.GOING_HOME:
        return {WHOLE_PLAN: None}
    items: dict[str, Item | None] = {item.key: item for item in _every_item(plan)}
    return items | {WHOLE_PLAN: None, SOCIAL_WORK: None}


def still_open(plan: Plan) -> tuple[str, ...]:
    """The keys of all that waits for a decision, the whole plan last."""
    return tuple(
        key
        for key, item in decidable(plan).items()
        if state_of(plan, key) == PROPOSED and not _existing(item)
    )


def _is_perhaps_ordered(item: Item | None) -> bool:
    return isinstance(item, Referral) and bool(item.existing_words)


def _existing(item: Item | None) -> str:
    """What the EHR has already in its place, "" if nothing."""
    return str(getattr(item, "existing", ""))


def difference(item: Item, edit: Edit) -> Edit:
    """What of an edit differs from the item as it stands; Unusable when nothing does."""
    chosen = item.chosen if isinstance(item, Referral) else None
    changed = Edit(
        text="" if edit.text == getattr(item, _text_field(item)) else edit.text,
        due=None if edit.due == getattr(item, "due", None) else edit.due,
        service=None if edit.service == chosen else edit.service,
    )
    if changed == UNCHANGED:
        raise Unusable("Nothing is different from what stands there.")
    return changed


def _every_item(plan: Plan) -> tuple[Item, ...]:
    """The plan's own items, and those that only the plan for everybody has: that is what stands in the EHR."""
    own = (*plan.items(), *plan.declined.items())
    if plan.for_everybody is None:
        return own
    told, keys = plan.for_everybody.shareable(), {item.key for item in own}
    return (*own, *(item for item in (*told.items(), *told.declined.items()) if item.key not in keys))


def _all_of(name: str, plan: Plan, before: Plan | None) -> list[Any]:
    """The items of one list, declined ones too, and those of the plan before that a person decided about."""
    items = {item.key: item for item in (*getattr(plan, name), *getattr(plan.declined, name))}
    touched = {decision.item for decision in plan.decisions}
    for item in (*getattr(before, name), *getattr(before.declined, name)) if before else ():
        # What was signed stays as it was signed; only a person changes it.
        if plan.approval_of(item.key) or (item.key in touched and item.key not in items):
            items[item.key] = item
    return list(items.values())


def _is_declined(key: str, plan: Plan) -> bool:
    return state_of(plan, key) == Choice.DECLINED.value


def _still_to_do(plan: Plan) -> tuple[PersonTask, ...]:
    """Nobody needs to look for a service that was declined, or that a person has found."""
    done = {f"task:{referral.key}" for referral in plan.declined.referrals}
    done |= {f"task:{referral.key}" for referral in plan.referrals if referral.chosen}
    signed = {decision.item for decision in plan.decisions}
    return tuple(task for task in plan.tasks if task.key not in done or task.key in signed)


def _edited(item: Item, decisions: Iterable[Decision]) -> Item:
    for decision in decisions:
        if decision.item == item.key and decision.choice is Choice.EDITED:
            item = _with(item, decision.edit)
    return item


def _wanted(item: Item, plan: Plan) -> Item:
    """A referral that a person approved although an order perhaps covers it: they have seen that it does not."""
    if isinstance(item, Referral) and _is_perhaps_ordered(item) and plan.approval_of(item.key):
        return replace(item, existing="", existing_words="")
    return item


def _with(item: Item, edit: Edit) -> Item:
    """The item as a person wrote it. No period may end before it begins (per-1)."""
    changes: dict[str, Any] = {_text_field(item): edit.text} if edit.text else {}
    if edit.due and not isinstance(item, Education):
        changes |= _dated(item, edit.due)
    if edit.service and isinstance(item, Referral):
        changes["chosen"] = edit.service
    return replace(item, **changes)


def _text_field(item: Item) -> str:
    return "title" if isinstance(item, Referral) else "text"


def _dated(item: Item, due: date) -> dict[str, date]:
    if isinstance(item, Goal):
        return {"due": due, "start": min(item.start, due)}
    if isinstance(item, FollowUp):
        return {"due": due, "not_before": min(item.not_before, due)}
    return {"due": due}


def _check_edit(plan: Plan, item: Item | None, edit: Edit) -> None:
    if item is None:
        raise Unusable("This has no words or dates of its own; edit an item of the plan.")
    if edit.due and isinstance(item, Education):
        raise Unusable("Teaching has no due date.")
    if edit.due and edit.due < plan.today:
        raise Unusable("The due date lies before the day the plan was made for.")
    if edit.service and not isinstance(item, Referral):
        raise Unusable("Only a referral has a community service.")
    difference(
        item, edit
    )  # what changes nothing would make the person the author of words they did not touch
