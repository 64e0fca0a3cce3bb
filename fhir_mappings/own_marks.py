"""The marks by which our resources are known in an EHR: an identifier in a system of ours, and one tag on all of them.

Earlier releases wrote the same values under FHIR's system of URIs, without the tag: those are found and kept.
"""

from collections.abc import Mapping
from typing import Any, Final

from fhir_mappings import systems

Json = dict[str, Any]

#: The system that we write stands first, then that of earlier releases.
_SYSTEMS: Final = (systems.OWN_IDENTIFIER, systems.URI_IDENTIFIER)
#: On every resource that we write: an administrator finds them all by `_tag`.
TAG: Final[Mapping[str, str]] = {
    "system": systems.OWN_TAG,
    "code": "homeward",
    "display": "Written by Homeward",
}


def own_identifier(value: str) -> Json:
    """Return the Identifier that a resource of ours carries; value is a urn:uuid."""
    return {"system": systems.OWN_IDENTIFIER, "value": value}


def own_coding(value: str) -> Json:
    """Return the same as a tag, for a type that has no identifier in R4."""
    return {"system": systems.OWN_IDENTIFIER, "code": value}


def with_tag(body: Json) -> Json:
    """Return the resource with our tag in its meta, after whatever tags it has."""
    meta = body.get("meta") or {}
    tags = [tag for tag in meta.get("tag", ()) if not is_own_tag(tag)]
    return body | {"meta": meta | {"tag": [*tags, dict(TAG)]}}


def with_source(body: Json, page: str) -> Json:
    """Return the resource with the page that it comes from in its meta; unchanged where there is no page."""
    return body | {"meta": (body.get("meta") or {}) | {"source": page}} if page else body


def is_own_tag(tag: Any) -> bool:
    """Tell whether a Coding is the tag on all that we write."""
    return isinstance(tag, Mapping) and (tag.get("system"), tag.get("code")) == (TAG["system"], TAG["code"])


def search_token(*values: str) -> str:
    """Return the search value that finds these, whichever release wrote them: "new|urn:uuid:…,old|urn:uuid:…"."""
    return ",".join(f"{system}|{value}" for value in values for system in _SYSTEMS)


def is_own_name(name: Any) -> bool:
    """Tell whether an Identifier, or a Coding in meta.tag, is in a system of ours, of this or an earlier release."""
    return isinstance(name, Mapping) and name.get("system") in _SYSTEMS


def own_value(token: str) -> str:
    """Return the value of "system|value" in a system of ours, "" for anything else."""
    system, _, value = token.rpartition("|")
    return value if system in _SYSTEMS else ""
