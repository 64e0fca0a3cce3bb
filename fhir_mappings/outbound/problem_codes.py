"""The code of a need as a problem or diagnosis, for an EHR that takes Conditions by code only.

A code stands here where its official description means the need itself, neither more nor less. Descriptions: ICD-10-CM, tabular
list of 1 April 2026 (CMS and NCHS). A need without one stays out of such an EHR; it stands in the plan's document.
"""

from collections.abc import Mapping
from typing import Final

from fhir_mappings import systems
from fhir_mappings.outbound.elements import Json, coding

#: Need code → ICD-10-CM code and its description; all are leaves, which may be billed and stored.
_ICD10CM: Final[Mapping[str, tuple[str, str]]] = {
    "dependant-care": ("Z63.6", "Dependent relative needing care at home"),
    "financial-insecurity": ("Z59.869", "Financial insecurity, unspecified"),
    "food-insecurity": ("Z59.41", "Food insecurity"),
    "health-insurance-coverage-status": ("Z59.71", "Insufficient health insurance coverage"),
    "homelessness": ("Z59.00", "Homelessness unspecified"),
    "housing-instability": ("Z59.819", "Housing instability, housed unspecified"),
    "inadequate-housing": ("Z59.10", "Inadequate housing, unspecified"),
    "material-hardship": (
        "Z59.87",
        "Material hardship due to limited financial resources, not elsewhere classified",
    ),
    "personal-health-literacy": ("Z55.6", "Problems related to health literacy"),
    "stress": ("Z73.3", "Stress, not elsewhere classified"),
    "transportation-insecurity": ("Z59.82", "Transportation insecurity"),
}
CODED_NEEDS: Final = frozenset(_ICD10CM)


def problem_coding(need: str) -> Json | None:
    """Return the Coding of a need code, None where no code means the need."""
    if need not in _ICD10CM:
        return None
    return coding(systems.ICD10CM, *_ICD10CM[need])
