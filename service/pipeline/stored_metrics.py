"""The metrics that the database alone knows: the same from every process, so a dashboard takes one of them, not their sum."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Final

from service.domain.publication import WriteStanding
from service.errors import HomewardError
from service.jobs import JobState
from service.metrics import StoredMetric
from service.pipeline.ports import Operations

#: What waits for longer than this is told.
LONG: Final = timedelta(hours=1)
Values = dict[tuple[str, ...], float]


def stored_metrics(deps: Operations) -> Iterator[StoredMetric]:
    """All of them; those that cannot be read are left out, so that the others tell of it."""
    for read in _READ:
        try:
            yield from read(deps)
        except HomewardError:
            continue


def _discharges(deps: Operations) -> Iterator[StoredMetric]:
    counts = deps.store.discharges.count()
    values: Values = {(tenant, state.value): number for (tenant, state), number in counts.items()}
    yield StoredMetric("homeward_discharges", "Discharges, by state", ("tenant", "state"), values)


def _brakes(deps: Operations) -> Iterator[StoredMetric]:
    held: Values = {(tenant,): number for tenant, number in deps.store.discharges.count_held().items()}
    about = "Plans not taken back because the brake is closed"
    yield StoredMetric("homeward_brake_held", about, ("tenant",), held)


def _writes(deps: Operations) -> Iterator[StoredMetric]:
    values: Values = {
        (tenant, standing.value): counts.get(standing, 0)
        for tenant, counts in deps.store.overview.writes_of_tenants().items()
        for standing in WriteStanding
    }
    about = "Resources that plans want in the EHR, by how they stand there"
    yield StoredMetric("homeward_writes", about, ("tenant", "standing"), values)


def _waits(deps: Operations) -> Iterator[StoredMetric]:
    now = deps.now()
    oldest: Values = {}
    long: Values = {}
    for wait in deps.store.overview.waits(now - LONG):
        labels = (wait.tenant, "yes" if wait.approved else "no")
        oldest[labels] = max(0.0, (now - wait.oldest).total_seconds())
        long[labels] = wait.long
    names = ("tenant", "approved")
    about = "Age of the oldest write that waits, by whether a person has approved something of its plan"
    yield StoredMetric("homeward_oldest_waiting_write_seconds", about, names, oldest)
    yield StoredMetric(
        "homeward_writes_waiting_long", "Writes that have waited for over an hour", names, long
    )


def _jobs(deps: Operations) -> Iterator[StoredMetric]:
    numbers: Values = {}
    oldest: Values = {}
    for depth in deps.jobs.control.depths():
        numbers[depth.tenant, depth.task, depth.state.value] = depth.number
        if depth.state is JobState.DUE:
            key = (depth.tenant,)
            oldest[key] = max(oldest.get(key, 0.0), depth.oldest_seconds)
    yield StoredMetric("homeward_jobs", "Jobs of the queue, by state", ("tenant", "step", "state"), numbers)
    about = "Since when the oldest job that is due waits for a worker"
    yield StoredMetric("homeward_oldest_due_job_seconds", about, ("tenant",), oldest)
    alive: Mapping[tuple[str, ...], float] = {(): deps.jobs.workers_alive()}
    yield StoredMetric("homeward_workers_alive", "Workers that have shown themselves lately", (), alive)


def _rounds(deps: Operations) -> Iterator[StoredMetric]:
    found = deps.store.watches.all()
    since: Values = {
        (watch.tenant, watch.way.value): watch.since.timestamp() for watch in found if watch.since
    }
    failures: Values = {(watch.tenant, watch.way.value): watch.failures for watch in found}
    names = ("tenant", "way")
    about = "Up to when all changes in an EHR are known (Unix time): the beginning of the last good search"
    yield StoredMetric("homeward_changes_known_until_timestamp_seconds", about, names, since)
    yield StoredMetric("homeward_search_failures", "Searches that failed in a row", names, failures)


def _clocks(deps: Operations) -> Iterator[StoredMetric]:
    clocks = deps.store.ehr_clocks.all()
    values: Values = {(tenant,): clock.ahead for tenant, clock in clocks.items()}
    about = "By how much an EHR's clock is ahead of ours; negative: behind"
    yield StoredMetric("homeward_ehr_clock_ahead_seconds", about, ("tenant",), values)


_READ: Final[tuple[Callable[[Operations], Iterator[StoredMetric]], ...]] = (
    _discharges,
    _brakes,
    _writes,
    _waits,
    _jobs,
    _rounds,
    _clocks,
)
