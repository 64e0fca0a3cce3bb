"""A record read from a vendor's EHR as that vendor writes it leads to the same needs as from one that writes by the book."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from config.content import load_content
from config.conventions import Conventions
from config.ehr_quirks import load_quirks
from config.tenants import Tenant
from service.domain.need import NeedState
from service.domain.record import GapReason
from service.ehr.client import Ehr
from service.pipeline.assess import assess
from service.pipeline.gather import gather
from service.sandbox.ehr import start_sandbox
from service.sandbox.inpatients import inpatients, load_inpatients
from service.sandbox.mode import VENDORS, mode_of

TODAY = datetime.now(UTC).date()
ZONE = ZoneInfo("America/Chicago")

LACKING = (GapReason.NOT_OFFERED, GapReason.REFUSED)


def assessments(base_url, content):
    """What is found of each inpatient: needs with state and certainty, scores, gaps."""
    tenant = Tenant(id="vendors", fhir_base_url=base_url, organization="Example Hospital", time_zone=ZONE)
    with Ehr(tenant, quirks=load_quirks()) as ehr:
        for patient in inpatients():
            record = gather(
                patient.encounter,
                ehr,
                today=TODAY,
                asked=content.questions,
                conventions=Conventions(zone=ZONE),
            )
            yield patient.id, assess(record, content, today=TODAY)


def found(assessment):
    needs = {(need.code, need.state, need.certainty) for need in assessment.needs}
    return needs, [(score.name, score.low, score.high) for score in assessment.risk_scores]


#: Needs that only this type tells of, where a vendor does not give it, or not so that it can be understood: the plan then says so.
TOLD_BY = {
    "DeviceRequest": {"durable-medical-equipment"},
    "MedicationRequest": {"infusion-therapy", "nursing-at-home"},
    # Answers to a form whose questions have numbers of the site's own, which cannot be asked for there.
    "Questionnaire": {
        "food-insecurity",
        "homelessness",
        "housing-instability",
        "inadequate-housing",
        "intimate-partner-violence",
        "transportation-insecurity",
        "utility-insecurity",
    },
}
#: Health concerns whose words alone, without a code, tell of no need: Oracle Health tells them so.
IN_WORDS_ONLY = {"oracle-like": {"employment-status", "dependant-care", "caregiver-support"}}


def is_as_wide(told, by_the_book):
    """Whether each score holds the one by the book within its range: what is missing widens it."""
    widths = {name: (low, high) for name, low, high in told}
    return all(widths[name][0] <= low and high <= widths[name][1] for name, low, high in by_the_book)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendors_record_gives_the_same_needs_as_the_books(vendor, sandbox, tmp_path):
    content = load_content()
    by_the_book = {patient: found(told) for patient, told in assessments(sandbox.base_url, content)}
    with start_sandbox(tmp_path, mode=mode_of(vendor)) as playing:
        list(load_inpatients(playing.base_url, TODAY))
        told = dict(assessments(playing.base_url, content))
    for patient, (needs, scores) in by_the_book.items():
        kept, other_scores = found(told[patient])
        lacking = {gap.about for gap in told[patient].gaps if gap.reason in LACKING}
        may_be_lost = set().union(*(codes for kind, codes in TOLD_BY.items() if kind in lacking))
        may_be_lost |= IN_WORDS_ONLY.get(vendor, set())
        incomplete = {gap.about for gap in told[patient].gaps if gap.reason is GapReason.INCOMPLETE}
        # A range of a score that is wider says of no risk that it is there, or not there.
        may_be_lost |= {"readmission-risk", "malnutrition"} if incomplete or lacking else set()
        assert {code for code, *_ in needs - kept} <= may_be_lost
        turned = {code for code, state, _ in kept - needs if state is not NeedState.NOT_ASSESSED}
        assert turned == set()
        assert is_as_wide(other_scores, scores)
        assert other_scores == scores or incomplete


def test_what_a_vendor_left_out_is_said(tmp_path):
    with start_sandbox(tmp_path, mode=mode_of("oracle-like")) as playing:
        list(load_inpatients(playing.base_url, TODAY))
        told = dict(assessments(playing.base_url, load_content()))
    assert any(gap.reason is GapReason.INCOMPLETE for one in told.values() for gap in one.gaps)
