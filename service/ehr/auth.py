"""How we show an EHR who we are; nothing of it ever leaves the tenant's own origin."""

import base64
from typing import Protocol
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests.auth import AuthBase

from config.tenants import AuthKind, Tenant
from service.ehr.smart import SmartCredentials
from service.errors import ConfigurationError

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Credentials(Protocol):
    """What stands in the Authorization header. Used by several threads at once."""

    def authorization(self) -> str:
        """The header's value now, "" to send none."""
        ...

    def renewed(self) -> bool:
        """After a 401: whether a fresh credential is there now, so that asking once more makes sense."""
        ...


class FixedCredentials:
    """A header that stays as configured: none, basic or bearer."""

    def __init__(self, value: str) -> None:
        self._value = value

    def authorization(self) -> str:
        """The configured header."""
        return self._value

    def renewed(self) -> bool:
        """A configured credential that was refused stays refused."""
        return False


class OwnOriginAuth(AuthBase):
    """Adds the header to requests to one origin; to any other it adds nothing, netrc included."""

    def __init__(self, base_url: str, credentials: Credentials) -> None:
        self._origin = origin_of(base_url)
        self._credentials = credentials

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """The request, with the header if it goes home."""
        value = self._credentials.authorization()
        if value and origin_of(request.url or "") == self._origin:
            request.headers["Authorization"] = value
        return request


def credentials_for(tenant: Tenant) -> Credentials:
    """The credentials a tenant is configured with; ConfigurationError for a kind we do not speak."""
    auth = tenant.auth
    if auth.kind == AuthKind.NONE:
        return FixedCredentials("")
    if auth.kind == AuthKind.BEARER:
        return FixedCredentials(f"Bearer {auth.secret}")
    if auth.kind == AuthKind.BASIC:
        pair = base64.b64encode(f"{auth.username}:{auth.secret}".encode()).decode()
        return FixedCredentials(f"Basic {pair}")
    if auth.kind == AuthKind.SMART:
        return SmartCredentials(tenant)
    raise ConfigurationError(f"A tenant's auth kind must be one of {', '.join(AuthKind)}.")


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port, so that two spellings of one origin are equal; a port that is no number is no origin."""
    parts = urlsplit(url)
    try:
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return "", "", 0
    return parts.scheme, (parts.hostname or "").rstrip("."), port
