"""Who may enter. Each door names its guard beside its route: `@guarded_by(scope(Scope.PLANS_READ))`.

Nobody may do anything that no scope says, nor ask about a hospital that is not theirs. Secrets are compared in constant
time and never kept in clear: an API key is known by its SHA-256.
"""

import hashlib
import hmac
from collections.abc import Callable, Collection
from functools import cache, wraps
from typing import Final, ParamSpec, TypeVar

from flask import g, request

from config.addresses import is_loopback
from config.api_keys import ApiKey
from config.settings import Settings
from service.domain.access import CARE_TEAM, Role, Scope
from service.domain.decision import Signer
from service.doors.bearer import token_caller
from service.doors.caller import Caller, caller
from service.doors.session import session
from service.doors.tokens import bearer
from service.doors.wiring import api_keys, buckets, deps, settings
from service.errors import ConfigurationError, HospitalNotConfigured, NotAllowed, NotAuthenticated

__all__ = [
    "Caller",
    "Guard",
    "Role",
    "anyone",
    "caller",
    "check_access",
    "guard_of",
    "guarded_by",
    "page",
    "scope",
    "subscription_secret",
]

P = ParamSpec("P")
T = TypeVar("T")

Guard = Callable[[], Caller]
_GUARD: Final = "homeward_guard"
#: A compact JWT has three parts; our keys have no full stop.
_JWT_STOPS: Final = 2
_OPEN_THE_CHART: Final = (
    "Open Homeward from the patient's chart in the EHR, or send a credential: Authorization: Bearer <token>."
)


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


def anyone() -> Caller:
    """Open to all: probes, metrics and the documentation, which tell nothing of a person."""
    return Caller("anyone", Role.ANYONE)


@cache
def scope(*any_of: Scope) -> Guard:
    """The guard that lets in whoever's access token or API key has one of these scopes, as often as their share allows."""

    def guard() -> Caller:
        return _good_for(any_of, _identified())

    return guard


@cache
def page(needed: Scope) -> Guard:
    """The same for a page: a browser that an EHR's launch let in shows its session and no other credential."""

    def guard() -> Caller:
        begun = session() if "Authorization" not in request.headers else None
        return _good_for((needed,), begun.caller() if begun else _identified(_OPEN_THE_CHART))

    return guard


def subscription_secret() -> Caller:
    """The secret which the EHR sends back with each notification of this tenant: `Authorization: Bearer <secret>`.

    While a secret is replaced the previous one is taken as well. An unknown tenant and a wrong secret get the same
    answer, but for a hospital that another process serves: HospitalNotConfigured. A tenant without a secret is open in the demo only.
    """
    name = str((request.view_args or {})["tenant"])
    tenant = deps().tenants.get(name)
    secrets = tenant.subscription_secrets if tenant else ()
    if tenant and not secrets and settings().open_access:
        return Caller(name, Role.EHR)
    if tenant is None and deps().store.hospitals.is_known(name):
        raise HospitalNotConfigured(
            name
        )  # another process knows it: it is being added, and is to be told again
    held = [hmac.compare_digest(bearer(), secret.encode()) for secret in secrets]
    if not any(held):
        raise NotAuthenticated
    return Caller(name, Role.EHR)


def check_access(settings: Settings) -> None:
    """Refuse to start when the doors would be open to a network."""
    if settings.open_access and not _is_local(settings.bind):
        raise ConfigurationError(
            "HOMEWARD_OPEN_ACCESS is on, so HOMEWARD_BIND must be a loopback address such as 127.0.0.1:8000; "
            "otherwise turn it off and set HOMEWARD_API_KEYS_FILE, or name token_issuers in the tenants file."
        )


def _good_for(any_of: Collection[Scope], found: Caller) -> Caller:
    buckets().take(found.name)
    if found.scopes.isdisjoint(any_of):
        raise NotAllowed(f"This credential is not good for {' or '.join(any_of)}; ask for one that is.")
    return found


def _identified(remedy: str = "") -> Caller:
    """Who asks; remedy is what to do without a credential.

    With open access (the demo, on loopback only) nobody is asked for one.
    """
    if settings().open_access:
        everything = frozenset(Scope)
        return Caller("demo", Role.CLINICIAN, everything, tenants=None, signer=Signer("Demo user"))
    token = bearer()
    if not token and remedy:
        raise NotAuthenticated(remedy)
    if token.count(b".") == _JWT_STOPS:
        return token_caller(
            token,
            audience=settings().public_url,
            tenants=deps().tenants,
            keys=deps().hook_keys,
            now=deps().now(),
        )
    return _key_caller(token)


def _key_caller(token: bytes) -> Caller:
    digest = hashlib.sha256(token).hexdigest()
    # Every digest is compared, so that the time tells nothing of which one came close.
    held = [key for key in api_keys() if hmac.compare_digest(digest, key.sha256)]
    if not held:
        raise NotAuthenticated
    key = held[0]
    return Caller(f"key {key.name}", key.role, key.scopes, key.tenants, _holder(key))


def _holder(key: ApiKey) -> Signer | None:
    if not key.person or key.role not in CARE_TEAM:
        return None
    return Signer(key.person, subject=f"key {key.name}", reference=key.practitioner)


def _is_local(bind: str) -> bool:
    return bind.startswith("unix:") or is_loopback(bind.rpartition(":")[0].strip("[]"))
