"""A patient comes back: what the first stay ordered is not proposed again, and what it only proposed stands once."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from fhir_mappings.narrative import SOCIAL_WORK_TITLE
from service.domain.decision import Choice, Signer
from service.domain.discharge import Action, Discharge, Trigger
from service.domain.plan import Plan
from service.pipeline.intake import intake
from service.pipeline.sign import Act, sign
from service.sandbox.inpatients import inpatients, load_inpatients
from tests.ehr_fixtures import create, search
from tests.planning_deployment import Deps, deployment

PATIENT = inpatients()[0]
DANA = Signer("Dana Exampleworker", "dana")


@pytest.fixture
def deps(empty_sandbox, store, database_url) -> Iterator[Deps]:
    list(load_inpatients(empty_sandbox.base_url, datetime.now(UTC).date()))
    with deployment("full", empty_sandbox.base_url, store, database_url) as made:
        yield made


def plan_stay(deps: Deps, encounter: str) -> tuple[Discharge, Plan]:
    found = intake(Trigger("t", encounter, Action.PLAN, "rest"), cast("Any", deps))
    assert found is not None
    deps.work()
    plan: Plan = deps.store.plans.latest(found.id).plan
    return found, plan


def test_a_readmission_orders_nothing_twice_and_proposes_nothing_twice(deps):
    first, plan = plan_stay(deps, PATIENT.encounter)
    signed = plan.referrals[0]
    sign(first.id, Act(choice=Choice.APPROVED, item=signed.key, reason="Agreed."), DANA, cast("Any", deps))
    deps.work(later=timedelta(hours=5))
    stay = {"resourceType": "Encounter", "status": "in-progress", "class": {"code": "IMP"}}
    about = {"subject": {"reference": plan.patient.reference}}
    begun = {"period": {"start": datetime.now(UTC).isoformat()}}
    again = create(deps.gateway.url, {**stay, **about, **begun})
    _, second = plan_stay(deps, f"Encounter/{again['id']}")
    [same] = [referral for referral in second.referrals if referral.key == signed.key]
    assert same.existing.startswith("ServiceRequest/")
    assert not same.existing_words
    assert same.existing_on is not None
    deps.work()
    number = plan.patient.reference.removeprefix("Patient/")
    found = search(deps.gateway.url, f"ServiceRequest?patient={number}")
    standing = [resource for resource in found if resource["status"] in {"draft", "active"}]
    titles = Counter(resource["code"]["text"] for resource in standing if resource.get("identifier"))
    proposed = {referral.title for referral in second.referrals}
    assert proposed <= titles.keys()
    assert {title for title in proposed if titles[title] > 1} == set()
    assert [resource["status"] for resource in standing if resource["code"]["text"] == signed.title] == [
        "active"
    ]
    assert titles[SOCIAL_WORK_TITLE] == 1
