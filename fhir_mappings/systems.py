"""Every URL, code system and fixed code that Homeward reads or writes, once."""

from typing import Final

from service.domain.codes import System

# --- code systems -------------------------------------------------------------------------------
SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
ICD10CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM: Final = "http://unitsofmeasure.org"
BCP47: Final = "urn:ietf:bcp:47"
DISCHARGE_DISPOSITION: Final = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
CONDITION_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/condition-category"
US_CORE_CAREPLAN_CATEGORY: Final = "http://hl7.org/fhir/us/core/CodeSystem/careplan-category"
US_CORE_CATEGORY: Final = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
US_CORE_CONDITION_CATEGORY: Final = "http://hl7.org/fhir/us/core/CodeSystem/condition-category"
US_CORE_DOCUMENT_CATEGORY: Final = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
CONDITION_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CONDITION_VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
COMMUNICATION_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/communication-category"
SDOHCC: Final = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
GOAL_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/goal-category"
DATA_OPERATION: Final = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
TASK_CODE: Final = "http://hl7.org/fhir/CodeSystem/task-code"
PROVENANCE_PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"

#: SNOMED CT "Social service procedure": the code of every social request that has none of its own.
SOCIAL_SERVICE: Final = "410606002"

#: Our own reasons for setting a card aside; the names of its codes are in docs/cds-hooks.md. Never change it.
OVERRIDE_REASONS: Final = "urn:uuid:0a7c1c5e-96a1-5d0c-9d0b-3f1c7f0c2d11"

#: The system of every identifier of ours, and that of the tag on all that we write. Never change them.
OWN_IDENTIFIER: Final = "urn:uuid:6fbbe176-165c-5188-ad88-682945dfa61f"
OWN_TAG: Final = "urn:uuid:534f51aa-c740-598a-820d-05b31cb7d6bd"
#: Under which earlier releases wrote the same values: FHIR's own for URIs.
URI_IDENTIFIER: Final = "urn:ietf:rfc:3986"

#: FHIR system URL, as found in real records, → short name used by protocols and instruments; each system's own stands first.
#: `fhir_mappings.inbound.code_systems` reads them in any scheme and case, with version or edition.
SHORT_NAMES: Final[dict[str, System]] = {
    SNOMED: System.SNOMED,
    "urn:oid:2.16.840.1.113883.6.96": System.SNOMED,
    LOINC: System.LOINC,
    "urn:oid:2.16.840.1.113883.6.1": System.LOINC,
    ICD10CM: System.ICD10CM,
    "urn:oid:2.16.840.1.113883.6.90": System.ICD10CM,
    "http://hl7.org/fhir/sid/icd-10-pcs": System.ICD10PCS,
    # CMS's page for both parts of ICD-10 in the United States; FHIR names it for procedures. A code's form tells them apart.
    "http://www.cms.gov/Medicare/Coding/ICD10": System.ICD10PCS,
    "urn:oid:2.16.840.1.113883.6.4": System.ICD10PCS,
    "http://hl7.org/fhir/sid/icd-10": System.ICD10,
    "urn:oid:2.16.840.1.113883.6.3": System.ICD10,
    "http://hl7.org/fhir/sid/icd-9-cm": System.ICD9CM,
    "urn:oid:2.16.840.1.113883.6.103": System.ICD9CM,
    RXNORM: System.RXNORM,
    "urn:oid:2.16.840.1.113883.6.88": System.RXNORM,
    "http://www.whocc.no/atc": System.ATC,
    "urn:oid:2.16.840.1.113883.6.73": System.ATC,
    "http://hl7.org/fhir/sid/ndc": System.NDC,
    "urn:oid:2.16.840.1.113883.6.69": System.NDC,
    "http://www.ama-assn.org/go/cpt": System.CPT,
    "urn:oid:2.16.840.1.113883.6.12": System.CPT,
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": System.HCPCS,
    "urn:oid:2.16.840.1.113883.6.285": System.HCPCS,
    "urn:oid:2.16.840.1.113883.6.14": System.HCPCS,
    ACT_CODE: System.ACT_CODE,
    DISCHARGE_DISPOSITION: System.DISPOSITION,
    # Its address before R4, and that of its value set, which some send for it.
    "http://hl7.org/fhir/discharge-disposition": System.DISPOSITION,
    "http://hl7.org/fhir/ValueSet/encounter-discharge-disposition": System.DISPOSITION,
    "http://terminology.hl7.org/ValueSet/encounter-discharge-disposition": System.DISPOSITION,
    "urn:oid:2.16.840.1.113883.4.642.1.1093": System.DISPOSITION,
    # NUBC's patient discharge status has a different URI in each US Core version.
    "http://www.nubc.org/patient-discharge": System.UB04,
    "https://www.nubc.org/CodeSystem/PatDischargeStatus": System.UB04,
    "http://terminology.hl7.org/CodeSystem/nubc-UB92": System.UB04,
    "http://www.nubc.org/CodeSystem/PatDischargeStatus": System.UB04,
    "urn:oid:2.16.840.1.113883.6.301.5": System.UB04,
    "https://bluebutton.cms.gov/resources/variables/ptnt_dschrg_stus_cd": System.UB04,
    # Source of payment typology (NAHDO, PHDSC).
    "https://nahdo.org/sopt": System.SOPT,
    "http://nahdo.org/sopt": System.SOPT,
    "https://www.nahdo.org/sopt": System.SOPT,
    "http://www.nahdo.org/sopt": System.SOPT,
    "https://www.nahdo.org/data-resources/source-of-payment-typology": System.SOPT,
    "http://terminology.hl7.org/CodeSystem/PHDSCSourceOfPaymentTypology": System.SOPT,
    "urn:oid:2.16.840.1.113883.3.221.5": System.SOPT,
    "2.16.840.1.113883.3.221.5": System.SOPT,
    "http://phdsc.org/standards/payer-typology.asp": System.SOPT,
    # X12 claim filing indicator (SBR09, CLP06).
    "https://x12.org/codes/claim-filing-indicator-codes": System.CLAIM_FILING,
    "http://x12.org/codes/claim-filing-indicator-codes": System.CLAIM_FILING,
    "https://codesystem.x12.org/005010/1032": System.CLAIM_FILING,
    "http://codesystem.x12.org/005010/1032": System.CLAIM_FILING,
    "urn:oid:2.16.840.1.113883.6.255.1336": System.CLAIM_FILING,
    "http://terminology.hl7.org/CodeSystem/coverage-selfpay": System.SELF_PAY,
    "http://hl7.org/fhir/coverage-selfpay": System.SELF_PAY,
    "http://hl7.org/fhir/v3/ActCode": System.ACT_CODE,
    "urn:oid:2.16.840.1.113883.5.4": System.ACT_CODE,
    "http://terminology.hl7.org/CodeSystem/consentscope": System.CONSENT_SCOPE,
    "http://hl7.org/fhir/consentscope": System.CONSENT_SCOPE,
    "http://terminology.hl7.org/CodeSystem/consentcategorycodes": System.CONSENT_CATEGORY,
    "http://hl7.org/fhir/consentcategorycodes": System.CONSENT_CATEGORY,
    # HL7 v2's own table of the same numbers.
    "http://terminology.hl7.org/CodeSystem/v2-0112": System.UB04,
    "http://hl7.org/fhir/v2/0112": System.UB04,
    "urn:oid:2.16.840.1.113883.12.112": System.UB04,
}
#: The URL we write for each short name.
URLS: Final[dict[str, str]] = {
    System.SNOMED: SNOMED,
    System.LOINC: LOINC,
    System.ICD10CM: ICD10CM,
    System.ICD10PCS: "http://www.cms.gov/Medicare/Coding/ICD10",
    System.RXNORM: RXNORM,
    System.CPT: "http://www.ama-assn.org/go/cpt",
    System.HCPCS: "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    System.DISPOSITION: DISCHARGE_DISPOSITION,
    System.ACT_CODE: ACT_CODE,
}

