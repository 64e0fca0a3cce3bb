"""What Prometheus may count: doors, states, steps and outcomes by tenant. No ids, nothing of a person.

Under gunicorn all web processes write to one folder (PROMETHEUS_MULTIPROC_DIR) and `rendered` adds them up.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
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


def rendered(
    discharges: Mapping[tuple[str, str], int], held: Mapping[str, int] | None = None
) -> tuple[bytes, str]:
    """All metrics of all processes in Prometheus text, and its content type.

    discharges counts them by tenant and state, held those whose taking back waits for the brake, by tenant; they come from the
    store, which alone knows them all.
    """
    now = CollectorRegistry()
    now.register(_Discharges(discharges))
    now.register(_Held(held or {}))
    return generate_latest(_registry()) + generate_latest(now), CONTENT_TYPE_LATEST


@dataclass(frozen=True, eq=False)
class _Discharges(Collector):
    counts: Mapping[tuple[str, str], int]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One gauge for each tenant and state."""
        family = GaugeMetricFamily("homeward_discharges", "Discharges, by state", labels=["tenant", "state"])
        for labels, count in self.counts.items():
            family.add_metric(labels, count)
        yield family


@dataclass(frozen=True, eq=False)
class _Held(Collector):
    counts: Mapping[str, int]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One gauge for each tenant whose brake is closed."""
        family = GaugeMetricFamily(
            "homeward_brake_held", "Plans not taken back because the brake is closed", labels=["tenant"]
        )
        for tenant, count in self.counts.items():
            family.add_metric([tenant], count)
        yield family


def _registry() -> CollectorRegistry:
    shared = CollectorRegistry()
    try:
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]  # prometheus_client does not type it
    except ValueError:  # no shared folder: this is the only process
        return REGISTRY
    return shared
