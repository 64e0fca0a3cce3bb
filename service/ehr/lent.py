"""An allowance that all processes of a deployment share: what this one may use is lent to it, a little at a time.

A call costs no question to the database: one thread, which lives while the EHR is asked anything, borrows for all the
others and shows that this process is alive. So no caller ever waits for a database that does not answer.
"""

import threading
from collections.abc import Callable
from typing import Final
from uuid import uuid4

import structlog

from service.clock import monotonic
from service.domain.allowance import Grant, Limit, Wish
from service.ehr.account import Account
from service.errors import HomewardError

#: Gives what a wish is granted; StoreUnavailable when the book cannot be asked.
Lender = Callable[[Limit, Wish], Grant]

#: Who waits looks this often whether time alone has changed something.
_LOOK_SECONDS: Final = 0.25
_log = structlog.stdlib.get_logger(__name__)


class LentAllowance:
    """See service.ehr.allowance.Allowance. Safe for threads; its own thread begins with the first call."""

    def __init__(self, limit: Limit, lender: Lender, *, clock: Callable[[], float] = monotonic) -> None:
        self._limit = limit
        self._lender = lender
        self._clock = clock
        self._account = Account(str(uuid4()), limit, clock())
        lock = threading.Lock()
        self._changed = threading.Condition(lock)  # for those who wait
        self._asked = threading.Condition(lock)  # for the thread that borrows
        self._borrower: threading.Thread | None = None
        self._cut_off = False

    def enter(self, patience: float) -> float | None:
        """See Allowance."""
        deadline = self._clock() + patience
        with self._changed:
            self._account.wait()
            while (turn := self._account.begin(self._clock())) is None:
                left = deadline - self._clock()
                if left <= 0:
                    self._account.waits_no_longer()
                    return None
                self._have_borrowed()
                self._changed.wait(min(left, _LOOK_SECONDS))
            if self._borrower is None:  # by ourselves, for want of an answer: go on asking for one
                self._have_borrowed()
            return turn

    def leave(self) -> None:
        """See Allowance."""
        with self._changed:
            self._account.end(self._clock())
            self._changed.notify()
            self._asked.notify()

    def _have_borrowed(self) -> None:
        if self._borrower is None or not self._borrower.is_alive():
            self._borrower = threading.Thread(target=self._borrow, name="allowance", daemon=True)
            self._borrower.start()
        self._asked.notify()

    def _borrow(self) -> None:
        while (wish := self._next_wish()) is not None:
            asked = self._clock()
            grant = self._ask(wish)
            with self._changed:
                if grant is None:
                    self._account.failed(self._clock())
                else:
                    self._account.granted(grant, wish, asked=asked, now=self._clock())
                self._changed.notify_all()

    def _next_wish(self) -> Wish | None:
        """The next wish when its time has come; None when nothing is wanted and nothing held any more."""
        with self._changed:
            while (due := self._account.due(self._clock())) is not None:
                left = due - self._clock()
                if left <= 0:
                    return self._account.wish(self._clock())
                self._asked.wait(left)
            self._account.rest()
            self._borrower = None
            return None

    def _ask(self, wish: Wish) -> Grant | None:
        """What is granted; None when the book is away, which is told once."""
        try:
            grant = self._lender(self._limit, wish)
        except HomewardError as error:
            if not self._cut_off:
                _log.warning("what all processes share cannot be asked for", reason=type(error).__name__)
            self._cut_off = True
            return None
        self._cut_off = False
        return grant
