"""A tenant: one hospital with its EHR. FHIR base URLs come from here, never from a request."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

#: SNOMED CT "Patient discharge", the order by which an EHR says that a patient is to go home.
PATIENT_DISCHARGE = "http://snomed.info/sct|58000006"
UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How we show who we are to the EHR. kind is "none", "basic" or "bearer"; the secret never shows in repr."""

    kind: str = "none"
    username: str = ""
    secret: str = field(default="", repr=False)


NO_AUTH = Auth()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One hospital.

    language is the BCP 47 tag in which its staff work; subscription_secret is what the EHR sends back with each
    notification; organization is the hospital's name, organization_reference its FHIR reference if known.
    """

    id: str
    fhir_base_url: str
    organization: str
    organization_reference: str = ""
    time_zone: ZoneInfo = UTC
    language: str = "en"
    order_codes: frozenset[str] = frozenset({PATIENT_DISCHARGE})
    auth: Auth = NO_AUTH
    subscription_secret: str = field(default="", repr=False)
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 30.0
    max_connections: int = 8
