"""HTTP to one tenant's FHIR server: its origin only, within time and size, each failure one of our errors."""

import ipaddress
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import orjson
import requests
import urllib3
from requests.adapters import HTTPAdapter

from config.tenants import Tenant
from fhir_mappings.servers import localized, may_name_in_full
from service import clock, metrics
from service.ehr.answers import BrokenOff, error_for, parse, read_body
from service.ehr.auth import Credentials, OwnOriginAuth, origin_of
from service.ehr.breaker import Breaker
from service.ehr.skew import SkewMeter
from service.ehr.throttle import Throttle
from service.errors import EhrError, EhrNotFhir, EhrNotReached, EhrRefused, EhrUnavailable, WriteUnknown

FHIR_JSON: Final = "application/fhir+json"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS: Final = 3
_UNAUTHORIZED: Final = 401


@dataclass(frozen=True, slots=True)
class Request:
    """One call. path is relative to the FHIR base or a full URL of the same origin; safe: repeating it does no harm.

    is_fhir is False where the answer may be of another kind, as a text.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    safe: bool = True
    is_fhir: bool = True

    @property
    def what(self) -> str:
        """Method and resource type, for messages: no id, no query."""
        kind = urlsplit(self.path).path.strip("/").split("/")[0]
        return f"{self.method} {kind if kind.isalpha() else 'FHIR'}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A success. body is None where the server sent none (Prefer: return=minimal), data what came where no FHIR was asked for."""

    body: dict[str, Any] | None
    location: str
    etag: str
    data: bytes = b""


