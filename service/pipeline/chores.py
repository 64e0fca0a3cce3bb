"""What every worker does again and again beside its jobs; of each, one of them finds something to do."""

from typing import Final

from service import clock
from service.pipeline.claimed_intake import look_at_unclaimed
from service.pipeline.doubt import call_looks
from service.pipeline.ports import Deps
from service.pipeline.reread import call_rereads
from service.pipeline.rounds import call_rounds
from service.pipeline.waking import Probes, Waker

#: Nobody waits for these: what they mend has been wrong for longer.
_SELDOM_SECONDS: Final = 30.0


class Chores:
    """The chores of one worker: polling, what plans lack, what was not shown and stays that nobody plans whenever they are due, the others twice a minute."""

    def __init__(self, deps: Deps, waker: Waker) -> None:
        self._deps = deps
        self._due = 0.0
        self._probes = Probes(deps, waker)

    def __call__(self) -> None:
        """Do what is due."""
        call_rounds(self._deps)
        call_rereads(self._deps)
        call_looks(self._deps)
        look_at_unclaimed(self._deps)
        if clock.monotonic() < self._due:
            return
        self._due = clock.monotonic() + _SELDOM_SECONDS
        self._deps.jobs.bring_back_moments()
        self._deps.store.hospitals.register(self._deps.tenants.keys(), self._deps.now())
        self._probes()
