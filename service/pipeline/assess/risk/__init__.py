"""Risk scores over the findings of an adult: LACE, HOSPITAL (2013) and, from 75 years of age, HFRS."""

from service.domain.risk import RiskScore
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.people import OF_AGE
from service.pipeline.assess.risk.hfrs import hfrs_of
from service.pipeline.assess.risk.hospital import hospital_of
from service.pipeline.assess.risk.lace import lace_of


def risk_scores(findings: Findings) -> tuple[RiskScore, ...]:
    """All scores that apply to this patient, in a fixed order. None was made for children."""
    age = findings.record.patient.age_on(findings.today)
    if age is not None and age < OF_AGE:
        return ()
    scores = (lace_of(findings), hospital_of(findings), hfrs_of(findings))
    return tuple(score for score in scores if score is not None)
