"""Where a stay or an order sends the patient, as it was written: every coding, the words, and Germany's extension."""

from collections.abc import Iterator, Mapping
from typing import Any

from fhir_mappings.inbound.codes import codes, codes_and_text, codes_or_text
from fhir_mappings.inbound.elements import Json, first, items, text
from service.domain.codes import Code

#: Basisprofil DE keeps the reason for the discharge (§ 301) in an extension of the disposition; its first part says where to.
_GERMAN = "entlassungsgrund"
_GERMAN_PLACE = "ersteundzweitestelle"


def read_disposition(resource: Mapping[str, Any]) -> tuple[Code, ...]:
    """All that an Encounter says of where its patient goes, in R4's and R5's element."""
    hospital = first(resource.get("hospitalization") or resource.get("admission"))
    said = hospital.get("dischargeDisposition")
    return (*read_place(said), *(code for concept in items(said) for code in _german(concept)))


def read_place(value: object) -> tuple[Code, ...]:
    """The codings of a concept, and its words beside them where no display says the same."""
    return codes_and_text(value) or codes_or_text(value)


def _german(concept: Json) -> Iterator[Code]:
    for extension in items(concept.get("extension")):
        if _GERMAN in text(extension.get("url")).lower():
            parts = items(extension.get("extension")) or [extension]
            for part in parts:
                yield from (
                    code for code in codes(part.get("valueCoding")) if _GERMAN_PLACE in code.system.lower()
                )
