"""A plan → the resources that go into the EHR, each valid by itself, linked to each other."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from fhir_mappings import systems
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.care_plan import care_plan_body
from fhir_mappings.outbound.elements import Json, tidy
from fhir_mappings.outbound.goal import goal_body
from fhir_mappings.outbound.provenance import PROVENANCE_KEY, provenance_body
from fhir_mappings.outbound.references import Names
from fhir_mappings.outbound.service_request import (
    SOCIAL_WORK_KEY,
    service_request_body,
    social_work_body,
)
from fhir_mappings.outbound.validate import validate
from service.domain.assessment import Outcome
from service.domain.plan import Plan
from service.domain.publication import Draft

__all__ = ["CARE_PLAN_KEY", "Author", "plan_resources"]

CARE_PLAN_KEY = "care-plan"


def plan_resources(plan: Plan, *, author: Author, recorded: datetime) -> tuple[Draft, ...]:
    """Goals, ServiceRequests, the CarePlan over them and their Provenance, as drafts in this order.

    Only what may be shared goes out (`Plan.shareable`). The same plan gives the same bytes, but for
    Provenance.recorded, which is the aware time given. InvalidResource if one of them would not be valid FHIR.
    """
    shared = plan.shareable()
    names = Names(plan.tenant, plan.encounter.reference)
    social_work = plan.outcome is Outcome.GOING_HOME and plan.withholds()
    drafts = [_draft(names, key, body) for key, body in _parts(shared, author, names)]
    if social_work:
        drafts.append(_draft(names, SOCIAL_WORK_KEY, social_work_body(shared, author=author)))
    care_plan = care_plan_body(shared, author=author, names=names, social_work=social_work)
    drafts.append(_draft(names, CARE_PLAN_KEY, care_plan))
    return (*drafts, _provenance(shared, drafts, author=author, names=names, recorded=recorded))


def _parts(plan: Plan, author: Author, names: Names) -> Iterator[tuple[str, Json]]:
    """What is new in the plan: not what the EHR has already."""
    for goal in plan.goals:
        if not goal.existing:
            yield goal.key, goal_body(goal, plan)
    for referral in plan.referrals:
        if not referral.existing:
            yield referral.key, service_request_body(referral, plan, author=author, names=names)


def _draft(names: Names, key: str, body: Json) -> Draft:
    identifier = names.identifier(key)
    named = body | {"identifier": [{"system": systems.URI_IDENTIFIER, "value": identifier}]}
    return Draft(key, body["resourceType"], identifier, names.full_url(key), validate(tidy(named)))


def _provenance(
    plan: Plan, drafts: Iterable[Draft], *, author: Author, names: Names, recorded: datetime
) -> Draft:
    identifier = names.identifier(PROVENANCE_KEY)
    targets = [draft.full_url for draft in drafts]
    body = provenance_body(plan, targets, author=author, recorded=recorded, identifier=identifier)
    return Draft(
        PROVENANCE_KEY, "Provenance", identifier, names.full_url(PROVENANCE_KEY), validate(tidy(body))
    )
