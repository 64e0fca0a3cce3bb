"""Publishing against a real FHIR server."""

from dataclasses import replace

import pytest

from service.domain.publication import WriteState
from service.errors import EhrUnavailable, WriteUnknown
from service.pipeline.publishing.publish import publish
from tests.builders import MemoryLedger
from tests.ehr_fixtures import LimitedEhr, SilentEhr, create, in_ehr, plan_for, put

ALL = ("Goal", "ServiceRequest", "CarePlan", "Provenance")


def counts(ehr, patient):
    found = in_ehr(ehr, patient)
    return {kind: len(found[kind]) for kind in ALL}


def test_a_plan_is_written_with_receipts_and_its_links_resolved(ehr, patient):
    ledger = MemoryLedger(*plan_for(patient))
    publish(ledger, ehr)
    assert {row.state for row in ledger.entries()} == {WriteState.LANDED}
    assert {row.etag for row in ledger.entries()} == {'W/"1"'}
    found = in_ehr(ehr, patient)
    [care_plan], [goal], [referral] = found["CarePlan"], found["Goal"], found["ServiceRequest"]
    assert care_plan["goal"] == [{"reference": f"Goal/{goal['id']}"}]
    assert care_plan["activity"] == [{"reference": {"reference": f"ServiceRequest/{referral['id']}"}}]
    assert f"CarePlan/{care_plan['id']}" in {row.reference for row in ledger.entries()}


def test_each_receipt_goes_to_what_was_written_where_a_change_stands_before_something_new(ehr, patient):
    """An EHR is asked for what is new first; the ledger has it in the order of the plan."""
    ledger = MemoryLedger(*plan_for(patient)[:2])
    publish(ledger, ehr)
    ledger.want(plan_for(patient, goal="Eats twice a day", service="Soup kitchen"))
    publish(ledger, ehr)
    landed = {row.draft.resource_type: row for row in ledger.entries()}
    assert {kind: row.reference.partition("/")[0] for kind, row in landed.items()} == {
        kind: kind for kind in ALL
    }
    assert [landed[kind].etag for kind in ALL] == ['W/"2"', 'W/"2"', 'W/"1"', 'W/"1"']
    assert counts(ehr, patient) == dict.fromkeys(ALL, 1)


def test_publishing_again_writes_nothing(ehr, patient):
    ledger = MemoryLedger(*plan_for(patient))
    publish(ledger, ehr)
    commits = ledger.commits
    publish(ledger, ehr)
    assert ledger.commits == commits
    assert counts(ehr, patient) == dict.fromkeys(ALL, 1)


def test_a_ledger_that_forgot_everything_makes_no_second_copy(ehr, patient):
    publish(MemoryLedger(*plan_for(patient)), ehr)
    again = MemoryLedger(*plan_for(patient))
    publish(again, ehr)
    assert {row.state for row in again.entries()} == {WriteState.LANDED}
    assert counts(ehr, patient) == dict.fromkeys(ALL, 1)


def test_a_write_that_timed_out_is_searched_for_before_it_is_sent_again(tenant, patient):
    ledger = MemoryLedger(*plan_for(patient))
    with SilentEhr(tenant) as ehr:
        with pytest.raises(WriteUnknown):
            publish(ledger, ehr)
        assert {row.state for row in ledger.entries()} == {WriteState.SENDING}
        publish(ledger, ehr)
        assert {row.state for row in ledger.entries()} == {WriteState.LANDED}
        assert counts(ehr, patient) == dict.fromkeys(ALL, 1)


def test_a_crash_before_sending_is_noticed_and_everything_is_sent(ehr, patient):
    ledger = MemoryLedger(*plan_for(patient))
    ledger.sending([row.draft.key for row in ledger.entries()])
    publish(ledger, ehr)
    assert {row.state for row in ledger.entries()} == {WriteState.LANDED}
    assert counts(ehr, patient) == dict.fromkeys(ALL, 1)


