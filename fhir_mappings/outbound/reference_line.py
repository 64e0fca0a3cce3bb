"""The line with which every text of ours ends: by it a person, or we, know which plan a text is where identifiers vanish.

The reference is derived from the draft's identifier, so that it says nothing of the patient and is the same each time.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from fhir_mappings.outbound.elements import Json
from service.domain.publication import Draft

#: Crockford's base 32: no letter that is taken for a digit or another letter when read aloud or typed.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 12
#: A server that turns a text into another format may break lines and set other spaces and hyphens.
_SPACE: Final = r"(?:\s|&nbsp;|&#160;)+"
_HYPHEN: Final = "[-\u2010\u2011\u2012\u2013]"
_GROUP: Final = f"[{_ALPHABET}]{{4}}"
_LINE: Final = re.compile(
    rf"Homeward{_SPACE}reference{_SPACE}({_GROUP}){_HYPHEN}({_GROUP}){_HYPHEN}({_GROUP})(?![0-9A-Za-z])"
)
_ENDING: Final = re.compile(rf"\s*{_LINE.pattern}")


def reference_of(identifier: str) -> str:
    """Return the reference of a draft's identifier, as "7H2K-9QXD-0M4T": 60 bits of its SHA-256."""
    number = int.from_bytes(hashlib.sha256(identifier.encode()).digest()) >> (256 - 5 * _LENGTH)
    letters = "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_LENGTH)))
    return "-".join(letters[start : start + 4] for start in range(0, _LENGTH, 4))


def reference_line(identifier: str) -> str:
    """Return the line for a text of the draft with this identifier."""
    return line_of(reference_of(identifier))


def line_of(reference: str) -> str:
    """Return the line with a reference."""
    return f"Homeward reference {reference}"


def references_in_text(text: str) -> frozenset[str]:
    """Return all references that stand in a text, however it was broken into lines."""
    return frozenset("-".join(found.groups()) for found in _LINE.finditer(text))


def without_reference(text: str) -> str:
    """Return the text without its lines of this kind, and the space before them."""
    return _ENDING.sub("", text)


def texts_of(resource: Json) -> Iterator[str]:
    """Yield the texts of a document, message or problem as far as they stand in it: attached data, payloads, notes."""
    for attachment in attachments_of(resource):
        text = _decoded(attachment)
        if text is not None:
            yield text
    for part in _objects(resource.get("payload")):
        if isinstance(part.get("contentString"), str):
            yield part["contentString"]
    for part in _objects(resource.get("note")):
        if isinstance(part.get("text"), str):
            yield part["text"]


def attachments_of(resource: Json) -> Iterator[Json]:
    """Yield the attachments of a document or message."""
    for part in _objects(resource.get("content")):
        if isinstance(part.get("attachment"), dict):
            yield part["attachment"]
    for part in _objects(resource.get("payload")):
        if isinstance(part.get("contentAttachment"), dict):
            yield part["contentAttachment"]


def restamped(draft: Draft) -> Draft:
    """Return the draft with its own reference wherever one stands in its texts, as after it was given another identifier."""
    own = reference_line(draft.identifier)
    return replace(draft, body=_restamped_body(draft.body, own))


def _restamped_body(body: Json, line: str) -> Json:
    changed = dict(body)
    if "content" in body:
        changed["content"] = [_restamped_part(part, "attachment", line) for part in body["content"]]
    if "payload" in body:
        changed["payload"] = [
            _restamped_part(_restamped_text(part, "contentString", line), "contentAttachment", line)
            for part in body["payload"]
        ]
    if "note" in body:
        changed["note"] = [_restamped_text(part, "text", line) for part in body["note"]]
    return changed


def _restamped_text(part: Json, name: str, line: str) -> Json:
    return {**part, name: _LINE.sub(line, part[name])} if isinstance(part.get(name), str) else part


def _restamped_part(part: Json, name: str, line: str) -> Json:
    text = _decoded(part.get(name, {}))
    if text is None:
        return part
    return {**part, name: with_text(part[name], _LINE.sub(line, text))}


def with_text(attachment: Json, text: str) -> Json:
    """Return an attachment of text with another text in it, and its size where it names one."""
    content = text.encode()
    size = {"size": len(content)} if "size" in attachment else {}
    return {**attachment, "data": base64.b64encode(content).decode(), **size}


def text_in(attachment: Json) -> str:
    """Return the text of an attachment, "" where it holds none that can be read."""
    return _decoded(attachment) or ""


def _decoded(attachment: Json) -> str | None:
    kind, data = str(attachment.get("contentType", "")), attachment.get("data")
    if not isinstance(data, str) or not (kind.startswith("text/") or "xml" in kind):
        return None
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _objects(value: Any) -> list[Json]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
