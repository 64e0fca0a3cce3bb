"""A discharge called off and taken up again, against a real FHIR server."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.domain.publication import WriteState
from service.domain.write_reason import WriteReason
from service.errors import WriteUnknown
from service.pipeline.publishing.publish import publish, withdraw
from tests.builders import MemoryLedger
from tests.ehr_fixtures import AUTHOR, LimitedEhr, SilentEhr, in_ehr, plan_for, put

NOW = datetime(2024, 3, 5, 15, 0, tzinfo=UTC)
REASON = "The discharge was cancelled or delayed; this was {} before."


@pytest.fixture
def ledger(ehr, patient):
    """A published plan."""
    published = MemoryLedger(*plan_for(patient))
    publish(published, ehr)
    return published


def call_off(ledger, ehr):
    withdraw(ledger, ehr, author=AUTHOR, recorded=NOW)


def approve(ehr, patient):
    [referral] = in_ehr(ehr, patient)["ServiceRequest"]
    return put(ehr.tenant.fhir_base_url, referral, status="active", intent="order", note=[{"text": "Agreed"}])


def statuses(ehr, patient):
    found = in_ehr(ehr, patient)
    names = {"Goal": "lifecycleStatus", "ServiceRequest": "status", "CarePlan": "status"}
    return {kind: found[kind][0][name] for kind, name in names.items()}


def versions(ehr, patient):
    return {
        f"{kind} {one['id']}": one["meta"]["versionId"]
        for kind, all_ in in_ehr(ehr, patient).items()
        for one in all_
    }


def test_drafts_are_revoked_with_a_reason(ehr, patient, ledger):
    call_off(ledger, ehr)
    assert statuses(ehr, patient) == {"Goal": "cancelled", "ServiceRequest": "revoked", "CarePlan": "revoked"}
    found = in_ehr(ehr, patient)
    assert found["Goal"][0]["statusReason"] == REASON.format("proposed")
    assert found["CarePlan"][0]["note"][0]["text"] == REASON.format("draft")
    assert found["CarePlan"][0]["note"][0]["authorString"] == "Homeward"
    assert found["Task"] == []
    assert ledger.state(f"{patient} care-plan") is WriteState.REVOKED


def test_calling_off_twice_is_calling_off_once(ehr, patient, ledger):
    approve(ehr, patient)
    call_off(ledger, ehr)
    before, rows = versions(ehr, patient), ledger.entries()
    call_off(ledger, ehr)
    assert versions(ehr, patient) == before
    assert ledger.entries() == rows


def test_an_approved_referral_goes_on_hold_with_a_task_for_a_person(ehr, patient, ledger):
    approve(ehr, patient)
    call_off(ledger, ehr)
    found = in_ehr(ehr, patient)
    [referral], [task] = found["ServiceRequest"], found["Task"]
    assert referral["status"] == "on-hold"
    assert referral["intent"] == "order"
    assert [note["text"] for note in referral["note"]] == ["Agreed", REASON.format("active")]
    assert task["status"] == "requested"
    assert task["intent"] == "plan"
    assert task["focus"] == {"reference": f"ServiceRequest/{referral['id']}"}
    assert task["for"] == {"reference": patient}
    assert ledger.state(f"{patient} referral") is WriteState.ON_HOLD


def test_a_completed_referral_is_left_alone(ehr, patient, ledger):
    put(ehr.tenant.fhir_base_url, in_ehr(ehr, patient)["ServiceRequest"][0], status="completed")
    call_off(ledger, ehr)
    found = in_ehr(ehr, patient)
    assert found["ServiceRequest"][0]["status"] == "completed"
    assert "note" not in found["ServiceRequest"][0]
    assert found["Task"] == []


def test_a_new_order_makes_the_referral_active_again_and_closes_the_task(ehr, patient, ledger):
    approve(ehr, patient)
    call_off(ledger, ehr)
    publish(ledger, ehr)
    found = in_ehr(ehr, patient)
    assert found["ServiceRequest"][0]["status"] == "active"
    assert [note["text"] for note in found["ServiceRequest"][0]["note"]] == ["Agreed"]
    assert found["Task"][0]["status"] == "cancelled"
    assert ledger.state(f"{patient} referral") is WriteState.THEIRS  # a person made it active


def test_revoked_drafts_come_back_as_drafts_when_they_are_published_again(ehr, patient, ledger):
    call_off(ledger, ehr)
    publish(ledger, ehr)
    assert statuses(ehr, patient) == {"Goal": "proposed", "ServiceRequest": "draft", "CarePlan": "draft"}
    found = in_ehr(ehr, patient)
    assert "statusReason" not in found["Goal"][0]
    assert "note" not in found["CarePlan"][0]
    assert {row.state for row in ledger.entries()} == {WriteState.LANDED}


def test_resuming_twice_is_resuming_once(ehr, patient, ledger):
    approve(ehr, patient)
    call_off(ledger, ehr)
    publish(ledger, ehr)
    before = versions(ehr, patient)
    publish(ledger, ehr)
    assert versions(ehr, patient) == before


def test_a_second_hold_has_a_task_of_its_own(ehr, patient, ledger):
    approve(ehr, patient)
    for _ in range(2):
        call_off(ledger, ehr)
        publish(ledger, ehr)
    call_off(ledger, ehr)
    assert sorted(task["status"] for task in in_ehr(ehr, patient)["Task"]) == [
        "cancelled",
        "cancelled",
        "requested",
    ]


def test_a_task_that_a_person_took_up_is_left_to_them(ehr, patient, ledger):
    approve(ehr, patient)
    call_off(ledger, ehr)
    put(ehr.tenant.fhir_base_url, in_ehr(ehr, patient)["Task"][0], status="in-progress")
    publish(ledger, ehr)
    assert in_ehr(ehr, patient)["Task"][0]["status"] == "in-progress"


def test_a_draft_with_a_persons_words_is_revoked_and_comes_back_with_them(ehr, patient, ledger):
    put(ehr.tenant.fhir_base_url, in_ehr(ehr, patient)["Goal"][0], description={"text": "Eats with friends"})
    call_off(ledger, ehr)
    assert statuses(ehr, patient)["Goal"] == "cancelled"
    publish(ledger, ehr)
    [goal] = in_ehr(ehr, patient)["Goal"]
    assert goal["lifecycleStatus"] == "proposed"
    assert goal["description"] == {"text": "Eats with friends"}
    assert ledger.state(f"{patient} goal") is WriteState.THEIRS


def test_what_a_person_ended_while_it_was_called_off_stays_ended(ehr, patient, ledger):
    approve(ehr, patient)
    call_off(ledger, ehr)
    put(ehr.tenant.fhir_base_url, in_ehr(ehr, patient)["ServiceRequest"][0], status="completed")
    publish(ledger, ehr)
    assert in_ehr(ehr, patient)["ServiceRequest"][0]["status"] == "completed"


def test_a_withdrawal_without_answer_is_taken_up_where_it_was(ehr, tenant, patient, ledger):
    approve(ehr, patient)
    with SilentEhr(tenant, losing=1) as silent:
        # The batch of reads is no transaction, so the first lost answer is that of the writes.
        with pytest.raises(WriteUnknown):
            call_off(ledger, silent)
        call_off(ledger, silent)
    found = in_ehr(ehr, patient)
    assert found["ServiceRequest"][0]["status"] == "on-hold"
    assert len(found["Task"]) == 1
    assert ledger.state(f"{patient} referral") is WriteState.ON_HOLD
    assert ledger.state(f"{patient} care-plan") is WriteState.REVOKED
    assert not [row for row in ledger.entries() if row.state is WriteState.SENDING]


def test_what_was_never_sent_is_not_sent_after_the_discharge_was_called_off(ehr, patient):
    ledger = MemoryLedger(*plan_for(patient))
    call_off(ledger, ehr)
    assert in_ehr(ehr, patient)["CarePlan"] == []
    publish(ledger, ehr)
    assert statuses(ehr, patient)["CarePlan"] == "draft"


@pytest.mark.parametrize("batch", [True, False])
def test_it_works_without_transactions(tenant, patient, batch):
    with LimitedEhr(tenant, transaction=False, batch=batch) as ehr:
        ledger = MemoryLedger(*plan_for(patient))
        publish(ledger, ehr)
        approve(ehr, patient)
        call_off(ledger, ehr)
        assert statuses(ehr, patient) == {
            "Goal": "cancelled",
            "ServiceRequest": "on-hold",
            "CarePlan": "revoked",
        }
        assert len(in_ehr(ehr, patient)["Task"]) == 1
        publish(ledger, ehr)
        publish(ledger, ehr)
        assert statuses(ehr, patient) == {"Goal": "proposed", "ServiceRequest": "active", "CarePlan": "draft"}


def test_an_ehr_that_takes_no_tasks_says_so_and_the_referral_is_still_on_hold(tenant, patient):
    with LimitedEhr(tenant, no_create=("Task",)) as ehr:
        ledger = MemoryLedger(*plan_for(patient))
        publish(ledger, ehr)
        approve(ehr, patient)
        call_off(ledger, ehr)
        [task] = [row for row in ledger.entries() if row.draft.resource_type == "Task"]
        assert task.state is WriteState.IMPOSSIBLE
        assert task.problem == "The EHR does not let us create a Task."
        assert statuses(ehr, patient)["ServiceRequest"] == "on-hold"


def test_a_new_plan_after_a_delay_replaces_the_revoked_one(ehr, patient, ledger):
    call_off(ledger, ehr)
    ledger.want(plan_for(patient, goal="Eats twice a day"))
    publish(ledger, ehr)
    [goal] = in_ehr(ehr, patient)["Goal"]
    assert goal["lifecycleStatus"] == "proposed"
    assert goal["description"] == {"text": "Eats twice a day"}


def test_a_resource_gone_from_the_ehr_is_told(ehr, patient, ledger):
    key = f"{patient} goal"
    ledger.rows[key] = replace(ledger.rows[key], reference="Goal/does-not-exist")
    call_off(ledger, ehr)
    assert ledger.rows[key].reason is WriteReason.ABSENT_ONCE
    assert statuses(ehr, patient)["CarePlan"] == "revoked"


def test_a_resumption_without_answer_is_taken_up_where_it_was(ehr, tenant, patient, ledger):
    approve(ehr, patient)
    call_off(ledger, ehr)
    with SilentEhr(tenant) as silent:
        with pytest.raises(WriteUnknown):
            publish(ledger, silent)
        publish(ledger, silent)
        publish(ledger, silent)
    found = in_ehr(ehr, patient)
    assert found["ServiceRequest"][0]["status"] == "active"
    assert [task["status"] for task in found["Task"]] == ["cancelled"]
    call_off(ledger, ehr)
    assert sorted(task["status"] for task in in_ehr(ehr, patient)["Task"]) == ["cancelled", "requested"]


def test_a_resumption_that_crashed_before_it_was_sent_is_done_by_the_next_run(ehr, patient, ledger):
    approve(ehr, patient)
    call_off(ledger, ehr)
    ledger.sending(
        [row.draft.key for row in ledger.entries() if row.draft.resource_type in {"Task", "ServiceRequest"}]
    )
    publish(ledger, ehr)
    assert statuses(ehr, patient) == {"Goal": "proposed", "ServiceRequest": "active", "CarePlan": "draft"}
    assert [task["status"] for task in in_ehr(ehr, patient)["Task"]] == ["cancelled"]
