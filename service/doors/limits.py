"""How much one caller may ask: a bucket of calls for each, refilled steadily, shared by all web processes."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final
from uuid import uuid4

from service.clock import monotonic
from service.domain.allowance import Grant, Limit, Purse, Wish
from service.errors import StoreUnavailable, TooManyCalls

#: So many callers are remembered; who was forgotten has a full bucket again.
_CALLERS: Final = 10_000
_MINUTE: Final = 60.0
#: Calls that were lent to this process for a caller are lost after this.
_KEPT_SECONDS: Final = 5.0

#: Gives what a wish is granted of the limit of that name.
Lender = Callable[[str, Limit, Wish], Grant]


class OwnBuckets:
    """One bucket for each caller of this process, full at first: per_minute calls at once, and as many in each minute after."""

    def __init__(self, per_minute: float, clock: Callable[[], float] = monotonic) -> None:
        self._most = per_minute
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, caller: str) -> None:
        """One call; TooManyCalls with the seconds to wait when the bucket is empty."""
        with self._lock:
            now = self._clock()
            left, since = self._left.pop(caller, (self._most, now))
            left = min(self._most, left + (now - since) * self._most / _MINUTE)
            self._left[caller] = (max(left - 1, 0.0) if left >= 1 else left, now)
            if len(self._left) > _CALLERS:
                self._left.popitem(last=False)
        if left < 1:
            raise TooManyCalls(retry_after=(1 - left) * _MINUTE / self._most)


@dataclass(slots=True)
class _Caller:
    """What one caller may still do here, and until when the answer is no."""

    purse: Purse
    refused_until: float = 0.0


class Buckets:
    """One bucket for each caller, whichever process of the deployment they meet; a few calls at a time are lent to this one.

    While the database is away each process goes by its share of the bucket: the limit divided by `processes`.
    """

    def __init__(
        self,
        per_minute: int,
        lend: Lender,
        *,
        processes: int,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._limit = Limit(per_second=per_minute / _MINUTE, burst=float(per_minute))
        self._lend = lend
        self._clock = clock
        self._process = str(uuid4())
        self._own = OwnBuckets(max(1.0, per_minute / processes), clock)
        self._callers: OrderedDict[str, _Caller] = OrderedDict()
        self._lock = Lock()

    def take(self, caller: str) -> None:
        """One call; TooManyCalls with the seconds to wait when the bucket is empty."""
        one, now = self._known(caller), self._clock()
        with self._lock:
            if one.purse.take(now) is not None:
                return
            if now < one.refused_until:
                raise TooManyCalls(retry_after=one.refused_until - now)
        wish = Wish(process=self._process, calls=one.purse.ask)
        try:
            grant = self._lend(_name(caller), self._limit, wish)
        except StoreUnavailable:
            self._own.take(caller)
            return
        self._spend(one, grant, self._clock())

    def _spend(self, one: _Caller, grant: Grant, now: float) -> None:
        with self._lock:
            one.purse.put(grant.turns, now)
            if one.purse.take(now) is None:
                one.refused_until = now + grant.wait
                raise TooManyCalls(retry_after=grant.wait)

    def _known(self, caller: str) -> _Caller:
        with self._lock:
            one = self._callers.pop(caller, None) or _Caller(self._purse())
            self._callers[caller] = one
            if len(self._callers) > _CALLERS:
                self._callers.popitem(last=False)
            return one

    def _purse(self) -> Purse:
        most = max(1, round(self._limit.per_second))
        return Purse(least=1, most=most, keeps=_KEPT_SECONDS)


def _name(caller: str) -> str:
    """A digest: the name of a person has no place among limits."""
    return f"caller {hashlib.sha256(caller.encode()).hexdigest()}"
