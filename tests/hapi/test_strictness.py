"""The server is as strict as the other tests here rely on."""

import pytest
import requests

from service.sandbox.mode import INSIDE

pytestmark = [pytest.mark.hapi, pytest.mark.usefixtures("patients")]

PLAN = {
    "resourceType": "CarePlan",
    "meta": {"profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-careplan"]},
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Invented.</div>'},
    "status": "draft",
    "intent": "plan",
    "category": [
        {
            "coding": [
                {
                    "system": "http://hl7.org/fhir/us/core/CodeSystem/careplan-category",
                    "code": "assess-plan",
                }
            ]
        }
    ],
    "subject": {"reference": "Patient/agnes-sampleford"},
}


def written(hapi, body, headers=None):
    return requests.post(f"{hapi}/{body['resourceType']}", json=body, headers=headers, timeout=60)


def test_a_right_plan_is_taken(hapi):
    assert written(hapi, PLAN).status_code == 201


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"status": "invented"}, {400, 422}),  # a required binding of R4
        ({"category": []}, {400, 422}),  # mandatory in US Core
        ({"subject": {"reference": "Patient/nobody"}}, {400}),  # a reference to nothing
        (
            {"subject": {"reference": "Encounter/agnes-sampleford-stay"}},
            {400, 422},
        ),  # a type not allowed there
        ({"invented": True}, {400, 422}),  # an element that R4 does not have
    ],
)
def test_a_wrong_one_is_refused(hapi, wrong, status):
    assert written(hapi, {**PLAN, **wrong}).status_code in status


def test_a_gravity_code_that_does_not_exist_is_refused(hapi):
    system = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
    answer = requests.post(
        f"{hapi}/CarePlan/$validate",
        json={**PLAN, "category": [*PLAN["category"], {"coding": [{"system": system, "code": "invented"}]}]},
        timeout=60,
    )
    assert "invented" in answer.text


def test_a_record_may_be_as_untidy_as_real_ones(hapi):
    untidy = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "No category"},
        "invented": 1,
    }
    assert written(hapi, {**untidy, "subject": {"reference": "Patient/nobody"}}).status_code >= 400
    untidy.pop("invented")
    meta = {"meta": {"profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-vital-signs"]}}
    assert written(hapi, {**untidy, **meta}).status_code >= 400
    assert written(hapi, {**untidy, **meta}, dict(INSIDE)).status_code == 201
