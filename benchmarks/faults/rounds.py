"""One round in one EHR: stays are admitted and ordered home in waves, and while they are planned and people decide, faults last.

First a twin of each kind of stay is planned without any fault. Then come the waves: under one fault the plans are made, under
another people click, processes are killed, records change. When the faults have stopped the clock goes on by an hour, and
what then stands in the EHR is counted.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg
import requests

from benchmarks.faults.acts import CHANGED_AFTER, Act, Case, carry_out
from benchmarks.faults.census import taken
from benchmarks.faults.clinician import finding
from benchmarks.faults.deployment import Deployment, deployed
from benchmarks.faults.desk import Absent, Desk
from benchmarks.faults.judgement import Count, Finding, Held, Twin, judge, landed, twin_of
from benchmarks.faults.stays import Stay, admit
from benchmarks.faults.troubles import Troubles
from service.domain.discharge import DischargeState
from service.domain.plan import Plan
from service.errors import HomewardError
from service.jobs.worker import CHORE_SECONDS
from service.sandbox.flaky import COUNTS
from service.sandbox.mode import Mode
from service.sandbox.spells import Spell

#: Discharges on their way at the same time: what a large hospital has before noon, fewer where there are few at all.
IN_FLIGHT: Final = 8
_WAVES: Final = 2
_PROCESSES: Final = ("worker-1", "web", "worker-2")
#: How often in a round all known stays are looked after while something lasting is wrong; once where there are few.
_LOOKS: Final = 3
#: How long a fault lasts: longer than a retry within a request, shorter than a job's patience.
_SPELL_SECONDS: Final = 2.5
#: What workers do beside their jobs they do this often by the machine's clock, and a little more.
_CHORE_SECONDS: Final = CHORE_SECONDS + 0.5
_WAVE_SECONDS: Final = 15.0
_QUIET_SECONDS: Final = 90.0
_STEP_SECONDS: Final = 0.25
#: No job may be due in so many looks in a row.
_CALM_LOOKS: Final = 4
#: In so many steps the hour after the last fault goes by, so that what waits for a time is met when it is due.
_STEPS: Final = 6
_DONE: Final = (DischargeState.PUBLISHED, DischargeState.FAILED, DischargeState.CANCELLED)
#: How many jobs are under way or due.
BUSY: Final = """
    SELECT count(*) FROM procrastinate_jobs
    WHERE status = 'doing' OR (status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now()))
