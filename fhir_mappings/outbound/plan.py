"""A plan → the resources that go into the EHR, each valid by itself, linked to each other."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.care_plan import care_plan_body
from fhir_mappings.outbound.drafts import named, unnamed
from fhir_mappings.outbound.elements import Json
from fhir_mappings.outbound.goal import goal_body
from fhir_mappings.outbound.provenance import PROVENANCE_KEY, act_provenance_body, provenance_body
from fhir_mappings.outbound.references import Names
from fhir_mappings.outbound.service_request import (
    SOCIAL_WORK_KEY,
    service_request_body,
    social_work_body,
)
from fhir_mappings.outbound.task import task_body, task_key, wants_task
from service.domain.decision import WHOLE_PLAN, Choice, Decision
from service.domain.plan import Plan, Referral
from service.domain.publication import Draft

__all__ = ["CARE_PLAN_KEY", "Author", "plan_resources"]

CARE_PLAN_KEY = WHOLE_PLAN


def plan_resources(plan: Plan, *, author: Author, recorded: datetime) -> tuple[Draft, ...]:
    """Goals, ServiceRequests, the CarePlan over them and their Provenance, as drafts in this order.

    Only what may be shared goes out (`Plan.shareable`). The same plan gives the same bytes, but for
    Provenance.recorded, which is the aware time given. InvalidResource if one of them would not be valid FHIR.
    """
    shared = plan.shareable()
    names = Names(plan.tenant, plan.encounter.reference)
    drafts = [named(names, key, body, plan, page=author.page) for key, body in parts(shared, author, names)]
    if shared.asks_for_social_work():
        drafts.append(
            named(names, SOCIAL_WORK_KEY, social_work_body(shared, author=author), plan, page=author.page)
        )
    care_plan = care_plan_body(shared, author=author, names=names)
    drafts.append(named(names, CARE_PLAN_KEY, care_plan, plan, page=author.page))
    identifier = names.identifier(PROVENANCE_KEY)
    targets = [draft.full_url for draft in drafts]
    source = provenance_body(shared, targets, author=author, recorded=recorded, identifier=identifier)
    made = unnamed(names, PROVENANCE_KEY, source, plan, page=author.page)
    asked = [named(names, key, body, plan, page=author.page) for key, body in tasks(shared, author, names)]
    signed = signatures(shared, (*drafts, *asked), author=author, names=names)
    return (
        *drafts,
        made,
        *asked,
        *(unnamed(names, key, body, plan, page=author.page) for key, body in signed),
    )


def parts(plan: Plan, author: Author, names: Names) -> Iterator[tuple[str, Json]]:
    """What is new in the plan: not what the EHR has already."""
    for goal in (*plan.goals, *plan.declined.goals):
        if not goal.existing:
            yield goal.key, goal_body(goal, plan)
    for referral in _requests(plan):
        yield referral.key, service_request_body(referral, plan, author=author, names=names)


def _requests(plan: Plan) -> list[Referral]:
    """The referrals that are ours, declined ones too: the EHR is told that they are off."""
    return [one for one in (*plan.referrals, *plan.declined.referrals) if not one.existing]


def tasks(plan: Plan, author: Author, names: Names) -> Iterator[tuple[str, Json]]:
    """The Task of each social referral that a person has approved, by key."""
    for referral in _requests(plan):
        approval = plan.approval_of(referral.key)
        if approval and wants_task(referral):
            body = task_body(referral, plan, approval=approval, author=author, names=names)
            yield task_key(referral.key, plan), body


def signatures(
    plan: Plan, written: Sequence[Draft], *, author: Author, names: Names, prefix: str = "signature"
) -> Iterator[tuple[str, Json]]:
    """One Provenance for each act of a person, over all that it was about, by key."""
    for act, decisions in groupby(plan.decisions, key=attrgetter("act")):
        signed = tuple(decisions)
        targets = _signed(signed, plan, written)
        if targets:
            key = f"{prefix}:{act}"
            identifier = names.identifier(key)
            yield key, act_provenance_body(signed, targets, author=author, identifier=identifier)


def _signed(decisions: Sequence[Decision], plan: Plan, written: Sequence[Draft]) -> list[str]:
    """Full URLs of what carries these decisions; an item without a resource of its own stands in the CarePlan."""
    urls = {draft.key: draft.full_url for draft in written}
    keys: list[str] = []
    for decision in decisions:
        keys += [decision.item] if decision.item in urls else [CARE_PLAN_KEY]
        keys += [task_key(decision.item, plan)] if decision.choice is not Choice.EDITED else []
    return list(dict.fromkeys(urls[key] for key in keys if key in urls))
