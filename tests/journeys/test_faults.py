"""A small fault suite: `make faults` does the same with hundreds of discharges, in docs/reliability.md.

And what it counts with is tried on the real EHR: each kind of wrong is planted by hand, and must be seen.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.faults.__main__ import troubled
from benchmarks.faults.acts import Act, Case
from benchmarks.faults.clinician import Edit, change_words
from benchmarks.faults.counting import claims
from benchmarks.faults.deployment import deployed
from benchmarks.faults.judgement import Count, Held, Twin, is_gone, judge, names_of
from benchmarks.faults.rounds import Course, run
from benchmarks.faults.stays import admit
from benchmarks.faults.troubles import Troubles
from benchmarks.faults.verdict import told, verdict
from fhir_mappings.narrative import headline
from fhir_mappings.references import reference_of
from service.sandbox.mode import FULL, SINGLES, Mode

COUNT = 4
SEED = 7


# EHRs of vendors are in `make faults` alone: a run of each is minutes.
@pytest.mark.parametrize("words", [FULL, SINGLES])
def test_nothing_is_lost_doubled_or_overwritten_while_the_ehr_fails_and_processes_die(tmp_path, words):
    result = run(troubled(words, SEED), COUNT, log=tmp_path / "homeward.log")
    assert list(told(result)) == []
    assert result.landed == result.wanted > 0
    assert (result.cases, result.unacted) == (COUNT, 0)
    assert result.killed > 0
    assert len(set(result.faults) - {"none"}) >= COUNT
    assert verdict([result], SEED).startswith("kept")


class Planted:
    """A plan that stands as it should, in a real EHR, and what is done to it by hand."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.told = course.told(course.cases[0])
        self.case = course.cases[0]
        self.hospital = course.deployment.hospital

    @property
    def twin(self) -> Twin:
        return self.course.twins[self.case.stay.template]

    def ours(self, kind: str) -> dict[str, Any]:
        resources = self.course.held(self.case).resources
        return next(
            resource for resource in resources if resource["resourceType"] == kind and names_of(resource)
        )

    def key_of(self, kind: str) -> str:
        return next(key for key, found in self.twin.standing.items() if found == kind)

    def found(self, **believed: Any) -> set[Count]:
        """What is seen wrong: in the EHR as it is, with what people were told and what our plan says."""
        plan = believed.pop("plan", self.course.plan(self.case))
        twin = believed.pop("twin", self.twin)
        keys = believed.pop("keys", self.course.wanted(self.case))
        case = replace(self.case, **believed)
        found = {found.count for found in judge(case, self.course.held(case), twin, plan, keys)}
        return found | {found.count for found in claims(case, self.course.chart(case), self.told)}


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Iterator[Planted]:
    log = tmp_path_factory.mktemp("faults") / "homeward.log"
    with deployed(Mode(spellbound=True), log) as deployment:
        today = datetime.now(UTC).date()
        [stay] = admit(deployment.hospital.base_url, 1, today)
        twins = list(admit(deployment.hospital.base_url, 1, today, first=1))
        course = Course(deployment, [Case(0, stay, Act.NOTHING)], Troubles(SEED), lambda: None)
        course.plan_twins([stay])  # the same way: without any fault, and until it is published
        course.cases[0].discharge = course.planned[stay.patient.id]
        course.plan_twins(twins)
        planted = Planted(course)
        deployment.stop()
        yield planted


def test_a_plan_as_it_should_be_shows_nothing_wrong(planted):
    assert planted.found() == set()
    assert len(planted.twin.standing) > 5


def change(planted: Planted, kind: str, **elements: Any) -> Callable[[], None]:
    """Write other elements into a resource of ours; what comes back puts it back."""
    before = planted.ours(kind)
    planted.hospital.put({**before, **elements})
    return lambda: planted.hospital.put(before)


def test_what_was_removed_is_lost_and_what_was_taken_back_is_called_off(planted):
    restore = change(planted, "ServiceRequest", identifier=[])
    assert planted.found() == {Count.LOST}
    restore()
    restore = change(planted, "ServiceRequest", status="revoked")
    assert planted.found() == {Count.CALLED_OFF, Count.CLAIMS}
    assert is_gone({"status": "revoked"})
    restore()
    assert planted.found() == set()


def test_an_approval_that_is_not_in_the_ehr_is_lost(planted):
    key = planted.key_of("ServiceRequest")
    assert planted.found(approved={key}) == {Count.LOST}


def test_a_copy_is_seen(planted):
    copy = {name: part for name, part in planted.ours("ServiceRequest").items() if name != "id"}
    made = planted.hospital.create(copy)
    assert planted.found() == {Count.TWICE}
    planted.hospital.put({**planted.hospital.read(made), "identifier": []})
    assert planted.found() == set()


def test_an_edit_that_is_gone_is_seen(planted):
    resources = planted.course.held(planted.case).resources
    before = {reference_of(resource): resource for resource in resources}
    edit = change_words(planted.hospital, resources, 0)
    assert isinstance(edit, Edit)
    assert planted.found(edits=[edit]) == set()
    planted.hospital.put(before[edit.reference])
    assert planted.found(edits=[edit]) == {Count.OVERWRITTEN}
    key = planted.key_of("ServiceRequest")
    assert planted.found(said={key: "Ours no longer"}) == {Count.OVERWRITTEN}


def test_another_verdict_in_the_chart_is_seen_unless_a_notice_tells_ours(planted):
    plan = planted.course.plan(planted.case)
    assert plan is not None
    said = change(planted, "CarePlan", text={"status": "additional", "div": div("Readiness: ready. ")})
    assert planted.found() == {Count.FROZEN, Count.CLAIMS}
    notice = {
        "resourceType": "Communication",
        "status": "completed",
        "subject": {"reference": planted.case.stay.subject},
        "payload": [{"contentString": f"As it stands now: {headline(plan.shareable()).strip()}"}],
    }
    planted.hospital.create(notice)
    assert planted.found() == {Count.CLAIMS}  # the words of the items are not in the plan any more
    said()
    assert planted.found() == set()


def test_what_was_never_planned_is_a_gap(planted):
    keys = planted.course.wanted(planted.case)
    key = planted.key_of("ServiceRequest")
    more = Twin({**planted.twin.standing, "referral:invented": "ServiceRequest"}, planted.twin.gaps)
    assert planted.found(twin=more) == {Count.GAP}
    assert planted.found(twin=Twin(planted.twin.standing, planted.twin.gaps - 1)) == {Count.GAP}
    assert key in keys
    assert planted.found(plan=None) == {Count.LOST}


def test_what_goes_on_though_called_off_or_declined_is_seen(planted):
    assert planted.found(called_off=True) == {Count.STILL_ACTIVE}
    assert planted.found(declined={planted.key_of("ServiceRequest")}) == {Count.STILL_ACTIVE}


def test_nothing_held_is_everything_lost(planted):
    plan, keys = planted.course.plan(planted.case), planted.course.wanted(planted.case)
    found = list(judge(planted.case, Held(()), planted.twin, plan, keys))
    assert [wrong.count for wrong in found] == [Count.LOST]


def div(words: str) -> str:
    return f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{words}</p></div>'
