"""Whether a body keeps to a vendor's written rules. Read from the rules alone, not from the code that shapes bodies for them."""

import base64
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from service.domain.write_shape import AuthorShape, WriteShape

Json = Mapping[str, Any]


def broken_rules(body: Json, shape: WriteShape) -> tuple[str, ...]:
    """Name the elements of a body that break a rule of its shape, in the order of the rules; none for a body that keeps to all."""
    return tuple(element for rule in _RULES for element in rule(body, shape))


def _elements(body: Json, shape: WriteShape) -> Iterator[str]:
    allowed = {path.split(".")[0] for path in shape.elements} | {"resourceType", "meta"}
    yield from (name for name in body if shape.elements and name not in allowed)
    yield from (path for path in sorted(shape.drop) if path in body)


def _fixed(body: Json, shape: WriteShape) -> Iterator[str]:
    yield from (name for name, value in shape.fixed.items() if body.get(name) != value)


def _categories(body: Json, shape: WriteShape) -> Iterator[str]:
    if not shape.categories:
        return
    codes = [part.get("code") for category in body.get("category", ()) for part in category.get("coding", ())]
    if len(codes) != 1 or codes[0] not in shape.categories:
        yield "category"


def _coded(body: Json, shape: WriteShape) -> Iterator[str]:
    if shape.coded and not body.get("code", {}).get("coding"):
        yield "code.coding"


def _attachments(body: Json, shape: WriteShape) -> Iterator[str]:
    if not shape.attachments:
        return
    name = "payload" if "payload" in body else "content"
    found = [part.get("attachment") or part.get("contentAttachment") for part in body.get(name, ())]
    if len(found) != 1 or not found[0] or not found[0].get("data"):
        yield name
    elif found[0].get("contentType") not in shape.attachments:
        yield f"{name}.contentType"
    elif "html" in found[0]["contentType"] and not _is_well_formed(found[0]["data"]):
        yield f"{name}.data"


def _is_well_formed(data: str) -> bool:
    try:
        # Our own words, made a moment ago.
        ET.fromstring(base64.b64decode(data))  # noqa: S314
    except (ET.ParseError, ValueError):
        return False
    return True


def _text(body: Json, shape: WriteShape) -> Iterator[str]:
    for part in (*body.get("content", ()), *body.get("payload", ())):
        attachment = part.get("attachment") or part.get("contentAttachment") or {}
        is_text = str(attachment.get("contentType", "")).startswith("text/plain")
        too_long = (
            len(base64.b64decode(attachment.get("data", "")).decode()) > shape.text_limit
            if is_text
            else False
        )
        if shape.text_limit and too_long:
            yield "content.data"


def _notes(body: Json, shape: WriteShape) -> Iterator[str]:
    notes = body.get("note", ())
    if shape.note_limit and (len(notes) > 1 or any(len(note["text"]) > shape.note_limit for note in notes)):
        yield "note"


def _people(body: Json, shape: WriteShape) -> Iterator[str]:
    named = body.get("author", [])
    authors = [part.get("reference", "") for part in (named if isinstance(named, list) else [named])]
    if shape.author is AuthorShape.NONE and authors:
        yield "author"
    if shape.author is AuthorShape.PRACTITIONER and not all(map(_is_practitioner, authors)):
        yield "author"
    if shape.sender and _type_of(body.get("sender", {})) not in shape.sender:
        yield "sender"
    recipients = {_type_of(part) for part in body.get("recipient", ())}
    if shape.recipients and (not recipients or recipients - shape.recipients):
        yield "recipient"


def _targets(body: Json, shape: WriteShape) -> Iterator[str]:
    if shape.one_target and len(body.get("target", ())) != 1:
        yield "target"


def _period(body: Json, shape: WriteShape) -> Iterator[str]:
    if shape.period_end and "T" not in str(body.get("context", {}).get("period", {}).get("end", "")):
        yield "context.period.end"


def _is_practitioner(reference: str) -> bool:
    return reference.startswith("Practitioner/")


def _type_of(reference: Json) -> str:
    return str(reference.get("reference", "")).partition("/")[0]


_RULES: Final[tuple[Callable[[Json, WriteShape], Iterator[str]], ...]] = (
    _elements,
    _fixed,
    _categories,
    _coded,
    _attachments,
    _text,
    _notes,
    _people,
    _targets,
    _period,
)
