"""Leaves that ask for the person, the stay and the people around."""

from collections.abc import Set as AbstractSet
from datetime import date

from service.domain.evidence import Evidence
from service.domain.expression import PatientTest, RelatedTest, StayTest, Truth
from service.domain.record import Encounter, Patient, RelatedPerson
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.languages import (
    needs_interpreter,
    needs_no_interpreter,
    speaks_another,
    speaks_as_staff,
)
from service.pipeline.assess.people import is_there
from service.pipeline.assess.result import UNKNOWN, Result, truth_of
from service.pipeline.assess.stay import days_in_hospital


def patient(test: PatientTest, findings: Findings) -> Result:
    """All that is asked is true of the person; one thing unknown leaves it unknown."""
    who, asked = findings.record.patient, list[Result]()
    if test.age_at_least is not None or test.age_below is not None:
        asked.append(_age(test, who, findings.today))
    if test.sex:
        asked.append(Result(truth_of(who.sex == test.sex) if who.sex else Truth.UNKNOWN))
    if test.foreign_language:
        asked.append(speaks_another(findings))
    if test.site_language:
        asked.append(speaks_as_staff(findings))
    if test.interpreter:
        asked.append(needs_interpreter(findings))
    if test.no_interpreter:
        asked.append(needs_no_interpreter(findings))
    if test.veteran:
        asked.append(_flag(who, "Veteran", flag=who.veteran))
    worst = min((one.truth for one in asked), key=lambda truth: truth.value, default=Truth.TRUE)
    return Result(worst, tuple(evidence for one in asked for evidence in one.evidence))


def stayed(test: StayTest, findings: Findings) -> Result:
    """All that is asked is true of the stay."""
    stay = findings.record.encounter
    asked = [
        _among(test.classes, {stay.class_code} - {""}),
        _among(test.dispositions, findings.destination.codes()),
        _among(test.admit_sources, {code.code for code in stay.admit_source}),
        _long(test.days_at_least, stay, findings.today),
    ]
    worst = min(asked, key=lambda truth: truth.value)
    return Result(worst, (_cite_stay(findings),) if worst is Truth.TRUE else ())


def related(test: RelatedTest, findings: Findings) -> Result:
    """Someone active stands in the record."""
    found = [person for person in findings.record.related_persons if is_there(person, findings.today)]
    if test.relationships:
        found = [one for one in found if {code.code for code in one.relationships} & test.relationships]
    return Result(truth_of(found), tuple(_cite_relation(person, findings) for person in found))


def _age(test: PatientTest, who: Patient, today: date) -> Result:
    age = who.age_on(today)
    if age is None:
        return UNKNOWN
    old_enough = test.age_at_least is None or age >= test.age_at_least
    fits = old_enough and (test.age_below is None or age < test.age_below)
    return Result(truth_of(fits), (Evidence(who.reference, None, None, f"Age {age}", labels=who.labels),))


def _flag(who: Patient, text: str, *, flag: bool | None) -> Result:
    if flag is None:
        return UNKNOWN
    return Result(truth_of(flag), (Evidence(who.reference, None, None, text if flag else f"Not: {text}"),))


def _among(wanted: frozenset[str], found: AbstractSet[str]) -> Truth:
    return truth_of(not wanted or wanted & found)


def _long(days: int | None, stay: Encounter, today: date) -> Truth:
    if days is None:
        return Truth.TRUE
    length = days_in_hospital(stay, today)
    return Truth.UNKNOWN if length is None else truth_of(length >= days)


def _cite_stay(findings: Findings) -> Evidence:
    stay = findings.record.encounter
    place = findings.destination.place
    said = (*findings.destination.chosen.codes, *stay.types)[:1]
    # A bare code of a place is told in words: "hosp" is a hospice, and reads like a hospital.
    going_to = f"Going to: {place.display.lower()}" if place else ""
    words = (code.display or going_to or code.code for code in said)
    return findings.citing.stay(stay, next(words, stay.class_code), *said)


def _cite_relation(person: RelatedPerson, findings: Findings) -> Evidence:
    role = next((code.display or code.code for code in person.relationships), "Related person")
    labels = person.labels | findings.citing.told_by(person.relationships)
    return Evidence(person.reference, None, None, role, labels=labels)
