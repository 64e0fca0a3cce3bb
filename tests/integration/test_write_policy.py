"""What a hospital that only watches gets: a plan, a report of what would have been written, and nothing in its EHR."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from config.tenants import Tenant, WritePolicy
from fhir_mappings.references import references_in
from service.bootstrap import steps
from service.cli import main
from service.domain.discharge import Action, DischargeState, Trigger
from service.domain.publication import Landing, Receipt, WriteState
from service.ehr.capability import Capability, ResourceCapability
from service.ehr.client import Ehr
from service.ehr.scopes import WRITTEN_TYPES
from service.errors import EhrRefused
from service.jobs import Jobs
from service.pipeline import run
from service.pipeline.intake import intake
from service.pipeline.shadow import withheld
from service.presentation.landing import landing
from tests.builders import interventions, need, planned
from tests.integration.test_run import Deps
from tests.marks import mark_landed
from tests.unit.ehr.odd_server import fhir, odd_server, statement
from tests.vendors import vendor

HOSPITAL = Tenant(id="one", fhir_base_url="http://127.0.0.1:9/fhir", organization="Example Hospital")


WHOLE = Capability(
    transaction=True,
    resources=dict.fromkeys(
        WRITTEN_TYPES,
        ResourceCapability(
            frozenset({"create", "read", "update", "search-type"}), frozenset({"identifier", "target"})
        ),
    ),
)


class Silence:
    """An EHR of which nothing may be asked but its /metadata."""

    def __init__(self, capability=WHOLE):
        self.capability = lambda: capability

    def __getattr__(self, name):
        raise AssertionError(f"the EHR was asked: {name}")


@pytest.fixture
def deps(store, database_url, monkeypatch):
    made: Any = Deps(store, None)
    made.jobs = Jobs(database_url, lambda: steps(made))
    monkeypatch.setattr(made, "ehr", lambda _tenant: Silence(), raising=False)
    proposed = planned(need(interventions=interventions()))
    monkeypatch.setattr(run, "propose", lambda stay, *_, **_cited: of_stay(proposed, stay))
    return made


def of_stay(plan, stay):
    return replace(plan, encounter=replace(plan.encounter, reference=stay))


def publish(deps, policy, encounter):
    """One discharge planned and published under a policy."""
    deps.tenants = {"one": replace(HOSPITAL, write_policy=policy)}
    intake(Trigger("one", encounter, Action.PLAN, "rest", ""), deps)
    deps.jobs.work(until_idle=True)
    return next(found for found in deps.store.discharges.latest("one") if found.encounter == encounter)


def test_shadow_makes_everything_ready_sends_nothing_and_says_why(deps):
    discharge = publish(deps, WritePolicy.SHADOW, "Encounter/shadow")
    assert discharge.state is DischargeState.PUBLISHED
    entries = deps.store.publications.entries(discharge.id)
    assert {"CarePlan", "ServiceRequest", "Goal"} <= {entry.draft.resource_type for entry in entries}
    assert {(entry.state, entry.reference) for entry in entries} == {(WriteState.WAITING, "")}
    assert {entry.problem for entry in entries} == {
        "This hospital's write policy is shadow: nothing is sent to its EHR."
    }


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("epic-like", {"DocumentReference": 1}),
        ("oracle-like", {"DocumentReference": 1, "Provenance": 1}),
    ],
)
def test_shadow_makes_ready_what_this_ehr_would_have_got_and_nothing_else(deps, monkeypatch, name, kinds):
    monkeypatch.setattr(deps, "ehr", lambda _tenant: Silence(vendor(name)))
    publish(deps, WritePolicy.SHADOW, f"Encounter/{name}")
    discharge = publish(
        deps, WritePolicy.SHADOW, f"Encounter/{name}"
    )  # the same again when it is planned anew
    [one] = [found for found in held_back(deps, WritePolicy.SHADOW) if found.discharge.id == discharge.id]
    assert dict(one.kinds()) == kinds
    entries = {entry.draft.resource_type: entry for entry in deps.store.publications.entries(discharge.id)}
    assert entries["CarePlan"].problem == "The EHR does not let us create a CarePlan."
    gone = {entry.draft.full_url for kind, entry in entries.items() if kind not in kinds}
    assert not gone & {url for draft in one.drafts for url in references_in(draft.body)}
    version = deps.store.plans.latest(discharge.id)
    stands = landing(version.plan, deps.store.publications.entries(discharge.id))
    assert {where.rung for where in stands} == {Landing.PAGE}
    assert all(
        where.reason.startswith("This hospital's write policy is shadow: nothing is sent") for where in stands
    )


def test_off_plans_and_makes_nothing_ready(deps):
    discharge = publish(deps, WritePolicy.OFF, "Encounter/off")
    assert discharge.state is DischargeState.PUBLISHED
    assert deps.store.plans.latest(discharge.id) is not None
    assert deps.store.publications.entries(discharge.id) == ()


# --- called off ---------------------------------------------------------------------------------
def call_off(deps, policy, encounter):
    """The discharge called off and withdrawn under a policy; its ledger by resource type."""
    deps.tenants = {"one": replace(HOSPITAL, write_policy=policy)}
    discharge = intake(Trigger("one", encounter, Action.CANCEL, "rest", ""), deps)
    assert discharge is not None
    deps.jobs.work(until_idle=True)
    assert deps.store.discharges.get(discharge.id).state is DischargeState.CANCELLED
    return {entry.draft.resource_type: entry for entry in deps.store.publications.entries(discharge.id)}


def test_under_shadow_a_discharge_is_called_off_without_a_word_to_the_ehr(deps):
    publish(deps, WritePolicy.SHADOW, "Encounter/called-off")
    entries = call_off(deps, WritePolicy.SHADOW, "Encounter/called-off")
    assert {entry.state for entry in entries.values()} == {WriteState.REVOKED}
    assert {entry.problem for entry in entries.values()} == {
        "This hospital's write policy is shadow: nothing was sent to its EHR, so nothing is withdrawn."
    }


def test_under_off_there_is_nothing_to_call_off(deps):
    publish(deps, WritePolicy.OFF, "Encounter/off-called-off")
    assert call_off(deps, WritePolicy.OFF, "Encounter/off-called-off") == {}


@pytest.mark.parametrize("policy", [WritePolicy.OFF, WritePolicy.SHADOW])
def test_what_an_earlier_policy_had_written_stays_and_is_left_to_a_person(deps, policy):
    encounter = f"Encounter/written-before-{policy}"
    discharge = publish(deps, WritePolicy.SHADOW, encounter)
    with deps.store.hold(discharge.id) as ledger:
        key = next(e.draft.key for e in ledger.entries() if e.draft.resource_type == "CarePlan")
        mark_landed(ledger, [Receipt(key, "CarePlan/7", 'W/"1"')])
    written = call_off(deps, policy, encounter)["CarePlan"]
    assert (written.state, written.reference) == (WriteState.LANDED, "CarePlan/7")
    assert written.problem == (
        f"This hospital's write policy is {policy}: this stays in its EHR as it is; a person must withdraw it."
    )
    [one] = [found for found in held_back(deps, policy) if found.discharge.id == discharge.id]
    assert "CarePlan" in {draft.resource_type for draft in one.withdrawn}


def test_what_was_never_made_ready_is_not_reported_as_withdrawn(deps, monkeypatch):
    monkeypatch.setattr(
        "service.pipeline.publishing.discharge.rehearse", lambda *_: None
    )  # called off before it was published
    discharge = publish(deps, WritePolicy.SHADOW, "Encounter/too-early")
    call_off(deps, WritePolicy.SHADOW, "Encounter/too-early")
    assert discharge.id not in {found.discharge.id for found in held_back(deps, WritePolicy.SHADOW)}


def test_a_discharge_that_goes_on_waits_again_and_is_withdrawn_no_longer(deps):
    publish(deps, WritePolicy.SHADOW, "Encounter/goes-on")
    call_off(deps, WritePolicy.SHADOW, "Encounter/goes-on")
    discharge = publish(deps, WritePolicy.SHADOW, "Encounter/goes-on")
    assert discharge.round == 2
    [one] = [found for found in held_back(deps, WritePolicy.SHADOW) if found.discharge.id == discharge.id]
    assert {"CarePlan", "ServiceRequest", "Goal"} <= set(one.kinds())
    assert one.withdrawn == ()


def held_back(deps, policy):
    return withheld(replace(HOSPITAL, write_policy=policy), deps.store, limit=50)


@pytest.fixture
def report(deps, database_url: str, tmp_path: Path):
    publish(deps, WritePolicy.SHADOW, "Encounter/reported")
    tenants = tmp_path / "tenants.yaml"
    tenants.write_text(
        "tenants:\n  - {id: one, fhir_base_url: http://127.0.0.1:9/fhir, organization: Example Hospital, "
        "write_policy: shadow}\n"
    )
    settings = {
        "HOMEWARD_DATABASE_URL": database_url,
        "HOMEWARD_TENANTS_FILE": str(tenants),
        "COLUMNS": "160",
    }

    def show(*arguments):
        shown = CliRunner(env=settings).invoke(main, ["shadow-report", *arguments])
        return SimpleNamespace(code=shown.exit_code, said=shown.stdout, errors=shown.stderr)

    return show


def test_the_report_says_what_would_have_been_written(report):
    shown = report("one")
    assert shown.code == 0
    assert "what would have been written; the write policy is shadow" in shown.said
    assert "Encounter/reported" in shown.said
    assert "CarePlan" in shown.said
    assert "Zelda" not in shown.said


def test_the_reports_document_holds_the_resources(report):
    document = json.loads(report("one", "--format", "json").said)
    assert (document["tenant"], document["write_policy"]) == ("one", "shadow")
    [one] = [found for found in document["discharges"] if found["encounter"] == "Encounter/reported"]
    kinds = {given["resource"]["resourceType"] for given in one["resources"]}
    assert {"CarePlan", "ServiceRequest", "Goal"} <= kinds
    assert one["withdrawn"] == []


def test_the_report_tells_what_would_have_been_withdrawn(report, deps):
    publish(deps, WritePolicy.SHADOW, "Encounter/taken-back")
    call_off(deps, WritePolicy.SHADOW, "Encounter/taken-back")
    document = json.loads(report("one", "--format", "json").said)
    [one] = [found for found in document["discharges"] if found["encounter"] == "Encounter/taken-back"]
    assert (one["state"], one["resources"]) == ("cancelled", [])
    stands = {given["resource"]["resourceType"]: given["resource"] for given in one["withdrawn"]}
    assert (stands["CarePlan"]["status"], stands["ServiceRequest"]["status"]) == ("revoked", "revoked")
    assert stands["Goal"]["lifecycleStatus"] == "cancelled"
    assert stands["Goal"]["statusReason"].startswith("The discharge was cancelled or delayed")
    table = report("one").said
    assert "Withdrawn" in table
    assert f" {len(one['withdrawn'])} " in next(line for line in table.splitlines() if "taken-back" in line)


def test_a_report_of_an_unknown_hospital_is_refused(report):
    shown = report("elsewhere")
    assert (shown.code, shown.said) == (2, "")
    assert "no such hospital" in shown.errors


@pytest.mark.parametrize("policy", [WritePolicy.OFF, WritePolicy.SHADOW])
def test_the_connection_itself_refuses_to_write(policy):
    with odd_server() as server:
        server.tell("GET", "/metadata", statement(transaction=True, Goal=("identifier",)))
        server.tell("POST", "/Subscription", fhir({"resourceType": "Subscription", "id": "1"}, 201))
        tenant = replace(HOSPITAL, fhir_base_url=server.url, write_policy=policy)
        goal = {"resourceType": "Goal", "id": "7"}
        with Ehr(tenant) as ehr:
            writes = (
                lambda: ehr.create(goal),
                lambda: ehr.update(goal),
                lambda: ehr.transaction({"resourceType": "Bundle", "type": "transaction"}),
            )
            for write in writes:
                with pytest.raises(EhrRefused, match=f"write policy is {policy}"):
                    write()
            assert server.count("POST") == server.count("PUT") == 0
            # What tells us of orders is no part of a chart.
            assert ehr.create({"resourceType": "Subscription"}).reference == "Subscription/1"
