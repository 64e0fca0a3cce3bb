"""How the fault suite counts: a suite that cannot fail proves nothing."""

from collections import Counter
from dataclasses import replace

import pytest

from benchmarks.faults.census import Census
from benchmarks.faults.clinician import Edit
from benchmarks.faults.report import rows
from benchmarks.faults.rounds import Result, Shape
from benchmarks.faults.verdict import Verdict
from fhir_mappings import systems
from service.sandbox.mode import Mode, mode_of

CALM = Result(
    mode=Mode(),
    seconds=tuple(1.0 for _ in range(100)),
    finished=100,
    unknown=0,
    lost=(),
    duplicates=0,
    edits=10,
    overwritten=0,
    resources={"CarePlan": 100},
    shapes=(Shape("agnes", Counter(CarePlan=1, Goal=2), 0),),
    faults={},
    took=60.0,
)
FLAKY = replace(CALM, mode=mode_of("full,flaky"), faults={"none": 80, "500 after": 20})


def broken(**changes):
    return Verdict(CALM, replace(FLAKY, **changes)).broken()


def test_a_run_that_kept_all_promises_breaks_none():
    assert broken() == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lost": ("agnes-0001: not finished",)}, "not finished"),
        ({"duplicates": 1}, "1 resources are in the EHR twice"),
        ({"overwritten": 2}, "2 of 10 edits were overwritten"),
        ({"unknown": 3}, "3 are unknown in an EHR that can be searched"),
        ({"seconds": tuple(7.0 for _ in range(100))}, "p95 is 7.0 times"),
        ({"shapes": (Shape("agnes", Counter(CarePlan=1), 0),)}, "agnes: 1 plans differ"),
    ],
)
def test_each_broken_promise_is_told(changes, words):
    [sentence] = broken(**changes)
    assert words in sentence


def test_unknown_is_allowed_where_the_server_offers_no_way_to_look():
    assert broken(unknown=3, mode=mode_of("oracle-like,flaky")) == ()


def test_a_handful_of_discharges_has_no_p95():
    assert broken(seconds=tuple(60.0 for _ in range(30))) == ()


def test_a_plan_that_says_what_it_could_not_read_may_differ_and_is_counted():
    thinner = replace(FLAKY, shapes=(Shape("agnes", Counter(CarePlan=1), 2),))
    assert Verdict(CALM, thinner).broken() == ()
    assert Verdict(CALM, thinner).thinner == 1


def goal(number, name="", text="Eats daily"):
    own = [{"system": systems.URI_IDENTIFIER, "value": name}] if name else []
    return {"resourceType": "Goal", "id": str(number), "identifier": own, "description": {"text": text}}


@pytest.mark.parametrize(
    ("held", "count"),
    [
        ((goal(1, "urn:uuid:1"), goal(2, "urn:uuid:2")), 0),
        ((goal(1, "urn:uuid:1"), goal(2, "urn:uuid:1", text="in other words")), 1),
        ((goal(1), goal(2), goal(3)), 2),
        ((goal(1), goal(2, text="another")), 0),
    ],
)
def test_copies_are_told_by_identifier_or_by_what_they_say(held, count):
    assert Census({"Patient/1": held}).duplicates() == count


def test_an_edit_stands_while_its_words_do():
    edit = Edit("Goal/1", ("description", "text"), "Theirs")
    assert edit.stands_in(goal(1, text="Theirs"))
    assert not edit.stands_in(goal(1, text="Ours"))
    assert not edit.stands_in({})


def test_every_row_of_the_report_has_a_figure_for_each_ehr():
    drawn = rows([Verdict(CALM, FLAKY), Verdict(CALM, FLAKY)])
    assert {len(row) for row in drawn} == {3}
    assert ("requests of the EHR that went wrong", "20 of 100", "20 of 100") in drawn
