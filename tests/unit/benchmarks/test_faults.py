"""How the fault suite tells: a suite that cannot fail proves nothing. What it counts is tried on a real EHR in the journeys."""

from collections import Counter
from dataclasses import replace
from itertools import islice

import pytest

from benchmarks.faults.__main__ import troubled
from benchmarks.faults.census import Census
from benchmarks.faults.clinician import Edit
from benchmarks.faults.counting import Result
from benchmarks.faults.judgement import Count, Finding
from benchmarks.faults.report import rows
from benchmarks.faults.troubles import Troubles
from benchmarks.faults.verdict import told, verdict
from fhir_mappings import systems
from service.sandbox.mode import KINDS, Mode
from service.sandbox.spells import REWRITTEN, Trouble

KEPT = Result(
    mode=Mode(),
    cases=10,
    findings=(),
    landed=90,
    wanted=90,
    killed=2,
    acts=Counter(nothing=10),
    faults={"none": 80, "404": 20},
    states={"published": 10},
    unacted=0,
    took=60.0,
)


def test_a_run_that_kept_all_promises_says_so_with_seed_count_and_share():
    assert verdict([KEPT, KEPT], 3) == (
        "kept: seed 3, count 20: 0 lost, 0 twice, 0 overwritten, 0 frozen verdicts, 0 plans with a gap from a fault, "
        "0 called off that stand, 0 active that were declined or called off, 0 claims that the EHR does not hold; "
        "0 asked a person; landed in the EHR 180 of 180 (100.0 %)"
    )
    assert list(told(KEPT)) == []
    assert not KEPT.is_bad()


@pytest.mark.parametrize("count", Count)
def test_each_broken_promise_is_counted_and_told_with_its_stay(count):
    broken = replace(KEPT, findings=(Finding(count, "agnes-0001", "it is not there"),))
    assert broken.is_bad()
    assert f"1 {count}" in verdict([KEPT, broken], 1)
    assert verdict([KEPT, broken], 1).startswith("BROKEN")
    assert list(told(broken)) == [f"full: {count}: it is not there: agnes-0001"]


def test_a_share_that_is_not_whole_is_told_and_breaks_nothing_by_itself():
    assert "45 of 90 (50.0 %)" in verdict([replace(KEPT, landed=45)], 1)
    assert not replace(KEPT, landed=45).is_bad()


@pytest.mark.parametrize("nothing", [{"wanted": 0}, {"unacted": 2}])
def test_a_run_that_tried_nothing_is_no_success(nothing):
    assert replace(KEPT, **nothing).is_bad()


def test_where_an_ehr_takes_nothing_of_a_plan_nothing_is_wanted_there():
    assert not replace(KEPT, mode=troubled("athena-like", 1), wanted=0, landed=0).is_bad()


def test_what_a_person_was_asked_is_told_and_breaks_nothing():
    asked = replace(KEPT, asked=2)
    assert not asked.is_bad()
    assert "; 2 asked a person; " in verdict([asked], 1)


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


def test_a_tick_stands_wherever_its_activity_is_now():
    tick = Edit("CarePlan/1", ("activity", "#b", "detail", "status"), "completed")
    activities = [
        {"id": "a", "detail": {"status": "not-started"}},
        {"id": "b", "detail": {"status": "completed"}},
    ]
    assert tick.stands_in({"activity": activities})
    assert not tick.stands_in({"activity": activities[:1]})
    note = Edit("CarePlan/1", ("note", "*", "text"), "Told")
    assert note.stands_in({"note": [{"text": "Other"}, {"text": "Told"}]})
    assert not note.stands_in({"note": [{"text": "Other"}]})


def test_the_same_seed_draws_the_same_troubles_and_every_kind_comes():
    first, again, other = (
        [spell.dumped() for spell in islice(Troubles(seed).clicks, 12)] for seed in (1, 1, 2)
    )
    assert first == again != other
    drawn = Troubles(1)
    met = {spell.trouble for source in (drawn.planning, drawn.clicks) for spell in islice(source, 12)}
    assert met == set(Trouble) - REWRITTEN


def test_every_row_of_the_report_has_a_figure_for_each_ehr():
    drawn = rows([KEPT, replace(KEPT, mode=troubled("singles", 1))])
    assert {len(row) for row in drawn} == {3}
    assert drawn[0] == ("", "full", "singles")
    assert ("requests of the EHR that went wrong", "20 of 100", "20 of 100") in drawn


def test_every_kind_of_ehr_is_troubled():
    assert [troubled(kind, 1).kind for kind in KINDS] == list(KINDS)
    assert all(troubled(kind, 1).spellbound for kind in KINDS)
