"""Signed tokens (JWT) at any door: read, and held against the public keys of whoever should have signed them.

Never `none`, never a shared secret; no key or address inside a token is used. Refusals say what to send.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from flask import request
from joserfc import jws
from joserfc.errors import JoseError

from config.hook_issuers import HookIssuer
from service.ehr.public_keys import PublicKeys
from service.errors import NotAuthenticated

#: RS384 and ES384 are recommended; the others are as safe.
ALGORITHMS: Final = tuple(f"{kind}{size}" for kind in ("RS", "ES", "PS") for size in (256, 384, 512))
SKEW_SECONDS: Final = 60
_MAX_BYTES: Final = 8192

#: Headers may be longer than joserfc expects, and hold members of the signer's own.
_REGISTRY: Final = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
_REGISTRY.max_header_length = 2048


def bearer() -> bytes:
    """The credential of `Authorization: Bearer …`, empty without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip().encode(errors="replace") if scheme.lower() == "bearer" else b""


def unverified(token: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of something that looks like a JWT, to find out who should have signed it."""
    if not 0 < len(token) <= _MAX_BYTES:
        raise NotAuthenticated("Send a JWT: Authorization: Bearer <JWT>, of at most 8 KB.")
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


def check_header(header: Mapping[str, Any], *types: str) -> None:
    """Whether a header is one we understand; types are the values of typ that are taken."""
    if header.get("alg") not in ALGORITHMS:
        raise NotAuthenticated(f"The JWT's alg must be one of {', '.join(ALGORITHMS)}; ES384 is best.")
    if str(header.get("typ", "")).upper() not in {kind.upper() for kind in types}:
        raise NotAuthenticated(f"The JWT's header must say typ {' or '.join(types)}.")
    if not isinstance(header.get("kid"), str) or not header["kid"]:
        raise NotAuthenticated("The JWT's header must name its key: kid.")
    if "crit" in header:
        raise NotAuthenticated("The JWT's header has a crit member that is not understood here.")


def check_signature(
    token: bytes, header: Mapping[str, Any], issuer: HookIssuer, keys: PublicKeys, *, wait: float
) -> None:
    """Whether the issuer's key of that kid signed it. EhrUnavailable when its keys do not come within `wait` seconds."""
    key = keys.key(issuer, header["kid"], wait=wait)
    if key is None:
        raise NotAuthenticated("The JWT's kid is not in the issuer's JWKS.")
    if key.get("alg") not in {None, header["alg"]}:
        raise NotAuthenticated("The JWT's alg is not the one that its key is for.")
    try:
        jws.deserialize_compact(token, key, registry=_REGISTRY)
    except (JoseError, ValueError):
        raise NotAuthenticated("The JWT's signature does not hold.") from None


def seconds(claims: Mapping[str, Any], name: str, default: float | None = None) -> float:
    """A NumericDate claim, or the default for one that is not there."""
    value = claims.get(name, default)
    # A bool is an int in Python, and a number beyond any date would not become one.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**11:
        raise NotAuthenticated(f"The JWT's {name} must be a number of seconds since 1970.")
    return float(value)
