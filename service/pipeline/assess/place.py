"""What the insurance and the patient themselves say about a place to go to: factors, which never decide alone."""

from collections.abc import Iterable

from service.domain.assessment import Factor
from service.domain.evidence import Certainty, Evidence
from service.domain.expression import CoverageTest, Insured, Scope, Truth
from service.domain.record import Fact, Kind
from service.domain.sensitivity import merge
from service.pipeline.assess.counting import certainty_of
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.insurance import covered
from service.pipeline.assess.stay import cite_stay, days_in_hospital

#: Medicare's rule for a skilled nursing facility, which Medicare Advantage plans may waive.
_MIDNIGHTS = 3
#: Days under observation are no inpatient days.
_OBSERVED = frozenset({"OBSENC", "EMER"})
#: Bound to bed or chair; other words stand in the home health order.
_HOMEBOUND_FAMILIES = ("Z7401", "Z993")
_HOMEBOUND_WORDS = ("homebound", "home bound", "confined to home")
#: Where a goal or a care plan says to go.
_HOME_WORDS = (
    "go home",
    "return home",
    "going home",
    "back home",
    "live at home",
    "stay at home",
    "home with",
)
#: What insurance speaks for and against.
_A_FACILITY, _NURSING, _CARE_AT_HOME = "care in a facility", "a nursing facility", "a nurse at home"
_ASK_INSURANCE = "Which insurance does the patient have, and does it pay for a facility?"
_ASK_ADMISSION = "On which day was the patient admitted as an inpatient?"
_ASK_WISH = "Where does the patient want to go from here, and what matters most there?"
#: 42 CFR 409.42 and Medicare Benefit Policy Manual, chapter 7, 30.1.1 (from memory, review: pending).
_ASK_HOMEBOUND = "Does leaving home take a great effort, and the help of a person or a device?"
_FACILITY_WORDS = ("nursing home", "nursing facility", "rehab", "assisted living")


def facility_cover(findings: Findings) -> Iterable[Factor]:
    """Whether Medicare's three midnights are reached; who pays is asked where no insurance is known."""
    insured, medicare = _covered(Insured.INSURED, findings), _covered(Insured.MEDICARE, findings)
    if insured[0] is Truth.UNKNOWN:
        yield Factor("Which insurance pays for a facility", "missing", question=_ASK_INSURANCE)
    elif insured[0] is Truth.FALSE:
        yield _factor("No insurance that pays for a facility is in force", "against", insured[1], _A_FACILITY)
    elif medicare[0] is Truth.TRUE:
        yield _three_midnights(findings, medicare[1])


def home_health_cover(findings: Findings) -> Iterable[Factor]:
    """Medicare pays a nurse at home for who is homebound; nothing on record leaves it to be confirmed."""
    truth, _ = _covered(Insured.MEDICARE, findings)
    if truth is not Truth.TRUE:
        return
    bound = tuple(_homebound(findings))
    if bound:
        yield _factor("Homebound, as Medicare asks for before care at home", "for", bound, _CARE_AT_HOME)
    else:
        unknown = "Whether the patient is homebound, as Medicare asks for before care at home"
        yield Factor(unknown, "missing", question=_ASK_HOMEBOUND)


def preference(findings: Findings, *, home: bool, place: str) -> Iterable[Factor]:
    """What the patient wants, as goals and care plans say it; home is whether the place it is held against is a home."""
    wanted = [(fact, _wants_home(fact)) for fact in findings.record.facts if _is_wish(fact, findings)]
    told = [(fact, wish) for fact, wish in wanted if wish is not None]
    for fact, wish in told:
        cited = findings.citing.fact(fact, fact.codes[0] if fact.codes else None, Certainty.UNCERTAIN)
        weighs = "for" if wish is home else "against"
        yield _factor(f"The patient's goal: {_words(fact)}", weighs, (cited,), place)
    if not told:
        unknown = "What the patient prefers (no goal about the place is on record)"
        yield Factor(unknown, "missing", question=_ASK_WISH)


def _three_midnights(findings: Findings, coverage: tuple[Evidence, ...]) -> Factor:
    stay = findings.record.encounter
    observed = stay.class_code in _OBSERVED
    nights = 0 if observed else days_in_hospital(stay, findings.today)
    if nights is None:
        unknown = "How many midnights the stay has had: Medicare asks for three"
        return Factor(unknown, "missing", question=_ASK_ADMISSION)
    said = "midnight" if nights == 1 else "midnights"
    counted = f"{nights} {said} as an inpatient; Medicare pays a nursing facility after {_MIDNIGHTS}"
    hint = " (observation does not count)" if observed else ""
    cited = (cite_stay(stay, f"{nights} {said} as an inpatient"), *coverage)
    return _factor(counted + hint, "for" if nights >= _MIDNIGHTS else "against", cited, _NURSING)


def _covered(state: Insured, findings: Findings) -> tuple[Truth, tuple[Evidence, ...]]:
    result = covered(CoverageTest(state), findings)
    return result.truth, result.evidence


def _homebound(findings: Findings) -> Iterable[Evidence]:
    for fact, certainty in findings.conditions:
        for code in fact.codes:
            if code.code.replace(".", "").startswith(_HOMEBOUND_FAMILIES):
                yield findings.citing.fact(fact, code, certainty)
    for fact in findings.record.facts:
        ordered = fact.kind is Kind.ORDER and _counts(fact, findings)
        if ordered and any(words in _words(fact).casefold() for words in _HOMEBOUND_WORDS):
            yield findings.citing.fact(fact, None, Certainty.UNCERTAIN)


def _is_wish(fact: Fact, findings: Findings) -> bool:
    return fact.kind in {Kind.GOAL, Kind.CARE_PLAN} and _counts(fact, findings)


def _counts(fact: Fact, findings: Findings) -> bool:
    return certainty_of(fact, Scope.ANY, findings.record, findings.today) is not None


def _wants_home(fact: Fact) -> bool | None:
    """Whether it names a home (True) or a facility (False); None where it names no place."""
    said = _words(fact).casefold()
    if any(words in said for words in _FACILITY_WORDS):
        return False
    return True if any(words in said for words in _HOME_WORDS) else None


def _words(fact: Fact) -> str:
    return fact.text or " ".join(code.display for code in fact.codes)


def _factor(text: str, weighs: str, evidence: tuple[Evidence, ...], place: str) -> Factor:
    return Factor(text, weighs, evidence, merge(cited.labels for cited in evidence), place)
