"""A discharge order is known in every spelling of its system, in the order and in the hospital's setting."""

import itertools
from dataclasses import replace

import pytest

from config.conventions import PATIENT_DISCHARGE
from config.tenants import Tenant
from fhir_mappings.inbound.draft_order import discharges
from fhir_mappings.inbound.trigger import names_no_stay, trigger_from
from fhir_mappings.order_codes import is_coded_so, searched_codes
from fhir_mappings.outbound.subscription import rest_hooks
from service.domain.discharge import Action

SNOMED = (
    "http://snomed.info/sct",
    "https://snomed.info/sct",
    "http://snomed.info/sct/",
    " HTTP://SNOMED.INFO/SCT ",
    "http://www.snomed.info/sct",
    "http://snomed.info/sct|20240301",
    "http://snomed.info/sct/731000124108",
    "http://snomed.info/sct/731000124108/version/20240301",
    "urn:oid:2.16.840.1.113883.6.96",
    "2.16.840.1.113883.6.96",
    "SNOMED CT",
    "SCT",
)
NUMBERS = ("58000006", 58000006, " 58000006 ", "58000006 |Patient discharge|", "58000006.0")
OWN = (
    "http://hospital.example/orders",
    "https://hospital.example/orders/",
    "HTTP://Hospital.Example/orders|2",
)
TENANT = Tenant(id="demo", fhir_base_url="http://127.0.0.1:9/fhir", organization="Example Hospital")


def order(*codings):
    return {
        "resourceType": "ServiceRequest",
        "id": "1",
        "status": "active",
        "intent": "order",
        "code": {"coding": list(codings)},
        "encounter": {"reference": "Encounter/1"},
    }


def coding(system, code):
    return {"system": system, "code": code}


@pytest.mark.parametrize(("system", "setting"), list(itertools.product(SNOMED, SNOMED[:10])))
def test_one_system_is_one_in_order_and_setting(system, setting):
    codes = frozenset({f"{setting.strip().partition('|')[0]}|58000006"})
    assert discharges(order(coding(system, "58000006")), codes)
    found = trigger_from(
        order(coding(system, "58000006")), tenant=replace(TENANT, order_codes=codes), door="poll"
    )
    assert found is not None
    assert found.action is Action.PLAN


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_its_code_however_it_is_sent(number):
    assert discharges(order(coding(SNOMED[0], number)), {PATIENT_DISCHARGE})


@pytest.mark.parametrize(("system", "setting"), list(itertools.product(OWN, OWN[:2])))
def test_a_hospitals_own_system_has_spellings_too(system, setting):
    assert discharges(order(coding(system, "DISCH")), {f"{setting}|DISCH"})


def test_any_coding_of_the_order_may_be_the_one():
    own = coding("urn:example:orders", "17")
    assert discharges(order(own, coding(SNOMED[8], "58000006")), {PATIENT_DISCHARGE})
    assert discharges(order(coding(SNOMED[0], "1"), own), {"urn:oid:1.2|3", "urn:example:orders|17"})
    several = {"resourceType": "ServiceRequest", "code": [{"text": "x"}, {"coding": [own]}]}
    assert discharges(several, {"urn:example:orders|17"})


@pytest.mark.parametrize(
    "near",
    [
        coding("http://loinc.org", "58000006"),
        coding("http://hospital.example/orders", "58000006"),
        coding("http://snomed.infos/sct", "58000006"),
        coding("urn:oid:2.16.840.1.113883.6.9", "58000006"),
        coding("", "58000006"),
        coding(None, "58000006"),
        coding(SNOMED[0], "58000007"),
        coding(SNOMED[0], "580000060"),
        coding(SNOMED[0], None),
        {"system": SNOMED[0], "display": "Patient discharge"},
    ],
)
def test_another_code_or_another_system_discharges_nobody(near):
    assert not discharges(order(near), {PATIENT_DISCHARGE})
    assert not names_no_stay({**order(near), "encounter": None}, TENANT)


@pytest.mark.parametrize(
    "junk", [None, 5, "58000006", [], [None, 3], {"coding": "x"}, {"coding": [None, []]}]
)
def test_what_is_no_concept_is_no_order(junk):
    assert not is_coded_so(junk, {PATIENT_DISCHARGE})


def test_orders_are_searched_under_each_address_of_their_system():
    expected = "http://snomed.info/sct|58000006,urn:oid:2.16.840.1.113883.6.96|58000006"
    assert searched_codes([PATIENT_DISCHARGE]) == expected
    assert searched_codes(["urn:oid:2.16.840.1.113883.6.96|58000006"]) == expected
    assert "https://snomed.info/sct|58000006" in searched_codes(["https://snomed.info/sct|58000006"]).split(
        ","
    )
    assert searched_codes(["urn:example:orders|DISCH"]) == "urn:example:orders|DISCH"
    hooks = {hook.subject: hook.body["criteria"] for hook in rest_hooks(TENANT, "https://x.example/hook")}
    assert hooks["orders"] == f"ServiceRequest?code={expected}"


def test_stays_are_searched_by_the_hospitals_own_classes_too():
    table = {
        "urn:example:Class|HOV": "IMP",
        "Stay": "OBSENC",
        "Clinic": "AMB",
        "Hospital Encounter": "IMP",
        "X": "",
        "A,B": "SS",
    }
    hooks = {
        hook.subject: hook.body["criteria"]
        for hook in rest_hooks(replace(TENANT, encounter_classes=table), "https://x.example/hook")
    }
    asked = "ACUTE,A\\,B,IMP,NONAC,OBSENC,SS,Stay,urn:example:Class|HOV"
    assert hooks["stays"] == f"Encounter?class={asked}"
