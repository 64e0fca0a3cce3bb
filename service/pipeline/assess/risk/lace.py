"""LACE index of readmission or death within 30 days (van Walraven 2010)."""

from dataclasses import replace

from service.domain.risk import RiskScore, ScorePart
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.risk.charlson import comorbidities, lace_comorbidity
from service.pipeline.assess.risk.points import Bands, add_up, known, missing
from service.pipeline.assess.risk.visits import NOT_RECORDED, came_unplanned, emergency_visits
from service.pipeline.assess.stay import cite_stay, days_in_hospital
from service.pipeline.assess.understood import unread_diagnoses

_BANDS: Bands = ((0, "low"), (5, "moderate"), (10, "high"))
#: From this many days on, so many points.
_STAY_POINTS = ((14, 7), (7, 5), (4, 4), (3, 3), (2, 2), (1, 1), (0, 0))
_ACUTE_POINTS = 3
_COMORBID_CAP, _COMORBID_POINTS = 3, 5
_VISITS_CAP = 4


def lace_of(findings: Findings) -> RiskScore:
    """LACE, 0-19 points: low to 4, moderate to 9, high from 10. Days are discharge date minus admission date."""
    parts = (_stay(findings), _acute(findings), _comorbid(findings), _emergency(findings))
    return add_up("LACE", "2010", parts, _BANDS)


def stay_points(days: int) -> int:
    """L: 0 to 3 days as they are, 4-6 are 4, 7-13 are 5, 14 and more are 7."""
    return next(points for least, points in _STAY_POINTS if days >= least)


def acute_points(*, unplanned: bool) -> int:
    """A: 3 for an urgent or emergent admission."""
    return _ACUTE_POINTS if unplanned else 0


def comorbid_points(weights: int) -> int:
    """C: up to 3 as it is, 4 and more are 5."""
    return weights if weights <= _COMORBID_CAP else _COMORBID_POINTS


def visit_points(visits: int) -> int:
    """E: emergency visits in the six months before, at most 4."""
    return min(visits, _VISITS_CAP)


def _stay(findings: Findings) -> ScorePart:
    stay = findings.record.encounter
    days = days_in_hospital(stay, findings.today)
    if days is None:
        return missing("Length of stay", "The stay has no admission date.", high=_STAY_POINTS[0][1])
    text = f"{days} days in hospital"
    return known("Length of stay", stay_points(days), text, (cite_stay(stay, text),))


def _acute(findings: Findings) -> ScorePart:
    unplanned, evidence = came_unplanned(findings.record)
    if unplanned is None:
        return missing("Acuity of admission", NOT_RECORDED, high=_ACUTE_POINTS)
    text = "Urgent or emergent admission" if unplanned else "Nothing says that the admission was unplanned"
    return known("Acuity of admission", acute_points(unplanned=unplanned), text, evidence)


def _comorbid(findings: Findings) -> ScorePart:
    found = comorbidities(findings)
    points = comorbid_points(lace_comorbidity(one.category for one in found))
    if "Condition" not in findings.record.types_read:
        return missing("Comorbidity", "The record holds no diagnosis.", low=points, high=_COMORBID_POINTS)
    if unread := len(unread_diagnoses(findings)):
        said = (
            "1 diagnosis was not understood." if unread == 1 else f"{unread} diagnoses were not understood."
        )
        return replace(
            missing("Comorbidity", said, low=points, high=_COMORBID_POINTS),
            evidence=tuple(e for comorbidity in found for e in comorbidity.evidence),
        )
    names = ", ".join(f"{one.category.name} {one.category.lace}" for one in found)
    return known(
        "Comorbidity", points, names or "None of Charlson's", tuple(e for one in found for e in one.evidence)
    )


def _emergency(findings: Findings) -> ScorePart:
    if not findings.record.other_visits:
        return missing("Emergency visits", "The record holds no other visit.", high=_VISITS_CAP)
    visits = emergency_visits(findings.record)
    text = f"{len(visits)} in the 6 months before admission"
    return known("Emergency visits", visit_points(len(visits)), text, visits)
