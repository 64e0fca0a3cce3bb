"""Reads tests/cases/*.yaml (docs/protocols.md, "Cases") into records, with the builders of tests/builders.py.

Every scalar is text, as in the content files: a code stays a code.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from fhir_mappings.inbound.language import read_language
from service.domain.codes import Code, System
from service.domain.record import (
    Coverage,
    Encounter,
    Fact,
    Kind,
    Language,
    Observation,
    Patient,
    Quantity,
    Record,
    RelatedPerson,
)
from tests.builders import ENCOUNTER, person, stay

FOLDER = Path(__file__).parent / "cases"
TODAY = date(2024, 3, 5)
_KINDS = {
    "conditions": Kind.CONDITION,
    "procedures": Kind.PROCEDURE,
    "orders": Kind.ORDER,
    "devices": Kind.DEVICE,
    "medications": Kind.MEDICATION,
    "appointments": Kind.APPOINTMENT,
    "documents": Kind.DOCUMENT,
    "consents": Kind.CONSENT,
    "allergies": Kind.ALLERGY,
    "goals": Kind.GOAL,
    "care_plans": Kind.CARE_PLAN,
}
_RECORD_KEYS = {*_KINDS, "patient", "stay", "observations", "coverages", "related_persons", "visits"}
_CASE_KEYS = {
    "case",
    "record",
    "expect",
    "referrals",
    "follow_ups",
    "blockers",
    "caveats",
    "verdict",
    "labels",
    "urgency",
    "site_language",
}
_FACT_KEYS = {
    "icd10cm",
    "snomed",
    "codes",
    "display",
    "text",
    "status",
    "verification",
    "intent",
    "stay",
    "category",
    "days_ago",
    "ended_days_ago",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One example: a record, and what is to be found in it."""

    file: str
    name: str
    record: Record
    expect: dict[str, str]
    referrals: dict[str, Sequence[str]] = field(default_factory=dict)
    follow_ups: dict[str, Sequence[str]] = field(default_factory=dict)
    blockers: Sequence[str] | None = None
    caveats: Sequence[str] | None = None
    verdict: str = ""
    labels: dict[str, Sequence[str]] = field(default_factory=dict)
    urgency: dict[str, str] = field(default_factory=dict)
    site_language: str = "en"


def all_cases(folder: Path = FOLDER) -> Iterator[Case]:
    """Every case of every file, in order."""
    for path in sorted(folder.glob("*.yaml")):
        for given in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader):  # noqa: S506  only text
            _known(given, _CASE_KEYS, f"{path.name}: {given.get('case')}")
            yield Case(
                file=path.stem,
                name=given["case"],
                record=read_record(given.get("record") or {}, f"{path.name}: {given['case']}"),
                expect=given["expect"],
                referrals=given.get("referrals") or {},
                follow_ups=given.get("follow_ups") or {},
                blockers=given.get("blockers"),
                caveats=given.get("caveats"),
                verdict=given.get("verdict", ""),
                labels=given.get("labels") or {},
                urgency=given.get("urgency") or {},
                site_language=given.get("site_language", "en"),
            )


def read_record(given: dict[str, Any], where: str = "") -> Record:
    """The record a case describes."""
    _known(given, _RECORD_KEYS, where)
    facts = [
        _fact(kind, number, one, where)
        for key, kind in _KINDS.items()
        for number, one in enumerate(given.get(key, ()))
    ]
    observations = [_observation(number, one) for number, one in enumerate(given.get("observations", ()))]
    visits = [_visit(number, one) for number, one in enumerate(given.get("visits", ()))]
    types = {one.kind.value for one in facts} | ({"Observation"} if observations else set())
    return Record(
        patient=_patient(given.get("patient") or {}),
        encounter=_stay(given.get("stay") or {}),
        encounters=tuple(visits),
        facts=tuple(facts),
        observations=tuple(observations),
        coverages=tuple(_coverage(number, one) for number, one in enumerate(given.get("coverages", ()))),
        related_persons=tuple(
            RelatedPerson(f"RelatedPerson/r{number}", (Code(System.TEXT, one.get("relationship", "")),))
            for number, one in enumerate(given.get("related_persons", ()))
        ),
        types_read=frozenset({"Patient", "Encounter", *types}),
    )


def _known(given: dict[str, Any], keys: set[str], where: str) -> None:
    unknown = set(given) - keys
    assert not unknown, f"{where}: unknown key {', '.join(sorted(unknown))}"


def _days_ago(given: dict[str, Any], key: str = "days_ago") -> date | None:
    return TODAY - timedelta(days=int(given[key])) if key in given else None


