"""A process that takes in the same order three times: `python intake_process.py URL`, once a line arrives on stdin."""

import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from service.domain.discharge import Action, Trigger
from service.jobs import Jobs
from service.pipeline.intake import intake
from service.store import Store, open_engine


def _no_steps() -> Any:
    raise AssertionError


deps: Any = SimpleNamespace(
    store=Store(open_engine(sys.argv[1])),
    tenants={},
    jobs=Jobs(sys.argv[1], _no_steps),
    now=lambda: datetime(2024, 3, 5, tzinfo=UTC),
)
sys.stdin.readline()
for _ in range(3):
    intake(Trigger("one", "Encounter/77", Action.PLAN, "subscription", "ServiceRequest/1"), deps)
