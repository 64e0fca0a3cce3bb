"""Who a clinician is, asked of the tenant's own EHR: SMART App Launch 2.2, an authorization code with PKCE.

Every address comes from the tenant's smart-configuration, by the rules of `smart_server`; none comes from a request. The
access token that comes with the answer is dropped: what Homeward reads it reads with its own credentials.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import orjson

from config.hook_issuers import HookIssuer
from config.launch import ClientAuthentication, Launch
from config.tenants import Tenant
from service.ehr.smart_server import SmartServer, asked, configuration, endpoint, signed_as, smart_server
from service.errors import EhrNotFhir, EhrRefused, NotAuthenticated

#: What every launch asks for: its context, and who it is.
SCOPES: Final = ("launch", "openid", "fhirUser")
_PKCE: Final = "S256"
_BYTES: Final = 48


@dataclass(frozen=True, slots=True)
class Doorman:
    """Where an EHR has its clinicians sign in, where a code becomes an id token, and who signs that."""

    authorization_endpoint: str
    server: SmartServer
    issuer: HookIssuer


@dataclass(frozen=True, slots=True)
class Attempt:
    """One signing in that is under way: what its answer must fit. Nobody but us may know the verifier."""

    tenant: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """What came for a code: who it is, still to be verified, and what is open before them.

    patient and encounter are bare FHIR ids, "" where the EHR names none; context is our own appContext, {} without one.
    """

    id_token: str = field(repr=False)
    patient: str
    encounter: str
    context: Mapping[str, Any]


def doorman_of(tenant: Tenant, launch: Launch) -> Doorman:
    """Read the tenant's smart-configuration. EhrUnavailable, EhrRefused or EhrNotFhir when there is none to use."""
    said = configuration(tenant)
    methods = said.get("code_challenge_methods_supported")
    if isinstance(methods, list) and _PKCE not in methods:
        raise EhrNotFhir("SMART discovery: the EHR does not know PKCE with S256, which every launch needs.")
    issuer = launch.issuer or said.get("issuer")
    if not isinstance(issuer, str) or not issuer:
        raise EhrNotFhir(
            "SMART discovery: the EHR names no issuer; name it under launch in the tenants file."
        )
    jwks_url = launch.jwks_url or endpoint(tenant, said, "jwks_uri")
    return Doorman(
        endpoint(tenant, said, "authorization_endpoint"),
        smart_server(tenant, said),
        HookIssuer(issuer=issuer, jwks_url=jwks_url),
    )


def attempt_at(tenant: Tenant) -> Attempt:
    """A new attempt, like no other."""
    return Attempt(tenant.id, secrets.token_urlsafe(_BYTES), secrets.token_urlsafe(_BYTES))


def sign_in_address(registered: Launch, attempt: Attempt, doorman: Doorman, **more: str) -> str:
    """Where the browser is led to sign in.

    more are `aud` and `launch`, as the EHR opened us with iss and launch, `state` and `redirect_uri`.
    """
    challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest())
    asks = {
        "response_type": "code",
        "client_id": registered.client_id,
        "scope": " ".join(dict.fromkeys((*SCOPES, *registered.scopes))),
        "nonce": attempt.nonce,
        "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": _PKCE,
        **more,
    }
    at = doorman.authorization_endpoint
    return f"{at}{'&' if urlsplit(at).query else '?'}{urlencode(asks)}"


def exchange(tenant: Tenant, registered: Launch, attempt: Attempt, doorman: Doorman, **more: str) -> Answered:
    """What the EHR gives for a code; more are `code` and `redirect_uri`. NotAuthenticated when it gives nothing."""
    form = {
        "grant_type": "authorization_code",
        "client_id": registered.client_id,
        "code_verifier": attempt.verifier,
        **more,
    }
    if registered.client_authentication is ClientAuthentication.PRIVATE_KEY_JWT:
        form |= signed_as(tenant, doorman.server, registered.client_id)
    try:
        said = asked(tenant, "POST", doorman.server.token_endpoint, "The launch", form)
    except EhrRefused as error:
        raise NotAuthenticated(f"{error} Open Homeward again from the patient's chart.") from None
    patient, encounter, token = (_text(said, name) for name in ("patient", "encounter", "id_token"))
    return Answered(token, patient, encounter, _context(said.get("appContext")))


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _context(said: object) -> Mapping[str, Any]:
    """Our appContext: an object, written as text on the card and so in most answers."""
    if isinstance(said, str):
        try:
            said = orjson.loads(said)
        except orjson.JSONDecodeError:
            said = None
    return said if isinstance(said, dict) else {}
