"""Where the patient can go: a suggestion, the factors for and against, and what is needed to decide.

Never a departure against advice, never death. What is not known leaves the suggestion open.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from service.domain.assessment import Disposition, Factor
from service.domain.expression import RelatedTest, Truth
from service.domain.need import Need, NeedState
from service.domain.places import names_of
from service.domain.record import Kind
from service.domain.sensitivity import NONE, merge
from service.pipeline.assess.destination import (
    disagreement,
    hint_of,
    may_mean,
    named_place,
    told_by_places,
    unread_place,
)
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.function import Function, Level, function_of
from service.pipeline.assess.people import OF_AGE
from service.pipeline.assess.person import related
from service.pipeline.assess.place import facility_cover, home_health_cover, preference

_HOME, _OTHER_HOME, _SNF, _REHAB, _HOSPICE = "home", "alt-home", "snf", "rehab", "hosp"
_AGAINST_ADVICE = "aadvice"
#: Needs for a skilled nurse every day, in a facility where nobody at home can help.
_SKILLED = ("infusion-therapy", "wound-care", "enteral-nutrition", "respiratory-support")
#: Needs for which an inpatient rehabilitation facility is considered.
_REHABILITATION = ("stroke-rehabilitation", "brain-injury-care", "amputation-care", "rehabilitation")
#: Needs because of which somebody has to be with the patient, whatever the patient can do with their hands.
_WATCHED = "dementia-care"
_VENTILATED = "respiratory-support"
#: What is wrong with the home itself.
_HOME_ITSELF = ("inadequate-housing", "utility-insecurity")
#: Needs for which a nurse or therapist comes to the home.
_AT_HOME = ("nursing-at-home", *_SKILLED)
_FACILITIES = (_SNF, _REHAB)
#: What factors speak for and against, by what is suggested; while nothing is, home is what the factors are held against.
_GOING_HOME, _A_FACILITY = "going home", "care in a facility"
_PLACES = {
    _SNF: "a nursing facility",
    _REHAB: "a rehabilitation facility",
    _HOSPICE: "hospice",
}
#: What answers that which is missing, where no protocol asks it. The three hours are CMS's rule for inpatient rehabilitation.
_RECORD_FUNCTION = "Record Barthel, Katz or AM-PAC, or ask"
_RECORD_COGNITION = "Record a Mini-Cog or a MoCA."
_ASK_DANGER = "Has a mental-health professional seen the patient, and is leaving safe?"
_ASK_COMPANY = "Who is with the patient by day, and who by night?"
_ASK_THERAPY = "Do the therapists find that the patient can take part in three hours of therapy a day?"
_ASK_STAY = "Where can the patient stay, and who there has agreed to it?"
_ASK_WEANING = "Is weaning from the ventilator to go on after this stay?"
_ASK_SKILL = "What has a nurse or a therapist to do every day, and for how long?"
_THERAPIES = ("physical therapy", "occupational therapy", "speech")
_ENOUGH_THERAPIES = 2
_HIGH_RISK = "stat"


@dataclass(frozen=True, slots=True)
class _Situation:
    """What the decision rests on."""

    present: Mapping[str, Need]
    to_ask: Mapping[str, Need]
    function: Function
    therapies: int
    people: bool
    child: bool
    questions: Mapping[str, str]

    @property
    def level(self) -> Level | None:
        return self.function.level

    @property
    def alone(self) -> bool:
        """Whether the record says that nobody can give the care."""
        return "caregiver-support" in self.present

    @property
    def unwatched(self) -> bool:
        """Whether thinking is impaired and the record names nobody who could be there."""
        return self.has([_WATCHED]) and (self.alone or not self.people)

    def has(self, needs: Iterable[str]) -> bool:
        """Whether one of these needs is there."""
        return any(need in self.present for need in needs)


def suggest_disposition(findings: Findings, needs: Iterable[Need]) -> Disposition:
    """A FHIR discharge-disposition code, "" when it cannot be decided, and whether order and stay agree."""
    situation = _situation(findings, needs)
    suggested = _decide(situation)
    destination, table = findings.destination, findings.content.dispositions
    unread = unread_place(destination)
    ordered = destination.place.code if destination.place else ""
    names = names_of(table)
    return Disposition(
        suggested=suggested,
        display=names.get(suggested, "Cannot be decided yet"),
        factors=(*_factors(situation, suggested), *_of_payer_and_patient(findings, situation, suggested)),
        ordered=ordered,
        alert=disagreement(destination) or _alert(situation, suggested, ordered, names),
        labels=told_by_places(destination, may_mean(unread)) | findings.content.sensitivity.told_by(unread),
        named=named_place(destination, table),
        unread=unread,
        hint=names.get(hint_of(unread), ""),
    )


def _situation(findings: Findings, needs: Iterable[Need]) -> _Situation:
    judged, age = tuple(needs), findings.record.patient.age_on(findings.today)
    present = {need.code: need for need in judged if need.state is NeedState.PRESENT}
    orders = [fact for fact in findings.record.facts if fact.kind is Kind.ORDER and fact.status != "revoked"]
    said = " ".join(
        word.casefold() for fact in orders for word in (fact.text, *(code.display for code in fact.codes))
    )
    return _Situation(
        present=present,
        to_ask={need.code: need for need in judged if need.state is NeedState.NOT_ASSESSED},
        function=function_of(findings),
        therapies=sum(therapy in said for therapy in _THERAPIES),
        child=age is not None and age < OF_AGE,
        people=related(RelatedTest(), findings).truth is Truth.TRUE,
        questions={protocol.ref.id: protocol.question for protocol in findings.content.protocols},
    )


def _decide(situation: _Situation) -> str:
    if situation.has(["hospice"]):
        return _HOSPICE
    if situation.level is None or _is_in_danger(situation):
        return ""
    if situation.level is Level.MOST:
        return _with_most_help(situation)
    if situation.unwatched:
        return ""
    return _OTHER_HOME if situation.has(["homelessness"]) else _HOME


def _with_most_help(situation: _Situation) -> str:
    if situation.has(_REHABILITATION) and situation.therapies >= _ENOUGH_THERAPIES:
        return _REHAB
    if situation.has(_SKILLED) or situation.alone or situation.has(["homelessness"]):
        return _SNF
    return ""


def _is_in_danger(situation: _Situation) -> bool:
    """Whether a mental-health evaluation comes before any place."""
    need = situation.present.get("self-harm-risk")
    return need is not None and need.urgency == _HIGH_RISK


def _factors(situation: _Situation, suggested: str) -> Iterable[Factor]:
    # Barthel, Katz and AM-PAC were made for adults: nobody misses them in a child.
    if situation.level is not None or not situation.child:
        yield from _function_factors(situation, suggested)
    yield from _need_factors(situation, suggested)
    yield from _missing_factors(situation, suggested)


def _of_payer_and_patient(findings: Findings, situation: _Situation, suggested: str) -> Iterable[Factor]:
    """Who pays where a facility or care at home is in question, and what the patient wants wherever it is open."""
    if suggested in _FACILITIES or (not suggested and situation.level is Level.MOST):
        yield from facility_cover(findings)
        yield from preference(findings, home=not suggested, place=_PLACES.get(suggested, _GOING_HOME))
    elif suggested and situation.has(_AT_HOME):
        yield from home_health_cover(findings)


def _function_factors(situation: _Situation, suggested: str) -> Iterable[Factor]:
    function = situation.function
    if function.level is None:
        asked = f"{_RECORD_FUNCTION}: {situation.questions.get('functional-dependence', 'Who helps you every day?')}"
        yield _open("Daily function (no Barthel, Katz or AM-PAC was recorded)", asked)
        return
    texts = {
        Level.MOST: "Needs help with most daily activities",
        Level.SOME: "Needs help with some daily activities",
        Level.LITTLE: "Manages daily activities",
    }
    weighs = "against" if function.level is Level.SOME else "for"
    place = _PLACES.get(suggested, _A_FACILITY) if function.level is Level.MOST else _GOING_HOME
    labels = merge(evidence.labels for evidence in function.evidence)
    yield Factor(texts[function.level], weighs, function.evidence, labels, place)


def _need_factors(situation: _Situation, suggested: str) -> Iterable[Factor]:
    """Each of these needs speaks for a facility or a hospice, and against going home; undecided counts as home."""
    weighs = "for" if suggested in _PLACES else "against"
    place = _PLACES.get(suggested, _GOING_HOME)
    home = _HOME_ITSELF if weighs == "against" else ()
    for code in (
        "hospice",
        "homelessness",
        *home,
        "caregiver-support",
        _WATCHED,
        *_REHABILITATION,
        *_SKILLED,
    ):
        need = situation.present.get(code)
        if need is not None:
            yield Factor(need.title, weighs, need.evidence, need.labels, place)
    if _is_in_danger(situation):
        need = situation.present["self-harm-risk"]
        yield _open("A mental-health evaluation before any discharge", _ASK_DANGER, need)


def _missing_factors(situation: _Situation, suggested: str) -> Iterable[Factor]:
    if situation.level is Level.MOST and not situation.alone and suggested in {"", _REHAB}:
        asked = situation.questions.get("caregiver-support", "Who can give the help needed at home?")
        yield _open("Whether a caregiver can give the help needed at home", asked)
    if suggested != _HOSPICE:
        yield from _cognition_factors(situation)
    if situation.has(_REHABILITATION) and suggested != _HOSPICE and situation.level is Level.MOST:
        yield _open("Whether the patient tolerates three hours of therapy a day", _ASK_THERAPY)
    if suggested == _OTHER_HOME:
        yield _open("A confirmed place to go to", _ASK_STAY)
    if suggested == _SNF:
        yield from _other_facilities(situation)


def _other_facilities(situation: _Situation) -> Iterable[Factor]:
    """What tells a nursing facility from the two places that FHIR's list hides behind others."""
    if situation.has([_VENTILATED]):
        yield _open(
            "Whether weaning goes on: then a long-term care hospital (other healthcare facility, UB-04 63)",
            _ASK_WEANING,
        )
    if not situation.has((*_SKILLED, *_REHABILITATION)):
        yield _open(
            "Whether daily skilled care is needed; if only help for a long time, then long-term care (PASRR)",
            _ASK_SKILL,
        )


