"""What Prometheus may count: doors, states, steps and outcomes by tenant. No ids, nothing of a person.

Under gunicorn all web processes write to one folder (PROMETHEUS_MULTIPROC_DIR) and `rendered` adds them up.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from service.errors import HomewardError

REQUESTS: Final = Counter("homeward_requests", "Answers, by door", ["door", "method", "status"])
REQUEST_SECONDS: Final = Histogram(
    "homeward_request_seconds",
    "Time to answer, by door",
    ["door"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
TRIGGERS: Final = Counter("homeward_triggers", "What the doors let in", ["tenant", "door", "action"])
STEP_SECONDS: Final = Histogram(
    "homeward_step_seconds",
    "Time of one job, by its outcome",
    ["tenant", "step", "outcome"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)


@contextmanager
def step(tenant: str, name: str) -> Iterator[None]:
    """Measure one step of a discharge; its outcome is "done", the class of our error, or "fault"."""
    began, outcome = perf_counter(), "fault"
    try:
        yield
        outcome = "done"
    except HomewardError as error:
        outcome = type(error).__name__
        raise
    finally:
        STEP_SECONDS.labels(tenant, name, outcome).observe(perf_counter() - began)


def rendered() -> tuple[bytes, str]:
    """All metrics of all processes in Prometheus text, and its content type."""
    return generate_latest(_registry()), CONTENT_TYPE_LATEST


def _registry() -> CollectorRegistry:
    shared = CollectorRegistry()
    try:
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]  # prometheus_client does not type it
    except ValueError:  # no shared folder: this is the only process
        return REGISTRY
    return shared