def test_two_copies_in_the_ehr_are_told_and_not_joined_by_a_third(ehr, tenant, patient):
    drafts = plan_for(patient)
    for _ in range(2):
        create(tenant.fhir_base_url, drafts[0].body)
    ledger = MemoryLedger(*drafts)
    publish(ledger, ehr)
    goal = ledger.entries()[0]
    assert goal.state is WriteState.THEIRS
    assert "more than one copy" in goal.problem
    assert {row.state for row in ledger.entries()[1:]} == {WriteState.LANDED}
    found = in_ehr(ehr, patient)
    assert len(found["Goal"]) == 2
    assert "goal" not in found["CarePlan"][0]


def test_a_changed_draft_is_put_in_place_and_what_we_do_not_know_stays(ehr, tenant, patient):
    ledger = MemoryLedger(*plan_for(patient))
    publish(ledger, ehr)
    goal = in_ehr(ehr, patient)["Goal"][0]
    theirs = {"system": "urn:oid:1.2.3", "value": "theirs"}
    changed = put(
        tenant.fhir_base_url,
        goal,
        outcomeReference=[],
        identifier=[*goal["identifier"], theirs],
        expressedBy={"display": "Zelda"},
    )
    key = f"{patient} goal"
    assert changed["meta"]["versionId"] == "2"
    ledger.want(plan_for(patient, goal="Eats twice a day"))
    publish(ledger, ehr)
    assert ledger.state(key) is WriteState.LANDED
    [goal] = in_ehr(ehr, patient)["Goal"]
    assert goal["description"] == {"text": "Eats twice a day"}
    assert goal["expressedBy"] == {"display": "Zelda"}
    assert theirs in goal["identifier"]
    assert ledger.rows[key].etag == 'W/"3"'


def test_what_is_changed_and_what_is_new_get_their_own_receipts_wherever_they_stand_in_the_plan(ehr, patient):
    goal, *others = plan_for(patient)
    ledger = MemoryLedger(goal)
    publish(ledger, ehr)
    ledger.want([plan_for(patient, goal="Eats twice a day")[0], *others])
    publish(ledger, ehr)
    rows = ledger.entries()
    assert rows[0].draft.resource_type == "Goal"
    assert [row.reference.partition("/")[0] for row in rows] == [row.draft.resource_type for row in rows]
    assert {row.state for row in rows} == {WriteState.LANDED}


def test_what_a_person_changed_is_left_to_them(ehr, tenant, patient):
    ledger = MemoryLedger(*plan_for(patient))
    publish(ledger, ehr)
    put(tenant.fhir_base_url, in_ehr(ehr, patient)["Goal"][0], description={"text": "Eats with friends"})
    ledger.want(plan_for(patient, goal="Eats twice a day"))
    publish(ledger, ehr)
    assert ledger.state(f"{patient} goal") is WriteState.THEIRS
    assert in_ehr(ehr, patient)["Goal"][0]["description"] == {"text": "Eats with friends"}


def test_an_approved_referral_is_not_made_a_draft_again(ehr, tenant, patient):
    ledger = MemoryLedger(*plan_for(patient))
    publish(ledger, ehr)
    approved = put(
        tenant.fhir_base_url, in_ehr(ehr, patient)["ServiceRequest"][0], status="active", intent="order"
    )
    key = f"{patient} referral"
    # Even if the ledger knew of the new version.
    ledger.rows[key] = replace(ledger.rows[key], etag=f'W/"{approved["meta"]["versionId"]}"')
    ledger.want(plan_for(patient, service="Soup kitchen"))
    publish(ledger, ehr)
    assert ledger.state(key) is WriteState.THEIRS
    assert in_ehr(ehr, patient)["ServiceRequest"][0]["status"] == "active"


class HastyPerson(LimitedEhr):
    """Someone changes a goal between our reading and our writing."""

    def transaction(self, bundle):
        for entry in bundle["entry"]:
            if (
                entry["request"]["method"] == "PUT"
                and entry["resource"]["resourceType"] == "Goal"
                and not self.less.get("done")
            ):
                self.less["done"] = True
                current = self.read(entry["request"]["url"])
                put(self.tenant.fhir_base_url, current, description={"text": "Eats with friends"})
        return super().transaction(bundle)


