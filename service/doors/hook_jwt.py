"""The EHR's signature on each CDS Hooks call: a JWT by a key of an issuer that a tenant names, good for one call.

Never `none`, never a shared secret; no key or address inside the token is used. Refusals say what to send.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from flask import g, request
from joserfc import jws
from joserfc.errors import JoseError

from config.hook_issuers import HookIssuer
from config.tenants import Tenant
from service.doors.guard import Caller, Role
from service.doors.wiring import deps, settings
from service.ehr.public_keys import PublicKeys
from service.errors import NotAuthenticated

#: RS384 and ES384 are recommended; the others are as safe.
ALGORITHMS: Final = tuple(f"{kind}{size}" for kind in ("RS", "ES", "PS") for size in (256, 384, 512))
SKEW_SECONDS: Final = 60
#: A call takes seconds; a token for longer is a password.
_LONGEST_SECONDS: Final = 3600
_MAX_BYTES: Final = 8192
_LONGEST_ID: Final = 255
#: How long a call may wait for its issuer's keys: half of what it may take.
_WAIT_FOR_KEYS_SECONDS: Final = 0.25
#: One call in so many tidies up after all.
_TIDY_EVERY: Final = 500

#: Headers may be longer than joserfc expects, and hold members of the EHR's own.
_REGISTRY: Final = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
_REGISTRY.max_header_length = 2048


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
        _bearer(), audience=audience, tenants=deps().tenants, keys=deps().hook_keys, now=deps().now()
    )
    if not deps().store.spent_tokens.spend(signed.digest, signed.expires):
        raise NotAuthenticated("This JWT was used before; sign a new one, with a new jti, for each call.")
    if secrets.randbelow(_TIDY_EVERY) == 0:
        deps().store.spent_tokens.forget(deps().now())
    g.signed_for = signed.tenant
    return Caller(signed.tenant, Role.EHR)


def signed_for() -> str:
    """The tenant that the call is signed for; "" for an unsigned one in the demo."""
    tenant: str = g.signed_for
    return tenant


def verified(
    token: bytes, *, audience: str, tenants: Mapping[str, Tenant], keys: PublicKeys, now: datetime
) -> Signed:
    """What a token proves. NotAuthenticated says what is wrong with it; EhrUnavailable when its keys do not come in time."""
    header, claims = _unverified(token)
    tenant, issuer = _issuer(claims, tenants)
    _check_header(header, issuer)
    key = keys.key(issuer, header["kid"], wait=_WAIT_FOR_KEYS_SECONDS)
    if key is None:
        raise NotAuthenticated("The JWT's kid is not in the issuer's JWKS.")
    if key.get("alg") not in {None, header["alg"]}:
        raise NotAuthenticated("The JWT's alg is not the one that its key is for.")
    try:
        jws.deserialize_compact(token, key, registry=_REGISTRY)
    except (JoseError, ValueError):
        raise NotAuthenticated("The JWT's signature does not hold.") from None
    expires = _check_claims(claims, audience, now)
    digest = hashlib.sha256(f"{issuer.issuer}\x1f{claims['jti']}".encode()).hexdigest()
    return Signed(tenant, digest, expires + timedelta(seconds=SKEW_SECONDS))


def _unverified(token: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of something that looks like a JWT, to find out who should have signed it."""
    if not 0 < len(token) <= _MAX_BYTES:
        raise NotAuthenticated("Send the EHR's JWT: Authorization: Bearer <JWT>, of at most 8 KB.")
    try:
        parts = jws.extract_compact(token, registry=_REGISTRY)
        header, claims = parts.headers(), orjson.loads(parts.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise NotAuthenticated(
            "The credential is not a JWT in compact form, signed by one of our algorithms."
        ) from None
    if not isinstance(claims, dict):
        raise NotAuthenticated("The JWT's payload must be a JSON object.")
    return dict(header), claims


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


def _check_header(header: Mapping[str, Any], issuer: HookIssuer) -> None:
    if header.get("alg") not in ALGORITHMS:
        raise NotAuthenticated(f"The JWT's alg must be one of {', '.join(ALGORITHMS)}; ES384 is best.")
    if str(header.get("typ", "")).upper() != "JWT":
        raise NotAuthenticated("The JWT's header must say typ JWT.")
    if not isinstance(header.get("kid"), str) or not header["kid"]:
        raise NotAuthenticated("The JWT's header must name its key: kid.")
    if "crit" in header:
        raise NotAuthenticated("The JWT's header has a crit member that is not understood here.")
    if header.get("jku", issuer.jwks_url) != issuer.jwks_url:
        raise NotAuthenticated("The JWT's jku is not the address that this deployment knows for its issuer.")


def _check_claims(claims: Mapping[str, Any], audience: str, now: datetime) -> datetime:
    """When the token expires, if it is good for this call at this moment."""
    heard = claims.get("aud")
    if audience not in (heard if isinstance(heard, list) else [heard]):
        raise NotAuthenticated("The JWT's aud must be the exact URL that is called.")
    issued, expires, at = _seconds(claims, "iat"), _seconds(claims, "exp"), now.timestamp()
    if expires + SKEW_SECONDS <= at:
        raise NotAuthenticated("The JWT has expired; sign a new one for each call.")
    if issued - SKEW_SECONDS > at or _seconds(claims, "nbf", issued) - SKEW_SECONDS > at:
        raise NotAuthenticated("The JWT's iat lies in the future; set the clock of the EHR.")
    if not 0 < expires - issued <= _LONGEST_SECONDS:
        raise NotAuthenticated("The JWT's exp must be after its iat, and within an hour of it.")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_ID:
        raise NotAuthenticated("The JWT must carry a jti of its own, text of at most 255 characters.")
    return datetime.fromtimestamp(expires, UTC)


def _seconds(claims: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = claims.get(name, default)
    # A bool is an int in Python, and a number beyond any date would not become one.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**11:
        raise NotAuthenticated(f"The JWT's {name} must be a number of seconds since 1970.")
    return float(value)


def _bearer() -> bytes:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip().encode(errors="replace") if scheme.lower() == "bearer" else b""