"""

Tick = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Result:
    """What a round came to: everything that is wrong, how many of the wanted items landed, what went wrong on the way."""

    mode: Mode
    cases: int
    findings: tuple[Finding, ...]
    landed: int
    wanted: int
    killed: int
    acts: Mapping[str, int]
    faults: Mapping[str, int]
    states: Mapping[str, int]
    unacted: int
    took: float

    def count(self, count: Count) -> int:
        """How many of a kind."""
        return sum(found.count is count for found in self.findings)

    def is_bad(self) -> bool:
        """Whether anything is wrong, or nothing was tried at all."""
        return bool(self.findings) or self.wanted == 0 or self.unacted > 0


@dataclass
class Course:
    """How the stays of a round go. planned are the discharges of twins, by patient."""

    deployment: Deployment
    cases: list[Case]
    troubles: Troubles
    tick: Tick
    killed: int = 0
    twins: dict[str, Twin] = field(default_factory=dict)
    planned: dict[str, UUID] = field(default_factory=dict)

    def run(self) -> None:
        """All waves, the looks between them, and the hour after."""
        size = min(IN_FLIGHT, -(-len(self.cases) // _WAVES))
        waves = [self.cases[first : first + size] for first in range(0, len(self.cases), size)]
        looks = (
            {len(waves) - len(waves) * place // _LOOKS for place in range(_LOOKS)}
            if len(waves) > _WAVES
            else {1}
        )
        for number, wave in enumerate(waves):
            self._plan(wave)
            self._decide(
                [case for case in self.cases if not case.acted and case.number <= wave[-1].number], number
            )
            if number + 1 in looks:
                self._look()
        self.deployment.cast(flaky=False)
        self._settle()
        self._act([case for case in self.cases if not case.acted])
        for _ in range(_STEPS):
            self.deployment.clock.advance(minutes=60 / _STEPS, database=self._database)
            time.sleep(_CHORE_SECONDS)
            self._settle()

    def plan_twins(self, stays: Iterable[Stay]) -> None:
        """One stay of each kind without any fault."""
        twins = [Case(-1, stay, Act.NOTHING) for stay in stays]
        for case in twins:
            self._order(case)
        self._wait(twins, _QUIET_SECONDS)
        for case in twins:
            held, plan, keys = self.seen(case)
            if case.discharge is None or plan is None or self.state(case) is not DischargeState.PUBLISHED:
                raise RuntimeError(f"{case.stay.patient.id} is not planned though nothing is wrong")
            self.planned[case.stay.patient.id] = case.discharge
            self.twins[case.stay.template] = twin_of(case.stay.patient.encounter, keys, held, plan)

    def seen(self, case: Case) -> tuple[Held, Plan | None, frozenset[str]]:
        """What the EHR holds about a stay; our plan, and the keys of what it consists of."""
        ours = taken(self.deployment.hospital, [case.stay]).of(case.stay)
        if case.discharge is None:
            return Held(ours), None, frozenset()
        store = self.deployment.deps.store
        version = store.plans.latest(case.discharge)
        wanted = {entry.draft.key for entry in store.publications.entries(case.discharge) if entry.wanted}
        return Held(ours), version.plan if version else None, frozenset(wanted)

    @property
    def _database(self) -> str:
        return self.deployment.environment["HOMEWARD_DATABASE_URL"]

    def _plan(self, wave: list[Case]) -> None:
        """Order these stays home while something lasting is wrong, and go on when it has been right again for a while."""
        self.deployment.cast([next(self.troubles.planning)], flaky=True)
        for case in wave:
            self._order(case)
            self.tick()
        time.sleep(_SPELL_SECONDS)
        self.deployment.cast(flaky=True)
        self._wait(wave, _WAVE_SECONDS)

    def _decide(self, cases: list[Case], number: int) -> None:
        """People act while something lasting is wrong, one process is killed; afterwards records change."""
        self.deployment.cast([next(self.troubles.clicks)], flaky=True)
        if number % 2 == 0:
            self.deployment.kill(_PROCESSES[number // 2 % len(_PROCESSES)])
            self.killed += 1
        self._act(cases)
        time.sleep(_SPELL_SECONDS)
        self.deployment.cast(flaky=True)
        self.deployment.clock.advance(minutes=2, database=self._database)

    def _look(self) -> None:
        """An hour goes by, and all known stays are looked after while something lasting is wrong."""
        self._looking(next(self.troubles.looks))
        self.deployment.clock.advance(minutes=2, database=self._database)

    def _looking(self, spell: Spell) -> None:
        self.deployment.cast([spell], flaky=False)
        self.deployment.clock.advance(hours=1, database=self._database)
        time.sleep(2 * _CHORE_SECONDS)
        self.deployment.cast(flaky=True)

    def _act(self, cases: list[Case]) -> None:
        """What people do about the plans that there are, several at a time; each is followed by a changed record where due."""
        there = [case for case in cases if self._has_plan(case)]
        with ThreadPoolExecutor(IN_FLIGHT) as people:
            list(people.map(self._carry_out, there))
        for case in there:
            if case.acted and case.act in CHANGED_AFTER:
                finding(self.deployment.hospital, case.stay)
                self._order(case)

    def _carry_out(self, case: Case) -> None:
        try:
            carry_out(case, Desk(self.deployment.url), self.deployment.hospital)
        except (Absent, HomewardError, requests.RequestException):
            return  # tried again with the next wave

    def _order(self, case: Case) -> None:
        """The attending orders the discharge in the EHR, and the ward asks for the plan as well."""
        patient = case.stay.patient
        at = self.deployment.deps.now()
        case.order = self.deployment.hospital.order_discharge(patient, at, name=f"{patient.id}-order")
        case.discharge = Desk(self.deployment.url).ask(patient.encounter, case.order)

    def _has_plan(self, case: Case) -> bool:
        if case.discharge is None:
            return False
        return self.deployment.deps.store.plans.latest(case.discharge) is not None

    def state(self, case: Case) -> DischargeState | None:
        """How far a discharge has come, as we believe."""
        return self.deployment.deps.store.discharges.get(case.discharge).state if case.discharge else None

    def _wait(self, cases: list[Case], seconds: float) -> None:
        """Until these are done, or for so long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not all(self.state(case) in _DONE for case in cases):
            self.deployment.check()
            time.sleep(_STEP_SECONDS)

    def _settle(self) -> None:
        """Until no job is due, or for so long."""
        deadline, calm = time.monotonic() + _QUIET_SECONDS, 0
        with psycopg.connect(self._database, autocommit=True, connect_timeout=10) as connection:
            while time.monotonic() < deadline and calm < _CALM_LOOKS:
                self.deployment.check()
                time.sleep(_STEP_SECONDS)
                row = connection.execute(BUSY).fetchone()
                calm = calm + 1 if row == (0,) else 0


def run(mode: Mode, count: int, *, log: Path, tick: Tick = lambda: None) -> Result:
    """One round of this many discharges in an EHR of this mode, by the mode's seed."""
    begun = time.monotonic()
    with deployed(mode, log) as deployment:
        today = datetime.now(UTC).date()
        stays = tuple(admit(deployment.hospital.base_url, count, today, first=0))
        kinds = len({stay.template for stay in stays})
        acts = list(Act)
        cases = [
            Case(place, stay, acts[(place + place // len(acts)) % len(acts)])
            for place, stay in enumerate(stays)
        ]
        course = Course(deployment, cases, Troubles(mode.seed), tick)
        course.plan_twins(admit(deployment.hospital.base_url, kinds, today, first=count))
        course.run()
        faults = deployment.hospital.read(COUNTS)
        return _counted(course, mode, faults, time.monotonic() - begun)


def _counted(course: Course, mode: Mode, faults: Mapping[str, int], took: float) -> Result:
    findings: list[Finding] = []
    there = wanted = 0
    for case in course.cases:
        held, plan, keys = course.seen(case)
        twin = course.twins[case.stay.template]
        findings += judge(case, held, twin, plan, keys)
        there_now, wanted_now = landed(case, held, twin)
        there, wanted = there + there_now, wanted + wanted_now
    return Result(
        mode=mode,
        cases=len(course.cases),
        findings=tuple(findings),
        landed=there,
        wanted=wanted,
        killed=course.killed,
        acts=Counter(str(case.act) for case in course.cases if case.acted),
        faults=faults,
        states=Counter(str(course.state(case)) for case in course.cases),
        unacted=sum(not case.acted for case in course.cases),
        took=took,
    )
