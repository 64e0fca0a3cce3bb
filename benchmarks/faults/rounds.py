"""One round in one EHR: stays are admitted and ordered home in waves, and while they are planned and people decide, faults last.

First a twin of each kind of stay is planned without any fault. Then come the waves: under one fault the plans are made, under
another people click, processes are killed, records change. When the faults have stopped the clock goes on by an hour, and
what then stands in the EHR is counted.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
import requests

from benchmarks.faults.acts import (
    AS_RESOURCES,
    CHANGED_AFTER,
    IN_WORDS,
    LOOKS,
    Act,
    Case,
    NotThereYet,
    carry_out,
)
from benchmarks.faults.census import chart_of, taken
from benchmarks.faults.clinician import finding
from benchmarks.faults.counting import Look, Result, claims, counted
from benchmarks.faults.deployment import Deployment, deployed
from benchmarks.faults.desk import Absent, Desk
from benchmarks.faults.in_words import (
    Seen,
    WordsTwin,
    is_asked,
    judge_words,
    landed_words,
    words_twin_of,
)
from benchmarks.faults.judgement import Held, Twin, judge, landed, twin_of
from benchmarks.faults.stays import Stay, admit
from benchmarks.faults.troubles import Troubles
from service.domain.discharge import DischargeState
from service.domain.plan import Plan
from service.errors import HomewardError
from service.jobs.worker import CHORE_SECONDS
from service.pipeline.publishing.pauses import is_unfinished
from service.sandbox.chart import Chart
from service.sandbox.flaky import COUNTS
from service.sandbox.forms import FORMS, Form
from service.sandbox.mode import FULL, Mode
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


@dataclass
class Course:
    """How the stays of a round go. planned are the discharges of twins, by patient; words_twins are twins where plans stand in words."""

    deployment: Deployment
    cases: list[Case]
    troubles: Troubles
    tick: Tick
    form: Form = FORMS[FULL]
    killed: int = 0
    twins: dict[str, Twin] = field(default_factory=dict)
    words_twins: dict[str, WordsTwin] = field(default_factory=dict)
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
        for _ in range(LOOKS):
            self._act([case for case in self.cases if not case.acted])
            self._settle()
        self._sign_again()
        for _ in range(_STEPS):
            self.deployment.clock.advance(minutes=60 / _STEPS, database=self._database)
            time.sleep(_CHORE_SECONDS)
            self._settle()

    def plan_twins(self, stays: Iterable[Stay]) -> None:
        """One stay of each kind without any fault; signed as a whole where plans stand in words."""
        twins = [Case(-1, stay, Act.NOTHING) for stay in stays]
        for case in twins:
            self._order(case)
        self._wait(twins, _QUIET_SECONDS)
        if not self.form.keeps_resources:
            for case in twins:
                case.is_signed = case.discharge is not None and Desk(self.deployment.url).sign(case.discharge)
            self._settle()
        for case in twins:
            plan = self._planned(case)
            self.twins[case.stay.template] = twin_of(
                case.stay.patient.encounter, self.wanted(case), self.held(case), plan
            )
            self.words_twins[case.stay.template] = words_twin_of(self.chart(case), plan, self.form.holder)

    def _planned(self, case: Case) -> Plan:
        plan = self.plan(case)
        is_done = self.state(case) is DischargeState.PUBLISHED and (
            case.is_signed or self.form.keeps_resources
        )
        if case.discharge is None or plan is None or not is_done:
            raise RuntimeError(f"{case.stay.patient.id}, though nothing is wrong: {self._stands(case)}")
        self.planned[case.stay.patient.id] = case.discharge
        return plan

    def _stands(self, case: Case) -> str:
        """How far a stay is, and what of it does not stand as wanted, by codes."""
        entries = self.deployment.deps.store.publications.entries(case.discharge) if case.discharge else ()
        waits = Counter(
            f"{entry.draft.resource_type} {entry.standing} {entry.reason}"
            for entry in entries
            if is_unfinished(entry)
        )
        return f"{self.state(case)}, {'signed' if case.is_signed else 'not signed'}, {dict(waits)}"

    def held(self, case: Case) -> Held:
        """What the EHR holds of ours about a stay."""
        return Held(taken(self.deployment.hospital, [case.stay]).of(case.stay))

    def chart(self, case: Case) -> Chart:
        """The same as a clinician reads it."""
        return chart_of(self.deployment.hospital, self.held(case).resources)

    def plan(self, case: Case) -> Plan | None:
        """Our newest plan."""
        version = self.deployment.deps.store.plans.latest(case.discharge) if case.discharge else None
        return version.plan if version else None

    def wanted(self, case: Case) -> frozenset[str]:
        """The keys of what our plan consists of."""
        if case.discharge is None:
            return frozenset()
        entries = self.deployment.deps.store.publications.entries(case.discharge)
        return frozenset(entry.draft.key for entry in entries if entry.wanted)

    def told(self, case: Case) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Where each item stands, by who says so; nothing where nothing was ever planned."""
        if case.discharge is None or self.plan(case) is None:
            return {}
        desk = Desk(self.deployment.url)
        return {
            "status document": desk.landing(case.discharge),
            "page": desk.landing_on_page(case.discharge),
        }

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
        self._sign_again()
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

    def _sign_again(self) -> None:
        """Where plans stand in words, people sign what has changed since they signed."""
        if self.form.keeps_resources:
            return
        again = [case for case in self.cases if case.is_signed_again and self._has_plan(case)]
        with ThreadPoolExecutor(IN_FLIGHT) as people:
            list(people.map(self._sign, again))

    def _sign(self, case: Case) -> None:
        desk = Desk(self.deployment.url)
        with suppress(Absent, requests.RequestException):
            if case.discharge and desk.is_open(case.discharge):
                desk.sign(case.discharge)

    def _carry_out(self, case: Case) -> None:
        try:
            carry_out(case, Desk(self.deployment.url), self.deployment.hospital)
        except (Absent, NotThereYet, HomewardError, requests.RequestException):
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
    form = FORMS[mode.kind]
    with deployed(mode, log) as deployment:
        today = datetime.now(UTC).date()
        stays = tuple(admit(deployment.hospital.base_url, count, today, first=0))
        kinds = len({stay.template for stay in stays})
        acts = AS_RESOURCES if form.keeps_resources else IN_WORDS
        cases = [
            Case(place, stay, acts[(place + place // len(acts)) % len(acts)])
            for place, stay in enumerate(stays)
        ]
        course = Course(deployment, cases, Troubles(mode.seed), tick, form)
        course.plan_twins(admit(deployment.hospital.base_url, kinds, today, first=count))
        course.run()
        faults = deployment.hospital.read(COUNTS)
        looks = [look_at(course, case) for case in cases]
        return counted(mode, cases, looks, course.killed, faults, took=time.monotonic() - begun)


def look_at(course: Course, case: Case) -> Look:
    """What stands in the EHR about one stay, judged."""
    form, template, plan = course.form, case.stay.template, course.plan(case)
    held, told = course.held(case), course.told(case)
    seen = Seen(course.chart(case), plan, tuple(told.get("status document", ())))
    if form.keeps_resources:
        twin = course.twins[template]
        findings = [*judge(case, held, twin, plan, course.wanted(case))]
        share = landed(case, held, twin)
    else:
        words = course.words_twins[template]
        findings = [*judge_words(case, seen, words, form.holder)]
        share = landed_words(case, seen, words, form.holder)
    findings += claims(case, seen.chart, told)
    return Look(tuple(findings), share, str(course.state(case)), is_asked=is_asked(seen))
