"""Every spelling of a system and of a code that records are known to hold, with what only looks like one."""

import pytest

from fhir_mappings import systems
from fhir_mappings.inbound.code_systems import short_name
from fhir_mappings.inbound.codes import codes
from fhir_mappings.inbound.observation import is_unasked
from service.domain.codes import Code, System
from tests.builders import concept

_SPELLINGS = {
    System.SNOMED: [
        "http://snomed.info/sct",
        "https://snomed.info/sct",
        "http://snomed.info/sct/",
        "HTTP://SNOMED.INFO/SCT",
        "http://www.snomed.info/sct",
        " http://snomed.info/sct ",
        "http://snomed.info/sct|http://snomed.info/sct/731000124108/version/20240901",
        "http://snomed.info/sct/731000124108",
        "http://snomed.info/sct/731000124108/version/20240901",
        "http://snomed.info/xsct/999000011000000103",
        "urn:oid:2.16.840.1.113883.6.96",
        "URN:OID:2.16.840.1.113883.6.96",
        "2.16.840.1.113883.6.96",
        "SNOMED-CT",
        "SNOMED CT",
        "SnomedCT_US",
        "snomed",
        "SCT",
    ],
    System.LOINC: [
        "http://loinc.org",
        "https://loinc.org/",
        "http://loinc.org|2.77",
        "LOINC",
        "LN",
        "urn:oid:2.16.840.1.113883.6.1",
    ],
    System.ICD10CM: [
        "http://hl7.org/fhir/sid/icd-10-cm",
        "https://hl7.org/fhir/sid/icd-10-cm/",
        "http://hl7.org/fhir/sid/icd-10-cm|2026",
        "http://hl7.org/fhir/sid/icd-10-cm/2026",
        "http://terminology.hl7.org/CodeSystem/icd10CM",
        "http://www.nlm.nih.gov/research/umls/icd10cm",
        "urn:oid:2.16.840.1.113883.6.90",
        "2.16.840.1.113883.6.90",
        "ICD-10-CM",
        "ICD10",
        "I10C",
    ],
    System.ICD10PCS: [
        "http://www.cms.gov/Medicare/Coding/ICD10",
        "https://www.cms.gov/medicare/coding/icd10/",
        "http://hl7.org/fhir/sid/icd-10-pcs",
        "http://terminology.hl7.org/CodeSystem/icd10PCS",
        "urn:oid:2.16.840.1.113883.6.4",
        "ICD-10-PCS",
        "icd10pcs",
        "I10P",
    ],
    System.ICD10: [
        "http://hl7.org/fhir/sid/icd-10",
        "http://hl7.org/fhir/sid/icd-10-de",
        "http://hl7.org/fhir/sid/icd-10-nl",
        "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
        "http://fhir.de/CodeSystem/bfarm/icd-10-gm|2025",
        "http://fhir.de/CodeSystem/dimdi/icd-10-gm",
        "http://id.who.int/icd/release/10/2019",
        "urn:oid:2.16.840.1.113883.6.3",
        "ICD-10-GM",
    ],
    System.ICD9CM: [
        "http://hl7.org/fhir/sid/icd-9-cm",
        "http://hl7.org/fhir/sid/icd-9-cm/diagnosis",
        "ICD-9-CM",
        "I9CDX",
        "urn:oid:2.16.840.1.113883.6.103",
    ],
    System.RXNORM: [
        "http://www.nlm.nih.gov/research/umls/rxnorm",
        "https://www.nlm.nih.gov/research/umls/rxnorm/",
        "RxNorm",
        "urn:oid:2.16.840.1.113883.6.88",
    ],
    System.ATC: [
        "http://www.whocc.no/atc",
        "https://whocc.no/atc",
        "http://fhir.de/CodeSystem/bfarm/atc",
        "urn:oid:2.16.840.1.113883.6.73",
    ],
    System.NDC: ["http://hl7.org/fhir/sid/ndc", "urn:oid:2.16.840.1.113883.6.69", "NDC"],
    System.CPT: [
        "http://www.ama-assn.org/go/cpt",
        "https://www.ama-assn.org/go/cpt/",
        "urn:oid:2.16.840.1.113883.6.12",
        "CPT",
        "CPT-4",
        "C4",
    ],
    System.HCPCS: [
        "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
        "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets/",
        "http://terminology.hl7.org/CodeSystem/HCPCS-all-codes",
        "https://bluebutton.cms.gov/resources/codesystem/hcpcs",
        "urn:oid:2.16.840.1.113883.6.285",
        "urn:oid:2.16.840.1.113883.6.14",
        "HCPCS",
    ],
}


@pytest.mark.parametrize(
    ("sent", "name"), [(sent, name) for name, known in _SPELLINGS.items() for sent in known]
)
def test_a_system_has_one_name_in_all_its_spellings(sent, name):
    assert short_name(sent) == name


@pytest.mark.parametrize(
    "sent",
    [
        "http://hl7.org/fhir/sid/icd-11",
        "http://hl7.org/fhir/sid/icpc2",
        "http://read.info/readv2",
        "http://snomed.information/sct",
        "http://hospital.example/snomed",
        "http://hospital.example/icd-10-cm",
        "urn:oid:2.16.840.1.113883.6.900",
        "urn:oid:1.2.840.114350.1.13.0.1.7.2.696871",
        "https://www.meddra.org",
    ],
)
def test_another_system_keeps_its_address(sent):
    assert short_name(sent) == sent


