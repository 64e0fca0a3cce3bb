"""Oracle Health: what is asked of a body, type by type (rows 2 to 8).

Sources: the field lists of cerner/fhir.cerner.com (lib/resources/r4) and Oracle's pages on each create; see docs/ehr.md.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from html import unescape
from typing import Any, Final
from xml.parsers.expat import ExpatError, ParserCreate

from fhir_mappings import systems
from service.sandbox.written import parts
from service.sandbox.written.frame import Json, Question, Rule, look_at_itself

_CREATE: Final = frozenset({"create"})
_UPDATE: Final = frozenset({"update"})
_BOTH: Final = _CREATE | _UPDATE
_WITH_BODY: Final = _BOTH | {"patch"}
_CODE_SET: Final = re.compile(r".*/codeSet/\d+")
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}T.+")
_DIAGNOSES: Final = frozenset({systems.SNOMED, systems.ICD10CM, "http://hl7.org/fhir/sid/icd-9-cm"})
_PROBLEM, _DIAGNOSIS = "problem-list-item", "encounter-diagnosis"
#: The media types of a document, literally.
CONTENT_TYPES: Final = frozenset(
    {
        "application/pdf",
        "text/plain;charset=utf-8",
        "text/richtext;charset=utf-8",
        "text/rtf;charset=utf-8",
        "text/html;charset=utf-8",
        "application/xml;charset=utf-8",
        "application/xhtml+xml;charset=utf-8",
    }
)
_NOT_IN_UPDATES: Final = frozenset({"text/plain;charset=utf-8", "text/richtext;charset=utf-8"})
_XHTML: Final = frozenset(
    {"text/html;charset=utf-8", "application/xhtml+xml;charset=utf-8", "application/xml;charset=utf-8"}
)
_MESSAGES: Final = re.compile(
    r"(text/plain|application/xhtml\+xml)(; ?charset=(utf-8|us-ascii))?", re.IGNORECASE
)
_MESSAGE_CATEGORIES: Final = frozenset({"notification", "reminder", "312853008"})
_TARGETS: Final = frozenset(
    {
        "AllergyIntolerance",
        "CarePlan",
        "CareTeam",
        "Condition",
        "DiagnosticReport",
        "DocumentReference",
        "Encounter",
        "Goal",
        "Immunization",
        "MedicationRequest",
        "Observation",
        "Patient",
        "Procedure",
    }
)
_Check = Callable[[Json], bool]
_Refused = Mapping[str, tuple[str, _Check]]


def listed(value: Any) -> list[Any]:
    """A list as it is, one thing as a list of one, nothing as an empty list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def codes_of(concepts: Any) -> frozenset[str]:
    """The codes of one concept, or of several."""
    return frozenset(
        coding["code"]
        for concept in listed(concepts)
        for coding in concept.get("coding", [])
        if "code" in coding
    )


def is_to(reference: Any, *types: str) -> bool:
    """Whether a reference names a resource of one of these types by its id."""
    named = reference.get("reference", "") if isinstance(reference, dict) else ""
    return "/" in named and named.split("/")[-2] in types


def same_resource(first: Any, second: Any) -> bool:
    """Whether two references name the same, absolute or not."""
    names = [
        str(part.get("reference", "")).split("/")[-2:] if isinstance(part, dict) else []
        for part in (first, second)
    ]
    return names[0] == names[1]


def _rules(row: int, kind: str, refused: _Refused, interactions: frozenset[str]) -> tuple[Rule, ...]:
    """A rule for each name: its sentence, and what of a body it refuses."""

    def refuse(check: _Check) -> Callable[[Question], bool]:
        return lambda question: check(question.body)

    return tuple(
        Rule(
            row=row,
            name=f"{kind}: {name}",
            about=about,
            types=frozenset({kind}),
            interactions=interactions,
            refuses=refuse(check),
            status=422,
        )
        for name, (about, check) in refused.items()
    )


def _attachments(body: Json) -> list[Json]:
    return [content.get("attachment", {}) for content in listed(body.get("content"))]


def _attachment(body: Json) -> Json:
    return next(iter(_attachments(body)), {})


