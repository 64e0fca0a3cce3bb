"""How the stay ends: whether the patient goes home or elsewhere after hospital, to another acute hospital, or has died.

The one reader of a death: in the Patient, in where order or stay send somebody, in a diagnosis or a finding, or in the place
where the patient lies. What is doubtful, of somebody else or still to come is no death.
"""

from collections.abc import Iterable
from typing import Final

from service.domain.assessment import Outcome
from service.domain.codes import Code, System
from service.domain.evidence import Certainty
from service.domain.place_words import words_of
from service.domain.record import Fact, Observation
from service.pipeline.assess.findings import Findings

#: Code sets of `config/terminology`: findings that somebody has died, what only the dead have, and who is asked whether they live.
_DEATH, _OF_THE_DEAD, _VITAL_STATUS = "death", "death-observations", "vital-status"
#: A diagnosis in words counts where it says nothing else: "Fear of death" and "Death of spouse" are of the living.
_SAID_DEAD: Final = frozenset(
    words_of(said)
    for said in (
        "death",
        "dead",
        "deceased",
        "died",
        "expired",
        "brain death",
        "brain dead",
        "dead on arrival",
        "sudden death",
        "verstorben",
        "tod",
        "hirntod",
    )
)
_LIES_DEAD: Final = frozenset(
    map(words_of, ("morgue", "mortuary", "hospital morgue", "hospital mortuary", "leichenhalle"))
)
_NO: Final = frozenset({"false", "no", "n", "alive", "living", "none", "unknown", "not applicable", "n/a"})
_NO_CODES: Final = frozenset({"LA32-8", "373067005", "N", "438949009"})


def outcome_of(findings: Findings) -> Outcome:
    """Whether the patient goes home (or anywhere after hospital), to another acute hospital, or died."""
    ends = findings.destination.ends()
    if findings.record.patient.deceased or ends == Outcome.DIED or _is_found_dead(findings):
        return Outcome.DIED
    return Outcome.TRANSFERRED if ends == Outcome.TRANSFERRED else Outcome.GOING_HOME


def _is_found_dead(findings: Findings) -> bool:
    lies = any(words_of(name) in _LIES_DEAD for name in findings.record.encounter.locations)
    return lies or _is_diagnosed(findings) or _is_observed(findings)


def _is_diagnosed(findings: Findings) -> bool:
    dead = _codes(findings, _DEATH)
    return any(
        certainty is Certainty.SUPPORTED and _says_dead(fact, dead) for fact, certainty in findings.conditions
    )


def _says_dead(fact: Fact, dead: frozenset[tuple[str, str]]) -> bool:
    if any((code.system, code.code) in dead for code in fact.codes):
        return True
    return not any(code.system in set(System) for code in fact.codes) and _is_word_for_dead(
        fact.text, fact.codes
    )


def _is_word_for_dead(text: str, codes: Iterable[Code]) -> bool:
    return any(words_of(said) in _SAID_DEAD for said in (text, *(code.display for code in codes)) if said)


def _is_observed(findings: Findings) -> bool:
    """What only the dead have, or the answer "dead" to whether the patient lives."""
    observed, dead = findings.observed, _codes(findings, _DEATH)
    certificate = (said for _, code in _codes(findings, _OF_THE_DEAD) for said in observed.get(code, ()))
    if any(_has_happened(said, findings) for said in certificate):
        return True
    asked = (said for _, code in _codes(findings, _VITAL_STATUS) for said in observed.get(code, ()))
    if any(_is_answered_dead(said, dead) for said in asked):
        return True
    found = (said for _, code in dead for said in observed.get(code, ()))
    return any(
        any((code.system, code.code) in dead for code in said.codes if code.system == System.SNOMED)
        and not _is_denied(said)
        for said in found
    )


def _has_happened(said: Observation, findings: Findings) -> bool:
    """A certificate's date may be of tomorrow only by the time zone; a day that is to come is no death."""
    day = said.text[: len("YYYY-MM-DD")]
    ahead = len(day) == len("YYYY-MM-DD") and day[0].isdecimal() and day > findings.today.isoformat()
    return not _is_denied(said) and not ahead


def _is_denied(said: Observation) -> bool:
    if said.absent or said.status in {"cancelled", "preliminary", "registered"}:
        return True
    no = said.text.strip().casefold() in _NO
    return no or any(code.code in _NO_CODES for code in said.answers)


def _is_answered_dead(said: Observation, dead: frozenset[tuple[str, str]]) -> bool:
    coded = any((code.system, code.code) in dead for code in said.answers)
    return not said.absent and (coded or _is_word_for_dead(said.text, said.answers))


def _codes(findings: Findings, name: str) -> frozenset[tuple[str, str]]:
    return frozenset((code.system, code.code) for code in findings.content.code_sets.get(name, ()))
