"""SMART Backend Services: a token for each tenant, shared by all threads, asked for once in its lifetime."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from config.tenants import Tenant
from service.clock import monotonic
from service.ehr.scopes import asked_scopes
from service.ehr.smart_server import Grant, SmartServer, discover, request_token
from service.errors import EhrError

#: A token is renewed when less than this is left of it, or than a fifth of its lifetime if that is shorter.
RENEWAL_SECONDS: Final = 60.0
#: Where the tokens are given is read again once a day.
DISCOVERY_SECONDS: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class _Held:
    """A token and, on the monotonic clock, from when it is renewed and until when it holds."""

    token: str = field(repr=False)
    scope: str
    renewed_from: float
    holds_until: float


class SmartCredentials:
    """The Authorization header of one tenant's client. Used by several threads at once.

    However many threads ask, one of them fetches: the others wait for its answer, or go on with the token that still
    holds. What fails, fails for all who waited, and is tried again by whoever asks next.
    """

    def __init__(self, tenant: Tenant, *, clock: Callable[[], float] = monotonic) -> None:
        self._tenant = tenant
        self._clock = clock
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._flight: Future[_Held] | None = None
        self._server: tuple[float, SmartServer] | None = None
        self._used = threading.local()

    def authorization(self) -> str:
        """The header with a token that holds. Raises EhrError when none is to be had."""
        held = self._current()
        self._used.token = held.token
        return f"Bearer {held.token}"

    def renewed(self) -> bool:
        """After a 401: drops the token which this thread was refused with, unless another thread already has."""
        with self._lock:
            if self._held and self._held.token == getattr(self._used, "token", None):
                self._held = None
        self._current()
        return True

    def granted(self) -> str:
        """The scopes that were granted, as the server said them, or as asked for where it said nothing."""
        return self._current().scope

    def _current(self) -> _Held:
        with self._lock:
            held, now = self._held, self._clock()
            if held and now < held.renewed_from:
                return held
            flight, leading = self._flight or Future(), self._flight is None
            self._flight = flight
        if leading:
            self._fly(flight)
        elif held and now < held.holds_until:
            return held
        try:
            return flight.result()
        except EhrError:
            if held and self._clock() < held.holds_until:
                return held
            raise

    def _fly(self, flight: "Future[_Held]") -> None:
        """Fetch a token for all who wait for it."""
        try:
            held = self._fetched()
        except BaseException as error:
            with self._lock:
                self._flight = None
            flight.set_exception(error)
            if not isinstance(error, EhrError):
                raise
        else:
            with self._lock:
                self._held, self._flight = held, None
            flight.set_result(held)

    def _fetched(self) -> _Held:
        began = self._clock()
        server = self._discovered(began)
        try:
            grant = request_token(self._tenant, server, asked_scopes(self._tenant, server.syntax))
        except EhrError:
            self._server = None  # it may have moved
            raise
        return _holding(grant, began)

    def _discovered(self, now: float) -> SmartServer:
        if self._server is None or now - self._server[0] > DISCOVERY_SECONDS:
            self._server = now, discover(self._tenant)
        return self._server[1]


def _holding(grant: Grant, began: float) -> _Held:
    early = min(RENEWAL_SECONDS, grant.seconds / 5)
    return _Held(grant.token, grant.scope, began + grant.seconds - early, began + grant.seconds)
