"""A named social worker decides about a plan over REST; what they decided is read back from the EHR, also after re-planning."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from config.directory_file import load_directory
from config.settings import load_settings
from fhir_mappings.systems import OWN_IDENTIFIER
from service.app import create_app
from service.bootstrap import Deps, build_deps
from service.sandbox.ehr import Sandbox
from service.sandbox.inpatients import load_inpatients
from tests.unit.doors.keys import bearer, keys_file

_TENANTS = """\
tenants:
  - id: one
    fhir_base_url: {url}
    organization: Example Hospital
    write_policy: {policy}
"""
WORKER = "Dana Example, MSW"
WHY = "She has a brother who cooks"
NEW_WORDS = "Groceries brought to the door"


@dataclass
class Ward:
    """One discharge, as the social worker's program sees it and as the EHR holds it."""

    client: FlaskClient
    deps: Deps
    base_url: str
    encounter: str
    discharge: str = ""

    def order(self, number: int) -> None:
        body = {"tenant": "one", "encounter": self.encounter, "order": f"order-{number}"}
        answer: Any = self.client.post("/api/v1/discharges", json=body, headers=bearer("dana"))
        assert answer.status_code == 202, answer.text
        self.discharge = answer.json["id"]
        self.deps.jobs.work(until_idle=True)

    def plan(self) -> Any:
        return self.client.get(self._at("plan"), headers=bearer("dana"))

    def decide(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """On the plan as it now stands; published before this returns."""
        headers = bearer("dana") | {"If-Match": self.plan().headers["ETag"]}
        headers |= {"Idempotency-Key": key} if key else {}
        answer = self.client.open(self._at(path), method=method, json=body, headers=headers)
        self.deps.jobs.work(until_idle=True)
        return answer

    def ours(self, kind: str) -> list[dict[str, Any]]:
        """What the EHR holds of this type about the patient, without our client."""
        version = self.deps.store.plans.latest(self._id())
        assert version is not None
        patient = version.plan.patient.reference
        query = {"patient": patient.removeprefix("Patient/"), "_count": "200"}
        found = requests.get(f"{self.base_url}/{kind}", params=query, timeout=10).json()
        held = [entry["resource"] for entry in found.get("entry", [])]
        return [resource for resource in held if OWN_IDENTIFIER in str(resource)]

    def of_item(self, key: str) -> dict[str, Any]:
        """The ledger's resource for an item, read from the EHR."""
        [entry] = [e for e in self.deps.store.publications.entries(self._id()) if e.draft.key == key]
        return dict(requests.get(f"{self.base_url}/{entry.reference}", timeout=10).json())

    def read(self, reference: str) -> dict[str, Any]:
        """A resource of the EHR, without our client."""
        return dict(requests.get(f"{self.base_url}/{reference}", timeout=10).json())

    def _at(self, path: str) -> str:
        return f"/api/v1/discharges/{self.discharge}/{path}"

    def _id(self) -> Any:
        return self.deps.store.discharges.latest("one")[0].id


def ward_of(sandbox: Sandbox, database: str, folder: Path, policy: str) -> Iterator[Ward]:
    patient = next(iter(load_inpatients(sandbox.base_url, datetime.now(UTC).date())))
    (folder / "tenants.yaml").write_text(_TENANTS.format(url=sandbox.base_url, policy=policy))
    scopes = ["plans:read", "plans:approve", "discharges:write"]
    dana = {"key": "dana", "role": "social-worker", "person": WORKER, "practitioner": "Practitioner/dana"}
    keys = keys_file(folder, dana={**dana, "scopes": scopes, "tenants": ["one"]})
    settings = load_settings(
        {
            "HOMEWARD_DATABASE_URL": database,
            "HOMEWARD_TENANTS_FILE": str(folder / "tenants.yaml"),
            "HOMEWARD_API_KEYS_FILE": str(keys),
        }
    )
    deps = build_deps(settings)
    deps.store.directory.load("one", load_directory())
    worker = {"resourceType": "Practitioner", "id": "dana", "name": [{"text": WORKER}]}
    requests.put(f"{sandbox.base_url}/Practitioner/dana", json=worker, timeout=10).raise_for_status()
    yield Ward(create_app(settings, deps).test_client(), deps, sandbox.base_url, patient.encounter)
    deps.ehr("one").close()
    deps.store.close()


@pytest.fixture
def ward(empty_sandbox: Sandbox, new_database, tmp_path: Path) -> Iterator[Ward]:
    yield from ward_of(empty_sandbox, new_database("template_for_tests"), tmp_path, "full")


@pytest.fixture
def cautious_ward(empty_sandbox: Sandbox, new_database, tmp_path: Path) -> Iterator[Ward]:
    yield from ward_of(empty_sandbox, new_database("template_for_tests"), tmp_path, "draft")


def open_referrals(plan: Any, *, social: bool = True) -> list[dict[str, Any]]:
    found = [
        item
        for item in plan["items"]
        if item["kind"] == "referral" and not item["existing"] and not item["sensitive"] and item["offered"]
    ]
    categories = {r["service"]: r["category"] for r in plan["document"]["referrals"]}
    return [
        i
        for i in found
        if (categories[i["key"].split(":")[1]] not in {"clinical", "support", "safety"}) is social
    ]


def test_what_a_person_decided_stands_in_the_ehr_and_survives_planning_anew(ward):
    ward.order(1)
    first = ward.plan().json
    approved, declined, edited = open_referrals(first)[:3]
    chosen = edited["offered"][-1]
    due = (datetime.now(UTC).date() + timedelta(days=9)).isoformat()

    assert ward.decide("POST", f"items/{approved['key']}/approve").status_code == 200
    assert ward.decide("POST", f"items/{declined['key']}/decline", {"reason": WHY}).status_code == 200
    change = {"text": NEW_WORDS, "due": due, "community_service": chosen["id"]}
    assert ward.decide("PATCH", f"items/{edited['key']}", change).status_code == 200
    check_ehr(ward, approved, declined, edited, chosen)
    before = counted(ward)

    ward.order(2)
    check_ehr(ward, approved, declined, edited, chosen)
    assert counted(ward) == before
    items = {item["key"]: item for item in ward.plan().json["items"]}
    assert items[approved["key"]]["state"] == "approved"
    assert items[declined["key"]]["decided"]["reason"] == WHY
    assert (items[edited["key"]]["text"], items[edited["key"]]["due"]) == (NEW_WORDS, due)
    assert items[edited["key"]]["community_service"]["id"] == chosen["id"]


def check_ehr(ward: Ward, approved: Any, declined: Any, edited: Any, chosen: Any) -> None:
    order = ward.of_item(approved["key"])
    assert (order["status"], order["intent"]) == ("active", "order")
    assert order["requester"]["reference"] == "Practitioner/dana"
    [task] = ward.ours("Task")
    assert (task["status"], task["intent"]) == ("requested", "order")
    assert task["focus"]["reference"] == f"ServiceRequest/{order['id']}"
    refused = ward.of_item(declined["key"])
    assert refused["status"] == "revoked"
    assert {"Declined: " + WHY} <= {note["text"] for note in refused["note"]}
    changed = ward.of_item(edited["key"])
    assert (changed["status"], changed["code"]["text"]) == ("draft", NEW_WORDS)
    [performer] = changed["performer"]
    assert performer["display"] == chosen["organization"]
    organization = ward.read(performer["reference"])
    assert (organization["resourceType"], organization["name"]) == ("Organization", chosen["organization"])
    assert ward.read(changed["requester"]["reference"])["resourceType"] == "Device"
    assert not [
        resource for resource in (*ward.ours("ServiceRequest"), *ward.ours("Task")) if "contained" in resource
    ]
    signed = signatures(ward, order)
    assert [agent["who"]["display"] for one in signed for agent in one["agent"]] == [WORKER]
    assert all(agent["onBehalfOf"] for one in signed for agent in one["agent"])


def signatures(ward: Ward, order: Any) -> list[Any]:
    query = {"target": f"ServiceRequest/{order['id']}"}
    found = requests.get(f"{ward.base_url}/Provenance", params=query, timeout=10).json()
    made = [entry["resource"] for entry in found["entry"]]
    return [one for one in made if one["activity"]["coding"][0]["code"] == "UPDATE"]


def counted(ward: Ward) -> dict[str, int]:
    kinds = ("CarePlan", "ServiceRequest", "Goal", "Task", "Provenance")
    return {kind: len(ward.ours(kind)) for kind in kinds}


def test_a_whole_plan_is_approved_in_one_act_and_a_cancel_puts_it_on_hold_with_its_tasks(ward):
    ward.order(1)
    answer = ward.decide("POST", "plan/approve", key="one-click")
    assert answer.json["state"] == "approved"
    assert {item["state"] for item in answer.json["items"] if not item["existing"]} == {"approved"}
    assert {plan["status"] for plan in ward.ours("CarePlan")} == {"active"}
    assert {task["status"] for task in ward.ours("Task")} == {"requested"}
    assert {goal["lifecycleStatus"] for goal in ward.ours("Goal")} == {"accepted"}
    cancel = f"/api/v1/discharges/{ward.discharge}/cancel"
    assert ward.client.post(cancel, headers=bearer("dana")).status_code == 202
    ward.deps.jobs.work(until_idle=True)
    assert {plan["status"] for plan in ward.ours("CarePlan")} == {"on-hold"}
    gravity = [task for task in ward.ours("Task") if task["intent"] == "order"]
    assert {task["status"] for task in gravity} == {"on-hold"}
    ward.order(2)
    assert {plan["status"] for plan in ward.ours("CarePlan")} == {"active"}
    gravity = [task for task in ward.ours("Task") if task["intent"] == "order"]
    assert {task["status"] for task in gravity} == {"requested"}


def test_a_declined_order_can_be_reopened_and_approved_anew(ward):
    ward.order(1)
    key = open_referrals(ward.plan().json)[0]["key"]
    ward.decide("POST", f"items/{key}/approve")
    ward.decide("POST", f"items/{key}/decline", {"reason": WHY})
    assert ward.of_item(key)["status"] == "revoked"
    assert [task["status"] for task in ward.ours("Task")] == ["cancelled"]
    assert ward.decide("POST", f"items/{key}/reopen").status_code == 200
    again = ward.of_item(key)
    assert (again["status"], again["intent"]) == ("draft", "proposal")
    ward.decide("POST", f"items/{key}/approve")
    assert ward.of_item(key)["status"] == "active"
    assert sorted(task["status"] for task in ward.ours("Task")) == ["cancelled", "requested"]


def test_where_the_hospital_takes_drafts_only_an_approval_stays_with_us(cautious_ward):
    ward = cautious_ward
    ward.order(1)
    key = open_referrals(ward.plan().json)[0]["key"]
    assert ward.decide("POST", f"items/{key}/approve").status_code == 200
    assert {item["key"]: item["state"] for item in ward.plan().json["items"]}[key] == "approved"
    assert ward.of_item(key)["status"] == "draft"
    assert ward.ours("Task") == []
