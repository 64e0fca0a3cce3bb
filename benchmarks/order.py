"""From the discharge order to the plan in the EHR, on an idle sandbox: web, worker and EHR each a process of its own.

The order is entered in the EHR, whose Subscription notifies Homeward, or Homeward is asked by REST. The plan is there at the
time that the EHR itself stamps on its CarePlan; meanwhile it is asked for seldom, so that looking takes none of the EHR's time.
A second figure is the time until Homeward has all receipts. Times are also given as this machine would show them if it were as fast as the one on which the
budget was set: there a million squares are summed in 80 ms.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import requests
from rich.console import Console

from benchmarks.faults.stays import Stay, admit
from benchmarks.figures import Figure
from service.domain.discharge import DischargeState
from service.sandbox.demo import TENANT, TIME_ZONE, Stage, running_stage
from service.sandbox.inpatients import Inpatient

_ORDERS: Final = 20
_WARM: Final = 3
_BUDGET_SECONDS: Final = 0.3
_REFERENCE_SECONDS: Final = 0.080
_LOOK_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds from one order to the EHR's stamp on the CarePlan and to our receipts; squares: the sum just before it."""

    stamped: float
    receipts: float
    squares: float

    @property
    def scaled(self) -> float:
        """The first, as the reference machine would show it."""
        return self.stamped * _REFERENCE_SECONDS / self.squares


def figures() -> list[Figure]:
    """p50 and p95 from order to plan, by notification and by REST."""
    with (
        tempfile.TemporaryDirectory(prefix="homeward-bench-") as folder,
        running_stage(Console(quiet=True), home=Path(folder)) as stage,
    ):
        today = datetime.now(TIME_ZONE).date()
        stays = list(admit(stage.hospital.base_url, 2 * (_ORDERS + _WARM), today))
        half = len(stays) // 2
        told = list(_seconds(stage, stays[:half], _order))
        asked = list(_seconds(stage, stays[half:], _ask))
    return [
        *_figures("order in the EHR to CarePlan in the EHR", told),
        *_figures("request by REST to CarePlan in the EHR", asked),
        Figure(
            "a million squares summed, median",
            _median([*told, *asked], lambda order: 1000 * order.squares),
            "ms",
        ),
    ]


def _figures(what: str, orders: list[Timed]) -> Iterator[Figure]:
    late = statistics.quantiles([order.stamped for order in orders], n=20)[-1]
    yield Figure(f"{what}, p50", _median(orders, lambda order: order.stamped), "s")
    yield Figure(f"{what}, p95", late, "s")
    yield Figure(f"{what}, p50, scaled", _median(orders, lambda order: order.scaled), "s", _BUDGET_SECONDS)
    yield Figure("the same to the receipts, p50", _median(orders, lambda order: order.receipts), "s")


def _median(orders: list[Timed], value: Callable[[Timed], float]) -> float:
    return statistics.median(map(value, orders))


def _seconds(stage: Stage, stays: list[Stay], begin: Callable[[Stage, Inpatient], None]) -> Iterator[Timed]:
    """One discharge after another, each with nothing else to do; the first few only warm the processes."""
    for number, stay in enumerate(stays):
        squares = _squares_seconds()
        began = datetime.now(UTC)
        begin(stage, stay.patient)
        published = _published(stage, stay.patient)
        [plan] = stage.hospital.care_plans(stay.patient)
        stamped = datetime.fromisoformat(plan["meta"]["lastUpdated"])
        if number >= _WARM:
            yield Timed((stamped - began).total_seconds(), (published - began).total_seconds(), squares)


def _published(stage: Stage, patient: Inpatient) -> datetime:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        known = stage.deps.store.discharges.of_stay(TENANT, patient.encounter)
        if known is not None and known.state is DischargeState.PUBLISHED:
            return known.changed
    raise RuntimeError("no plan came")


def _order(stage: Stage, patient: Inpatient) -> None:
    stage.hospital.order_discharge(patient, datetime.now(TIME_ZONE))


def _ask(stage: Stage, patient: Inpatient) -> None:
    with requests.Session() as session:
        session.trust_env = False
        body = {"tenant": TENANT, "encounter": patient.encounter}
        session.post(f"{stage.homeward_url}/api/v1/discharges", json=body, timeout=30).raise_for_status()


def _squares_seconds() -> float:
    began = time.perf_counter()
    sum(number * number for number in range(1_000_000))
    return time.perf_counter() - began
