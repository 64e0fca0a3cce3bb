"""Epic's own error codes in OperationOutcomes, as the sandbox's epic-like mode gives them (docs/sandbox.md names the sources)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from service.sandbox.written.frame import Refusal, Rule

Json = dict[str, Any]

#: Epic's list of error codes; the number after 1.13 is the environment's.
SYSTEM: Final = "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369"


class Issue(NamedTuple):
    """How severe an issue of this code is, its FHIR issue type, and a sentence of ours for it."""

    severity: str
    code: str
    text: str


ISSUES: Final[Mapping[str, Issue]] = {
    "4101": Issue("warning", "processing", "No results."),
    "4102": Issue("fatal", "not-found", "There is no resource of this id."),
    "4103": Issue("fatal", "deleted", "The resource was deleted."),
    "4107": Issue("fatal", "processing", "The record was merged into another."),
    "4110": Issue("fatal", "required", "A required parameter is missing."),
    "4113": Issue("fatal", "expired", "The session of this search is over."),
    "4119": Issue("warning", "processing", "This may not be the entire record."),
    "4122": Issue("warning", "not-supported", "An unknown parameter was left out of the search."),
    "4127": Issue("fatal", "too-costly", "The search found too many patients."),
    "4130": Issue("fatal", "security", "The record is behind break-the-glass."),
    "59012": Issue("fatal", "business-rule", "The verification status of a problem is not taken."),
    "59101": Issue("warning", "value", "An unknown value was left out of the search."),
    "59108": Issue("fatal", "required", "The search does not say which kind it is about."),
    "59133": Issue("information", "too-costly", "More was found than is given."),
    "59144": Issue("fatal", "not-found", "What the resource refers to was not found."),
    "59159": Issue("fatal", "business-rule", "The resource breaks a rule of what may be filed."),
    "59188": Issue("fatal", "business-rule", "The observation is mapped to no flowsheet row."),
    "59204": Issue("warning", "suppressed", "The application may see a part of this kind only."),
}


def refusal_of(number: str, status: int, about: str = "") -> Refusal:
    """A refusal with one of Epic's codes; about says more than the code's own sentence."""
    severity, code, text = ISSUES[number]
    return Refusal(status, code, about or text, {"system": SYSTEM, "code": number}, severity)


def warned(number: str, names: Iterable[str] = ()) -> Json:
    """An entry beside the matches of a searchset; names are the parameters that it is about, never their values."""
    resource = refusal_of(number, 200).outcome()
    pointed = sorted(names)
    if pointed:
        resource["issue"][0]["expression"] = pointed
    return {"search": {"mode": "outcome"}, "resource": resource}


def coded(number: str, rule: Rule) -> Rule:
    """A rule whose refusal carries one of Epic's codes."""
    severity, code, _ = ISSUES[number]
    return replace(rule, code=code, severity=severity, coding={"system": SYSTEM, "code": number})
