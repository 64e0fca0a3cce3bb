"""A code that we would give a need is one by which its own protocol knows it."""

import pytest

from fhir_mappings.inbound.record import build_record
from fhir_mappings.outbound.problem_codes import CODED_NEEDS, problem_coding
from service.domain.need import NeedState
from service.pipeline.assess import assess
from tests import builders as a
from tests.unit.pipeline.assess.shipped import CONTENT


@pytest.mark.parametrize("need", sorted(CODED_NEEDS))
def test_a_code_means_its_need_to_the_needs_own_protocol(need):
    coding = problem_coding(need)
    assert coding is not None
    resources = [a.encounter(), a.patient(), a.condition("found", coding["code"])]
    record = build_record(resources, encounter=a.ENCOUNTER, today=a.TODAY, asked=CONTENT.questions)
    found = {found.code: found.state for found in assess(record, CONTENT, today=a.TODAY).needs}
    assert found[need] is NeedState.PRESENT


def test_a_need_that_no_code_means_has_none():
    assert problem_coding("fall-risk") is None
    assert {protocol.ref.id for protocol in CONTENT.protocols} >= CODED_NEEDS
    # What is sensitive is in no shared resource, so that it needs no code.
    assert CODED_NEEDS & {"intimate-partner-violence", "substance-use-treatment", "self-harm-risk"} == set()
