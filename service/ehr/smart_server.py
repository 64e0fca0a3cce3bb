"""The authorization server that stands before an EHR: where it is, and what it gives for a signed assertion.

No message holds an answer's text: only OAuth's own error codes are kept. The address of the token endpoint is the only
one outside of the tenant's origin that we ever call, and only because the tenant's origin names it.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import orjson
import requests
import urllib3
from joserfc import jwt
from requests import PreparedRequest, Response
from requests.auth import AuthBase

from config.addresses import is_loopback
from config.keys import EC_ALGORITHM, RSA_ALGORITHM, SigningKey
from config.tenants import Tenant
from service import clock
from service.ehr.answers import BrokenOff, read_body
from service.ehr.scopes import ScopeSyntax
from service.errors import EhrNotFhir, EhrRefused, EhrUnavailable

_DISCOVERY: Final = ".well-known/smart-configuration"
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: SMART allows five minutes; one is left to clocks that differ.
ASSERTION_SECONDS: Final = 240
#: How long a token is taken to hold where the server does not say.
_UNSAID_SECONDS: Final = 300.0
_LONGEST_SECONDS: Final = 366 * 86_400.0
_OAUTH_ERROR: Final = re.compile(r"[a-z_]{1,40}")
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class SmartServer:
    """What discovery says: where tokens are given, and how scopes are written there."""

    token_endpoint: str
    syntax: ScopeSyntax
    algorithms: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Grant:
    """A token as it was given: for how many seconds, and for which scopes."""

    token: str = field(repr=False)
    seconds: float
    scope: str


class _Nothing(AuthBase):
    """Sends no credential, those of a .netrc file included."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        return request


def discover(tenant: Tenant) -> SmartServer:
    """Read the tenant's smart-configuration. EhrUnavailable, EhrRefused or EhrNotFhir when there is none to use."""
    return smart_server(tenant, configuration(tenant))


def configuration(tenant: Tenant) -> dict[str, Any]:
    """What the tenant's smart-configuration says, as it says it."""
    return asked(tenant, "GET", urljoin(_base(tenant), _DISCOVERY), "SMART discovery")


def smart_server(tenant: Tenant, said: Mapping[str, Any]) -> SmartServer:
    """The server of a smart-configuration."""
    capabilities = said.get("capabilities")
    offered = capabilities if isinstance(capabilities, list) else []
    algorithms = said.get("token_endpoint_auth_signing_alg_values_supported")
    return SmartServer(
        endpoint(tenant, said, "token_endpoint"),
        # A server that says nothing of it is older than the second syntax.
        ScopeSyntax.V2 if "permission-v2" in offered else ScopeSyntax.V1,
        frozenset(str(name) for name in algorithms) if isinstance(algorithms, list) else frozenset(),
    )


def endpoint(tenant: Tenant, said: Mapping[str, Any], name: str) -> str:
    """The address that a smart-configuration names, once it may be trusted; EhrNotFhir without it."""
    found = said.get(name)
    if not isinstance(found, str) or not found:
        raise EhrNotFhir(f"SMART discovery: the EHR names no {name.replace('_', ' ')}.")
    return _safe(urljoin(_base(tenant), found), _base(tenant), name.replace("_", " "))


def request_token(tenant: Tenant, server: SmartServer, scope: str) -> Grant:
    """A token for a freshly signed assertion. EhrRefused with OAuth's code when the server says no."""
    form = {
        "grant_type": "client_credentials",
        "scope": scope,
        **signed_as(tenant, server, tenant.auth.client_id),
    }
    said = asked(tenant, "POST", server.token_endpoint, "The token request", form)
    token, kind = said.get("access_token"), said.get("token_type")
    if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
        raise EhrNotFhir("The token request: the answer holds no token.")
    if str(kind).lower() != "bearer":
        raise EhrNotFhir("The token request: the token is not a bearer token.")
    granted = said.get("scope")
    return Grant(token, _seconds(said.get("expires_in")), granted if isinstance(granted, str) else scope)


