"""Every way an EHR has to tell of a discharge, at once and one after another: one plan, one CarePlan in the EHR."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from rich.console import Console

from service.domain.discharge import Discharge, DischargeState
from service.domain.watch import Way
from service.pipeline.subscribe import subscribe
from service.sandbox.demo import TENANT, TIME_ZONE, Stage, running_stage
from service.sandbox.inpatients import Inpatient, bundle_of
from tests import hooks
from tests.builders import discharge_orders_topic
from tests.ehr_fixtures import put
from tests.processes import wait_until


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """The demo's hospital, whose EHR also offers a topic of orders; Homeward is subscribed to it beside the rest-hook."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOMEWARD_STATE_DIR", str(tmp_path_factory.mktemp("ways")))
        with running_stage(Console(quiet=True)) as running:
            put(running.hospital.base_url, discharge_orders_topic())
            found = subscribe(running.deps.tenants[TENANT], running.deps)
            assert (found.means.way, found.holds) == (Way.BACKPORT, True)
            yield running


def known(stage: Stage, patient: Inpatient) -> Discharge | None:
    return stage.deps.store.discharges.of_stay(TENANT, patient.encounter)


def is_in(stage: Stage, patient: Inpatient, state: DischargeState) -> Callable[[], bool]:
    def reached() -> bool:
        found = known(stage, patient)
        return found is not None and found.state is state

    return reached


def doors_of(stage: Stage, patient: Inpatient) -> set[str]:
    found = known(stage, patient)
    return {entry.actor for entry in stage.deps.store.audit.of(found.id)} if found else set()


def make_round_now(stage: Stage, **changes: Any) -> None:
    """Have a round made by the worker, and wait until it is done."""
    asked = stage.deps.now()
    with stage.deps.store.begin() as unit:
        watch = unit.watches.lock(TENANT)
        assert watch is not None
        unit.watches.save(replace(watch, due=asked, **changes))
    wait_until(lambda: _last_round(stage) > asked, "a round")


def _last_round(stage: Stage) -> datetime:
    watch = stage.deps.store.watches.of(TENANT)
    assert watch is not None
    return watch.since or datetime.min.replace(tzinfo=UTC)


def call_hook(stage: Stage, patient: Inpatient) -> int:
    resources = [entry["resource"] for entry in bundle_of(patient, datetime.now(TIME_ZONE).date())["entry"]]
    body = hooks.call_for(resources, patient.encounter, fhirServer=stage.hospital.base_url)
    return _post(f"{stage.homeward_url}/cds-services/encounter-discharge", body)


def ask_by_rest(stage: Stage, patient: Inpatient) -> int:
    body = {"tenant": TENANT, "encounter": patient.encounter}
    return _post(f"{stage.homeward_url}/api/v1/discharges", body)


def _post(url: str, body: Any) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, json=body, timeout=30).status_code


def test_one_discharge_by_every_way_within_a_second_is_one_plan_in_the_ehr(stage):
    patient = stage.patients[0]
    with ThreadPoolExecutor(4) as ways:
        answers = [
            ways.submit(call_hook, stage, patient),
            ways.submit(ask_by_rest, stage, patient),
            ways.submit(stage.hospital.order_discharge, patient, datetime.now(TIME_ZONE)),
        ]
        ordered = answers[2].result()
        make_round_now(stage)
    assert [answers[0].result(), answers[1].result()] == [200, 202]
    told = {"rest", "subscription", "look", "poll"}
    wait_until(lambda: told <= doors_of(stage, patient), "hearing of it in each way")
    wait_until(is_in(stage, patient, DischargeState.PUBLISHED), "publishing")
    assert len(stage.hospital.care_plans(patient)) == 1
    found = known(stage, patient)
    assert found is not None
    assert found.order == ordered


