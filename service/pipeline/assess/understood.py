"""What of a record's lists nobody understood: a list that holds such a statement proves nothing by its silence."""

import re
from typing import Final

from service.domain.codes import System
from service.domain.expression import Scope
from service.domain.record import Encounter, Fact, GapReason, Kind
from service.pipeline.assess.counting import certainty_of
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.words import denies_wholly, is_classified, said_of

#: Systems in which protocols and scores name diagnoses; a code of ICD-10-CM must also classify something.
_DIAGNOSES: Final = frozenset({System.ICD10CM, System.ICD10, System.SNOMED})
#: Systems whose displays name what is in a medicine; a package code, a local code or a brand does not.
_INGREDIENTS: Final = frozenset({System.RXNORM, System.ATC, System.SNOMED})
_WORD: Final = re.compile(r"[a-z]{4,}")
#: Classes of visits that say what kind of visit it was: v3 ActCode's.
_VISITS: Final = frozenset(
    {"AMB", "EMER", "FLD", "HH", "IMP", "ACUTE", "NONAC", "OBSENC", "PRENC", "SS", "VR", "DAYMED", "ANNPHYS"}
)
_UNREAD: Final = frozenset(
    {
        GapReason.REFUSED,
        GapReason.NOT_OFFERED,
        GapReason.UNREADABLE,
        GapReason.INCOMPLETE,
        GapReason.UNCERTAIN,
    }
)


def unread_diagnoses(findings: Findings) -> tuple[Fact, ...]:
    """The diagnoses that count and have no code by which scores know them.

    A reason of the stay is none of the list, and an entry that only denies says nothing of the patient's.
    """
    stay = findings.record.encounter.reference
    return tuple(
        fact
        for fact, _ in findings.conditions
        if fact.reference != stay and not _is_known_diagnosis(fact) and not denies_wholly(said_of(fact))
    )


def is_wholly_read(kind: str, findings: Findings) -> bool:
    """Whether the record holds resources of a kind, all of them understood, and nothing says that there are more."""
    if not kind or any(gap.about == kind and gap.reason in _UNREAD for gap in findings.record.gaps):
        return False
    if kind == "Encounter":
        visits = findings.record.other_visits
        return bool(visits) and all(map(_is_known_visit, visits))
    if kind not in findings.record.types_read:
        return False
    if kind == Kind.CONDITION:
        return not unread_diagnoses(findings)
    if kind == Kind.MEDICATION:
        return all(
            _is_known_medicine(fact, findings.content.ingredients)
            for fact in findings.record.facts
            if _counts(fact, findings)
        )
    return True


def _counts(fact: Fact, findings: Findings) -> bool:
    scopes = (Scope.ANY, Scope.STAY)
    counts = (certainty_of(fact, scope, findings.record, findings.today) for scope in scopes)
    return fact.kind is Kind.MEDICATION and any(found is not None for found in counts)


def _is_known_medicine(fact: Fact, ingredients: frozenset[str]) -> bool:
    """Whether its ingredients are told: in a system that names them, with the name, or by a name in words."""
    if any(code.system in _INGREDIENTS and (code.display or fact.text) for code in fact.codes):
        return True
    words = " ".join((fact.text, *[code.display for code in fact.codes]))
    return not ingredients.isdisjoint(_WORD.findall(words.casefold()))


def _is_known_visit(visit: Encounter) -> bool:
    return visit.class_code in _VISITS


def _is_known_diagnosis(fact: Fact) -> bool:
    return any(
        is_classified(code) if code.system == System.ICD10CM else code.system in _DIAGNOSES
        for code in fact.codes
    )
