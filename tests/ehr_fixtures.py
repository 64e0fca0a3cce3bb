"""A client of the sandbox EHR, a patient of one's own in it, and a small plan about that patient."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import requests

from config.tenants import Tenant
from fhir_mappings.outbound.author import Author
from service.domain.publication import Draft
from service.ehr.capability import Capability
from service.ehr.client import Ehr
from service.errors import WriteUnknown
from service.sandbox.ehr import Sandbox
from tests.builders import Json, draft_of

AUTHOR = Author("Homeward", "Example Hospital")


@pytest.fixture
def tenant(sandbox: Sandbox) -> Tenant:
    return Tenant(id="t", fhir_base_url=sandbox.base_url, organization="Example Hospital")


@pytest.fixture
def ehr(tenant: Tenant) -> Iterator[Ehr]:
    with Ehr(tenant) as client:
        yield client


@pytest.fixture
def patient(sandbox: Sandbox) -> str:
    """The reference of a new patient, so that tests do not see each other's resources."""
    given = {"resourceType": "Patient", "name": [{"family": "Testperson", "given": ["Zelda"]}]}
    return f"Patient/{create(sandbox.base_url, given)['id']}"


class LimitedEhr(Ehr):
    """The same server, believed to offer less than it does."""

    def __init__(self, tenant: Tenant, **less: Any) -> None:
        super().__init__(tenant, sleep=lambda _: None)
        self.less = less

    def capability(self) -> Capability:
        conditional = self.less.get("conditional_create", True)
        no_create = self.less.get("no_create", ())
        known = super().capability()
        resources = {
            kind: replace(
                one,
                conditional_create=conditional,
                interactions=one.interactions - ({"create"} if kind in no_create else set()),
            )
            for kind, one in known.resources.items()
        }
        offered = {name: self.less[name] for name in ("batch", "transaction") if name in self.less}
        return replace(known, resources=resources, **offered)


class SilentEhr(Ehr):
    """Does what it is asked, and loses the answer, as often as told."""

    def __init__(self, tenant: Tenant, *, losing: int = 1) -> None:
        super().__init__(tenant)
        self.losing = losing

    def transaction(self, bundle: dict[str, Any]) -> dict[str, Any]:
        answer = super().transaction(bundle)
        if self.losing:
            self.losing -= 1
            raise WriteUnknown("POST Bundle: sent, and no answer came.")
        return answer


def plan_for(patient: str, *, goal: str = "Eats daily", service: str = "Food pantry") -> list[Draft]:
    """A goal, a referral, a care plan over both, and its provenance; keys begin with the patient's reference."""
    about = {"subject": {"reference": patient}}
    wanted: Json = {"resourceType": "Goal", "lifecycleStatus": "proposed", "description": {"text": goal}}
    request: Json = {"resourceType": "ServiceRequest", "status": "draft", "intent": "proposal"}
    drafts = [
        draft_of(f"{patient} goal", {**wanted, **about}),
        draft_of(f"{patient} referral", {**request, "code": {"text": service}, **about}),
    ]
    plan: Json = {
        "resourceType": "CarePlan",
        "status": "draft",
        "intent": "plan",
        "goal": [{"reference": drafts[0].full_url}],
        "activity": [{"reference": {"reference": drafts[1].full_url}}],
        **about,
    }
    drafts.append(draft_of(f"{patient} care-plan", plan))
    provenance: Json = {
        "resourceType": "Provenance",
        "target": [{"reference": draft.full_url} for draft in drafts],
        "recorded": "2024-03-05T12:00:00+00:00",
        "agent": [{"who": {"display": "Homeward"}}],
    }
    return [*drafts, draft_of(f"{patient} provenance", provenance)]


def create(base_url: str, resource: Json) -> Json:
    """Write as another system would."""
    answer = requests.post(f"{base_url}/{resource['resourceType']}", json=resource, timeout=10)
    answer.raise_for_status()
    return dict(answer.json())


def put(base_url: str, resource: Json, **changes: Any) -> Json:
    """Change as a person in the EHR would."""
    url = f"{base_url}/{resource['resourceType']}/{resource['id']}"
    answer = requests.put(url, json={**resource, **changes}, timeout=10)
    answer.raise_for_status()
    return dict(answer.json())


def in_ehr(ehr: Ehr, patient: str) -> Mapping[str, list[Json]]:
    """Everything of ours about a patient, by resource type, read without our client."""
    base, number = ehr.tenant.fhir_base_url, patient.removeprefix("Patient/")
    found = {
        kind: search(base, f"{kind}?patient={number}")
        for kind in ("Goal", "ServiceRequest", "CarePlan", "Task")
    }
    plans = [f"CarePlan/{plan['id']}" for plan in found["CarePlan"]]
    return {
        **found,
        "Provenance": [one for plan in plans for one in search(base, f"Provenance?target={plan}")],
    }


def search(base_url: str, query: str) -> list[Json]:
    """All of a search's results, read without our client."""
    answer = requests.get(f"{base_url}/{query}&_count=100", headers={"Prefer": "handling=strict"}, timeout=10)
    answer.raise_for_status()
    return [entry["resource"] for entry in answer.json().get("entry", [])]
