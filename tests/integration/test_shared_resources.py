"""The Device that writes and the organizations that people chose: made once in an EHR, whoever asks at the same time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from config.tenants import Tenant
from fhir_mappings.outbound.author import device_identifier, partner_identifier
from fhir_mappings.outbound.shared import device_draft
from fhir_mappings.own_marks import search_token
from service.domain.decision import Choice, Edit
from service.domain.discharge import Discharge, DischargeState
from service.domain.sensitivity import Label
from service.ehr.client import Ehr
from service.ehr.shared import find_or_create
from service.errors import EhrRefused, EhrUnavailable, WriteUnknown
from service.pipeline.decide import decide
from service.pipeline.parties import author_of, establish_parties, known_author
from service.store import Store
from service.store.plans import PlanVersion
from tests import builders as a
from tests.ehr_fixtures import search

PANTRY = "referral:food-pantry"
SERVICE = a.match("Meals for All", address="1 Example Street").service


@dataclass
class Deps:
    """A deployment of one hospital."""

    store: Store
    one_ehr: Ehr
    minutes: int = 0

    def now(self) -> datetime:
        return datetime(2024, 3, 5, tzinfo=UTC) + timedelta(minutes=self.minutes)

    def ehr(self, _: str) -> Ehr:
        return self.one_ehr


@pytest.fixture
def hospital(sandbox) -> Tenant:
    """A hospital of its own for each test: what one makes is not another's."""
    name = f"h{uuid4().hex[:12]}"
    return Tenant(id=name, fhir_base_url=sandbox.base_url, organization="Example Hospital")


@pytest.fixture
def deps(store, hospital):
    with Ehr(hospital) as ehr:
        yield Deps(store, ehr)


def discharge_of(deps: Any, tenant: Tenant, *decisions: Any):
    """A discharge with a plan, and the plan."""
    at, stay, state = deps.now(), f"Encounter/{uuid4().hex[:8]}", DischargeState.PLANNED
    discharge = Discharge(uuid4(), tenant.id, stay, "", state, 1, at, at)
    plan = decide(a.planned(a.need(interventions=a.interventions())), decisions)
    with deps.store.begin() as unit:
        unit.discharges.add(discharge)
        unit.plans.keep(discharge.id, PlanVersion(1, 1, at, plan))
    return discharge, plan


def chosen(service=SERVICE):
    return a.decision(PANTRY, Choice.EDITED, edit=Edit(service=service))


def in_ehr(tenant: Tenant, kind: str, identifier: str):
    return search(tenant.fhir_base_url, f"{kind}?identifier={search_token(identifier)}")


def test_two_workers_at_once_make_one_device_and_one_organization(deps, hospital):
    discharge, plan = discharge_of(deps, hospital, chosen())
    with ThreadPoolExecutor(6) as workers:
        asked = list(workers.map(lambda _: establish_parties(discharge, hospital, deps), range(6)))
    assert all(asked)
    [device] = in_ehr(hospital, "Device", device_identifier(hospital.id))
    [organization] = in_ehr(hospital, "Organization", partner_identifier(hospital.id, SERVICE.id))
    author = known_author(hospital, plan, deps.store, page="")
    assert author.device_reference == f"Device/{device['id']}"
    assert author.partners == {SERVICE.id: f"Organization/{organization['id']}"}


def test_a_database_that_forgot_them_finds_them_again(deps, hospital):
    discharge, plan = discharge_of(deps, hospital)
    assert establish_parties(discharge, hospital, deps)
    before = known_author(hospital, plan, deps.store, page="")
    assert not establish_parties(discharge, hospital, deps)
    deps.store.shared_resources.forget(hospital.id)
    assert establish_parties(discharge, hospital, deps)
    assert known_author(hospital, plan, deps.store, page="") == before


def test_a_place_that_may_not_be_told_is_no_organization_in_the_ehr(deps, hospital):
    safe = replace(SERVICE, id="safe-house", labels=frozenset({Label.SDV}))
    discharge, plan = discharge_of(deps, hospital, chosen(safe))
    establish_parties(discharge, hospital, deps)
    assert in_ehr(hospital, "Organization", partner_identifier(hospital.id, "safe-house")) == []
    assert known_author(hospital, plan, deps.store, page="").partners == {}


class Failing(Ehr):
    """Answers every create with an error, after doing it where told so."""

    error: Exception
    does_it = False

    def create(self, resource: dict[str, Any], *, if_none_exist: str = "") -> Any:
        if self.does_it:
            super().create(resource, if_none_exist=if_none_exist)
        raise self.error


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (EhrRefused("POST Device", status=403), ""),
        (EhrRefused("POST Device", status=401), None),
        (EhrUnavailable("POST Device"), None),
        (WriteUnknown("POST Device"), None),
    ],
)
def test_a_refusal_is_kept_for_an_hour_and_a_passing_error_is_no_fact(store, hospital, error, found):
    with Failing(hospital) as ehr:
        ehr.error = error
        deps: Any = Deps(store, ehr)
        assert find_or_create(ehr, device_draft(author_of(hospital))) == found
        discharge, plan = discharge_of(deps, hospital)
        assert establish_parties(discharge, hospital, deps)
        assert known_author(hospital, plan, store, page="").device_reference == ""
        assert establish_parties(discharge, hospital, deps) is (found is None)
        deps.minutes = 60
        assert establish_parties(discharge, hospital, deps)


def test_a_create_without_an_answer_is_found_and_not_sent_again(hospital):
    draft = device_draft(author_of(hospital))
    with Failing(hospital) as ehr:
        ehr.error, ehr.does_it = WriteUnknown("POST Device"), True
        assert find_or_create(ehr, draft) is None
        [device] = in_ehr(hospital, "Device", draft.identifier)
        assert find_or_create(ehr, draft) == f"Device/{device['id']}"
