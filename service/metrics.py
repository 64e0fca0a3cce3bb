"""What Prometheus may count: doors, states, steps, outcomes and calls by tenant. No ids, nothing of a person.

Under gunicorn all web processes write to one folder (PROMETHEUS_MULTIPROC_DIR) and `rendered` adds them up.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from service import clock
from service.errors import HomewardError

REQUESTS: Final = Counter("homeward_requests", "Answers, by door", ["door", "method", "status"])
REQUEST_SECONDS: Final = Histogram(
    "homeward_request_seconds",
    "Time to answer, by door",
    ["door"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
TRIGGERS: Final = Counter("homeward_triggers", "What the doors let in", ["tenant", "door", "action"])
ORDERS_WITHOUT_STAY: Final = Counter(
    "homeward_orders_without_stay", "Discharge orders of which nobody can tell the stay", ["tenant"]
)
STAYS_NOT_PLANNED: Final = Counter(
    "homeward_stays_not_planned",
    "Stays of a shared FHIR base that no single hospital claims",
    ["tenant", "reason"],
)
DOUBTS: Final = Counter(
    "homeward_doubts",
    "Looks at a stay, order or patient that did not show it",
    ["tenant", "subject", "shown"],
)
BRAKES_CLOSED: Final = Counter(
    "homeward_brakes_closed",
    "How often plans stopped being taken back: too many were gone",
    ["tenant", "why"],
)
HOOK_FEEDBACK: Final = Counter(
    "homeward_hook_feedback", "What EHRs said became of cards; unknown for a card never shown", ["answer"]
)
STEP_SECONDS: Final = Histogram(
    "homeward_step_seconds",
    "Time of one job, by its outcome",
    ["tenant", "step", "outcome"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
EHR_CALLS: Final = Counter(
    "homeward_ehr_calls",
    "Calls of an EHR by what it answered: a status that says something of its own, its class (2xx), or none",
    ["tenant", "method", "status"],
)
EHR_LEFT_ALONE: Final = Gauge(
    "homeward_ehr_left_alone",
    "1 while an EHR that did not answer is left alone, as the process that asked last sees it",
    ["tenant"],
    multiprocess_mode="mostrecent",
)
#: What an EHR says with these is told apart; of any other the class is enough.
_TELLING: Final = frozenset({400, 401, 403, 404, 409, 410, 412, 422, 429})


def count_ehr_call(tenant: str, method: str, status: int) -> None:
    """Count one call; status 0 where no whole answer came."""
    told = str(status) if status in _TELLING else f"{status // 100}xx" if status else "none"
    EHR_CALLS.labels(tenant, method, told).inc()


@contextmanager
def step(tenant: str, name: str) -> Iterator[None]:
    """Measure one step of a discharge; its outcome is "done", the class of our error, or "fault"."""
    began, outcome = clock.machine_seconds(), "fault"
    try:
        yield
        outcome = "done"
    except HomewardError as error:
        outcome = type(error).__name__
        raise
    finally:
        STEP_SECONDS.labels(tenant, name, outcome).observe(clock.machine_seconds() - began)


@dataclass(frozen=True, slots=True)
class StoredMetric:
    """One gauge of what only the database knows: its name, what it tells, its labels' names, and its values by labels."""

    name: str
    about: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], float]


def rendered(stored: Iterable[StoredMetric]) -> tuple[bytes, str]:
    """All metrics of all processes in Prometheus text, and its content type; stored are those that the store alone knows."""
    now = CollectorRegistry()
    now.register(_Stored(tuple(stored)))
    return generate_latest(_registry()) + generate_latest(now), CONTENT_TYPE_LATEST


@dataclass(frozen=True, eq=False)
class _Stored(Collector):
    metrics: Sequence[StoredMetric]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One gauge for each combination of labels."""
        for metric in self.metrics:
            family = GaugeMetricFamily(metric.name, metric.about, labels=metric.labels)
            for labels, value in metric.values.items():
                family.add_metric(labels, value)
            yield family


def _registry() -> CollectorRegistry:
    shared = CollectorRegistry()
    try:
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]  # prometheus_client does not type it
    except ValueError:  # no shared folder: this is the only process
        return REGISTRY
    return shared