def _fact(kind: Kind, number: int, given: dict[str, Any], where: str) -> Fact:
    _known(given, _FACT_KEYS, where)
    display = given.get("display", "")
    pairs = [(system, given[system]) for system in ("icd10cm", "snomed") if system in given]
    for system, codes in (given.get("codes") or {}).items():
        pairs += [(system, code) for code in ([codes] if isinstance(codes, str) else codes)]
    of_stay = given.get("stay", "yes" if "days_ago" not in given else "no") == "yes"
    statuses = {Kind.DOCUMENT: "current", Kind.APPOINTMENT: "booked"}
    return Fact(
        kind=kind,
        reference=f"{kind.value}/{number}",
        codes=tuple(Code(system, code, display) for system, code in pairs),
        text=given.get("text", display),
        status=given.get("status", statuses.get(kind, "active")),
        verification=given.get("verification", "confirmed" if kind is Kind.CONDITION else ""),
        intent=given.get("intent", ""),
        categories=frozenset(
            {given.get("category", "encounter-diagnosis" if of_stay else "problem-list-item")}
        ),
        encounter=ENCOUNTER if of_stay else "",
        began=_days_ago(given) or (date(2024, 3, 1) if of_stay else None),
        ended=_days_ago(given, "ended_days_ago"),
    )


def _observation(number: int, given: dict[str, Any]) -> Observation:
    known = {"question", "loinc", "snomed", "name", "answer", "value", "unit", "text", "declined", "days_ago"}
    _known(given, known | {"status", "stay", "dated"}, "observation")
    day = _days_ago(given) or date(2024, 3, 2)
    asked = given.get("question") or given.get("loinc")
    code = Code(System.LOINC, asked) if asked else Code(System.SNOMED, given.get("snomed", ""))
    if "name" in given:
        code = Code(System.TEXT, given["name"])
    answers = given.get("answer") or ()
    answers = [answers] if isinstance(answers, str) else answers
    return Observation(
        reference=f"Observation/{number}",
        codes=(code,),
        status=given.get("status", "final"),
        answers=tuple(Code(System.LOINC if one.startswith("LA") else System.SNOMED, one) for one in answers),
        quantity=Quantity(float(given["value"]), given.get("unit", "")) if "value" in given else None,
        text=given.get("text", ""),
        absent="asked-declined" if given.get("declined") == "yes" else "",
        encounter=ENCOUNTER if given.get("stay", "days_ago" not in given and "yes") == "yes" else "",
        at=None if given.get("dated") == "no" else datetime(day.year, day.month, day.day, 10, tzinfo=UTC),
    )


def _patient(given: dict[str, Any]) -> Patient:
    _known(given, {"age", "sex", "language", "interpreter", "veteran", "deceased"}, "patient")
    flags = {"yes": True, "no": False}
    who = person(
        sex=given.get("sex", "female"),
        interpreter=flags.get(given.get("interpreter", "")),
        veteran=flags.get(given.get("veteran", "")),
        deceased=given.get("deceased") == "yes",
        languages=_languages(given.get("language", "")),
    )
    if "age" not in given:
        return who
    if given["age"] == "unknown":
        return replace(who, birth_date=None)
    return replace(who, birth_date=TODAY.replace(year=TODAY.year - int(given["age"])) - timedelta(days=1))


def _languages(said: str) -> tuple[Language, ...]:
    found = read_language(said) if said else None
    return (replace(found, preferred=True),) if found else ()


def _stay(given: dict[str, Any]) -> Encounter:
    known = {"days", "class", "disposition", "ub04", "admit_source", "priority", "service", "reasons"}
    _known(given, known, "stay")
    start = TODAY - timedelta(days=int(given.get("days", 4)))
    coded = {
        "disposition": [Code(System.DISPOSITION, given["disposition"])] if "disposition" in given else [],
        "ub04": [Code(System.UB04, given["ub04"])] if "ub04" in given else [],
    }
    reasons = given.get("reasons", ())
    return stay(
        class_code=given.get("class", "IMP"),
        start=datetime(start.year, start.month, start.day, 8, tzinfo=UTC),
        disposition=(*coded["disposition"], *coded["ub04"]),
        admit_source=(Code("", given["admit_source"]),) if "admit_source" in given else (),
        priority=(Code("", given["priority"]),) if "priority" in given else (),
        service_type=(Code(System.TEXT, given["service"]),) if "service" in given else (),
        reasons=tuple((Code(System.ICD10CM, reason),) for reason in reasons),
    )


def _visit(number: int, given: dict[str, Any]) -> Encounter:
    day = _days_ago(given) or TODAY
    moment = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    return Encounter(
        reference=f"Encounter/v{number}",
        status=given.get("status", "finished"),
        class_code=given["class"],
        start=moment,
        end=moment + timedelta(hours=3),
    )


def _coverage(number: int, given: dict[str, Any]) -> Coverage:
    _known(given, {"type", "payor", "status", "days_ago", "ended_days_ago"}, "coverage")
    return Coverage(
        reference=f"Coverage/{number}",
        status=given.get("status", "active"),
        types=(Code("", given["type"]),) if "type" in given else (),
        payor=given.get("payor", ""),
        start=_days_ago(given),
        end=_days_ago(given, "ended_days_ago"),
    )