@pytest.mark.parametrize(
    ("system", "sent", "read"),
    [
        (systems.ICD10CM, "i639", "I63.9"),
        (systems.ICD10CM, " I63 .9", "I63.9"),
        (systems.ICD10CM, "I63,9", "I63.9"),
        (systems.ICD10CM, "I63.-", "I63"),
        (systems.ICD10CM, "ICD-10-CM: I63.9", "I63.9"),
        (systems.ICD10CM, "S72001A", "S72.001A"),
        (systems.ICD10CM, "T36.0X2A", "T36.0X2A"),
        (systems.ICD10CM, "H401231", "H40.1231"),
        ("http://hl7.org/fhir/sid/icd-10", "A17.0†", "A17.0"),
        ("http://hl7.org/fhir/sid/icd-10", "G01*", "G01"),
        ("http://hl7.org/fhir/sid/icd-10", "B95.6!", "B95.6"),
        ("http://hl7.org/fhir/sid/icd-10", "e11.30+", "E11.30"),
        (systems.SNOMED, 38341003, "38341003"),
        (systems.SNOMED, 38341003.0, "38341003"),
        (systems.SNOMED, "38341003 |Hypertension|", "38341003"),
        (systems.SNOMED, "38341003|Hypertensive disorder (disorder)|", "38341003"),
        (systems.SNOMED, "38341003^Hypertension^SCT", "38341003"),
        (systems.SNOMED, "SCT:38341003", "38341003"),
        (systems.SNOMED, "http://snomed.info/id/38341003", "38341003"),
        (systems.SNOMED, "445281000124101", "445281000124101"),
        (
            systems.SNOMED,
            "243796009|Situation|:408729009=410516002",
            "243796009|Situation|:408729009=410516002",
        ),
        (systems.LOINC, "LOINC:88122-7", "88122-7"),
        (systems.LOINC, "LN 88122-7", "88122-7"),
        (systems.LOINC, "la28397-0", "LA28397-0"),
        (systems.RXNORM, "RXCUI: 197361", "197361"),
        (systems.RXNORM, 197361, "197361"),
        ("http://www.whocc.no/atc", "b01aa03", "B01AA03"),
    ],
)
def test_a_code_is_read_however_it_is_written(system, sent, read):
    [found] = codes({"coding": [{"system": system, "code": sent}]})
    assert (found.system, found.code) == (short_name(system), read)


@pytest.mark.parametrize(
    ("system", "sent", "read"),
    [
        ("http://www.cms.gov/Medicare/Coding/ICD10", "0sr90j9", (System.ICD10PCS, "0SR90J9")),
        ("http://www.cms.gov/Medicare/Coding/ICD10", "I63.9", (System.ICD10CM, "I63.9")),
        ("http://www.cms.gov/Medicare/Coding/ICD10", "S72001A", (System.ICD10CM, "S72.001A")),
        ("http://www.cms.gov/Medicare/Coding/ICD10", "HZ2ZZZZ", (System.ICD10PCS, "HZ2ZZZZ")),
        (systems.ICD10CM, "10D00Z1", (System.ICD10PCS, "10D00Z1")),
        (systems.ICD10CM, "B2111ZZ", (System.ICD10PCS, "B2111ZZ")),
        (systems.ICD10CM, "IMO0002", (System.ICD10CM, "IMO0002")),
        ("urn:oid:2.16.840.1.113883.6.4", "0SR 90J9", (System.ICD10PCS, "0SR90J9")),
        ("http://www.ama-assn.org/go/cpt", "27130-RT", (System.CPT, "27130")),
        ("http://www.ama-assn.org/go/cpt", "e0143", (System.HCPCS, "E0143")),
        ("urn:oid:2.16.840.1.113883.6.285", "E0143-NU", (System.HCPCS, "E0143")),
        ("urn:oid:2.16.840.1.113883.6.285", "90935", (System.CPT, "90935")),
        ("urn:oid:2.16.840.1.113883.6.12", "0001U", (System.CPT, "0001U")),
        ("urn:oid:2.16.840.1.113883.6.12", "LOCAL7", (System.CPT, "LOCAL7")),
    ],
)
def test_the_form_of_a_code_tells_which_of_two_systems_it_is_of(system, sent, read):
    [found] = codes(concept(sent, system))
    assert (found.system, found.code) == read


def test_words_within_a_code_are_its_display_where_it_has_none():
    sent = "38341003 |Hypertensive disorder|"
    assert codes(concept(sent, systems.SNOMED)) == (Code(System.SNOMED, "38341003", "Hypertensive disorder"),)
    assert codes(concept(sent, systems.SNOMED, "High blood pressure")) == (
        Code(System.SNOMED, "38341003", "High blood pressure"),
    )


@pytest.mark.parametrize("sent", ["718-7", "LOINC:718-7", "ln 718-7"])
def test_a_measurement_is_asked_for_however_its_code_is_written(sent):
    measured = {"code": concept(sent, systems.LOINC), "valueQuantity": {"value": 9}}
    assert not is_unasked(measured, frozenset({"718-7"}))
    assert is_unasked(measured, frozenset({"2951-2"}))
