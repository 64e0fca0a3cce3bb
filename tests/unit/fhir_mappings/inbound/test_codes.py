import pytest

from fhir_mappings import systems
from fhir_mappings.inbound import codes as codes_module
from fhir_mappings.inbound.code_systems import short_name
from fhir_mappings.inbound.codes import (
    bare_code,
    bare_codes,
    codes,
    codes_and_text,
    codes_or_text,
    concept_text,
)
from fhir_mappings.inbound.written_codes import is_loinc
from service.domain.codes import Code, System
from tests.builders import concept


def test_a_coding_keeps_its_code_and_display_under_the_short_system_name():
    assert codes(concept("44054006", systems.SNOMED, "Diabetes type 2")) == (
        Code(System.SNOMED, "44054006", "Diabetes type 2"),
    )


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("I509", "I50.9"),
        ("i50.9", "I50.9"),
        (" I50.9 ", "I50.9"),
        ("I50", "I50"),
        ("E1165", "E11.65"),
        ("S72001A", "S72.001A"),
        ("M00-M25", "M00-M25"),
    ],
)
def test_an_icd_10_cm_code_is_upper_case_and_dotted(sent, read):
    assert codes(concept(sent, systems.ICD10CM)) == (Code(System.ICD10CM, read),)


def test_a_number_as_code_becomes_text_with_all_its_digits():
    sent = {"coding": [{"system": systems.SNOMED, "code": 10939881000119105}]}
    assert codes(sent) == (Code(System.SNOMED, "10939881000119105"),)


@pytest.mark.parametrize(
    ("code", "system"),
    [
        ("44250-9", System.LOINC),
        ("LA28397-0", System.LOINC),
        ("I50.9", System.ICD10CM),
        ("44250-8", ""),  # the check digit is wrong
        ("I509", ""),  # could be anything
        ("55607006", ""),
    ],
)
def test_a_missing_system_is_taken_from_the_form_only_where_that_leaves_no_doubt(code, system):
    assert codes(concept(code)) == (Code(system, code),)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://loinc.org/", System.LOINC),
        ("HTTP://LOINC.ORG", System.LOINC),
        ("http://snomed.info/sct/731000124108", System.SNOMED),
        ("SNOMED", System.SNOMED),
        ("http://www.nubc.org/patient-discharge", System.UB04),
        ("https://www.nubc.org/CodeSystem/PatDischargeStatus", System.UB04),
        ("http://terminology.hl7.org/CodeSystem/nubc-UB92", System.UB04),
        ("http://hospital.example/codes", "http://hospital.example/codes"),
    ],
)
def test_a_system_is_known_by_all_the_addresses_it_goes_by(url, name):
    assert short_name(url) == name


def test_discharge_codes_are_written_the_way_their_tables_have_them():
    assert codes(concept("1", "http://www.nubc.org/patient-discharge")) == (Code(System.UB04, "01"),)
    assert codes(concept("HOME", systems.DISCHARGE_DISPOSITION)) == (Code(System.DISPOSITION, "home"),)


def test_an_r5_codeable_reference_and_a_bare_coding_are_read_like_a_concept():
    expected = (Code(System.ICD10CM, "I50.9"),)
    assert codes([{"concept": concept("I50.9", systems.ICD10CM)}]) == expected
    assert codes({"system": systems.ICD10CM, "code": "I50.9"}) == expected


@pytest.mark.parametrize(
    "shape", [None, 5, "text", [], [None, "x"], {"coding": "I50.9"}, {"coding": [{"code": True}]}]
)
def test_what_is_no_concept_has_no_codes(shape):
    assert codes(shape) == ()


def test_words_without_a_code_are_kept_as_text_where_nothing_else_keeps_them():
    assert codes_or_text({"text": "Oncology"}) == (Code(System.TEXT, "Oncology"),)
    assert codes_or_text("Oncology") == (Code(System.TEXT, "Oncology"),)
    assert codes_or_text({"coding": [{"display": "Oncology"}]}) == (Code(System.TEXT, "Oncology"),)
    assert codes_or_text({**concept("394592004", systems.SNOMED), "text": "Oncology"}) == (
        Code(System.SNOMED, "394592004"),
    )
    assert codes_or_text({}) == ()


def test_words_beside_a_code_are_kept_where_they_say_more():
    contact = concept("C", "v2-0131", "Emergency Contact", text="spouse")
    assert codes_and_text([contact]) == (
        Code("v2-0131", "C", "Emergency Contact"),
        Code(System.TEXT, "spouse"),
    )
    assert codes_and_text(concept("C", "v2-0131", "Spouse", text="spouse")) == (
        Code("v2-0131", "C", "Spouse"),
    )


def test_the_words_of_a_concept_are_its_text_then_its_display():
    assert concept_text(concept("x", "s", "Display", text="Text")) == "Text"
    assert concept_text(concept("x", "s", "Display")) == "Display"
    assert concept_text({"concept": {"text": "R5"}}) == "R5"
    assert concept_text(" said ") == "said"
    assert concept_text(None) == ""


def test_a_status_is_read_from_a_string_a_coding_or_a_concept():
    assert bare_code(" Active") == bare_code(concept("active")) == bare_code({"text": "active"}) == "active"
    assert bare_code(None) == bare_code([5]) == ""


@pytest.mark.parametrize(
    ("codings", "read"),
    [
        (
            [("urn:oid:1.2.840.114350", "3", "Resolved"), (systems.CONDITION_CLINICAL, "resolved", "")],
            "resolved",
        ),
        ([("urn:oid:1.2.840.114350", "ACT", ""), (systems.CONDITION_CLINICAL, "inactive", "")], "inactive"),
        ([("urn:x", "A", ""), ("http://hl7.org/fhir/condition-clinical", "remission", "")], "remission"),
        ([("urn:x", "A", ""), ("https://terminology.hl7.org/CodeSystem/x", "Refuted", "")], "refuted"),
        ([("urn:oid:1.2.840.114350", "3", "Resolved")], "resolved"),
        ([("urn:oid:1.2.840.114350", "3", "")], "3"),
        ([("urn:x", "resolved", "Over")], "resolved"),
    ],
)
def test_a_site_s_own_code_before_that_of_hl7_is_no_status(codings, read):
    sent = [{"system": system, "code": code, "display": display} for system, code, display in codings]
    assert bare_code({"coding": sent}) == read


def test_categories_are_bare_codes_or_the_text_without_one():
    assert bare_codes([concept("survey"), concept("sdoh")]) == {"survey", "sdoh"}
    assert bare_codes(["food", "medication"]) == {"food", "medication"}
    assert bare_codes("food") == {"food"}
    assert bare_codes({"text": "Social History"}) == {"Social History"}
    assert bare_codes(None) == frozenset()


def test_a_loinc_number_has_the_right_check_digit():
    assert all(map(is_loinc, ("44250-9", "718-7", "96777-8", "100009-0")))
    assert not any(map(is_loinc, ("44250-1", "1-2", "LA33-6", "", "44250")))


def test_a_code_of_endless_length_is_read_and_not_remembered():
    before = codes_module._known.cache_info().currsize  # noqa: SLF001
    endless = "9" * 100_000
    [read] = codes({"coding": [{"system": systems.LOINC, "code": endless}]})
    assert read.code == endless
    assert codes_module._known.cache_info().currsize == before  # noqa: SLF001