def _end(body: Json) -> str:
    return str(body.get("context", {}).get("period", {}).get("end", ""))


def _encounters(body: Json) -> list[Any]:
    return listed(body.get("context", {}).get("encounter"))


def _has_both_types(body: Json) -> bool:
    named = [str(coding.get("system", "")) for coding in body.get("type", {}).get("coding", [])]
    own = sum(bool(_CODE_SET.fullmatch(system)) for system in named)
    return own > 1 or (own == 1 and systems.LOINC in named)


def _has_no_type(body: Json) -> bool:
    named = [str(coding.get("system", "")) for coding in body.get("type", {}).get("coding", [])]
    return not any(system == systems.LOINC or _CODE_SET.fullmatch(system) for system in named)


def _is_broken_xhtml(body: Json) -> bool:
    attachment = _attachment(body)
    is_html = attachment.get("contentType") in _XHTML and "data" in attachment
    return is_html and not is_well_formed(parts.decode_text(attachment))


def is_well_formed(text: str) -> bool:
    """Whether a text is XML of one element, with the entities that HTML knows."""
    plain = re.sub(r"&(?!amp;|lt;|gt;|quot;|#)(\w+;)", lambda found: unescape(found.group()), text)
    try:
        ParserCreate().Parse(plain.encode(), True)  # noqa: FBT003  the library's own way
    except ExpatError:
        return False
    return True


_DOCUMENTS: Final[_Refused] = {
    "docStatus": (
        "DocumentReference.docStatus must be final or amended.",
        lambda body: body.get("docStatus") not in {"final", "amended"},
    ),
    "status": (
        "DocumentReference.status must be current.",
        lambda body: body.get("status") != "current",
    ),
}
_DOCUMENTS_ALWAYS: Final[_Refused] = {
    "contentType": (
        "DocumentReference.content.attachment.contentType must be one of the listed, literally.",
        lambda body: any(part.get("contentType") not in CONTENT_TYPES for part in _attachments(body)),
    ),
    "content": (
        "DocumentReference.content must contain exactly one entry.",
        lambda body: len(_attachments(body)) != 1,
    ),
    "data": (
        "DocumentReference.content.attachment.data is required.",
        lambda body: any(not part.get("data") for part in _attachments(body)),
    ),
    "creation": (
        "DocumentReference.content.attachment.creation must have a time.",
        lambda body: any(
            "creation" in part and not _TIME.fullmatch(part["creation"]) for part in _attachments(body)
        ),
    ),
    "period": (
        "DocumentReference.context.period.end is required, with a time.",
        lambda body: not _TIME.fullmatch(_end(body)),
    ),
    "encounter": (
        "DocumentReference.context.encounter must contain exactly one Encounter.",
        lambda body: len(_encounters(body)) != 1 or not is_to(_encounters(body)[0], "Encounter"),
    ),
    "subject": (
        "DocumentReference.subject must be a Patient.",
        lambda body: not is_to(body.get("subject"), "Patient"),
    ),
    "no type": ("DocumentReference.type must be of LOINC or of codeSet/72.", _has_no_type),
    "two types": ("DocumentReference.type must not be of LOINC and of codeSet/72.", _has_both_types),
    "author": (
        "DocumentReference.author must be a Practitioner.",
        lambda body: any(not is_to(author, "Practitioner") for author in listed(body.get("author"))),
    ),
    "XHTML": (
        "DocumentReference.content.attachment.data must be well-formed as XHTML.",
        _is_broken_xhtml,
    ),
}
_CHANGED_DOCUMENTS: Final[_Refused] = {
    "updated status": (
        "DocumentReference.status must be current or entered-in-error.",
        lambda body: body.get("status") not in {"current", "entered-in-error"},
    ),
    "updated docStatus": (
        "DocumentReference.docStatus must be final, amended or entered-in-error.",
        lambda body: body.get("docStatus") not in {"final", "amended", "entered-in-error"},
    ),
    "updated contentType": (
        "DocumentReference.content.attachment.contentType cannot be plain or rich text in an update.",
        lambda body: any(part.get("contentType") in _NOT_IN_UPDATES for part in _attachments(body)),
    ),
}


