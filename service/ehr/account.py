"""What one process holds of what all may ask of an EHR: pure bookkeeping, times given in (seconds of one clock)."""

import math
from typing import Final

from service.domain.allowance import LEASE_SECONDS, Grant, Limit, Purse, Wish
from service.ehr.allowance import Bucket

#: Calls that were lent and not begun are lost after this: what all begin together stays within burst and rate.
KEPT_SECONDS: Final = 0.5
#: While calls are under way, the book is told so this often.
_RENEW_SECONDS: Final = 1.0
#: What was held is given back when nothing has been asked of the EHR for this long.
_IDLE_SECONDS: Final = 0.25
#: Who got nothing asks again after this, and who did not get enough after this.
_POLL_SECONDS: Final = 0.05
_SLOW_POLL_SECONDS: Final = 0.2
_FAILED_SECONDS: Final = 0.5
#: So long it goes on asking a book that does not answer, although nothing is asked of the EHR any more.
_INSISTS_SECONDS: Final = 10.0
#: Until the book has told how many share: more than most deployments have.
_PROCESSES: Final = 8


class Account:
    """Slots and turns held by this process. Not safe for threads: its owner has the lock.

    Who asked the book and has had no answer for LEASE_SECONDS, in which all that others hold lapses too, goes by an equal
    share of the limit among those heard of last, at least one call at a time.
    """

    def __init__(self, process: str, limit: Limit, now: float) -> None:
        self._process, self._limit = process, limit
        least = max(1, round(limit.per_second / 5))
        self._purse = Purse(least=least, most=max(least, round(limit.per_second / 2)), keeps=KEPT_SECONDS)
        self._slots, self._until = 0, -math.inf
        self._processes = _PROCESSES
        self._alone: Bucket | None = None
        self._now = now
        self._heard = self._ended = self._not_before = self._more_slots = now
        self._unanswered: float | None = None
        self._short_of_turns = False
        self._in_use = self._waiting = self._peak = 0

    def wait(self) -> None:
        """One more waits to begin a call."""
        self._waiting += 1
        self._peak = max(self._peak, self._in_use + self._waiting)

    def waits_no_longer(self) -> None:
        """One of those who wait goes away."""
        self._waiting -= 1

    def begin(self, now: float) -> float | None:
        """One of those who wait may begin, after so many seconds; None: not yet."""
        if self._in_use >= self._may_use(now):
            return None
        turn = self._turn(now)
        self._short_of_turns = turn is None
        if turn is not None:
            self._waiting -= 1
            self._in_use += 1
        return turn

    def end(self, now: float) -> None:
        """One call has ended."""
        self._in_use -= 1
        self._ended = now

    def due(self, now: float) -> float | None:
        """When the book is to be asked next; None: not before somebody waits again."""
        short_of_slots = self._in_use >= self._may_use(now)
        if self._waiting and self._short_of_turns and not short_of_slots:
            return self._not_before
        # More are under way than may be: whoever waits for them is to know when they end.
        if self._in_use > self._slots or (self._waiting and short_of_slots):
            return max(self._not_before, self._more_slots)
        if self._in_use or self._waiting:
            return max(self._not_before, self._heard + _RENEW_SECONDS)
        if self._slots and now < self._until:
            return max(self._not_before, self._ended + _IDLE_SECONDS)
        if self._unanswered is not None and now < self._ended + _INSISTS_SECONDS:
            return self._not_before
        return None

    def rest(self) -> None:
        """The book is not asked any more until somebody waits again: an outage of before is no outage of then."""
        self._unanswered = None

    def wish(self, now: float) -> Wish:
        """What to ask for now; it is taken as asked."""
        self._unanswered = now if self._unanswered is None else self._unanswered
        return Wish(
            process=self._process,
            calls=self._purse.ask if self._waiting and self._purse.is_empty(now) else 0,
            wants=min(self._peak, self._limit.slots) if self._in_use or self._waiting else 0,
            in_use=self._in_use,
        )

    def granted(self, grant: Grant, wish: Wish, *, asked: float, now: float) -> None:
        """The answer to a wish; asked is when the question was sent, so that nothing is held for longer than it is lent."""
        self._heard, self._until = asked, asked + LEASE_SECONDS
        self._slots, self._processes = grant.slots, grant.processes
        self._alone = self._unanswered = None
        self._peak = self._in_use + self._waiting
        if wish.calls:
            self._purse.put(grant.turns, now)
            self._short_of_turns = False
        self._not_before = self._more_slots = now
        if grant.slots < wish.wants:
            self._more_slots += _SLOW_POLL_SECONDS if grant.slots else _POLL_SECONDS

    def failed(self, now: float) -> None:
        """The book did not answer."""
        self._not_before = now + _FAILED_SECONDS

    def _may_use(self, now: float) -> int:
        if now < self._until:
            return self._slots
        return max(1, self._limit.slots // self._processes) if self._is_cut_off(now) else 0

    def _turn(self, now: float) -> float | None:
        if not self._is_cut_off(now):
            return self._purse.take(now)
        if self._alone is None:
            self._now = now
            self._alone = Bucket(self._limit.per_second / self._processes, 1.0, lambda: self._now)
        self._now = now
        return self._alone.take()

    def _is_cut_off(self, now: float) -> bool:
        return self._unanswered is not None and now >= self._unanswered + LEASE_SECONDS
