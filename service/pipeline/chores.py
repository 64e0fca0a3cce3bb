"""What every worker does again and again beside its jobs; of each, one of them finds something to do."""

from datetime import timedelta
from typing import Final

import structlog

from service import clock
from service.domain.watch import LONGEST_PAUSE
from service.pipeline.claimed_intake import look_at_unclaimed
from service.pipeline.doubt import call_looks
from service.pipeline.ports import Deps
from service.pipeline.reread import call_rereads
from service.pipeline.rounds import call_rounds
from service.pipeline.stored_metrics import LONG
from service.pipeline.waking import Probes, Waker

#: Nobody waits for these: what they mend or tell has been so for longer.
_SELDOM_SECONDS: Final = 30.0
#: Told again after so long, once for all workers.
_EVERY: Final = LONGEST_PAUSE - timedelta(seconds=_SELDOM_SECONDS)
_log = structlog.stdlib.get_logger(__name__)


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
        measure_clocks(self._deps)
        tell_what_waits(self._deps)


def measure_clocks(deps: Deps) -> None:
    """Keep how far each EHR's clock is off, by what it answered since; one that is off is told once an hour."""
    at = deps.now()
    for tenant in deps.tenants:
        ahead = deps.ehr(tenant).skew.take_news()
        if ahead is None:
            continue
        measured = deps.store.ehr_clocks.measure(tenant, ahead, at)
        if measured.is_off and deps.store.alarms.is_to_be_told(f"clock {tenant}", at, _EVERY):
            _log.warning("the clock of an ehr is off", tenant=tenant, seconds=round(ahead))


def tell_what_waits(deps: Deps) -> None:
    """One line an hour for each hospital with writes that its EHR has not taken for over an hour."""
    at = deps.now()
    for wait in deps.store.overview.waits(at - LONG):
        approved = "approved" if wait.approved else "proposed"
        if wait.long and deps.store.alarms.is_to_be_told(f"waits {wait.tenant} {approved}", at, _EVERY):
            _log.error(
                "writes have waited for over an hour",
                tenant=wait.tenant,
                state=approved,
                count=wait.long,
                seconds=round((at - wait.oldest).total_seconds()),
            )