def _moves_document(question: Question) -> bool:
    """Whether an update names another patient or another stay than the document has, or an earlier time of making."""
    sent, stored = question.body, question.stored
    before, now = (str(_attachment(body).get("creation", "")) for body in (stored, sent))
    return bool(stored) and not (
        same_resource(sent.get("subject"), stored.get("subject"))
        and same_resource(next(iter(_encounters(sent)), {}), next(iter(_encounters(stored)), {}))
        and (not now or now >= before)
    )


def _diagnoses_encounter(body: Json) -> bool:
    return _DIAGNOSIS in codes_of(body.get("category"))


_CONDITIONS: Final[_Refused] = {
    "category": (
        "Condition.category must be one, problem-list-item or encounter-diagnosis.",
        lambda body: (
            len(listed(body.get("category"))) != 1
            or not codes_of(body.get("category")) & {_PROBLEM, _DIAGNOSIS}
        ),
    ),
    "clinicalStatus": (
        "Condition.clinicalStatus is required.",
        lambda body: not codes_of(body.get("clinicalStatus")),
    ),
    "diagnosis that is over": (
        "Condition.clinicalStatus must be active for an encounter diagnosis.",
        lambda body: (
            _diagnoses_encounter(body)
            and bool(codes_of(body.get("clinicalStatus")))
            and "active" not in codes_of(body.get("clinicalStatus"))
        ),
    ),
    "code": (
        "Condition.code must be of SNOMED CT, ICD-10 or ICD-9.",
        lambda body: (
            not any(coding.get("system") in _DIAGNOSES for coding in body.get("code", {}).get("coding", []))
        ),
    ),
    "encounter": (
        "Condition.encounter is required for an encounter diagnosis.",
        lambda body: _diagnoses_encounter(body) and not is_to(body.get("encounter"), "Encounter"),
    ),
    "abatement": (
        "Condition.abatement is not supported for an encounter diagnosis.",
        lambda body: _diagnoses_encounter(body) and any(name.startswith("abatement") for name in body),
    ),
    "onset": (
        "Condition.onset and abatement must be a dateTime.",
        lambda body: any(
            name.startswith(("onset", "abatement")) and not name.endswith("DateTime") for name in body
        ),
    ),
}
_NEW_CONDITIONS: Final[_Refused] = {
    "verificationStatus": (
        "Condition.verificationStatus must not be entered-in-error or refuted.",
        lambda body: bool(codes_of(body.get("verificationStatus")) & {"entered-in-error", "refuted"}),
    )
}


def _changes_note(question: Question) -> bool:
    return bool(question.stored.get("note")) and question.body.get("note") != question.stored["note"]


_PROVENANCES: Final[_Refused] = {
    "target": (
        "Provenance.target must contain exactly one reference.",
        lambda body: len(listed(body.get("target"))) != 1,
    ),
    "type of target": (
        "Provenance.target is of a type that is not supported.",
        lambda body: any(not is_to(target, *_TARGETS) for target in listed(body.get("target"))),
    ),
    "recorded": ("Provenance.recorded is required.", lambda body: not body.get("recorded")),
    "agent": (
        "Provenance.agent.who is required.",
        lambda body: not body.get("agent") or any("who" not in agent for agent in listed(body.get("agent"))),
    ),
}


def _payload(body: Json) -> Json:
    payloads = listed(body.get("payload"))
    attachment = payloads[0].get("contentAttachment") if payloads else None
    return attachment if isinstance(attachment, dict) else {}


