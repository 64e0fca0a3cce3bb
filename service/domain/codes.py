"""Coded values as Homeward compares them: a short system name, a code, a display."""

from dataclasses import dataclass
from enum import StrEnum


class System(StrEnum):
    """Short names of the code systems that content files use; `fhir_mappings.systems` maps FHIR URLs to them."""

    ICD10CM = "icd10cm"
    ICD10 = "icd10"
    ICD10PCS = "icd10pcs"
    ICD9CM = "icd9cm"
    SNOMED = "snomed"
    LOINC = "loinc"
    RXNORM = "rxnorm"
    ATC = "atc"
    NDC = "ndc"
    CPT = "cpt"
    HCPCS = "hcpcs"
    ACT_CODE = "actcode"
    DISPOSITION = "discharge-disposition"
    UB04 = "ub04"
    SOPT = "sopt"
    CLAIM_FILING = "x12-claim-filing"
    SELF_PAY = "coverage-selfpay"
    CONSENT_SCOPE = "consentscope"
    CONSENT_CATEGORY = "consentcategory"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Code:
    """One coding. `system` is a System value, or the original URL of a system we have no name for.

    `code` is always text: SNOMED identifiers lose digits as numbers.
    """

    system: str
    code: str
    display: str = ""
