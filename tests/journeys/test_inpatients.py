"""What a social worker would find in each sample patient's record, is what Homeward finds."""

import json
from datetime import date

import pytest

from config.content import load_content
from fhir_mappings.inbound.bundle_file import read_bundle
from service.commands.plan_file import bundle_of as transaction_of
from service.commands.plan_file import plan_of
from service.domain.need import NeedState
from service.presentation.patient_sheet import Reader, patient_sheet
from service.sandbox.inpatients import bundle_of, inpatients

TODAY = date(2026, 11, 21)
ALL = {patient.id: patient for patient in inpatients()}
EACH = pytest.mark.parametrize("name", ALL)


@pytest.fixture(scope="module")
def plans():
    return {
        name: plan_of(
            read_bundle(json.dumps(bundle_of(patient, TODAY)).encode()),
            encounter=patient.encounter,
            today=TODAY,
        )
        for name, patient in ALL.items()
    }


def codes(plan, state):
    return {need.code for need in plan.needs if need.state is state}


@EACH
def test_every_need_of_the_story_is_found(plans, name):
    assert codes(plans[name], NeedState.PRESENT) >= ALL[name].needs


@EACH
def test_what_the_record_rules_out_is_not_found(plans, name):
    assert not codes(plans[name], NeedState.PRESENT) & ALL[name].absent


@EACH
def test_the_stories_use_the_need_codes_of_the_protocols(name):
    known = {protocol.ref.id for protocol in load_content().protocols}
    assert ALL[name].needs | ALL[name].absent <= known


@EACH
def test_every_referral_into_the_community_has_a_service_or_is_said_to_have_none(plans, name):
    plan = plans[name]
    for referral in plan.referrals:
        if referral.community and not referral.existing and not referral.community_services:
            assert any(referral.title in task.text or referral.need == task.need for task in plan.tasks)


@EACH
def test_every_service_offered_says_why(plans, name):
    for referral in plans[name].referrals:
        assert all(found.reasons for found in referral.community_services)


def test_the_healthy_patient_needs_nothing(plans):
    assert not codes(plans["clara-nullman"], NeedState.PRESENT)


def test_what_nobody_asked_is_a_question_and_not_an_answer(plans):
    edith = plans["edith-facsimile"]
    assert "food-insecurity" in codes(edith, NeedState.NOT_ASSESSED)
    assert "food-insecurity" in {question.need for question in edith.bedside_questions}


def test_a_declined_answer_about_violence_is_not_a_no(plans):
    assert "intimate-partner-violence" in codes(plans["dale-placeholder"], NeedState.NOT_ASSESSED)


def test_the_survivor_is_offered_an_advocate_whose_place_is_nowhere_in_the_plan(plans):
    lucia = plans["lucia-ejemplo"]
    advocates = [one for one in lucia.referrals if one.service == "violence-advocacy"]
    assert advocates
    assert "Safe Harbor" in advocates[0].community_services[0].service.organization
    assert not any(found.service.address for found in advocates[0].community_services)


def test_nothing_of_the_violence_reaches_the_shared_resources_or_the_sheet(plans):
    lucia = plans["lucia-ejemplo"]
    shared = json.dumps(transaction_of(lucia)).lower() + patient_sheet(lucia, Reader.PATIENT).lower()
    for word in ("violence", "abuse", "husband", "harbor", "advocacy", "shelter", "hark", "hits"):
        assert word not in shared


def test_nothing_of_the_overdose_reaches_the_shared_resources(plans):
    shared = json.dumps(transaction_of(plans["tyler-dummyson"])).lower()
    for word in ("opioid", "overdose", "naloxone", "buprenorphine", "suicid", "turning point"):
        assert word not in shared


def test_the_spanish_speaker_is_offered_services_that_speak_spanish_first(plans):
    for referral in plans["lucia-ejemplo"].referrals:
        if referral.community_services:
            assert "es" in referral.community_services[0].service.languages


def test_the_homeless_man_without_a_zip_code_is_offered_services_near_the_hospital(plans):
    dale = {one.service: one for one in plans["dale-placeholder"].referrals}
    respite = next(iter(dale["medical-respite"].community_services))
    assert respite.service.organization == "Hearthlight Shelter and Respite"


def test_the_booked_visit_and_the_hospice_order_are_not_asked_for_again(plans):
    visits = [visit for visit in plans["agnes-sampleford"].follow_ups if visit.existing]
    assert [visit.existing for visit in visits] == ["Appointment/agnes-sampleford-appointment"]
    hospice = [one for one in plans["george-prototype"].referrals if one.service == "hospice"]
    assert [one.existing for one in hospice] == ["ServiceRequest/george-prototype-order"]
