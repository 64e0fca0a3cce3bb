"""The CDS services of the discovery: what each is for, and what it wants prefetched."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fhir_mappings.prefetch import FULL, SHORT
from service.doors.hook_calls import ENCOUNTER_DISCHARGE, ORDER_SIGN, PATIENT_VIEW


@dataclass(frozen=True, slots=True)
class Service:
    """One service of the discovery; its id is its hook."""

    hook: str
    title: str
    description: str
    prefetch: Mapping[str, str]

    def described(self) -> dict[str, Any]:
        """As discovery tells it."""
        return {
            "hook": self.hook,
            "id": self.hook,
            "title": self.title,
            "description": self.description,
            "usageRequirements": "What is not prefetched is read from the EHR's FHIR server while the call waits.",
            "prefetch": dict(self.prefetch),
        }


SERVICES: Final = {
    ENCOUNTER_DISCHARGE: Service(
        ENCOUNTER_DISCHARGE,
        "Discharge plan",
        "Readiness, needs with their evidence, what to ask at the bedside, and referrals to take over.",
        FULL,
    ),
    ORDER_SIGN: Service(
        ORDER_SIGN,
        "Discharge plan when the discharge is ordered",
        "The same when a discharge order is signed; other orders are answered without cards.",
        SHORT,
    ),
    PATIENT_VIEW: Service(
        PATIENT_VIEW,
        "Discharge plan in the chart",
        "The same where the EHR says by its own trigger that a discharge is prepared; otherwise the plan there is, if any.",
        FULL,
    ),
}
