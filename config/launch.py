"""How our page is opened from a hospital's EHR (SMART App Launch), and what those who come that way may see and do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from config.addresses import web_address
from config.marked_yaml import Entry
from service.domain.access import CARE_TEAM, Role

_KNOWN: Final = ("client_id", "client_authentication", "scopes", "issuer", "jwks_url", "roles")
_ROLE: Final = ("role", "approves", "practitioners", "claim", "values")
_PRACTITIONER: Final = re.compile(r"Practitioner(Role)?/[A-Za-z0-9.-]{1,64}")


class ClientAuthentication(StrEnum):
    """How our page shows the EHR's token endpoint who it is, in the words of OAuth; PKCE comes with both."""

    NONE = "none"
    PRIVATE_KEY_JWT = "private_key_jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRole:
    """What some of those are whom the EHR sends: named by their entry in the EHR, or by what a claim of theirs holds."""

    role: Role
    approves: bool = False
    practitioners: frozenset[str] = frozenset()
    claim: str = ""
    values: frozenset[str] = frozenset()

    def fits(self, practitioner: str, claims: Mapping[str, Any]) -> bool:
        """Whether this is one of them. claims are those of an id token that holds."""
        said = claims.get(self.claim) if self.claim else None
        held = said if isinstance(said, list) else [said]
        return practitioner in self.practitioners or any(
            isinstance(value, str) and value in self.values for value in held
        )


#: Whoever the EHR sends and no entry fits: they read, without what is sensitive.
READER: Final = LaunchRole(role=Role.STAFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a hospital has registered our page.

    scopes are asked for beside those of every launch. issuer and jwks_url stand for what the EHR's smart-configuration does
    not name, "" where it does. Of roles the first that fits counts.
    """

    client_id: str
    client_authentication: ClientAuthentication = ClientAuthentication.NONE
    scopes: tuple[str, ...] = ()
    issuer: str = ""
    jwks_url: str = ""
    roles: tuple[LaunchRole, ...] = ()

    def role_of(self, practitioner: str, claims: Mapping[str, Any]) -> LaunchRole:
        """What this person is here."""
        return next((one for one in self.roles if one.fits(practitioner, claims)), READER)


def read_launch(entry: Entry) -> Launch:
    """The mapping under `launch`; raises ConfigurationError that names file, line and remedy."""
    found = entry.fields(_KNOWN, ("client_id",))
    if ("issuer" in found) != ("jwks_url" in found):
        raise entry.wrong(
            "issuer and jwks_url stand together, for an EHR that names neither; or leave both out"
        )
    given: dict[str, Any] = {"client_id": found["client_id"].text()}
    if "client_authentication" in found:
        given["client_authentication"] = found["client_authentication"].choice(ClientAuthentication)
    if "scopes" in found:
        given["scopes"] = found["scopes"].texts()
    if "issuer" in found:
        given |= {"issuer": web_address(found["issuer"]), "jwks_url": web_address(found["jwks_url"])}
    if "roles" in found:
        given["roles"] = tuple(map(_role, found["roles"].items()))
    return Launch(**given)


def _role(entry: Entry) -> LaunchRole:
    found = entry.fields(_ROLE, ("role",))
    if ("claim" in found) != ("values" in found) or not {"practitioners", "claim"} & set(found):
        raise entry.wrong("name whom this is for: practitioners, or a claim with its values")
    role = found["role"].choice(Role)
    if role not in {Role.STAFF, Role.MANAGER, *CARE_TEAM}:
        raise found["role"].wrong("expected clinician, social-worker, manager or staff")
    approves = found["approves"].switch() if "approves" in found else False
    if approves and role not in CARE_TEAM:
        raise found["approves"].wrong(
            "who approves is a clinician or social-worker, for they see all they sign"
        )
    return LaunchRole(
        role=role,
        approves=approves,
        practitioners=frozenset(map(_practitioner, found["practitioners"].items()))
        if "practitioners" in found
        else frozenset(),
        claim=found["claim"].text() if "claim" in found else "",
        values=frozenset(found["values"].texts()) if "values" in found else frozenset(),
    )


def _practitioner(entry: Entry) -> str:
    if not _PRACTITIONER.fullmatch(entry.text()):
        raise entry.wrong("expected a literal reference: Practitioner/id or PractitionerRole/id")
    return entry.text()
