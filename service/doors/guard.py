"""Who may enter. Each door names its guard beside its route: `@guarded_by(api_token)`.

Secrets are compared in constant time and never kept in clear: an API token is known by its SHA-256.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from ipaddress import ip_address
from typing import Final, ParamSpec, TypeVar

from flask import g, request

from config.settings import Settings
from service.doors.wiring import deps, settings
from service.errors import ConfigurationError, NotAuthenticated

P = ParamSpec("P")
T = TypeVar("T")


class Role(StrEnum):
    """What a caller is, as far as it decides what they see."""

    ANYONE = "anyone"
    CLINICIAN = "clinician"
    EHR = "ehr"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the door. name stands in the audit trail."""

    name: str
    role: Role

    def sees_sensitive_items(self) -> bool:
        """Whether items with a sensitivity label are shown; when the role is unknown they are not."""
        return self.role is Role.CLINICIAN


Guard = Callable[[], Caller]
_GUARD: Final = "homeward_guard"


def guarded_by(guard: Guard) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Ask this guard before the view runs. It is the innermost decorator but for those that read the body."""

    def declare(view: Callable[P, T]) -> Callable[P, T]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            g.caller = guard()
            return view(*args, **kwargs)

        setattr(guarded, _GUARD, guard)
        return guarded

    return declare


def guard_of(view: Callable[..., object]) -> Guard | None:
    """The guard a view declares; None means that somebody forgot it."""
    found: Guard | None = getattr(view, _GUARD, None)
    return found


def caller() -> Caller:
    """Who was let in."""
    let_in: Caller = g.caller
    return let_in


def anyone() -> Caller:
    """Open to all: probes, metrics and the documentation, which tell nothing of a person."""
    return Caller("anyone", Role.ANYONE)


def api_token() -> Caller:
    """Bearer token of Settings.api_tokens; with open access (the demo, on loopback only) nothing is asked."""
    if settings().open_access:
        return Caller("demo", Role.CLINICIAN)
    digest = hashlib.sha256(_bearer()).hexdigest()
    # Every digest is compared, so that the time tells nothing of which one came close.
    held = [hmac.compare_digest(digest, accepted) for accepted in token_digests(settings())]
    if not any(held):
        raise NotAuthenticated
    return Caller(f"token:{digest[:8]}", Role.CLINICIAN)


def subscription_secret() -> Caller:
    """The secret which the EHR sends back with each notification of this tenant: `Authorization: Bearer <secret>`.

    While a secret is replaced the previous one is taken as well. An unknown tenant and a wrong secret get the same
    answer. A tenant without a secret is open in the demo only.
    """
    name = str((request.view_args or {})["tenant"])
    tenant = deps().tenants.get(name)
    secrets = tenant.subscription_secrets if tenant else ()
    if tenant and not secrets and settings().open_access:
        return Caller(name, Role.EHR)
    held = [hmac.compare_digest(_bearer(), secret.encode()) for secret in secrets]
    if not any(held):
        raise NotAuthenticated
    return Caller(name, Role.EHR)


def check_access(settings: Settings) -> None:
    """Refuse to start when the doors would be open to a network, or a token could never match."""
    if settings.open_access and not _is_loopback(settings.bind):
        raise ConfigurationError(
            "HOMEWARD_OPEN_ACCESS is on, so HOMEWARD_BIND must be a loopback address such as 127.0.0.1:8000; "
            "otherwise turn it off and set HOMEWARD_API_TOKENS."
        )
    if any(not re.fullmatch(r"[0-9a-f]{64}", digest) for digest in token_digests(settings)):
        raise ConfigurationError(
            "HOMEWARD_API_TOKENS holds something that is not a SHA-256 in hex; make one with: "
            'printf %s "$TOKEN" | sha256sum'
        )


def token_digests(settings: Settings) -> tuple[str, ...]:
    """SHA-256 hex digests of the accepted tokens."""
    return tuple(digest.strip().lower() for digest in settings.api_tokens.split(",") if digest.strip())


def _bearer() -> bytes:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip().encode() if scheme.lower() == "bearer" else b""


def _is_loopback(bind: str) -> bool:
    if bind.startswith("unix:"):
        return True
    host = bind.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
