"""OAuth2 access tokens (RFC 9068) for the REST API: signed by an authorization server that a tenant names, for us.

The server says which client it is for, for whom, and with which scopes; the tenants file says which clients are let in.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from config.hook_issuers import TokenIssuer
from config.tenants import Tenant
from fhir_mappings.outbound.references import type_of
from fhir_mappings.servers import is_same_server, reference_at
from service.domain.access import CARE_TEAM, Role, Scope
from service.domain.decision import Signer
from service.doors.caller import Caller
from service.doors.tokens import SKEW_SECONDS, check_header, check_signature, seconds, unverified
from service.ehr.public_keys import PublicKeys
from service.errors import NotAuthenticated

#: RFC 9068 says at+jwt; many servers still say JWT.
_TYPES: Final = ("at+jwt", "application/at+jwt", "JWT")
#: How long a call may wait for its issuer's keys.
_WAIT_FOR_KEYS_SECONDS: Final = 3.0
_LONGEST_NAME: Final = 200
#: They stand in nobody's name, and the database keeps no NUL.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PEOPLE: Final = frozenset({"Practitioner", "PractitionerRole"})


def token_caller(
    token: bytes, *, audience: str, tenants: Mapping[str, Tenant], keys: PublicKeys, now: datetime
) -> Caller:
    """Who an access token speaks for. NotAuthenticated says what is wrong; EhrUnavailable when its keys do not come."""
    header, claims = unverified(token)
    check_header(header, *_TYPES)
    issuers = _issuers(claims, tenants)
    if not issuers:
        raise NotAuthenticated("The token's iss and client are not ones that this deployment knows.")
    check_signature(token, header, next(iter(issuers.values())), keys, wait=_WAIT_FOR_KEYS_SECONDS)
    _check_claims(claims, audience, now)
    return _caller(claims, [tenants[name] for name in issuers])


def _issuers(claims: Mapping[str, Any], tenants: Mapping[str, Tenant]) -> dict[str, TokenIssuer]:
    """The tenants that take this issuer's tokens for this client, each with how they name it; all have the same keys."""
    found = {
        tenant.id: one
        for tenant in tenants.values()
        for one in tenant.token_issuers
        if one.issuer == claims.get("iss")
        and _client(claims) in one.client_ids
        and one.tenant_claim in {"", claims.get("tenant")}
    }
    first = next(iter(found.values()), None)
    return {
        name: one
        for name, one in found.items()
        if first and (one.jwks_url, one.jwks_file) == (first.jwks_url, first.jwks_file)
    }


def _client(claims: Mapping[str, Any]) -> str:
    return _text(claims, "client_id") or _text(claims, "azp")


def _check_claims(claims: Mapping[str, Any], audience: str, now: datetime) -> None:
    heard, at = claims.get("aud"), now.timestamp()
    if audience not in (heard if isinstance(heard, list) else [heard]):
        raise NotAuthenticated("The token's aud must be this service's public URL.")
    if seconds(claims, "exp") + SKEW_SECONDS <= at:
        raise NotAuthenticated("The token has expired; get a new one.")
    if seconds(claims, "nbf", 0) - SKEW_SECONDS > at or seconds(claims, "iat", 0) - SKEW_SECONDS > at:
        raise NotAuthenticated("The token is not good yet; set the clock of its issuer.")
    if not _text(claims, "sub"):
        raise NotAuthenticated("The token must say whom it is for: sub.")


def _caller(claims: Mapping[str, Any], tenants: Collection[Tenant]) -> Caller:
    subject = _text(claims, "sub")
    role = _role(_words(claims.get("roles")))
    person = _person(claims, subject, tenants) if role in CARE_TEAM and subject != _client(claims) else None
    name = person.name if person else _client(claims)
    return Caller(
        f"{name} ({claims['iss']} {subject})",
        role,
        scopes=frozenset(Scope(word) for word in _granted(claims) if word in set(Scope)),
        tenants=frozenset(tenant.id for tenant in tenants),
        signer=person,
    )


def _granted(claims: Mapping[str, Any]) -> list[str]:
    """`scope` as a text of words (RFC 8693), or `scp` as some servers have it."""
    return _words(claims.get("scope")) + _words(claims.get("scp"))


def _role(said: Iterable[str]) -> Role:
    """The one that sees most of those we know; a program for none."""
    known = set(said)
    ranked = (Role.CLINICIAN, Role.SOCIAL_WORKER, Role.MANAGER)
    return next((role for role in ranked if role.value in known), Role.PROGRAM)


def _person(claims: Mapping[str, Any], subject: str, tenants: Collection[Tenant]) -> Signer:
    """The person by name, and their entry in the EHR."""
    return Signer(_text(claims, "name") or subject, subject=subject, reference=_practitioner(claims, tenants))


def _practitioner(claims: Mapping[str, Any], tenants: Collection[Tenant]) -> str:
    """fhirUser, as SMART has it, relative or in the EHR of the hospitals that they may enter; "" for any other.

    On another server the same id is somebody else, and so it is where they may enter hospitals of several servers.
    """
    base, *others = [tenant.fhir_base_url for tenant in tenants]
    said = _text(claims, "fhirUser")
    alone = all(is_same_server(base, other) for other in others)
    reference = reference_at(said, base) if alone else said
    return reference if type_of(reference) in _PEOPLE else ""


def _text(claims: Mapping[str, Any], name: str) -> str:
    """A claim's text; "" for what is none, is too long or holds control characters."""
    value = claims.get(name)
    text = value.strip() if isinstance(value, str) and len(value) <= _LONGEST_NAME else ""
    return "" if _CONTROL.search(text) else text


def _words(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.split()
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []
