"""A document that an EHR never lets be changed: each change of it is a further document, which names the one before.

The first has the key of its draft, the next ones a number behind it; one that says that the plan no longer holds is marked so.
By these keys, never by words, it is told what stands in the chart.
"""

import base64
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from fhir_mappings import systems
from fhir_mappings.narrative import generated
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.document import DOCUMENT_KEY, Letterhead, document_body
from fhir_mappings.outbound.drafts import named
from fhir_mappings.outbound.elements import Json, clean
from fhir_mappings.outbound.message import MESSAGE_KEY, message_body
from fhir_mappings.outbound.plain_note import wrapped
from fhir_mappings.outbound.reference_line import reference_line, restamped
from fhir_mappings.outbound.references import Names
from fhir_mappings.own_marks import own_identifier
from service.domain.plan import Plan
from service.domain.publication import Draft

_OFF: Final = "off"
_OFF_TITLE: Final = "Discharge plan called off"
_LOOK: Final = "Do not act on it. What was ordered because of it, a person must look at."
#: What a further document says of the one before, by whether each of them says that the plan no longer holds.
_SENTENCES: Final[Mapping[tuple[bool, bool], str]] = {
    (False, False): "Replaces the discharge plan of {}.",
    (False, True): "Replaces the notice of {} that the discharge plan was called off.",
    (True, False): "The discharge plan of {} no longer holds.",
}
_EARLIER: Final = "an earlier time"
#: Behind which a page has its first paragraph, the heading before the start of the body.
_PAGE_STARTS: Final = tuple(re.compile(mark, re.IGNORECASE) for mark in ("</h1>", "<body[^>]*>"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document stands among those of its kind: its number from 1, and whether it says that the plan no longer holds."""

    number: int = 1
    is_off: bool = False

    def key(self, base: str) -> str:
        """The key of the document in this place."""
        numbered = base if self.number == 1 and not self.is_off else f"{base}:{self.number}"
        return f"{numbered}:{_OFF}" if self.is_off else numbered


FIRST: Final = Place()


def place_of(key: str, base: str) -> Place | None:
    """The place that a key names among the documents of this base; None for any other key."""
    if key == base:
        return FIRST
    rest = key.removeprefix(f"{base}:")
    number, _, form = rest.partition(":")
    if rest == key or not number.isdigit() or form not in {"", _OFF}:
        return None
    return Place(int(number), form == _OFF)


def further(draft: Draft, place: Place, before: Place, written: datetime | None, reference: str) -> Draft:
    """The draft as the document of a later place, which names the one that it replaces and when that was written.

    written is None where nobody knows that any more; reference is the one before, "" where its id is not known.

    Its meaning is that of the draft: the same plan is not told once more because something else was told before it.
    """
    moment = f"{written.day} {written:%B %Y, %H:%M}" if written else _EARLIER
    told = with_sentence(draft, _SENTENCES[place.is_off, before.is_off].format(moment))
    body = told.body
    if reference and draft.resource_type == "DocumentReference":
        body = {**body, "relatesTo": [{"code": "replaces", "target": {"reference": reference}}]}
    return renamed(replace(told, body=body), place.key(draft.key), place.key(""))


def renamed(draft: Draft, key: str, mark: str) -> Draft:
    """The same draft as a resource of its own, with its own key, names and reference."""
    identifier, full_url = (
        f"urn:uuid:{uuid5(NAMESPACE_URL, f'{name} {mark}')}" for name in (draft.identifier, draft.full_url)
    )
    body = draft.body
    if "identifier" in body:
        names = [
            own_identifier(identifier) if name.get("value") == draft.identifier else name
            for name in body["identifier"]
        ]
        body = {**body, "identifier": names}
    return restamped(replace(draft, key=key, identifier=identifier, full_url=full_url, body=body))


def with_sentence(draft: Draft, sentence: str) -> Draft:
    """The draft with a sentence right below the title, or the first paragraph, of all its texts; what is no text cannot carry it and is left out."""
    body = dict(draft.body)
    if "content" in body:
        told = [_with_sentence(part, sentence) for part in body["content"]]
        body["content"] = [part for part in told if part is not None]
    if "payload" in body:
        body["payload"] = [
            {**part, "contentString": _below_first_paragraph(part["contentString"], sentence)}
            if "contentString" in part
            else part
            for part in body["payload"]
        ]
    return replace(draft, body=body)


def called_off_resources(plan: Plan, why: str, *, author: Author, recorded: datetime) -> tuple[Draft, ...]:
    """The document and the message which say that the plan no longer holds, and why. Only what may be shared goes out.

    Each is left out where it has no room, or would reach nobody. As a draft it says so of no plan by name: the place that
    it gets among those before it does.
    """
    shared = plan.shareable()
    words = _words(why)
    names = Names(plan.tenant, plan.encounter.reference)
    line = reference_line(names.identifier(DOCUMENT_KEY))
    letterhead = Letterhead(line, is_plan=False, title=_OFF_TITLE)
    document = document_body(shared, words, author=author, recorded=recorded, letterhead=letterhead)
    reference = reference_line(names.identifier(MESSAGE_KEY))
    message = message_body(shared, words, author=author, recorded=recorded, reference=reference)
    titled = {"text": generated(_OFF_TITLE)}
    bodies = {
        DOCUMENT_KEY: document and document | titled | {"docStatus": "final", "description": _OFF_TITLE},
        MESSAGE_KEY: message and message | titled | {"topic": {"text": _OFF_TITLE}},
    }
    return tuple(
        named(names, key, body, plan, says=words, page=author.page) for key, body in bodies.items() if body
    )


def _words(why: str) -> str:
    ET.register_namespace("", systems.XHTML)
    div = ET.Element(f"{{{systems.XHTML}}}div")
    for line in (why, _LOOK):
        ET.SubElement(div, f"{{{systems.XHTML}}}p").text = clean(line)
    return ET.tostring(div, encoding="unicode")


def _with_sentence(part: Mapping[str, Any], sentence: str) -> Json | None:
    attachment = part["attachment"]
    insert = _INSERTS.get(str(attachment.get("contentType", "")).partition(";")[0])
    if insert is None or "data" not in attachment:
        return None
    text = insert(base64.b64decode(attachment["data"]).decode(), sentence).encode()
    told = {**attachment, "data": base64.b64encode(text).decode()}
    if "size" in attachment:
        told["size"] = len(text)
    return {**part, "attachment": told}


def _below_first_paragraph(text: str, sentence: str) -> str:
    first, _, rest = text.partition("\n\n")
    return "\n\n".join((first, wrapped(sentence), rest))


def _below_heading(page: str, sentence: str) -> str:
    paragraph = f"<p><b>{escape(sentence)}</b></p>"
    starts = [found.end() for mark in _PAGE_STARTS if (found := mark.search(page))]
    place = starts[0] if starts else 0
    return f"{page[:place]}{paragraph}{page[place:]}"


_INSERTS: Final[Mapping[str, Callable[[str, str], str]]] = {
    "text/plain": _below_first_paragraph,
    "text/html": _below_heading,
    "application/xhtml+xml": _below_heading,
}