def signed_as(tenant: Tenant, server: SmartServer, client_id: str) -> dict[str, str]:
    """The fields of a form that say who we are: private_key_jwt."""
    return {
        "client_assertion_type": _ASSERTION_TYPE,
        "client_assertion": _assertion(tenant, server, client_id),
    }


def _assertion(tenant: Tenant, server: SmartServer, client_id: str) -> str:
    """The signed statement that we are this client, good for one request."""
    key = _key(tenant, server)
    now = int(clock.now().timestamp())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": server.token_endpoint,
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
        "jti": str(uuid.uuid4()),
    }
    header = {"alg": key.algorithm, "kid": key.kid}
    return jwt.encode(header, claims, key.private, algorithms=[RSA_ALGORITHM, EC_ALGORITHM])


def _key(tenant: Tenant, server: SmartServer) -> SigningKey:
    """The first of our keys that the server can check; where it does not say which, the first."""
    known = [key for key in tenant.auth.keys if key.algorithm in server.algorithms]
    return (known or list(tenant.auth.keys))[0]


def _base(tenant: Tenant) -> str:
    return tenant.fhir_base_url.rstrip("/") + "/"


def _safe(address: str, base: str, what: str) -> str:
    """The address if a token may travel to it: https, or this machine where the EHR itself is on it."""
    try:
        there, here = urlsplit(address), urlsplit(base)
        host, _ = there.hostname or "", there.port
    except ValueError:
        raise EhrNotFhir(f"SMART discovery: the {what} is not an address.") from None
    local = there.scheme == "http" and is_loopback(host) and is_loopback(here.hostname or "")
    if not (host and (there.scheme == "https" or local)) or there.username is not None or there.fragment:
        raise EhrNotFhir(f"SMART discovery: the {what} must be an https address.")
    return address


def asked(
    tenant: Tenant, method: str, url: str, what: str, form: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A JSON object answered to one request, which carries no credential but its form. what names it in errors."""
    deadline = clock.machine_seconds() + 2 * tenant.read_timeout_seconds
    try:
        with requests.Session() as session:
            session.trust_env = not is_loopback(
                urlsplit(url).hostname or ""
            )  # a proxy would not reach 127.0.0.1
            response = session.request(
                method,
                url,
                data=form,
                auth=_Nothing(),
                headers={"Accept": "application/json", "User-Agent": "homeward"},
                timeout=(tenant.connect_timeout_seconds, tenant.read_timeout_seconds),
                allow_redirects=False,
                stream=True,
            )
            with response:
                return _answer(response, read_body(response, deadline), what)
    except requests.exceptions.SSLError:
        raise EhrUnavailable(f"{what}: no trusted TLS with the server.") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, BrokenOff):
        # Their texts may quote what was sent, so they are not chained.
        raise EhrUnavailable(f"{what}: the server does not answer.") from None


def _answer(response: Response, data: bytes, what: str) -> dict[str, Any]:
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError:
        said = None
    status = response.status_code
    if status == _TOO_MANY or status >= _SERVER_ERROR:
        raise EhrUnavailable(f"{what}: the server answered {status}.")
    if not response.ok or response.is_redirect:
        raise EhrRefused(f"{what}: the server answered {status}{_oauth_code(said)}.")
    if not isinstance(said, dict):
        raise EhrNotFhir(f"{what}: the answer is not a JSON object.")
    return said


def _oauth_code(said: object) -> str:
    code = said.get("error") if isinstance(said, dict) else None
    return f" ({code})" if isinstance(code, str) and _OAUTH_ERROR.fullmatch(code) else ""


def _seconds(said: object) -> float:
    """expires_in, which some servers write as text; what is no time to live counts as not said."""
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return _UNSAID_SECONDS
    try:
        seconds = float(said)
    except ValueError:
        return _UNSAID_SECONDS
    return seconds if 0 < seconds < _LONGEST_SECONDS else _UNSAID_SECONDS
