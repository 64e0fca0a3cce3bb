"""Leaves that ask for the person, the insurance, the stay and the people around."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import date

from service.domain.codes import System
from service.domain.evidence import Evidence
from service.domain.expression import (
    CoverageTest,
    Insured,
    PatientTest,
    RelatedTest,
    StayTest,
    Truth,
)
from service.domain.record import Coverage, Encounter, Patient, RelatedPerson
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.result import UNKNOWN, Result, truth_of
from service.pipeline.assess.stay import days_in_hospital

#: From this age on scores and questions made for adults apply.
OF_AGE = 18
_SELF_PAY_CODES = frozenset({"pay", "selfpay", "self-pay", "81"})
_SELF_PAY_WORDS = ("self pay", "self-pay", "selfpay", "no_insurance", "no insurance", "uninsured")
_PAYMENT_TYPOLOGY = "https://nahdo.org/sopt"
_TYPOLOGY = {Insured.MEDICARE: ("1",), Insured.MEDICAID: ("2",), Insured.MILITARY: ("31", "32")}
_PAYER_WORDS = {
    Insured.MEDICARE: ("medicare",),
    Insured.MEDICAID: ("medicaid",),
    Insured.MILITARY: ("veterans", "tricare", "champva"),
}
#: Languages that records name in words instead of by tag.
_NAMES = {
    "english": "en",
    "spanish": "es",
    "chinese": "zh",
    "mandarin": "zh",
    "french": "fr",
    "vietnamese": "vi",
    "russian": "ru",
    "arabic": "ar",
    "portuguese": "pt",
    "korean": "ko",
    "haitian creole": "ht",
    "eng": "en",
    "spa": "es",
}


def patient(test: PatientTest, findings: Findings) -> Result:
    """All that is asked is true of the person; one thing unknown leaves it unknown."""
    who, asked = findings.record.patient, list[Result]()
    if test.age_at_least is not None or test.age_below is not None:
        asked.append(_age(test, who, findings.today))
    if test.sex:
        asked.append(Result(truth_of(who.sex == test.sex) if who.sex else Truth.UNKNOWN))
    if test.foreign_language:
        asked.append(_language(who, findings.site_language))
    if test.interpreter:
        asked.append(_flag(who, "Interpreter needed", flag=who.interpreter))
    if test.veteran:
        asked.append(_flag(who, "Veteran", flag=who.veteran))
    worst = min((one.truth for one in asked), key=lambda truth: truth.value, default=Truth.TRUE)
    return Result(worst, tuple(evidence for one in asked for evidence in one.evidence))


def covered(test: CoverageTest, findings: Findings) -> Result:
    """What the insurances say; only their total absence says nothing."""
    known = [one for one in findings.record.coverages if one.status != "entered-in-error"]
    if not known:
        return UNKNOWN
    valid = [one for one in known if _holds(one, findings.today)]
    paying = [one for one in valid if not _is_self_pay(one)]
    if test.state is Insured.UNINSURED:
        return Result(truth_of(not paying), _cite(paying or valid or known, findings.today))
    if test.state is not Insured.INSURED:
        paying = [one for one in paying if _is_public(one, test.state)]
    return Result(truth_of(paying), _cite(paying, findings.today))


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
    found = [one for one in findings.record.related_persons if _is_there(one, findings.today)]
    if test.relationships:
        found = [one for one in found if {code.code for code in one.relationships} & test.relationships]
    return Result(truth_of(found), tuple(map(_cite_relation, found)))


def language_of(who: Patient) -> str:
    """The preferred language's primary subtag, that of the only one, "" when the record does not say."""
    preferred = [one for one in who.languages if one.preferred]
    chosen = preferred or (who.languages if len(who.languages) == 1 else ())
    return _subtag(chosen[0].tag or chosen[0].text) if chosen else ""


def _subtag(tag: str) -> str:
    return _NAMES.get(tag.casefold(), tag.casefold().partition("-")[0])


def _language(who: Patient, site_language: str) -> Result:
    language = language_of(who)
    if not language:
        return UNKNOWN
    said = next(
        (one.text or one.tag for one in who.languages if _subtag(one.tag or one.text) == language), ""
    )
    cited = Evidence(who.reference, None, None, f"Preferred language: {said or language}", labels=who.labels)
    return Result(truth_of(language != _subtag(site_language)), (cited,))


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


def _holds(coverage: Coverage, today: date) -> bool:
    """Whether it is in force that day. A record looked at later says "cancelled" of what its own dates still cover."""
    begun = coverage.start is None or coverage.start <= today
    if coverage.status == "cancelled":
        return coverage.start is not None and coverage.start <= today and _ends_later(coverage, today)
    return coverage.status in {"", "active"} and begun and (coverage.end is None or coverage.end >= today)


def _ends_later(coverage: Coverage, today: date) -> bool:
    return coverage.end is not None and coverage.end >= today


def _is_self_pay(coverage: Coverage) -> bool:
    coded = any(code.code.casefold() in _SELF_PAY_CODES for code in coverage.types)
    return coded or any(word in _said(coverage) for word in _SELF_PAY_WORDS)


def _is_public(coverage: Coverage, which: Insured) -> bool:
    typed = any(
        code.system == _PAYMENT_TYPOLOGY and code.code.startswith(_TYPOLOGY[which]) for code in coverage.types
    )
    return typed or any(word in _said(coverage) for word in _PAYER_WORDS[which])


def _said(coverage: Coverage) -> str:
    texts = (code.display or code.code for code in coverage.types)
    return " ".join((*texts, coverage.payor)).casefold()


def _cite(coverages: Iterable[Coverage], today: date) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            reference=one.reference,
            code=next((code for code in one.types if code.system != System.TEXT), None),
            on=one.end if one.end and one.end < today else one.start,
            text=_coverage_text(one, today),
            labels=one.labels,
        )
        for one in sorted(coverages, key=lambda one: (one.end or date.max, one.reference), reverse=True)
    )


def _coverage_text(coverage: Coverage, today: date) -> str:
    name = coverage.payor or next((code.display or code.code for code in coverage.types), "Coverage")
    return name if _holds(coverage, today) else f"{name} (not in force)"


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


def _is_there(person: RelatedPerson, today: date) -> bool:
    return person.active and (person.end is None or person.end >= today)


def _cite_relation(person: RelatedPerson) -> Evidence:
    role = next((code.display or code.code for code in person.relationships), "Related person")
    return Evidence(person.reference, None, None, role, labels=person.labels)
