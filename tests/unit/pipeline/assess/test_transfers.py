"""A transfer on the same day is one episode: no admission before the stay, and its emergency visit is the way in."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from service.domain.codes import Code, System
from service.domain.record import Encounter
from service.pipeline.assess.risk.visits import came_unplanned, earlier_admissions, emergency_visits
from tests.builders import ADMITTED, record, stay

HOME, SNF = Code(System.DISPOSITION, "home"), Code(System.UB04, "03")
OTHER_HOSPITAL = Code(System.UB04, "02")
TRANSFER = Code("http://terminology.hl7.org/CodeSystem/admit-source", "hosp-trans")

MORNING = ADMITTED.replace(hour=8)


def visit(
    name: str, start: datetime, end: datetime | None, class_code: str = "IMP", **more: Any
) -> Encounter:
    made = Encounter(f"Encounter/{name}", "finished", class_code, start, end)
    return replace(made, **more)


def admissions(visits: Sequence[Encounter], **more: Any) -> int:
    planned = replace(stay(), start=MORNING + timedelta(hours=4), **more)
    return len(earlier_admissions(record(encounter=planned, encounters=tuple(visits))))


def before(end: datetime, **more: Any) -> Encounter:
    return visit("a", end - timedelta(days=3), end, **more)


@pytest.mark.parametrize(
    ("earlier", "admitted", "counted"),
    [
        (before(MORNING), {}, 0),
        (before(MORNING, disposition=(OTHER_HOSPITAL,)), {}, 0),
        (before(MORNING, disposition=(HOME,)), {}, 1),
        (before(MORNING, disposition=(SNF,)), {}, 1),
        (before(MORNING, disposition=(HOME,)), {"admit_source": (TRANSFER,)}, 0),
        (before(MORNING - timedelta(days=1)), {}, 1),
        (before(MORNING - timedelta(days=1)), {"admit_source": (TRANSFER,)}, 0),
        (before(MORNING - timedelta(days=2)), {"admit_source": (TRANSFER,)}, 1),
        (visit("a", MORNING - timedelta(days=3), None), {}, 1),
        (before(MORNING, status="cancelled"), {}, 0),
    ],
)
def test_only_what_ended_as_the_stay_began_goes_over_into_it(earlier, admitted, counted):
    assert admissions([earlier], **admitted) == counted


def test_a_chain_of_transfers_is_one_episode():
    days = [MORNING - timedelta(days=n) for n in (0, 3, 6, 9)]
    chain = [visit(str(n), days[n + 1], days[n]) for n in range(3)]
    assert admissions(chain) == 0
    assert admissions([chain[0], chain[2]]) == 1


def test_an_earlier_episode_of_two_hospitals_is_one_admission():
    turn = MORNING - timedelta(days=100)
    first = visit("a", turn - timedelta(days=2), turn)
    second = visit("b", turn + timedelta(hours=2), turn + timedelta(days=4))
    assert admissions([first, second]) == 1
    assert admissions([replace(first, disposition=(HOME,)), second]) == 2


def test_two_stays_with_one_period_are_both_counted():
    turn = MORNING - timedelta(days=100)
    assert admissions([visit(name, turn, turn + timedelta(hours=9)) for name in ("a", "b")]) == 2


def test_the_emergency_visit_before_the_first_hospital_is_the_way_in():
    first = before(MORNING)
    assert first.start is not None
    emergency = visit("ed", first.start - timedelta(hours=5), first.start, "EMER")
    planned = replace(stay(), start=MORNING + timedelta(hours=4))
    read = record(encounter=planned, encounters=(emergency, first))
    assert emergency_visits(read) == ()
    assert came_unplanned(read)[0] is True
    apart = record(encounter=planned, encounters=(emergency, replace(first, disposition=(HOME,))))
    assert len(emergency_visits(apart)) == 1
