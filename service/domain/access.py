"""What callers may do, and what they are as far as it decides what they see."""

from enum import StrEnum


class Scope(StrEnum):
    """What a credential of the REST API is good for; there is no other right."""

    DISCHARGES_WRITE = "discharges:write"
    PLANS_READ = "plans:read"
    PLANS_APPROVE = "plans:approve"
    CASELOAD_READ = "caseload:read"
    DIRECTORY_WRITE = "directory:write"


class Role(StrEnum):
    """What a caller is. Sensitive items are shown to clinicians and social workers, and to nobody else.

    Staff is whom a hospital's EHR sends to our page without saying more of them.
    """

    ANYONE = "anyone"
    PROGRAM = "program"
    STAFF = "staff"
    MANAGER = "manager"
    CLINICIAN = "clinician"
    SOCIAL_WORKER = "social-worker"
    EHR = "ehr"


#: The roles of the care team, which sees and decides everything.
CARE_TEAM = frozenset({Role.CLINICIAN, Role.SOCIAL_WORKER})
