"""Advance directives and do-not-resuscitate in the spellings of US Core, PACIO and vendors, from a resource to the need."""

import csv

import pytest

from config.content import SHIPPED, load_content
from fhir_mappings import systems
from fhir_mappings.inbound.record import build_record
from service.domain.need import NeedState
from service.pipeline.assess import assess
from tests import builders as a

CONTENT = load_content()
ABSENT, ASKED, PRESENT = NeedState.ABSENT, NeedState.NOT_ASSESSED, NeedState.PRESENT
CATEGORY = [a.concept("42348-3", systems.LOINC, "Advance healthcare directives")]
DNR = a.concept("84095-9", systems.LOINC, "Do not resuscitate")
SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
CONSENT = "http://terminology.hl7.org/CodeSystem/consentcategorycodes"
US_CORE = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
NO_CPR = a.concept("LA33471-6", systems.LOINC, "No CPR: Do Not Attempt Resuscitation.")


def document(**more):
    return a.resource("DocumentReference", "d1", **{"status": "current", "date": "2023-10-08", **more})


def consent(**more):
    return a.resource("Consent", "c1", **{"status": "active", "dateTime": "2023-10-08", **more})


def order(**more):
    return a.resource("ServiceRequest", "s1", **{"status": "active", "intent": "order", **more})


def need_of(resource):
    somebody = a.patient(birthDate="1943-05-01")
    record = build_record([somebody, a.encounter(), resource], encounter=a.ENCOUNTER)
    judged = assess(record, CONTENT, today=a.TODAY)
    return next(need for need in judged.needs if need.code == "advance-care-planning")


FILED = [
    document(type=DNR, category=CATEGORY),
    document(type=DNR),
    document(type=a.concept("LOCAL-1", "https://ehr.example/types", "Code status form"), category=CATEGORY),
    document(type={"text": "Scanned document"}, category=CATEGORY),
    document(type={"text": "Scanned document"}, category=[{"text": "Scan"}, *CATEGORY]),
    document(**{"type": {"text": "Scan"}, "class": CATEGORY[0]}),
    document(type=a.concept("100821-8", systems.LOINC), docStatus="final"),
    document(type=a.concept("86533-7", systems.LOINC), docStatus="amended"),
    document(type=a.concept("75320-2", "urn:oid:2.16.840.1.113883.6.1")),
    document(type=a.concept("93037-0", systems.LOINC), date=None),
    consent(scope=a.concept("adr", SCOPE), category=[a.concept("59284-0", systems.LOINC)]),
    consent(scope=a.concept("treatment", SCOPE), category=[a.concept("acd", CONSENT)]),
    consent(category=[a.concept("dnr", CONSENT)], provision={"type": "deny"}),
    consent(category=[a.concept("polst", CONSENT)]),
    consent(category=[a.concept("64298-3", systems.LOINC)]),
    order(intent="directive", code=NO_CPR, category=[a.concept("PMO", US_CORE)]),
]
LEFT_OPEN = [
    document(type={"text": "Advance directive"}),
    document(
        type={"text": "Scan"}, category=CATEGORY, description="Advance directive: patient declined to discuss"
    ),
    document(type=DNR, category=CATEGORY, docStatus="preliminary"),
    document(
        category=CATEGORY,
        content=[{"attachment": {"title": "Advance directive information given"}}],
    ),
    consent(scope=a.concept("patient-privacy", SCOPE), category=[a.concept("acd", CONSENT)]),
    consent(status="proposed", category=[a.concept("acd", CONSENT)]),
]
NONE_FILED = [
    document(type=DNR, category=CATEGORY, status="superseded"),
    document(type=DNR, category=CATEGORY, status="entered-in-error"),
    document(type=DNR, category=CATEGORY, docStatus="entered-in-error"),
    document(type=a.concept("18842-5", systems.LOINC, "Discharge summary")),
    consent(category=[a.concept("59284-0", systems.LOINC)]),
    consent(category=[a.concept("acd", CONSENT)], status="rejected"),
    consent(category=[a.concept("acd", CONSENT)], provision={"period": {"end": "2024-03-01"}}),
    consent(category=[a.concept("npp", CONSENT)]),
    order(code={"text": "Full code"}),
    order(code=a.concept("LA33470-8", systems.LOINC, "Yes CPR: Attempt Resuscitation")),
    order(code=a.concept("304252001", systems.SNOMED, "For resuscitation")),
    order(code=a.concept("304253006", systems.SNOMED, "Not for resuscitation")),
    order(code=NO_CPR, doNotPerform=True),
    order(code=NO_CPR, status="revoked"),
    a.condition("z66", "Z66"),
]


@pytest.mark.parametrize("resource", FILED)
def test_a_directive_on_file_is_known_however_it_is_filed(resource):
    need = need_of(resource)
    assert need.state is ABSENT
    assert need.evidence[0].reference == f"{resource['resourceType']}/{resource['id']}"


@pytest.mark.parametrize("resource", LEFT_OPEN)
def test_what_may_be_a_directive_is_asked_about(resource):
    need = need_of(resource)
    assert need.state is ASKED
    assert need.evidence


@pytest.mark.parametrize("resource", NONE_FILED)
def test_what_is_no_directive_leaves_the_need(resource):
    assert need_of(resource).state is PRESENT


@pytest.mark.parametrize(
    "resource",
    [
        document(type=DNR, category=CATEGORY),
        consent(category=[a.concept("dnr", CONSENT)]),
        order(code=NO_CPR),
        order(code=a.concept("304253006", systems.SNOMED, "Not for resuscitation")),
        order(code=a.concept("9", "https://ehr.example/orderables", "DNR / DNI")),
        order(code={"text": "Do not resuscitate"}),
        a.condition("z66", "Z66"),
    ],
)
def test_not_to_be_resuscitated_is_shown_beside_the_need(resource):
    shown = [one.reference for one in need_of(resource).evidence]
    assert f"{resource['resourceType']}/{resource['id']}" in shown


def test_what_is_asked_for_is_what_counts():
    with (SHIPPED / "terminology" / "code_sets_clinical.csv").open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["set"] == "advance-care-documents"]
    assert {row["code"] for row in rows if row["system"] == "loinc"} == set(systems.ADVANCE_DIRECTIVES)
