"""What the suite counts where a plan stands in words, tried on charts in which each kind of wrong is planted by hand."""

from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from benchmarks.faults.acts import Act, Case
from benchmarks.faults.clinician import Edit
from benchmarks.faults.in_words import Seen, is_asked, judge_words, landed_words, words_twin_of
from benchmarks.faults.judgement import Count
from benchmarks.faults.stays import Stay
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.lower import lower_resources
from service.domain.decision import WHOLE_PLAN, Choice, Decision, Signer
from service.domain.plan import Plan
from service.domain.record import Gap, GapReason, Lasting
from service.sandbox.chart import read_chart
from service.sandbox.inpatients import inpatients
from tests.builders import evidence, interventions, need, planned

NOTE = "DocumentReference"
AT = datetime(2026, 12, 1, 14, tzinfo=UTC)
ANSWER = replace(evidence(), reference="Observation/answer")
FOOD = need("food-insecurity", interventions=interventions(), evidence=(ANSWER,))
PROPOSED = planned(FOOD)
STAY = Stay(inpatients()[0], inpatients()[0].id)


def decided(plan: Plan, *choices: tuple[str, Choice]) -> Plan:
    made = [
        Decision(UUID(int=number), item, choice, Signer("Dana Example"), AT + timedelta(minutes=number))
        for number, (item, choice) in enumerate(choices)
    ]
    return replace(plan, decisions=tuple(made))


SIGNED = decided(PROPOSED, (WHOLE_PLAN, Choice.APPROVED))
TITLE = SIGNED.shareable().referrals[0].title
KEY = SIGNED.shareable().referrals[0].key


def note_of(plan: Plan, number: int = 1, **more: Any) -> dict[str, Any]:
    """The plan as a signed note."""
    author = Author("Homeward", "Example Hospital", "")
    drafts = lower_resources(plan, author=author, recorded=AT)
    body = next(draft.body for draft in drafts if draft.resource_type == NOTE)
    plain = [part for part in body["content"] if part["attachment"]["contentType"] == "text/plain"]
    return {**body, "id": str(number), "docStatus": "final", "content": plain, **more}


def with_words(note: dict[str, Any], *, put: str = "", instead: str = "") -> dict[str, Any]:
    text = b64decode(note["content"][0]["attachment"]["data"]).decode()
    text = text.replace(instead, put) if instead else f"{put}\n{text}"
    data = b64encode(text.encode()).decode()
    return {**note, "content": [{"attachment": {"contentType": "text/plain", "data": data}}]}


def only(words: str, number: int) -> dict[str, Any]:
    data = b64encode(words.encode()).decode()
    content = [{"attachment": {"contentType": "text/plain", "data": data}}]
    return {
        "resourceType": NOTE,
        "id": str(number),
        "status": "current",
        "docStatus": "final",
        "content": content,
    }


PASSING = Gap("Condition", GapReason.INCOMPLETE, "", lasting=Lasting.PASSING)
PROBLEM = {"resourceType": "Condition", "id": "c", "code": {"text": FOOD.title}}
SOURCE = {"resourceType": "Provenance", "id": "p", "target": [{"reference": f"{NOTE}/1"}]}
TWIN = words_twin_of(read_chart([(note_of(SIGNED), ""), (PROBLEM, ""), (SOURCE, "")]), SIGNED, NOTE)
UNKNOWN = {"item": "plan-document", "title": NOTE, "standing": "unknown"}


def seen(plan: Plan | None, *resources: dict[str, Any], rows: tuple[Any, ...] = ()) -> Seen:
    made = ((resource, f"2026-12-0{place + 1}") for place, resource in enumerate(resources))
    return Seen(read_chart(made), plan, rows)


def found(looked: Seen, **told: Any) -> set[Count]:
    case = Case(0, STAY, Act.NOTHING, **told)
    return {finding.count for finding in judge_words(case, looked, TWIN, NOTE)}


RIGHT = (note_of(SIGNED), PROBLEM, SOURCE)
OFF = only("The discharge plan of 1 December 2026 no longer holds. The discharge was called off.", 2)


def test_a_signed_plan_that_stands_in_its_words_shows_nothing_wrong():
    looked = seen(SIGNED, *RIGHT)
    assert found(looked, is_signed=True) == set()
    there, wanted = landed_words(Case(0, STAY, Act.NOTHING, is_signed=True), looked, TWIN, NOTE)
    assert there == wanted > len(TWIN.beside) > 0


def test_what_nobody_has_signed_needs_no_note_and_must_not_look_signed():
    assert found(seen(PROPOSED)) == set()
    assert found(seen(PROPOSED, note_of(PROPOSED, docStatus="preliminary"))) == set()
    assert found(seen(PROPOSED, note_of(PROPOSED))) >= {Count.CLAIMS}
    assert landed_words(Case(0, STAY, Act.NOTHING), seen(PROPOSED), TWIN, NOTE) == (0, 0)


@pytest.mark.parametrize(
    ("resources", "counts"),
    [
        ((PROBLEM, SOURCE), {Count.LOST}),
        ((note_of(SIGNED), SOURCE), {Count.LOST}),
        ((note_of(SIGNED, docStatus="preliminary"), PROBLEM, SOURCE), {Count.LOST}),
        ((*RIGHT, note_of(SIGNED, 2)), {Count.TWICE}),
        ((*RIGHT, {**PROBLEM, "id": "d"}), {Count.TWICE}),
        ((*RIGHT, {**SOURCE, "id": "q"}), {Count.TWICE}),
        ((*RIGHT, with_words(note_of(SIGNED, 2), put="Homeward reference 1234-ABCD-5678")), {Count.TWICE}),
        ((*RIGHT, with_words(note_of(SIGNED, 2), put="Further words")), {Count.TWICE}),
        ((with_words(note_of(SIGNED), instead=TITLE, put="Other"), PROBLEM, SOURCE), {Count.FROZEN}),
        ((*RIGHT, OFF), {Count.CALLED_OFF}),
    ],
)
def test_each_wrong_in_a_chart_is_counted(resources, counts):
    assert found(seen(SIGNED, *resources), is_signed=True) == counts