def test_an_order_that_is_paused_and_goes_on_takes_the_plan_with_it(stage):
    patient = stage.patients[1]
    order = stage.hospital.order_discharge(patient, datetime.now(TIME_ZONE))
    wait_until(is_in(stage, patient, DischargeState.PUBLISHED), "publishing")
    put(stage.hospital.base_url, stage.hospital.read(order), status="on-hold")
    wait_until(is_in(stage, patient, DischargeState.CANCELLED), "calling off")
    assert [plan["status"] for plan in stage.hospital.care_plans(patient)] == ["revoked"]
    put(stage.hospital.base_url, stage.hospital.read(order), status="active")
    wait_until(is_in(stage, patient, DischargeState.PUBLISHED), "going on")
    assert [plan["status"] for plan in stage.hospital.care_plans(patient)] == ["draft"]


def test_a_stay_that_is_cancelled_takes_the_drafts_with_it(stage):
    patient = stage.patients[4]
    stage.hospital.order_discharge(patient, datetime.now(TIME_ZONE))
    wait_until(is_in(stage, patient, DischargeState.PUBLISHED), "publishing")
    put(stage.hospital.base_url, stage.hospital.read(patient.encounter), status="cancelled")
    wait_until(is_in(stage, patient, DischargeState.CANCELLED), "calling off")
    assert [plan["status"] for plan in stage.hospital.care_plans(patient)] == ["revoked"]
    assert _statuses(stage, patient) == {"revoked"}


def test_who_dies_after_the_plan_was_written_is_referred_to_nobody(stage):
    patient = stage.patients[5]
    stage.hospital.order_discharge(patient, datetime.now(TIME_ZONE))
    wait_until(is_in(stage, patient, DischargeState.PUBLISHED), "publishing")
    assert _statuses(stage, patient) == {"draft"}
    ended = {"status": "finished", "hospitalization": {"dischargeDisposition": {"text": "Expired"}}}
    put(stage.hospital.base_url, stage.hospital.read(patient.encounter), **ended)
    wait_until(lambda: _statuses(stage, patient) == {"revoked"}, "taking the referrals back")
    [plan] = stage.hospital.care_plans(patient)
    assert "the patient has died" in plan["text"]["div"]


def _statuses(stage: Stage, patient: Inpatient) -> set[str]:
    return {one["status"] for one in stage.hospital.ours(patient, "ServiceRequest")}


def test_what_an_ehr_with_broken_subscriptions_did_not_tell_a_round_finds_and_mends(stage):
    for subscription in stage.hospital.search("Subscription"):
        put(stage.hospital.base_url, subscription, status="error")
    patient = stage.patients[2]
    stage.hospital.order_discharge(patient, datetime.now(TIME_ZONE))
    make_round_now(stage, stays_seen=None)
    wait_until(is_in(stage, patient, DischargeState.PUBLISHED), "publishing")
    assert "subscription" not in doors_of(stage, patient)
    tag = subscribe(stage.deps.tenants[TENANT], stage.deps, check=True)
    wait_until(lambda: _is_active(stage, tag.standings[0].reference), "mending the Subscription")


def _is_active(stage: Stage, reference: str) -> bool:
    return bool(stage.hospital.read(reference)["status"] == "active")


def test_a_merged_patients_plan_waits_for_a_person_and_follows_the_stay_to_the_one_who_remains(stage):
    patient, base = stage.patients[3], stage.hospital.base_url
    stage.hospital.order_discharge(patient, datetime.now(TIME_ZONE))
    make_round_now(stage)
    wait_until(is_in(stage, patient, DischargeState.PUBLISHED), "publishing")
    person = stage.hospital.read(f"Patient/{patient.id}")
    survivor = stage.hospital.create({name: value for name, value in person.items() if name != "id"})
    put(base, person, active=False, link=[{"type": "replaced-by", "other": {"reference": survivor}}])
    make_round_now(stage, stays_seen=None)
    wait_until(is_in(stage, patient, DischargeState.FAILED), "asking for a person")
    put(base, stage.hospital.read(patient.encounter), subject={"reference": survivor})
    make_round_now(stage, stays_seen=None)
    wait_until(is_in(stage, patient, DischargeState.PUBLISHED), "following")
    plans = stage.hospital.search("CarePlan", encounter=patient.encounter)
    assert [plan["subject"]["reference"] for plan in plans] == [survivor]