def test_a_change_that_slips_in_while_we_write_wins_and_the_rest_arrives(tenant, patient):
    with HastyPerson(tenant) as ehr:
        ledger = MemoryLedger(*plan_for(patient))
        publish(ledger, ehr)
        ledger.want(plan_for(patient, goal="Eats twice a day", service="Soup kitchen"))
        publish(ledger, ehr)
        assert ledger.state(f"{patient} goal") is WriteState.THEIRS
        assert ledger.state(f"{patient} referral") is WriteState.LANDED
        found = in_ehr(ehr, patient)
        assert found["Goal"][0]["description"] == {"text": "Eats with friends"}
        assert found["ServiceRequest"][0]["code"] == {"text": "Soup kitchen"}


def test_a_provenance_alone_is_not_written_anew(ehr, patient):
    ledger = MemoryLedger(*plan_for(patient))
    publish(ledger, ehr)
    drafts = plan_for(patient)
    later = replace(drafts[-1], body={**drafts[-1].body, "recorded": "2024-03-06T12:00:00+00:00"})
    ledger.want([*drafts[:-1], later])
    publish(ledger, ehr)
    assert in_ehr(ehr, patient)["Provenance"][0]["recorded"] == "2024-03-05T12:00:00+00:00"
    assert {row.state for row in ledger.entries()} == {WriteState.LANDED}


@pytest.mark.parametrize("batch", [True, False])
@pytest.mark.parametrize("conditional_create", [True, False])
def test_without_transactions_what_is_linked_to_goes_first(tenant, patient, batch, conditional_create):
    with LimitedEhr(tenant, transaction=False, batch=batch, conditional_create=conditional_create) as ehr:
        for _ in range(2):
            ledger = MemoryLedger(*plan_for(patient))
            publish(ledger, ehr)
            assert {row.state for row in ledger.entries()} == {WriteState.LANDED}
        found = in_ehr(ehr, patient)
    assert {kind: len(found[kind]) for kind in ALL} == dict.fromkeys(ALL, 1)
    assert found["CarePlan"][0]["goal"] == [{"reference": f"Goal/{found['Goal'][0]['id']}"}]
    assert len(found["Provenance"][0]["target"]) == 3


def test_what_the_ehr_does_not_take_waits_with_its_reason_and_the_rest_arrives(tenant, patient):
    with LimitedEhr(tenant, transaction=False, no_create=("CarePlan", "Goal")) as ehr:
        ledger = MemoryLedger(*plan_for(patient))
        publish(ledger, ehr)
        found = in_ehr(ehr, patient)
    assert ledger.state(f"{patient} care-plan") is WriteState.IMPOSSIBLE
    assert ledger.rows[f"{patient} care-plan"].problem == "The EHR does not let us create a CarePlan."
    assert ledger.state(f"{patient} referral") is WriteState.LANDED
    assert ledger.state(f"{patient} provenance") is WriteState.LANDED
    assert len(found["ServiceRequest"]) == 1
    assert found["CarePlan"] == []


def test_one_refused_resource_does_not_lose_the_rest(ehr, patient):
    drafts = plan_for(patient)
    broken = replace(drafts[1], body={**drafts[1].body, "subject": 7})
    ledger = MemoryLedger(drafts[0], broken, *drafts[2:])
    publish(ledger, ehr)
    assert ledger.state(f"{patient} referral") is WriteState.WAITING  # once may be a gateway's mistake
    publish(ledger, ehr)
    assert ledger.state(f"{patient} referral") is WriteState.REFUSED
    assert "400" in ledger.rows[f"{patient} referral"].problem
    assert ledger.state(f"{patient} care-plan") is WriteState.LANDED
    assert "activity" not in in_ehr(ehr, patient)["CarePlan"][0]


def test_an_ehr_that_is_away_is_said_so_and_nothing_is_lost(tenant, patient):
    ledger = MemoryLedger(*plan_for(patient))
    with LimitedEhr(tenant) as ehr:
        ehr.capability()
        away = replace(tenant, fhir_base_url="http://127.0.0.1:9/fhir")
    with LimitedEhr(away) as gone, pytest.raises(EhrUnavailable):
        publish(ledger, gone)
    assert {row.state for row in ledger.entries()} == {WriteState.WAITING}