def test_no_problem_of_ours_is_due_for_a_need_that_somebody_has_recorded_meanwhile():
    recorded = replace(FOOD, evidence=(replace(evidence(), reference="Condition/theirs"),))
    changed = decided(planned(recorded), (WHOLE_PLAN, Choice.APPROVED))
    assert found(seen(changed, note_of(changed), SOURCE), is_signed=True) == set()
    assert found(seen(SIGNED, note_of(SIGNED), SOURCE), is_signed=True) == {Count.LOST}


def test_a_signature_that_the_plan_has_lost_is_lost():
    assert found(seen(PROPOSED, *RIGHT), is_signed=True) == {Count.LOST, Count.TWICE}
    assert found(seen(None)) == {Count.LOST}


def test_what_a_person_was_asked_about_is_neither_lost_nor_twice():
    looked = seen(SIGNED, rows=(UNKNOWN,))
    assert is_asked(looked)
    assert found(looked, is_signed=True) == set()
    assert not is_asked(seen(SIGNED))


def test_a_further_note_is_right_for_each_signed_change_and_one_too_many_otherwise():
    changed = decided(PROPOSED, (WHOLE_PLAN, Choice.APPROVED), (KEY, Choice.DECLINED))
    further = with_words(note_of(PROPOSED, 2), put="Replaces the discharge plan of 1 December 2026, 14:00.")
    another = with_words(note_of(PROPOSED, 3), put="In other words")
    assert found(seen(changed, *RIGHT, further), is_signed=True) <= {Count.TWICE}
    assert Count.TWICE in found(seen(changed, *RIGHT, further, another), is_signed=True)
    signed_twice = decided(PROPOSED, (WHOLE_PLAN, Choice.APPROVED), (WHOLE_PLAN, Choice.APPROVED))
    other = with_words(note_of(SIGNED, 2), put="Transport is new in it")
    assert found(seen(signed_twice, *RIGHT, other), is_signed=True) == set()


def test_an_item_that_was_declined_does_not_stand_in_the_newest_note():
    declined = {"declined": {KEY}, "chosen": (KEY, TITLE), "is_signed": True}
    without = replace(SIGNED, referrals=(), for_everybody=None)
    assert Count.STILL_ACTIVE in found(seen(without, *RIGHT), **declined)
    assert found(seen(without, note_of(without), PROBLEM, SOURCE), **declined) == set()


def test_what_a_clinician_wrote_into_a_note_stays():
    data = note_of(SIGNED)["content"][0]["attachment"]["data"]
    edit = Edit(f"{NOTE}/1", ("content", "*", "attachment", "data"), data)
    assert found(seen(SIGNED, *RIGHT), is_signed=True, edits=[edit]) == set()
    theirs = replace(edit, words="VGhlaXJz")
    assert found(seen(SIGNED, *RIGHT), is_signed=True, edits=[theirs]) == {Count.OVERWRITTEN}
    gone = replace(edit, reference=f"{NOTE}/9")
    assert found(seen(SIGNED, *RIGHT), is_signed=True, edits=[gone]) == {Count.OVERWRITTEN}


def test_words_given_on_the_page_stand_in_the_newest_note():
    assert found(seen(SIGNED, *RIGHT), is_signed=True, said={KEY: TITLE}) == set()
    assert found(seen(SIGNED, *RIGHT), is_signed=True, said={KEY: "Agreed words"}) == {Count.FROZEN}


def test_what_was_called_off_says_so_in_the_newest_note_or_stands_nowhere():
    assert found(seen(SIGNED, *RIGHT), is_signed=True, called_off=True) == {Count.STILL_ACTIVE}
    assert found(seen(SIGNED, *RIGHT, OFF), is_signed=True, called_off=True) == set()
    assert found(seen(SIGNED, note_of(SIGNED, status="entered-in-error")), called_off=True) == set()
    assert found(seen(PROPOSED), called_off=True) == set()
    assert found(seen(SIGNED, *RIGHT, OFF, {**OFF, "id": "3"}), called_off=True) == {Count.TWICE}


def test_what_was_never_planned_is_a_gap_but_for_what_was_declined():
    nothing = replace(
        SIGNED, referrals=(), goals=(), follow_ups=(), education=(), tasks=(), for_everybody=None
    )
    assert Count.GAP in found(seen(nothing, note_of(nothing), PROBLEM, SOURCE), is_signed=True)
    refused = replace(SIGNED, gaps=(PASSING,), for_everybody=None)
    assert Count.GAP in found(seen(refused, note_of(refused), PROBLEM, SOURCE), is_signed=True)


def test_where_nothing_of_a_plan_is_taken_nothing_is_wanted():
    twin = words_twin_of(read_chart(()), SIGNED, "")
    case = Case(0, STAY, Act.APPROVE_ALL, is_signed=True)
    assert list(judge_words(case, seen(SIGNED), twin, "")) == []
    assert landed_words(case, seen(SIGNED), twin, "") == (0, 0)
