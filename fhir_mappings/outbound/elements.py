"""Small pieces of FHIR JSON, written one way everywhere."""

import re
from collections.abc import Iterable
from typing import Any, Final

from fhir_mappings import systems
from fhir_mappings.outbound.references import type_of
from service.domain.codes import Code
from service.domain.content_origin import ContentOrigin
from service.domain.evidence import Evidence
from service.domain.need import Need
from service.domain.protocol import ProtocolRef

Json = dict[str, Any]

#: Characters that neither FHIR's string nor XML may hold; records contain them.
_UNWRITABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")


_EMPTY: Final[tuple[object, ...]] = ("", [], {}, None)


def clean(text: str) -> str:
    """The text with every unwritable character as a space, without space around it."""
    # Whatever can be printed can be written; nearly every text is, and is looked at no further.
    return (text if text.isprintable() else _UNWRITABLE.sub(" ", text)).strip()


def coding(system: str, code: str, display: str = "") -> Json:
    """One Coding by its URL."""
    return {"system": system, "code": code, "display": display}


def concept(text: str = "", code: Code | None = None) -> Json:
    """A CodeableConcept of a text and, where its system has a URL, a code."""
    url = system_url(code.system) if code else ""
    known = [coding(url, code.code, code.display)] if code and url else []
    return {"coding": known, "text": text}


def system_url(system: str) -> str:
    """The URL we write for a code system, "" for one without."""
    return systems.URLS.get(system, system if system.startswith(("http://", "https://", "urn:")) else "")


def references(literals: Iterable[str]) -> list[Json]:
    """References in their order, each once."""
    return [{"reference": literal} for literal in dict.fromkeys(literals)]


def evidence_references(evidence: Iterable[Evidence], *types: str) -> list[Json]:
    """References to the evidence that is a resource of one of these types."""
    return references(item.reference for item in evidence if type_of(item.reference) in types)


def supporting_references(evidence: Iterable[Evidence], *told: str) -> list[Json]:
    """References to the evidence that no other element names: told are the types it does; the patient is the subject."""
    elsewhere = ("", "Patient", *told)
    return references(item.reference for item in evidence if type_of(item.reference) not in elsewhere)


def evidence_of(needs: Iterable[Need], *codes: str) -> list[Evidence]:
    """The evidence of the needs with these codes."""
    return [item for need in needs if need.code in codes for item in need.evidence]


def protocol_text(protocol: ProtocolRef) -> str:
    """The protocol as people read it."""
    return f"protocol {protocol.id} {protocol.version}"


def review_phrase(origin: ContentOrigin | None) -> str:
    """How much of the content behind a plan waits for review, the same for every plan by it; "" where nothing does."""
    if origin is None or not origin.pending:
        return ""
    return f"{origin.pending} of its {origin.protocols} protocols wait for clinical review"


def tidy(value: Any) -> Any:
    """The same JSON with every text clean and without what FHIR does not allow: empty text, list or object, null."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [part for part in map(tidy, value) if part not in _EMPTY]
    if isinstance(value, dict):
        parts = {name: tidy(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part not in _EMPTY}
    return value