_COMMUNICATIONS: Final[_Refused] = {
    "status": ("Communication.status must be completed.", lambda body: body.get("status") != "completed"),
    "category": (
        "Communication.category must be notification or reminder.",
        lambda body: not codes_of(body.get("category")) & _MESSAGE_CATEGORIES,
    ),
    "priority": (
        "Communication.priority must be routine or urgent.",
        lambda body: body.get("priority", "routine") not in {"routine", "urgent"},
    ),
    "encounter": (
        "Communication.encounter needs a subject.",
        lambda body: "encounter" in body and "subject" not in body,
    ),
    "sender": (
        "Communication.sender must be a Practitioner.",
        lambda body: not is_to(body.get("sender"), "Practitioner"),
    ),
    "recipient": (
        "Communication.recipient must be Practitioners or Groups.",
        lambda body: (
            not body.get("recipient")
            or any(
                not is_to(recipient, "Practitioner", "Group") for recipient in listed(body.get("recipient"))
            )
        ),
    ),
    "payload": (
        "Communication.payload must be one attachment with data, of plain text or XHTML.",
        lambda body: (
            len(listed(body.get("payload"))) != 1
            or not _payload(body).get("data")
            or not _MESSAGES.fullmatch(str(_payload(body).get("contentType", "")))
        ),
    ),
}
_OBSERVATIONS: Final[_Refused] = {
    "category": (
        "Observation.category must be vital-signs or laboratory.",
        lambda body: (
            len(listed(body.get("category"))) != 1
            or not codes_of(body.get("category")) & {"vital-signs", "laboratory"}
        ),
    ),
}
_GENERAL: Final = (
    Rule(
        row=8,
        name="modifier extension",
        about="Modifier extensions are not supported.",
        interactions=_WITH_BODY,
        refuses=lambda question: parts.has_modifier_extension(question.body),
        status=422,
        code="extension",
    ),
    Rule(
        row=8,
        name="implicitRules",
        about="implicitRules is not supported.",
        interactions=_WITH_BODY,
        refuses=lambda question: "implicitRules" in question.body,
        status=422,
        code="not-supported",
    ),
)

BODIES: Final[tuple[Rule, ...]] = (
    *_GENERAL,
    *_rules(2, "DocumentReference", _DOCUMENTS, _CREATE),
    *_rules(2, "DocumentReference", _DOCUMENTS_ALWAYS, _BOTH),
    *_rules(3, "DocumentReference", _CHANGED_DOCUMENTS, _UPDATE),
    Rule(
        row=3,
        name="DocumentReference: same patient and stay",
        about="DocumentReference.subject and context.encounter must be those of the document, creation not earlier.",
        types=frozenset({"DocumentReference"}),
        interactions=_UPDATE,
        refuses=_moves_document,
        looks=look_at_itself,
        status=422,
    ),
    *_rules(4, "Condition", _CONDITIONS, _BOTH),
    *_rules(4, "Condition", _NEW_CONDITIONS, _CREATE),
    Rule(
        row=4,
        name="Condition: note",
        about="Condition.note may be added once and never changed.",
        types=frozenset({"Condition"}),
        interactions=_UPDATE,
        refuses=_changes_note,
        looks=look_at_itself,
        status=422,
    ),
    *_rules(5, "Provenance", _PROVENANCES, _CREATE),
    *_rules(6, "Communication", _COMMUNICATIONS, _CREATE),
    *_rules(7, "Observation", _OBSERVATIONS, _BOTH),
)

#: The elements that a create knows; what else is sent vanishes without a word (row 9).
KEPT: Final[Mapping[str, Iterable[str]]] = {
    "DocumentReference": (
        "status",
        "docStatus",
        "type",
        "subject",
        "author",
        "authenticator",
        "content.attachment.contentType",
        "content.attachment.data",
        "content.attachment.title",
        "content.attachment.creation",
        "context.encounter",
        "context.period",
    ),
    "Condition": (
        "clinicalStatus",
        "verificationStatus",
        "category",
        "severity",
        "code",
        "subject",
        "encounter",
        "onsetDateTime",
        "abatementDateTime",
        "note",
    ),
    "Communication": (
        "status",
        "category",
        "priority",
        "subject",
        "topic",
        "encounter",
        "recipient",
        "sender",
        "payload",
    ),
    "Provenance": ("target", "recorded", "agent", "entity"),
    "Observation": (
        "status",
        "category",
        "code",
        "subject",
        "encounter",
        "effectiveDateTime",
        "issued",
        "performer",
        "valueQuantity",
        "valueCodeableConcept",
        "valueString",
        "component",
    ),
}
