"""One round: stays are admitted, ordered home a few at a time, planned and written; on the way workers die and people edit."""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final
from uuid import UUID

from benchmarks.faults.census import Census, taken
from benchmarks.faults.clinician import Edit, edit, finding
from benchmarks.faults.deployment import Deployment, deployed
from benchmarks.faults.stays import Stay, admit
from service.domain.discharge import Discharge, DischargeState
from service.domain.publication import Landing, LedgerEntry, WriteState
from service.sandbox.flaky import COUNTS
from service.sandbox.mode import Mode

#: Discharges on their way at the same time: what a large hospital has before noon.
IN_FLIGHT: Final = 8
#: Of so many discharges one is planned again after its record has changed; in every other one a person edits first.
_AGAIN_EVERY: Final = 10
_KILLS: Final = 2
_LOOK_SECONDS: Final = 0.1
#: Nothing has moved for so long: what is still on its way is lost.
_STUCK_SECONDS: Final = 180.0
_DONE: Final = (DischargeState.PUBLISHED, DischargeState.FAILED)

Tick = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Shape:
    """How the plan of one discharge looks in the EHR, and of how many things it says that they could not be read."""

    template: str
    kinds: Mapping[str, int]
    gaps: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a round came to.

    seconds are from order to receipts, of the first planning of each discharge; lost are sentences; shapes are those of
    discharges that were planned once and are known to the end.
    """

    mode: Mode
    seconds: tuple[float, ...]
    finished: int
    unknown: int
    lost: tuple[str, ...]
    duplicates: int
    edits: int
    overwritten: int
    resources: Mapping[str, int]
    shapes: tuple["Shape", ...]
    faults: Mapping[str, int]
    took: float

    @property
    def p95(self) -> float:
        """Seconds within which 95 of 100 discharges were done; 0 where hardly any was."""
        return statistics.quantiles(self.seconds, n=20)[-1] if len(self.seconds) > 1 else 0.0


@dataclass
class _Course:
    """How the discharges of a round stand."""

    deployment: Deployment
    stays: tuple[Stay, ...]
    tick: Tick
    kills: int = 0
    seconds: list[float] = field(default_factory=list)
    ended: dict[UUID, tuple[Stay, Discharge]] = field(default_factory=dict)
    edits: list[Edit] = field(default_factory=list)
    again: set[UUID] = field(default_factory=set)

    def run(self) -> None:
        """From the first order to the last receipt."""
        waiting = iter(enumerate(self.stays))
        under_way: dict[UUID, tuple[int, Stay]] = {}
        moved = time.monotonic()
        while time.monotonic() - moved < _STUCK_SECONDS:
            for number, stay in islice(waiting, IN_FLIGHT - len(under_way)):
                under_way[self.deployment.order(stay.patient.encounter, f"{stay.patient.id}/1")] = (
                    number,
                    stay,
                )
            if not under_way:
                return
            for discharge in [self.deployment.deps.store.discharges.get(one) for one in under_way]:
                if discharge.state in _DONE and self._is_over(discharge, *under_way[discharge.id]):
                    del under_way[discharge.id]
                    moved = time.monotonic()
            self._kill_where_due()
            self.deployment.check()
            time.sleep(_LOOK_SECONDS)

    def _is_over(self, discharge: Discharge, number: int, stay: Stay) -> bool:
        """Whether nothing more is to happen with a discharge; else it has been ordered again."""
        if discharge.id not in self.again:
            self.seconds.append((discharge.changed - discharge.created).total_seconds())
            self.tick()
            if discharge.state is DischargeState.PUBLISHED and number % _AGAIN_EVERY == 1:
                self.again.add(discharge.id)
                self._changed(stay, number // _AGAIN_EVERY)
                return False
        self.ended[discharge.id] = stay, discharge
        return True

    def _changed(self, stay: Stay, number: int) -> None:
        """The record says more, in every other stay a person has edited what we wrote, and the discharge is ordered anew."""
        hospital = self.deployment.hospital
        finding(hospital, stay)
        if number % 2 == 0 and (edited := edit(hospital, taken(hospital, [stay]).of(stay), number // 2)):
            self.edits.append(edited)
        self.deployment.order(stay.patient.encounter, f"{stay.patient.id}/2")

    def _kill_where_due(self) -> None:
        done = len(self.seconds)
        if self.kills and done >= len(self.stays) * (_KILLS + 1 - self.kills) / (_KILLS + 1):
            self.kills -= 1
            self.deployment.kill_worker()


def run(mode: Mode, count: int, *, killing: bool, log: Path, tick: Tick = lambda: None) -> Result:
    """One round of this many discharges in an EHR of this mode; with killing, two workers die on the way."""
    begun = time.monotonic()
    with deployed(mode, log) as deployment:
        today = datetime.now(UTC).date()
        stays = tuple(admit(deployment.hospital.base_url, count, today))
        course = _Course(deployment, stays, tick, _KILLS if killing else 0)
        course.run()
        deployment.stop_workers()
        faults = deployment.hospital.read(COUNTS) if mode.fault_rate else {}
        census = taken(deployment.hospital, stays)
        return _counted(course, census, mode, faults, time.monotonic() - begun)


def _counted(course: _Course, census: Census, mode: Mode, faults: Mapping[str, int], took: float) -> Result:
    held = census.references()
    publications = course.deployment.deps.store.publications
    ledgers = {one: publications.entries(one) for one in course.ended}
    lost = tuple(_losses(course, ledgers, held))
    unknown = sum(any(_is_unknown(entry) for entry in ledger) for ledger in ledgers.values())
    return Result(
        mode=mode,
        seconds=tuple(course.seconds),
        finished=sum(done.state is DischargeState.PUBLISHED for _, done in course.ended.values()) - unknown,
        unknown=unknown,
        lost=lost,
        duplicates=census.duplicates(),
        edits=len(course.edits),
        overwritten=sum(not one.stands_in(held.get(one.reference, {})) for one in course.edits),
        resources=Counter(str(one["resourceType"]) for one in held.values()),
        shapes=tuple(_shapes(course, census, ledgers)),
        faults=faults,
        took=took,
    )


def _losses(
    course: _Course, ledgers: Mapping[UUID, tuple[LedgerEntry, ...]], held: Collection[str]
) -> Iterator[str]:
    """A sentence for each discharge that is neither finished nor handed to a person as unknown."""
    ended = {stay.patient.id for stay, _ in course.ended.values()}
    yield from (f"{stay.patient.id}: not finished" for stay in course.stays if stay.patient.id not in ended)
    for one, (stay, discharge) in course.ended.items():
        if discharge.state is DischargeState.FAILED:
            yield f"{stay.patient.id}: failed: {discharge.problem}"
        gone = [entry for entry in ledgers[one] if entry.reference and entry.reference not in held]
        if gone:
            yield f"{stay.patient.id}: {len(gone)} with a receipt are not in the EHR"
        unsent = [entry for entry in ledgers[one] if _is_unsent(entry)]
        if unsent and not any(map(_is_unknown, ledgers[one])):
            yield f"{stay.patient.id}: {len(unsent)} not written: {unsent[0].problem}"


def _is_unknown(entry: LedgerEntry) -> bool:
    """Whether a person has been told that nobody knows if the EHR has it."""
    return entry.wanted and entry.state is WriteState.UNKNOWN


def _is_unsent(entry: LedgerEntry) -> bool:
    """Whether it should stand in the EHR as a resource and does not."""
    waiting = entry.state in {WriteState.WAITING, WriteState.SENDING} and entry.rung is Landing.RESOURCE
    return entry.wanted and waiting and not entry.reference


def _shapes(
    course: _Course, census: Census, ledgers: Mapping[UUID, tuple[LedgerEntry, ...]]
) -> Iterator[Shape]:
    for one, (stay, _) in course.ended.items():
        version = course.deployment.deps.store.plans.latest(one)
        if version and one not in course.again and not any(map(_is_unknown, ledgers[one])):
            yield Shape(stay.template, census.kinds(stay), len(version.plan.gaps))
