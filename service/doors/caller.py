"""Who is at the door: what they are called, what they may do, where, and whether they are a person who can sign."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from flask import g

from service.domain.access import CARE_TEAM, Role, Scope
from service.domain.decision import Signer
from service.errors import NotAllowed

NO_SCOPES: Final[frozenset[Scope]] = frozenset()
NOWHERE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Caller:
    """One who was let in. name stands in the audit trail.

    tenants are the ids of the hospitals they may ask about, None for all of the deployment. signer is the person who
    decides when this caller does, None for a program. discharges are the only ones they may see, None for all of their
    hospitals.
    """

    name: str
    role: Role
    scopes: frozenset[Scope] = NO_SCOPES
    tenants: frozenset[str] | None = NOWHERE
    signer: Signer | None = None
    discharges: frozenset[UUID] | None = None

    def sees_sensitive_items(self) -> bool:
        """Whether items with a sensitivity label are shown; when the role is unknown they are not."""
        return self.role in CARE_TEAM

    def may_enter(self, tenant: str) -> bool:
        """Whether this hospital is theirs; an EHR was let in for its own by its guard."""
        return self.role is Role.EHR or self.tenants is None or tenant in self.tenants

    def may_open(self, discharge: UUID) -> bool:
        """Whether this discharge, of a hospital that is theirs, is theirs to see."""
        return self.discharges is None or discharge in self.discharges

    def as_signer(self) -> Signer:
        """The person who signs; NotAllowed for a program, and for those who do not see all they would sign."""
        if self.signer is None or self.role not in CARE_TEAM:
            raise NotAllowed(
                "Only a named clinician or social worker decides about a plan; sign in as yourself."
            )
        return self.signer


def caller() -> Caller:
    """Who was let in to this request."""
    let_in: Caller = g.caller
    return let_in
