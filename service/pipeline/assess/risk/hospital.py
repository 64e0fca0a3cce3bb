"""HOSPITAL score of avoidable readmission within 30 days, by its table of 2013 (Donzé 2013)."""

from collections.abc import Sequence

from service.domain.evidence import Certainty, Evidence
from service.domain.expression import Scope
from service.domain.record import Fact, Kind, Observation
from service.domain.risk import HEMOGLOBIN, SODIUM, RiskScore, ScorePart
from service.pipeline.assess.citing import in_time
from service.pipeline.assess.counting import certainty_of
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.risk.points import Bands, add_up, known, missing
from service.pipeline.assess.risk.visits import NOT_RECORDED, came_unplanned, earlier_admissions, is_of_stay
from service.pipeline.assess.stay import cite_stay, days_in_hospital
from service.pipeline.assess.units import converted, quantity_of

VARIANT = "2013"
_BANDS: Bands = ((0, "low"), (5, "intermediate"), (7, "high"))
_LOW_HEMOGLOBIN, _LOW_SODIUM, _LONG_STAY = 12, 135, 5
_ONCOLOGY_POINTS, _LONG_STAY_POINTS = 2, 2
#: Fewest admissions in the year before → points (2013; the table of 2016 begins to count at two).
_ADMISSION_POINTS = ((6, 5), (1, 2), (0, 0))
_ONCOLOGY_CODES = frozenset({"394593009", "394592004", "394594003"})
_ONCOLOGY_WORDS = ("oncolog", "cancer")


def hospital_of(findings: Findings) -> RiskScore:
    """HOSPITAL, 0-13 points: low to 4, intermediate to 6, high from 7."""
    parts = (
        _laboratory(findings, "Hemoglobin", HEMOGLOBIN, "g/dL", _LOW_HEMOGLOBIN),
        _oncology(findings),
        _laboratory(findings, "Sodium", SODIUM, "mmol/L", _LOW_SODIUM),
        _procedure(findings),
        _urgent(findings),
        _admissions(findings),
        _stay(findings),
    )
    return add_up("HOSPITAL", VARIANT, parts, _BANDS)


def admission_points(admissions: int) -> int:
    """Points for hospital stays in the 12 months before: none 0, one to five 2, more 5."""
    return next(points for least, points in _ADMISSION_POINTS if admissions >= least)


def laboratory_points(value: float, threshold: float) -> int:
    """1 for a value below the threshold."""
    return int(value < threshold)


def stay_points(days: int) -> int:
    """2 for a stay of five days or more."""
    return _LONG_STAY_POINTS if days >= _LONG_STAY else 0


#: What a living patient can have, by the unit of the threshold: hemoglobin and sodium. Anything else is a wrong unit.
_POSSIBLE = {"g/dL": (1, 30), "mmol/L": (80, 220)}


def _laboratory(
    findings: Findings, name: str, questions: Sequence[str], unit: str, threshold: float
) -> ScorePart:
    last = _last_value(findings, questions, unit)
    if last is None:
        return missing(f"{name} at discharge", _why_missing(findings, name, questions), high=1)
    observation, value = last
    text = f"{name} {value:g} {unit}"
    cited = findings.citing.observation(observation, text)
    return known(f"{name} at discharge", laboratory_points(value, threshold), text, (cited,))


def _why_missing(findings: Findings, name: str, questions: Sequence[str]) -> str:
    """A value that nobody can read is not the same as none: a person can look it up."""
    if any(findings.observed.get(question) for question in questions):
        return f"The record holds a {name.lower()}, but none of this stay with a number and unit that can be read."
    return f"The record holds no {name.lower()}."


def _last_value(findings: Findings, questions: Sequence[str], unit: str) -> tuple[Observation, float] | None:
    """The last value of this stay: one of an earlier year says nothing of the blood at discharge."""
    measured = [one for question in questions for one in findings.observed.get(question, ())]
    for one in sorted(measured, key=in_time, reverse=True):
        value = _readable(one, unit) if is_of_stay(one, findings.record, findings.today) else None
        if value is not None:
            return one, value
    return None


def _readable(observation: Observation, unit: str) -> float | None:
    """The value in this unit, None if it is none that a living patient can have."""
    quantity = quantity_of(observation)
    value = None if quantity is None else converted(quantity, unit)
    lowest, highest = _POSSIBLE[unit]
    return value if value is not None and lowest <= value <= highest else None


def _oncology(findings: Findings) -> ScorePart:
    services = findings.record.encounter.service_type
    if not services:
        return missing("Oncology service", "The stay names no service.", high=_ONCOLOGY_POINTS)
    words = " ".join((code.display or code.code) for code in services)
    oncology = any(word in words.casefold() for word in _ONCOLOGY_WORDS)
    oncology = oncology or any(code.code in _ONCOLOGY_CODES for code in services)
    cited = findings.citing.stay(findings.record.encounter, f"Service: {words}", *services)
    return known("Oncology service", _ONCOLOGY_POINTS if oncology else 0, words, (cited,))


def _procedure(findings: Findings) -> ScorePart:
    if "Procedure" not in findings.record.types_read:
        return missing("Procedure in the stay", "The record holds no procedure.", high=1)
    done = [(fact, firm) for fact in findings.record.facts if (firm := _in_stay(fact, findings))]
    cited = tuple(
        findings.citing.fact(fact, fact.codes[0] if fact.codes else None, firm) for fact, firm in done
    )
    return known("Procedure in the stay", int(bool(done)), f"{len(done)} in this stay", cited[:1])


def _in_stay(fact: Fact, findings: Findings) -> Certainty | None:
    if fact.kind is not Kind.PROCEDURE:
        return None
    return certainty_of(fact, Scope.STAY, findings.record, findings.today)


def _urgent(findings: Findings) -> ScorePart:
    unplanned, evidence = came_unplanned(findings.record)
    if unplanned is None:
        return missing("Index admission type", NOT_RECORDED, high=1)
    text = "Urgent or emergent admission" if unplanned else "Nothing says that the admission was unplanned"
    return known("Index admission type", int(unplanned), text, evidence)


def _admissions(findings: Findings) -> ScorePart:
    if not findings.record.other_visits:
        return missing("Admissions in the year before", "The record holds no other visit.", high=5)
    earlier: tuple[Evidence, ...] = earlier_admissions(findings.record)
    text = f"{len(earlier)} in the 12 months before"
    return known("Admissions in the year before", admission_points(len(earlier)), text, earlier)


def _stay(findings: Findings) -> ScorePart:
    stay = findings.record.encounter
    days = days_in_hospital(stay, findings.today)
    if days is None:
        return missing("Length of stay", "The stay has no admission date.", high=_LONG_STAY_POINTS)
    text = f"{days} days in hospital"
    return known("Length of stay", stay_points(days), text, (cite_stay(stay, text),))
