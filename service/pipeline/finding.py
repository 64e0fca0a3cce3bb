"""What a preflight found: rows about one EHR, each with how good it is and why."""

from dataclasses import dataclass
from enum import StrEnum

from config.vendor_files import VendorNote


class Verdict(StrEnum):
    """How good a finding is, best first."""

    READY = "ready"
    DEGRADED = "degraded"
    UNUSABLE = "unusable"

    @property
    def exit_code(self) -> int:
        """0, 1 or 2."""
        return list(Verdict).index(self)


class Area(StrEnum):
    """What a finding is about."""

    CONNECTION = "connection"
    AUTH = "auth"
    SCOPES = "scopes"
    REGISTRATION = "registration"
    READ = "read"
    WRITE = "write"
    LANDING = "landing"
    BODY = "body"
    TRIGGER = "trigger"
    SETUP = "setup"
    QUIRK = "quirk"
    CLINICIAN = "clinician"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: what was looked at, how good it is, and the sentence that says why. rung only for writes and landing."""

    area: Area
    subject: str
    verdict: Verdict
    said: str
    rung: str = ""


@dataclass(frozen=True, slots=True)
class Preflight:
    """All findings about one EHR; about is a tenant's id, a file's name or a product's, notes what is publicly known of a product."""

    about: str
    findings: tuple[Finding, ...]
    notes: tuple[VendorNote, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of all findings."""
        return max((finding.verdict for finding in self.findings), key=list(Verdict).index)
