"""The plan as a document → US Core DocumentReference, for an EHR that takes no CarePlan.

The same words as in CarePlan.text, as HTML and as plain text, and as PDF where the caller can render one. A document is
printed and passed on, so that above them stands whose it is, from where, of which day, and that no person wrote it.
"""

import base64
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from html import escape
from typing import Final

from fhir_mappings import systems
from fhir_mappings.narrative import DECIDE_HERE, generated, standing
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.elements import Json, clean, coding
from fhir_mappings.outbound.plain_note import UNSIGNED, plain_note, signed_line
from service.domain.decision import WHOLE_PLAN
from service.domain.plan import Plan

#: HTML in, PDF out.
Renderer = Callable[[str], bytes]

DOCUMENT_KEY: Final = "plan-document"
#: Of all attachments together, as they travel (base64).
MAX_ATTACHED_BYTES: Final = 5_000_000
_TITLE: Final = "Discharge plan"
#: LOINC "Plan of care note".
PLAN_TYPE: Final = "18776-5"
_PAGE: Final = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/><title>{title}</title></head>'
    "<body><h1>{title}</h1>{standing}{about}{words}{reference}</body></html>\n"
)


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What stands around the words of a document.

    reference is the line that it ends with; zone the hospital's clock; is_plan is False for what only speaks of a plan, and then
    has a title of its own.
    """

    reference: str = ""
    zone: tzinfo = UTC
    is_plan: bool = True
    title: str = _TITLE


def document_body(
    plan: Plan,
    words: str,
    *,
    author: Author,
    recorded: datetime,
    pdf: Renderer | None = None,
    letterhead: Letterhead = Letterhead(),
) -> Json | None:
    """The DocumentReference in FHIR JSON without identifier; None when not even plain text fits into 5 MB.

    plan must be shareable; words is its narrative as an XHTML div (`care_plan_narrative`).
    """
    attachments = list(_fitting(_attachments(plan, words, author, letterhead, pdf), letterhead.title))
    if not attachments:
        return None
    title = titled(plan)
    where = f" {DECIDE_HERE} {author.page}" if author.page else ""
    return {
        "resourceType": "DocumentReference",
        "meta": {"profile": [f"{systems.US_CORE}us-core-documentreference"]},
        "text": generated(title),
        "status": "current",
        "docStatus": "final" if plan.approval_of(WHOLE_PLAN) else "preliminary",
        "type": {
            "coding": [coding(systems.LOINC, PLAN_TYPE, "Plan of care note")],
            "text": _TITLE,
        },
        "category": [
            {"coding": [coding(systems.US_CORE_DOCUMENT_CATEGORY, "clinical-note", "Clinical Note")]}
        ],
        "subject": {"reference": plan.patient.reference},
        "date": recorded.isoformat(timespec="seconds"),
        "author": [author.writer()],
        "custodian": {"reference": author.organization_reference, "display": author.organization},
        "description": f"{title}.{where}" if where else title,
        "content": [{"attachment": attachment} for attachment in attachments],
        "context": {"encounter": [{"reference": plan.encounter.reference}]},
    }


def titled(plan: Plan) -> str:
    """What the document or message is, and how the plan in it stands."""
    return f"{_TITLE}. {standing(plan)}"


def plain_text(words: str) -> str:
    """An XHTML div of ours as plain text: a blank line before each heading, a dash before each item."""
    # Our own narrative, escaped by the same library: there is no entity in it to expand.
    root = ET.fromstring(words)  # noqa: S314
    return "\n".join(_lines(root)).strip() + "\n"


def _lines(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        text = clean("".join(element.itertext()))
        match element.tag.rpartition("}")[2]:
            case "h3":
                yield f"\n{text.upper()}"
            case "li":
                yield f"- {text}"
            case "p":
                yield text


def _about(plan: Plan, author: Author, *, is_plan: bool) -> Iterator[str]:
    """The lines by which a sheet of paper is told from another patient's, and a draft of software from a clinician's note."""
    who = plan.patient
    born = f"born {who.birth_date}" if who.birth_date else ""
    named = ", ".join(part for part in (clean(who.name), born, who.sex) if part)
    if named:
        yield f"Patient: {named}"
    yield f"Hospital: {author.organization}"
    if is_plan:
        yield f"Plan of {plan.today}, drafted by software ({author.device_name}) from the record"
    else:
        yield f"Written by software ({author.device_name}) about the plan of {plan.today}"


def _attachments(
    plan: Plan, words: str, author: Author, letterhead: Letterhead, pdf: Renderer | None
) -> Iterator[tuple[str, bytes]]:
    """Content type and bytes, the one to keep first where not all fit first."""
    about = tuple(_about(plan, author, is_plan=letterhead.is_plan))
    signed = signed_line(plan, letterhead.zone) if letterhead.is_plan else ""
    is_unsigned = letterhead.is_plan and plan.decision_on(WHOLE_PLAN) is None
    note = plain_note(
        words,
        title=letterhead.title,
        standing=signed,
        is_unsigned=is_unsigned,
        about=about,
        reference=letterhead.reference,
    )
    yield "text/plain", note.encode()
    standing = f"<p>{escape(signed)}</p>" if signed else f"<h2>{UNSIGNED}</h2>" if is_unsigned else ""
    page = _PAGE.format(
        title=letterhead.title,
        standing=standing,
        about="<p>" + "<br/>".join(map(escape, about)) + "</p>",
        words=words,
        reference=f"<p>{letterhead.reference}</p>" if letterhead.reference else "",
    )
    yield "text/html", page.encode()
    if pdf is not None:
        yield "application/pdf", pdf(page)


def _fitting(attachments: Iterator[tuple[str, bytes]], title: str) -> Iterator[Json]:
    room = MAX_ATTACHED_BYTES
    for kind, content in attachments:
        data = base64.b64encode(content).decode()
        if len(data) <= room:
            room -= len(data)
            yield {"contentType": kind, "data": data, "size": len(content), "title": title}
