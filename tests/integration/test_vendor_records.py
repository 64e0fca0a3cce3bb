"""A record read from a vendor's EHR as that vendor writes it leads to the same needs as from one that writes by the book."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from config.content import load_content
from config.conventions import Conventions
from config.ehr_quirks import load_quirks
from config.tenants import Tenant
from service.domain.record import GapReason
from service.ehr.client import Ehr
from service.pipeline.assess import assess
from service.pipeline.gather import gather
from service.sandbox.ehr import start_sandbox
from service.sandbox.inpatients import inpatients, load_inpatients
from service.sandbox.mode import VENDORS, mode_of

TODAY = datetime.now(UTC).date()
ZONE = ZoneInfo("America/Chicago")


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


#: A need that only this type tells of, where a vendor does not give it: the plan then says so.
TOLD_BY = {"DeviceRequest": "durable-medical-equipment", "MedicationRequest": "infusion-therapy"}


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendors_record_gives_the_same_needs_as_the_books(vendor, sandbox, tmp_path):
    content = load_content()
    by_the_book = {patient: found(told) for patient, told in assessments(sandbox.base_url, content)}
    with start_sandbox(tmp_path, mode=mode_of(vendor)) as playing:
        list(load_inpatients(playing.base_url, TODAY))
        told = dict(assessments(playing.base_url, content))
    lacking = (GapReason.NOT_OFFERED, GapReason.REFUSED)
    gaps = {gap.about for one in told.values() for gap in one.gaps if gap.reason in lacking}
    may_be_lost = {need for kind, need in TOLD_BY.items() if kind in gaps}
    for patient, (needs, scores) in by_the_book.items():
        kept, same_scores = found(told[patient])
        lost = {code for code, *_ in needs - kept}
        assert lost <= may_be_lost
        assert kept <= needs
        assert same_scores == scores


def test_what_a_vendor_left_out_is_said(tmp_path):
    with start_sandbox(tmp_path, mode=mode_of("oracle-like")) as playing:
        list(load_inpatients(playing.base_url, TODAY))
        told = dict(assessments(playing.base_url, load_content()))
    assert any(gap.reason is GapReason.INCOMPLETE for one in told.values() for gap in one.gaps)
