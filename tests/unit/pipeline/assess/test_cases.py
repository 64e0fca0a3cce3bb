"""The cases of tests/cases: what each protocol finds, and what it does not."""

import pytest

from service.domain.assessment import Assessment
from service.domain.content import Protocol
from service.domain.evidence import Certainty
from service.domain.need import Need, NeedState
from service.pipeline.assess import assess
from tests.cases_reader import TODAY, Case, all_cases
from tests.unit.pipeline.assess.shipped import CONTENT

CASES = list(all_cases())
FIRED = frozenset({"present", "conflicted", "uncertain"})
_AT_LEAST = 180
BLOCKERS = {rule.key for protocol in CONTENT.protocols for rule in protocol.blockers}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.name}")
def test_a_case_finds_what_a_social_worker_would(case: Case) -> None:
    assessment = assess(case.record, CONTENT, today=TODAY, site_language=case.site_language)
    needs = {need.code: need for need in assessment.needs}
    assert {code: _found(needs.get(code)) for code in case.expect} == case.expect
    assert all(need.question for need in assessment.needs if need.state is NeedState.NOT_ASSESSED)
    _consequences_are_right(case, needs)
    _readiness_is_right(case, assessment)


@pytest.mark.parametrize("protocol", CONTENT.protocols, ids=lambda protocol: str(protocol.ref.id))
def test_every_need_has_cases_that_fire_that_do_not_and_that_nobody_assessed(protocol: Protocol) -> None:
    code = protocol.ref.id
    expected = {case.expect[code] for case in CASES if code in case.expect}
    assert expected & FIRED
    assert expected & {"absent", "left_out", "not_assessed"}
    assert "not_assessed" in expected or ("left_out" in expected and not protocol.question)


def test_there_are_enough_cases_to_be_sure() -> None:
    assert len(CASES) >= max(3 * len(CONTENT.protocols), _AT_LEAST)


def test_every_blocker_blocks_in_a_case_and_says_what_it_rests_on_and_what_clears_it() -> None:
    seen = set()
    for case in CASES:
        assessment = assess(case.record, CONTENT, today=TODAY, site_language=case.site_language)
        for blocker in assessment.readiness.blockers:
            if blocker.key in BLOCKERS:
                seen.add(blocker.key)
                assert blocker.clears
                assert blocker.evidence, f"{case.name}: {blocker.key}"
    assert seen == BLOCKERS


@pytest.mark.parametrize(
    "protocol",
    [one for one in CONTENT.protocols if any(rule.blocks for rule in one.blockers)],
    ids=lambda protocol: str(protocol.ref.id),
)
def test_what_blocks_does_so_in_a_case_not_in_a_near_miss_and_not_where_nobody_assessed_it(
    protocol: Protocol,
) -> None:
    code = protocol.ref.id
    judged = [
        (case, set(case.blockers)) for case in CASES if case.blockers is not None and code in case.expect
    ]
    clear = [case.expect[code] for case, blockers in judged if not blockers]
    for rule in protocol.blockers:
        assert not rule.blocks or any(rule.key in blockers for _, blockers in judged), rule.key
    assert len(clear) > 1
    assert {"not_assessed", "left_out"} & set(clear)


def _found(need: Need | None) -> str:
    if need is None:
        return "left_out"
    firm = need.state is not NeedState.PRESENT or need.certainty is Certainty.SUPPORTED
    return str(need.state if firm else need.certainty)


def _consequences_are_right(case: Case, needs: dict[str, Need]) -> None:
    for code, keys in case.follow_ups.items():
        assert [visit.key for visit in needs[code].interventions.follow_ups] == list(keys)
    for code, services in case.referrals.items():
        assert {one.service for one in needs[code].interventions.referrals} == set(services), code
    for code, labels in case.labels.items():
        assert needs[code].labels >= frozenset(labels), code
        assert labels or not needs[code].labels, code
    assert {code: needs[code].urgency for code in case.urgency} == case.urgency


def _readiness_is_right(case: Case, assessment: Assessment) -> None:
    if case.blockers is not None:
        assert _of_protocols(assessment, blocks=True) == set(case.blockers)
    if case.caveats is not None:
        assert _of_protocols(assessment, blocks=False) == set(case.caveats)
    if case.verdict:
        assert assessment.readiness.verdict == case.verdict


def _of_protocols(assessment: Assessment, *, blocks: bool) -> set[str]:
    found = {blocker.key for blocker in assessment.readiness.blockers if blocker.blocks is blocks}
    return found & BLOCKERS