# --- patient education --------------------------------------------------------------------------
MEDLINEPLUS_CONNECT: Final = "https://connect.medlineplus.gov/application"
#: The OIDs by which MedlinePlus Connect knows the code systems it has pages for.
MEDLINEPLUS_OIDS: Final[dict[str, str]] = {
    System.ICD10CM: "2.16.840.1.113883.6.90",
    System.SNOMED: "2.16.840.1.113883.6.96",
    System.RXNORM: "2.16.840.1.113883.6.88",
    System.LOINC: "2.16.840.1.113883.6.1",
}

# --- profiles -----------------------------------------------------------------------------------
US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/"
GRAVITY: Final = "http://hl7.org/fhir/us/sdoh-clinicalcare/StructureDefinition/"

XHTML: Final = "http://www.w3.org/1999/xhtml"

# --- extensions ---------------------------------------------------------------------------------
PERTAINS_TO_GOAL: Final = "http://hl7.org/fhir/StructureDefinition/resource-pertainsToGoal"
GEOLOCATION: Final = "http://hl7.org/fhir/StructureDefinition/geolocation"
INTERPRETER_REQUIRED: Final = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"
US_CORE_INTERPRETER_NEEDED: Final = (
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-interpreter-needed"
)
DATA_ABSENT_REASON: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
#: Systems of reasons that stand where a value would.
ABSENT_REASON_SYSTEMS: Final = frozenset(
    {
        "http://terminology.hl7.org/CodeSystem/data-absent-reason",
        "http://hl7.org/fhir/data-absent-reason",
        "http://terminology.hl7.org/CodeSystem/v3-NullFlavor",
        "http://hl7.org/fhir/v3/NullFlavor",
        "urn:oid:2.16.840.1.113883.5.1008",
    }
)
#: HL7 v2 table 0532, by its addresses and its OID.
EXPANDED_YES_NO_SYSTEMS: Final = frozenset(
    {
        "http://terminology.hl7.org/CodeSystem/v2-0532",
        "http://hl7.org/fhir/v2/0532",
        "urn:oid:2.16.840.1.113883.12.532",
    }
)
#: What an answer counts, in R4, SDC, R5 and STU3.
POINTS: Final = frozenset(
    {
        "http://hl7.org/fhir/StructureDefinition/ordinalValue",
        "http://hl7.org/fhir/StructureDefinition/itemWeight",
        "http://hl7.org/fhir/StructureDefinition/questionnaire-ordinalValue",
        "http://hl7.org/fhir/StructureDefinition/iso21090-CO-value",
    }
)

# --- documents ----------------------------------------------------------------------------------
#: LOINC codes by which advance directives are filed, as types and as categories (PACIO Advance Directive Interoperability,
#: US Core ADI): the same as the code set "advance-care-documents".
ADVANCE_DIRECTIVES: Final = (
    "42348-3",
    "64298-3",
    "75320-2",
    "81334-5",
    "84095-9",
    "86533-7",
    "92664-2",
    "93037-0",
    "100821-8",
    "104144-1",
)
