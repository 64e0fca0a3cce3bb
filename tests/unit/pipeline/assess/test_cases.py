"""The cases of tests/cases: what each protocol finds, and what it does not."""

import pytest

from service.domain.content import Protocol
from service.domain.evidence import Certainty
from service.domain.need import NeedState
from service.pipeline.assess import assess
from tests.cases_reader import TODAY, Case, all_cases
from tests.unit.pipeline.assess.shipped import CONTENT

CASES = list(all_cases())
CERTAIN_ENOUGH = {"conflicted": Certainty.CONFLICTED, "uncertain": Certainty.UNCERTAIN}


def _named(case: Case) -> str:
    return f"{case.file}: {case.name}"


@pytest.mark.parametrize("case", CASES, ids=_named)
def test_a_case_finds_what_a_social_worker_would(case: Case) -> None:
    assessment = assess(case.record, CONTENT, today=TODAY, site_language=case.site_language)
    needs = {need.code: need for need in assessment.needs}
    for code, expected in case.expect.items():
        need = needs.get(code)
        if expected == "left_out":
            assert need is None, f"{code} is {need.state}"
            continue
        assert need is not None, f"{code} was left out"
        if expected in CERTAIN_ENOUGH:
            assert (need.state, need.certainty) == (NeedState.PRESENT, CERTAIN_ENOUGH[expected])
        else:
            assert need.state == expected
        if need.state is NeedState.NOT_ASSESSED:
            assert need.question
    for code, services in case.referrals.items():
        assert {one.service for one in needs[code].interventions.referrals} == set(services)
    for code, labels in case.labels.items():
        assert needs[code].labels >= frozenset(labels)
        assert labels or not needs[code].labels
    for code, urgency in case.urgency.items():
        assert needs[code].urgency == urgency
    if case.blockers is not None:
        rules = {rule.key for protocol in CONTENT.protocols for rule in protocol.blockers}
        found = {blocker.key for blocker in assessment.readiness.blockers} & rules
        assert found == set(case.blockers)


@pytest.mark.parametrize("protocol", CONTENT.protocols, ids=lambda protocol: str(protocol.ref.id))
def test_every_need_has_a_case_that_fires_and_one_that_does_not(protocol: Protocol) -> None:
    code = protocol.ref.id
    expected = {case.expect[code] for case in CASES if code in case.expect}
    assert expected & {"present", "conflicted", "uncertain"}
    assert expected - {"present", "conflicted", "uncertain"}