def _cognition_factors(situation: _Situation) -> Iterable[Factor]:
    """Who is there for somebody who cannot be alone; what a positive screen of thinking leaves open."""
    if situation.unwatched:
        impaired = situation.present[_WATCHED]
        yield _open("Who is with the patient day and night, as thinking is impaired", _ASK_COMPANY, impaired)
    elif asked := situation.to_ask.get(_WATCHED):
        question = f"{_RECORD_COGNITION} {asked.question}".rstrip()
        yield _open("Whether thinking is impaired, and whether the patient can be alone", question, asked)


def _open(text: str, question: str, need: Need | None = None) -> Factor:
    """What must be known before a place can be decided, with the question that answers it."""
    evidence, labels = (need.evidence, need.labels) if need else ((), NONE)
    return Factor(text, "missing", evidence, labels, question=question)


def _alert(situation: _Situation, suggested: str, ordered: str, names: Mapping[str, str]) -> str:
    if ordered == _HOME and situation.has(["homelessness"]):
        return "The order says home, and the record says that the patient is homeless."
    if ordered == _HOME and situation.level is Level.MOST and (situation.alone or not situation.people):
        return (
            "The order says home; the patient needs help with most daily activities "
            "and nobody who can give it is recorded."
        )
    if ordered == _AGAINST_ADVICE:
        return ""  # the patient's own decision, which no suggestion contradicts
    if suggested and ordered and suggested != ordered:
        return f"The order says {names[ordered].lower()}; the record suggests {names[suggested].lower()}."
    return ""
