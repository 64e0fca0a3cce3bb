"""How much of an EHR, or of our own doors, each process may use: lent for a short time, from one book for all of them.

A process borrows a few calls at once and spends them without asking; it may keep so many calls under way, as long as it
shows every now and then that it is alive. What a process that died had borrowed is free again after LEASE_SECONDS. The
book is read, changed by `lend`, and put back only if nobody else changed it meanwhile. See docs/decisions/0117.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import floor
from typing import Final

#: What is lent for calls under way lapses after this, unless it is asked for again.
LEASE_SECONDS: Final = 3.0
#: Processes heard of this lately count when each has to go by its own share, because the book is away.
REMEMBERED_SECONDS: Final = 60.0
#: Where not everybody can have as much as another, who has more changes this often.
_TURN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What all processes may use together.

    slots: calls under way at once; per_second: calls that may begin in a second, in the long run; burst: how many at once
    after a quiet time; ahead: how many calls that may only begin later are promised at a time.
    """

    slots: int = 0
    per_second: float
    burst: float
    ahead: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """What one process holds: calls that it may have under way, and would like to have, until then (epoch seconds)."""

    holds: int
    wants: int
    until: float


@dataclass(frozen=True, slots=True)
class Book:
    """What is lent of one limit. full_at: when as many calls as the burst may begin at once again (epoch seconds)."""

    full_at: float = 0.0
    shares: Mapping[str, Share] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a process asks for: calls to begin, and calls under way, of which in_use are."""

    process: str
    calls: int = 0
    wants: int = 0
    in_use: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What it gets. turns: the seconds after which each call may begin, none where no slot is left for it; wait: seconds until there is one.

    slots: how many calls may be under way, never more than were asked for; where it is less than are, none is begun until
    enough have ended. processes: how many shared in this lately, the asking one included.
    """

    turns: tuple[float, ...] = ()
    wait: float = 0.0
    slots: int = 0
    processes: int = 1


def lend(book: Book, wish: Wish, limit: Limit, *, now: float) -> tuple[Book, Grant]:
    """The book after this wish, and what is granted; now is the book's own clock (epoch seconds)."""
    book = _brought_back(book, limit, now)
    others = {
        name: share
        for name, share in book.shares.items()
        if name != wish.process and share.until > now - REMEMBERED_SECONDS
    }
    slots = _slots(wish, limit, others, now)
    level = limit.burst - max(0.0, book.full_at - now) * limit.per_second
    turns = _turns(wish, limit, level) if slots > wish.in_use or not limit.slots else ()
    full_at = max(book.full_at, now) + len(turns) / limit.per_second if turns else book.full_at
    mine = Share(max(wish.in_use, slots), wish.wants, now + LEASE_SECONDS if wish.wants else now)
    grant = Grant(
        turns=turns,
        wait=0.0 if turns else max(0.0, (1 - level) / limit.per_second),
        slots=slots,
        processes=len(others) + 1,
    )
    return Book(full_at, {**others, wish.process: mine}), grant


def _brought_back(book: Book, limit: Limit, now: float) -> Book:
    """The book without moments further ahead than anybody waits for: its clock was ahead, and was put back."""
    full_at = min(book.full_at, now + limit.burst / limit.per_second + REMEMBERED_SECONDS)
    shares = {
        name: replace(share, until=min(share.until, now + LEASE_SECONDS))
        for name, share in book.shares.items()
    }
    return Book(full_at, shares)


def _turns(wish: Wish, limit: Limit, level: float) -> tuple[float, ...]:
    number = min(wish.calls, max(floor(level), 0) + limit.ahead)
    return tuple(max(0.0, (place - level) / limit.per_second) for place in range(1, number + 1))


def _slots(wish: Wish, limit: Limit, others: Mapping[str, Share], now: float) -> int:
    living = {name: share for name, share in others.items() if share.until > now}
    wants = {wish.process: wish.wants} | {name: share.wants for name, share in living.items()}
    free = limit.slots - sum(share.holds for share in living.values())
    return max(0, min(fair_shares(limit.slots, wants, turn=int(now / _TURN_SECONDS))[wish.process], free))


def fair_shares(slots: int, wants: Mapping[str, int], *, turn: int) -> dict[str, int]:
    """Nobody gets more than they want, or more than another who wants as much; whose turn it is gets what is left over."""
    names = sorted(wants)
    first = turn % len(names) if names else 0
    shares = dict.fromkeys(names, 0)
    left = slots
    while left and any(shares[name] < wants[name] for name in names):
        for name in [*names[first:], *names[:first]]:
            if left and shares[name] < wants[name]:
                shares[name] += 1
                left -= 1
    return shares


class Purse:
    """The calls one process has borrowed and not begun: spent in order, lost when they are not begun in time.

    It asks for more at a time the faster it is emptied: from `least` to `most` calls. Times are in seconds of one clock.
    """

    def __init__(self, *, least: int, most: int, keeps: float) -> None:
        self._least, self._most, self._keeps = least, most, keeps
        self._turns: list[float] = []
        self._spent = 0
        self._lost = False
        self.ask = least

    def put(self, turns: tuple[float, ...], now: float) -> None:
        """Borrowed just now; those that were lost show that less would have done."""
        self.ask = max(self._least, min(self._most, self._spent if self._lost else 2 * self.ask))
        self._turns = [*(now + turn for turn in reversed(turns)), *self._turns]
        self._spent, self._lost = 0, False

    def is_empty(self, now: float) -> bool:
        """Whether nothing is left that may still be begun."""
        while self._turns and self._turns[-1] + self._keeps < now:
            self._turns.pop()
            self._lost = True
        return not self._turns

    def take(self, now: float) -> float | None:
        """Begin one call: the seconds to wait before it; None when none is left."""
        if self.is_empty(now):
            return None
        self._spent += 1
        return max(0.0, self._turns.pop() - now)