class Connection:
    """A tenant's session, opened at the first call in each process, so that forked workers share no socket."""

    def __init__(
        self, tenant: Tenant, credentials: Credentials, throttle: Throttle, breaker: Breaker | None = None
    ) -> None:
        self._tenant = tenant
        self._base = tenant.fhir_base_url.rstrip("/") + "/"
        self._credentials = credentials
        self._throttle = throttle
        self._breaker = breaker or Breaker()
        self.skew = SkewMeter()
        self._opening = threading.Lock()
        self._session: requests.Session | None = None
        self._pid = 0

    def send(self, request: Request) -> Answer:
        """The answer to a call; a safe one is repeated while the EHR is unavailable. Raises the tree of EhrError."""
        if request.safe:
            return self._throttle.patiently(lambda: self._authorized(request))
        if not self._tenant.write_policy.writes and not request.path.startswith("Subscription"):
            # Whoever asks for it: a pilot that only watches must not write by any way.
            raise EhrRefused(f"{request.what}: this hospital's write policy is {self._tenant.write_policy}.")
        return self._authorized(request)

    def address(self, path: str) -> str:
        """The full URL of a path or link; EhrNotFhir when it leaves the tenant's origin."""
        url = urljoin(self._base, path) if path else self._base.rstrip("/")
        if origin_of(url) != origin_of(self._base):
            raise EhrNotFhir("The EHR's answer points to another server; it was not followed.")
        return url

    def close(self) -> None:
        """Give the sockets back."""
        with self._opening:
            if self._session is not None and self._pid == os.getpid():
                self._session.close()
            self._session = None

    def _authorized(self, request: Request) -> Answer:
        try:
            return self._once(request)
        except EhrRefused as error:
            if error.status != _UNAUTHORIZED or not self._credentials.renewed():
                raise
        return self._once(request)

    def _once(self, request: Request) -> Answer:
        with self._throttle.slot(), self._told(), self._breaker.watched():
            url = self.address(request.path)
            for _ in range(_MAX_REDIRECTS + 1):
                answer = self._exchange(request, url)
                if isinstance(answer, Answer):
                    return answer
                url = answer
        raise EhrRefused(f"{request.what}: the EHR redirects in a circle.")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whether the EHR is left alone after this call."""
        try:
            yield
        finally:
            metrics.EHR_LEFT_ALONE.labels(self._tenant.id).set(self._breaker.is_open)

    def _exchange(self, request: Request, url: str) -> Answer | str:
        """One request and its answer, or the address to which a read is redirected."""
        start = clock.machine_seconds()
        deadline = start + 2 * self._tenant.read_timeout_seconds
        began, status = clock.now(), 0
        try:
            with self._open().request(
                request.method,
                url,
                data=orjson.dumps(request.body) if request.body is not None else None,
                headers=_headers(request),
                timeout=(self._tenant.connect_timeout_seconds, self._tenant.read_timeout_seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                took = clock.machine_seconds() - start
                self.skew.note(response.headers, began, clock.now(), took=took)
                status = response.status_code
                if response.status_code in _REDIRECTS and request.method == "GET":
                    return self.address(urljoin(url, response.headers.get("Location", "")))
                return _answer(request, response, _read(request, response, deadline), self._base)
        except (requests.RequestException, urllib3.exceptions.HTTPError, BrokenOff) as error:
            status = 0
            # Their texts name the URL with its query, so they are not chained.
            raise _failure(request, error) from None
        finally:
            metrics.count_ehr_call(self._tenant.id, request.method, status)

    def _open(self) -> requests.Session:
        session = self._session
        if session is not None and self._pid == os.getpid():
            return session
        with self._opening:
            if self._session is None or self._pid != os.getpid():
                self._session = self._new_session()
                self._pid = os.getpid()
            return self._session

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.adapters.clear()
        scheme, rest = urlsplit(self._base).scheme, urlsplit(self._base).netloc
        session.mount(
            f"{scheme}://{rest}/",
            HTTPAdapter(pool_connections=1, pool_maxsize=self._tenant.max_connections, max_retries=0),
        )
        session.auth = OwnOriginAuth(self._base, self._credentials)
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.trust_env = not _is_loopback(self._base)  # a proxy would not reach 127.0.0.1
        return session


def _headers(request: Request) -> dict[str, str]:
    headers = {
        "Accept": FHIR_JSON,
        "Accept-Encoding": "gzip",
        "Cache-Control": "no-cache",  # HAPI answers a repeated search from its cache: what we look for may be newer
        "User-Agent": "homeward",
        **request.headers,
    }
    if request.body is not None:
        headers["Content-Type"] = FHIR_JSON
    return headers


def _answer(request: Request, response: requests.Response, data: bytes, base: str) -> Answer:
    if not response.ok or response.status_code in _REDIRECTS:
        raise _status_error(request, response, data)
    return Answer(
        body=_body(request, data, base) if request.is_fhir else None,
        data=b"" if request.is_fhir else data,
        location=response.headers.get("Location", ""),
        etag=response.headers.get("ETag", ""),
    )


def _read(request: Request, response: requests.Response, deadline: float) -> bytes:
    """The body; b"" where an error's cannot be read, because its status says enough.

    Of a write that was answered with yes in a way that cannot be read, nobody knows whether it was done.
    """
    try:
        return read_body(response, deadline)
    except EhrNotFhir:
        if not response.ok:
            return b""
        if request.safe:
            raise
        raise _unreadable(request) from None


def _body(request: Request, data: bytes, base: str) -> dict[str, Any] | None:
    """The resource; references that name this server in full become relative, as all others are."""
    try:
        body = parse(data)
        return localized(body, base.rstrip("/")) if body and may_name_in_full(data) else body
    except EhrNotFhir:
        if request.safe:
            raise
        raise _unreadable(request) from None


def _unreadable(request: Request) -> WriteUnknown:
    return WriteUnknown(f"{request.what}: the EHR said yes in a way that cannot be read.")


def _status_error(request: Request, response: requests.Response, data: bytes) -> EhrError:
    try:
        outcome = parse(data)
    except EhrNotFhir:
        outcome = None
    retry_after = response.headers.get("Retry-After", "")
    return error_for(
        request.what, response.status_code, writing=not request.safe, retry_after=retry_after, outcome=outcome
    )


def _failure(request: Request, error: Exception) -> EhrError:
    """A call without answer: never sent, or sent and nobody knows."""
    if isinstance(error, requests.exceptions.SSLError):
        return EhrNotReached(f"{request.what}: no trusted TLS with the EHR; `homeward preflight` says why.")
    if _never_sent(error):
        return EhrNotReached(f"{request.what}: the EHR does not answer.")
    if request.safe:
        return EhrUnavailable(f"{request.what}: the EHR does not answer.")
    return WriteUnknown(f"{request.what}: sent, and no answer came.")


def _never_sent(error: Exception) -> bool:
    if isinstance(
        error, requests.ConnectTimeout | requests.exceptions.SSLError | requests.exceptions.ProxyError
    ):
        return True
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
