"""The public keys of those who sign their calls: from the configured place only, kept, and fetched anew for a new kid.

No address in a token is ever dialled. A fetch runs beside the call that needs it: a slow key server delays nobody for
longer than they can wait, and its answer is there for the next call.
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import requests
import urllib3
from joserfc.jwk import ECKey, RSAKey

from config.addresses import is_loopback
from config.hook_issuers import HookIssuer
from config.keys import public_keys
from service.clock import monotonic
from service.errors import EhrError, EhrNotFhir, EhrUnavailable

Key = RSAKey | ECKey
#: A key that its owner has withdrawn is taken for so long at most.
KEEP_SECONDS: Final = 3600.0
#: An unknown kid makes us look again, but not more often than this: anyone can invent kids.
LOOK_AGAIN_SECONDS: Final = 30.0
_TIMEOUT_SECONDS: Final = 5.0
_MAX_BYTES: Final = 262_144
_MAX_KEYS: Final = 64

Fetch = Callable[[str], bytes]


@dataclass(slots=True)
class _Known:
    """What is known of one place: the keys by kid, when they came, when we last looked, and the look on its way."""

    keys: Mapping[str, Key] = field(default_factory=dict)
    came: float = float("-inf")
    looked: float = float("-inf")
    coming: Future[None] | None = None


class PublicKeys:
    """The keys of all issuers in this process. Safe to share between threads."""

    def __init__(self, fetch: Fetch | None = None, clock: Callable[[], float] = monotonic) -> None:
        self._fetch = fetch or _fetched
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="keys")

    def key(self, issuer: HookIssuer, kid: str, *, wait: float) -> Key | None:
        """The issuer's key of this kid, None if it has none.

        Raises EhrUnavailable when its keys are not known and do not come within `wait` seconds.
        """
        place = issuer.jwks_url or issuer.jwks_file
        known, look = self._look(place, kid)
        if look is not None and (kid not in known.keys or self._is_old(known)):
            self._wait(look, known, wait)
        return known.keys.get(kid)

    def warm(self, issuer: HookIssuer) -> None:
        """Begin to fetch, before anyone has to wait for it."""
        self._look(issuer.jwks_url or issuer.jwks_file, "")

    def _look(self, place: str, kid: str) -> tuple[_Known, Future[None] | None]:
        """What is known of a place, and the look that is on its way if one is needed."""
        with self._lock:
            known = self._known.setdefault(place, _Known())
            if known.coming is not None and not known.coming.done():
                return known, known.coming
            if kid in known.keys and not self._is_old(known):
                return known, None
            if self._clock() - known.looked < LOOK_AGAIN_SECONDS:
                return known, known.coming
            known.looked = self._clock()
            known.coming = self._pool.submit(self._refresh, place, known)
            return known, known.coming

    def _is_old(self, known: _Known) -> bool:
        return self._clock() - known.came > KEEP_SECONDS

    def _wait(self, look: Future[None], known: _Known, seconds: float) -> None:
        """Until the look has come back. Keys that we have serve on while theirs cannot be reached, for as long again."""
        try:
            look.result(seconds)
        except (EhrError, NotYet) as error:
            if self._clock() - known.came > 2 * KEEP_SECONDS:
                raise EhrUnavailable(
                    "The public keys of the caller's issuer cannot be fetched now."
                ) from error

    def _refresh(self, place: str, known: _Known) -> None:
        found = _usable(self._fetch(place) if "://" in place else _from_file(place))
        with self._lock:
            known.keys, known.came = found, self._clock()


def _usable(data: bytes) -> dict[str, Key]:
    """The keys of a JWKS that are for signatures, public and strong, by kid; others are left aside."""
    try:
        given = orjson.loads(data)["keys"]
        listed = [key for key in given if isinstance(key, dict)][:_MAX_KEYS]
    except (ValueError, KeyError, TypeError):
        raise EhrNotFhir("The issuer's JWKS cannot be read.") from None
    return {str(jwk["kid"]): key for jwk in listed if jwk.get("kid") and (key := _key(jwk))}


def _key(jwk: dict[str, Any]) -> Key | None:
    if jwk.get("use", "sig") != "sig":
        return None
    try:
        # Each by itself: one that we cannot use must not lose the others.
        [key] = public_keys(orjson.dumps({"keys": [jwk]}).decode()).keys
    except ValueError:
        return None
    return key if isinstance(key, RSAKey | ECKey) else None


def _from_file(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError:
        raise EhrUnavailable("The file with the issuer's JWKS cannot be read.") from None


def _fetched(url: str) -> bytes:
    """The body at this address, within time and size; redirects are not followed."""
    with requests.Session() as session:
        session.trust_env = not is_loopback(urlsplit(url).hostname or "")
        try:
            with session.get(
                url,
                headers={"Accept": "application/json"},
                timeout=(_TIMEOUT_SECONDS, _TIMEOUT_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as answer:
                if answer.status_code != requests.codes.ok:
                    raise EhrUnavailable(f"GET JWKS: the issuer answered {answer.status_code}.")
                body: bytes = answer.raw.read(_MAX_BYTES + 1, decode_content=True)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            raise EhrUnavailable("GET JWKS: the issuer does not answer.") from None
    if len(body) > _MAX_BYTES:
        raise EhrNotFhir("GET JWKS: the issuer's answer is too large.")
    return body
