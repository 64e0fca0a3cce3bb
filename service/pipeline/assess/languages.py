"""What the patient and, for a child, the parents speak, beside what the staff speak; who needs an interpreter."""

from collections.abc import Iterable, Iterator, Sequence

from config.languages import languages_known
from service.domain.evidence import Certainty, Evidence
from service.domain.expression import Truth
from service.domain.language import primary
from service.domain.record import Language, Patient, RelatedPerson
from service.pipeline.assess.citing import in_doubt
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.people import parents
from service.pipeline.assess.result import UNKNOWN, Result, truth_of


def preferred_languages(languages: Sequence[Language]) -> tuple[Language, ...]:
    """Those marked as preferred, else all: without a mark nobody knows which."""
    return tuple(language for language in languages if language.preferred) or tuple(languages)


def language_of(who: Patient) -> str:
    """The preferred language's code without its region; "" where the record does not say or names several."""
    table = languages_known()
    found = {primary(table.read_tag(language.tag)) for language in preferred_languages(who.languages)}
    return found.pop() if len(found) == 1 else ""


def speaks_another(findings: Findings) -> Result:
    """The preferred language is not the site's. A child's parents who speak another are a reason to ask."""
    who = findings.record.patient
    spoken = preferred_languages(who.languages)
    truth = _differ(spoken, findings)
    cited = tuple(_cite(who, language) for language in spoken)
    if truth is Truth.TRUE:
        return Result(truth, cited)
    others = tuple(_parents_speak_another(findings))
    if others:
        return Result(Truth.UNKNOWN, others)
    return Result(truth, cited if truth is Truth.FALSE else _doubted(cited))


def speaks_as_staff(findings: Findings) -> Result:
    """The preferred language is the site's; neither an interpreter nor a child's parent who speaks another is on record."""
    if needs_interpreter(findings).truth is Truth.TRUE:
        return Result(Truth.FALSE)
    found = speaks_another(findings)
    if found.truth is Truth.UNKNOWN:
        return UNKNOWN
    return Result(truth_of(found.truth is Truth.FALSE), found.evidence)


def needs_interpreter(findings: Findings) -> Result:
    """The record says so of the patient, or of a parent of a child."""
    who = findings.record.patient
    asking = [person for person in parents(findings.record, findings.today) if person.interpreter]
    if asking and not who.interpreter:
        return Result(Truth.TRUE, tuple(_cite_parent(person, "needs an interpreter") for person in asking))
    return _said(who, who.interpreter)


def needs_no_interpreter(findings: Findings) -> Result:
    """The record says that none is needed, and of no parent of a child that one is."""
    found = needs_interpreter(findings)
    if found.truth is Truth.UNKNOWN:
        return UNKNOWN
    return Result(truth_of(found.truth is Truth.FALSE), found.evidence)


def _said(who: Patient, needed: bool | None) -> Result:  # noqa: FBT001  three values, not a switch
    if needed is None:
        return UNKNOWN
    text = "Interpreter needed" if needed else "Not: Interpreter needed"
    return Result(truth_of(needed), (Evidence(who.reference, None, None, text, labels=who.labels),))


def _differ(spoken: Iterable[Language], findings: Findings) -> Truth:
    """TRUE if all are other languages than the site's, FALSE if none is, UNKNOWN for a mix, for nothing and for what nobody understood."""
    site = languages_known().read_tag(findings.site_language)
    found = {languages_known().differs(language.tag, site) for language in spoken}
    if found == {True}:
        return Truth.TRUE
    return Truth.FALSE if found == {False} else Truth.UNKNOWN


def _parents_speak_another(findings: Findings) -> Iterator[Evidence]:
    for person in parents(findings.record, findings.today):
        spoken = preferred_languages(person.languages)
        if _differ(spoken, findings) is Truth.TRUE:
            named = ", ".join(_name(language) for language in spoken)
            yield in_doubt(_cite_parent(person, f"speaks {named}"), Certainty.UNCERTAIN)


def _cite(who: Patient, language: Language) -> Evidence:
    return Evidence(who.reference, None, None, f"Preferred language: {_name(language)}", labels=who.labels)


def _cite_parent(person: RelatedPerson, says: str) -> Evidence:
    role = next((code.display or code.code for code in person.relationships), "Parent")
    return Evidence(person.reference, None, None, f"{role}: {says}", labels=person.labels)


def _name(language: Language) -> str:
    """The record's words; what it says in codes alone is named in English, and what nobody understood is marked."""
    if not language.tag:
        return f"{language.text} (not understood)"
    return language.text or languages_known().name(language.tag)


def _doubted(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple(in_doubt(cited, Certainty.UNCERTAIN) for cited in evidence)
