"""Our public keys, by which an EHR's authorization server checks that an assertion is ours."""

from typing import Any, Final

from flask import Response, jsonify

from service.doors.guard import anyone, guarded_by
from service.doors.schemas.blueprint import Blueprint
from service.doors.wiring import deps

jwks = Blueprint("jwks", __name__, description="Our public keys, for authorization servers.")

#: So long may a key be kept by those who read it: a new one is published this much before it signs.
KEPT_SECONDS: Final = 3600


@jwks.get("/.well-known/jwks.json")
@jwks.doc(responses={"200": {"description": "A JWKS (RFC 7517).", "content": {"application/json": {}}}})
@guarded_by(anyone)
def public_keys() -> Response:
    """Every key that signs, or will, or lately did. Anyone may read it; it says nothing of which hospital has which."""
    response = jsonify({"keys": _keys()})
    response.headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
    return response


def _keys() -> list[dict[str, Any]]:
    """Each once, ordered by its kid, so that the order tells nothing either."""
    keys = {key.kid: key for tenant in deps().tenants.values() for key in tenant.auth.keys}
    return [keys[kid].public() for kid in sorted(keys)]
