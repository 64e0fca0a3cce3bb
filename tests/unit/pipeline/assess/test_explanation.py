"""Every need, raised or not, can be explained by the very evaluation that decided it."""

from dataclasses import replace

import pytest

from service.domain.assessment import Assessment
from service.domain.content import Content
from service.domain.explanation import Explanation, Step, Verdict
from service.domain.expression import Truth
from service.domain.need import NeedState
from service.domain.record import Fact, Observation
from service.domain.sensitivity import Label
from service.pipeline.assess import assess, glance
from service.pipeline.assess.findings import collect
from service.pipeline.assess.needs import assess_needs
from tests.builders import TODAY, answer, fact, record
from tests.cases_reader import TODAY as DAY_OF_CASES
from tests.cases_reader import Case, all_cases
from tests.unit.pipeline.assess.shipped import CONTENT

WORRIED = answer("88122-7", "LA28397-0")
ENOUGH = (answer("88122-7", "LA28398-8"), answer("88123-5", "LA28398-8"))


def _explained(need: str, *statements: Fact | Observation) -> Explanation:
    found = assess(record(*statements), CONTENT, today=TODAY).explanations
    return next(one for one in found if one.need == need)


def test_every_protocol_is_explained_whatever_it_found(content: Content) -> None:
    assessment = assess(record(), content, today=TODAY)
    assert [one.need for one in assessment.explanations] == [one.ref.id for one in content.protocols]


@pytest.mark.parametrize("case", list(all_cases()), ids=lambda case: f"{case.file}: {case.name}")
def test_a_glance_judges_the_same_without_explaining_it(case: Case) -> None:
    assessment = assess(case.record, CONTENT, today=DAY_OF_CASES, site_language=case.site_language)
    looked = glance(case.record, CONTENT, today=DAY_OF_CASES, site_language=case.site_language)
    assert looked == _unexplained(assessment)


def _unexplained(assessment: Assessment) -> Assessment:
    """The judgements alone, those for everybody too."""
    told = assessment.for_everybody
    told = told and replace(told, assessment=_unexplained(told.assessment))
    return replace(assessment, explanations=(), compliance=(), boost=(), for_everybody=told)


@pytest.mark.parametrize("case", list(all_cases()), ids=lambda case: f"{case.file}: {case.name}")
def test_an_explanation_agrees_with_the_need_and_cites_the_same_statements(case: Case) -> None:
    assessment = assess(case.record, CONTENT, today=DAY_OF_CASES, site_language=case.site_language)
    needs = {need.code: need for need in assessment.needs}
    for one in assessment.explanations:
        need = needs.get(one.need)
        assert (one.verdict in set(map(str, NeedState))) == (need is not None)
        assert need is None or str(one.verdict) == str(need.state)
        assert all(step.asks for step in _all_steps(one.present))
        if one.verdict is Verdict.PRESENT and need:
            assert one.failed() == ()
            said = {evidence.reference for step in one.present.leaves() for evidence in step.evidence}
            assert said & {evidence.reference for evidence in need.evidence} or not need.evidence


def test_a_need_that_is_there_names_the_condition_and_its_evidence() -> None:
    found = _explained("food-insecurity", WORRIED)
    (leaf,) = (leaf for leaf in found.present.leaves() if leaf.truth is Truth.TRUE)
    assert (
        leaf.asks
        == "answer to Worried that food would run out (88122-7) or Food did not last (88123-5): Often true or Sometimes true"
    )
    assert [evidence.reference for evidence in leaf.evidence] == [WORRIED.reference]


def test_a_need_that_is_not_there_names_every_condition_that_failed() -> None:
    found = _explained("food-insecurity", *ENOUGH)
    assert found.verdict is Verdict.ABSENT
    assert len(found.failed()) == len(found.present.leaves())
    assert found.absent is not None
    assert found.absent.truth is Truth.TRUE


def test_a_protocol_that_does_not_apply_says_which_condition_kept_it_out() -> None:
    found = _explained("child-abuse-risk")
    assert found.verdict is Verdict.NOT_APPLICABLE
    assert [step.asks for step in found.failed()] == ["patient: younger than 18 years"]
    assert found.failed()[0].evidence[0].text == "Age 73"


def test_a_need_that_nothing_speaks_for_and_nobody_is_asked_about_is_left_out() -> None:
    assert _explained("home-oxygen").verdict is Verdict.LEFT_OUT


def test_an_explanation_carries_the_labels_of_all_it_looked_at() -> None:
    assert Label.SDV in _explained("intimate-partner-violence").labels
    secret = fact("I50.9", labels=frozenset({Label.HIV}))
    assert _explained("heart-failure-care", secret).labels == {Label.HIV}
    other = fact("Z59.86", labels=frozenset({Label.HIV}), text="Financial insecurity", codes=())
    assert (
        Label.HIV
        in _explained("intimate-partner-violence", fact("Y07.01", labels=frozenset({Label.HIV}))).labels
    )
    assert _explained("heart-failure-care", other).labels == frozenset()


def test_a_combinator_blames_only_the_parts_that_kept_it_from_being_true() -> None:
    yes, no = Step("yes", Truth.TRUE), Step("no", Truth.FALSE)
    unsure = Step("unsure", Truth.UNKNOWN)
    both = Step("all of", Truth.FALSE, parts=(yes, no, unsure))
    assert both.kept_from(Truth.TRUE) == (no, unsure)
    assert both.kept_from(Truth.FALSE) == ()
    neither = Step("none of", Truth.FALSE, parts=(yes, no), negates=True)
    assert neither.kept_from(Truth.TRUE) == (yes,)
    assert Step("any of", Truth.FALSE, parts=(neither,)).kept_from(Truth.TRUE) == (yes,)
    open_still = Step("none of", Truth.UNKNOWN, parts=(unsure, no), negates=True)
    assert open_still.kept_from(Truth.FALSE) == (unsure, no)


def test_judging_gives_each_need_with_its_explanation(content: Content) -> None:
    findings = collect(record(WORRIED), content, today=TODAY, site_language="en")
    judged = {one.explanation.need: one for one in assess_needs(findings)}
    need = judged["food-insecurity"].need
    assert need is not None
    assert need.code == "food-insecurity"
    assert judged["home-oxygen"].need is None


def _all_steps(step: Step) -> list[Step]:
    return [step, *(below for part in step.parts for below in _all_steps(part))]
