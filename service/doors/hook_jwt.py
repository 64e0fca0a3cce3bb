"""The EHR's signature on each CDS Hooks call: a JWT by a key of an issuer that a tenant names, good for one call.

Refusals say what to send.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flask import g, request

from config.hook_issuers import HookIssuer
from config.tenants import Tenant
from service import clock
from service.doors.guard import Caller, Role
from service.doors.tokens import SKEW_SECONDS, bearer, check_header, check_signature, seconds, unverified
from service.doors.wiring import deps, settings
from service.ehr.public_keys import PublicKeys
from service.errors import NotAuthenticated, StoreUnavailable
from service.pipeline.in_time import InTime, TooLate

#: A call takes seconds; a token for longer is a password.
_LONGEST_SECONDS: Final = 3600
_LONGEST_ID: Final = 255
#: How long a call may wait for its issuer's keys: half of what it may take.
_WAIT_FOR_KEYS_SECONDS: Final = 0.25
#: By when the database must have taken the token, counted from the beginning of the call.
_WAIT_FOR_DATABASE_SECONDS: Final = 0.4
_SPENDING: Final = InTime(8, "spent-tokens")
#: One call in so many tidies up after all.
_TIDY_EVERY: Final = 500


@dataclass(frozen=True, slots=True)
class Signed:
    """A call whose signature holds: for which tenant, and the digest by which it is known when it comes again."""

    tenant: str
    digest: str
    expires: datetime


def ehr_signed() -> Caller:
    """The JWT of an EHR that this deployment knows. In the demo none is asked for, but one that is given is checked."""
    if settings().open_access and "Authorization" not in request.headers:
        g.signed_for = ""
        return Caller("demo", Role.EHR)
    audience = f"{settings().public_url}{request.path}"
    signed = verified(
        bearer(), audience=audience, tenants=deps().tenants, keys=deps().hook_keys, now=deps().now()
    )
    if not _spend(signed):
        raise NotAuthenticated("This JWT was used before; sign a new one, with a new jti, for each call.")
    if secrets.randbelow(_TIDY_EVERY) == 0:
        deps().store.spent_tokens.forget(deps().now())
    g.signed_for = signed.tenant
    return Caller(signed.tenant, Role.EHR)


def _spend(signed: Signed) -> bool:
    """Whether the call's token had not been used. A database that stalls must not keep a clinician waiting: 503 in time."""
    tokens = deps().store.spent_tokens
    until = clock.machine_seconds() + _WAIT_FOR_DATABASE_SECONDS - (clock.machine_seconds() - g.began)
    try:
        return _SPENDING.run(lambda: tokens.spend(signed.digest, signed.expires), until)
    except TooLate:
        raise StoreUnavailable from None


def signed_for() -> str:
    """The tenant that the call is signed for; "" for an unsigned one in the demo."""
    tenant: str = g.signed_for
    return tenant


def verified(
    token: bytes, *, audience: str, tenants: Mapping[str, Tenant], keys: PublicKeys, now: datetime
) -> Signed:
    """What a token proves. NotAuthenticated says what is wrong with it; EhrUnavailable when its keys do not come in time."""
    header, claims = unverified(token)
    tenant, issuer = _issuer(claims, tenants)
    check_header(header, "JWT")
    if header.get("jku", issuer.jwks_url) != issuer.jwks_url:
        raise NotAuthenticated("The JWT's jku is not the address that this deployment knows for its issuer.")
    check_signature(token, header, issuer, keys, wait=_WAIT_FOR_KEYS_SECONDS)
    expires = _check_claims(claims, audience, now)
    digest = hashlib.sha256(f"{issuer.issuer}\x1f{claims['jti']}".encode()).hexdigest()
    return Signed(tenant, digest, expires + timedelta(seconds=SKEW_SECONDS))


def _issuer(claims: Mapping[str, Any], tenants: Mapping[str, Tenant]) -> tuple[str, HookIssuer]:
    found = [
        (tenant.id, one)
        for tenant in tenants.values()
        for one in tenant.hooks
        if one.issuer == claims.get("iss") and one.tenant_claim in {"", claims.get("tenant")}
    ]
    if len(found) != 1:
        raise NotAuthenticated("The JWT's iss, with its tenant claim, is not one that this deployment knows.")
    return found[0]


def _check_claims(claims: Mapping[str, Any], audience: str, now: datetime) -> datetime:
    """When the token expires, if it is good for this call at this moment."""
    heard = claims.get("aud")
    if audience not in (heard if isinstance(heard, list) else [heard]):
        raise NotAuthenticated("The JWT's aud must be the exact URL that is called.")
    issued, expires, at = seconds(claims, "iat"), seconds(claims, "exp"), now.timestamp()
    if expires + SKEW_SECONDS <= at:
        raise NotAuthenticated("The JWT has expired; sign a new one for each call.")
    if issued - SKEW_SECONDS > at or seconds(claims, "nbf", issued) - SKEW_SECONDS > at:
        raise NotAuthenticated("The JWT's iat lies in the future; set the clock of the EHR.")
    if not 0 < expires - issued <= _LONGEST_SECONDS:
        raise NotAuthenticated("The JWT's exp must be after its iat, and within an hour of it.")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_ID:
        raise NotAuthenticated("The JWT must carry a jti of its own, text of at most 255 characters.")
    return datetime.fromtimestamp(expires, UTC)
