"""References between resources: read, compared, replaced."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
#: FHIR allows them as ids; in a URL they lead elsewhere.
_STEPS: Final = frozenset({".", ".."})


def reference_of(resource: Mapping[str, Any]) -> str:
    """A resource's own "Type/id", "" without id."""
    kind, identity = resource.get("resourceType"), resource.get("id")
    return f"{kind}/{identity}" if kind and identity else ""


def is_id(text: str) -> bool:
    """Whether this can be the id of a resource that is asked for by URL."""
    return _ID.fullmatch(text) is not None and text not in _STEPS


def is_encounter(reference: str) -> bool:
    """Whether this is the literal reference of an Encounter that can be asked for."""
    kind, _, identity = reference.partition("/")
    return kind == "Encounter" and is_id(identity)


def own_reference(resource: Mapping[str, Any]) -> str:
    """The "Type/id" of a resource that a stranger sent, "" where its id is none that FHIR allows."""
    identity = resource.get("id")
    return reference_of(resource) if isinstance(identity, str) and is_id(identity) else ""


def version_of(resource: Mapping[str, Any]) -> str:
    """The ETag that a resource's own meta.versionId stands for, "" without one."""
    meta = resource.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return f'W/"{version}"' if version else ""


def etag_of(version: str) -> str:
    """An ETag as it goes into If-Match; some servers give the bare version ("1") in a Bundle's answer."""
    return f'W/"{version}"' if version and not version.endswith('"') else version


def literal(url: str) -> str:
    """The "Type/id" with which a URL ends, query and history left off; "" if there is none."""
    parts = [part for part in url.partition("?")[0].partition("/_history")[0].split("/") if part]
    if len(parts) < 2 or not parts[-2][:1].isupper():  # noqa: PLR2004  type and id
        return ""
    return f"{parts[-2]}/{parts[-1]}"


def resolved(value: Any, references: Mapping[str, str]) -> Any:
    """The same JSON with every reference found in the map ("urn:uuid:…" → "Goal/7") replaced."""
    return with_references(value, lambda reference: references.get(reference, reference))


def references_in(value: Any) -> Iterator[str]:
    """Every literal reference in a JSON value."""
    if isinstance(value, dict):
        if isinstance(reference := value.get("reference"), str):
            yield reference
        for part in value.values():
            yield from references_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from references_in(part)


def with_references(value: Any, change: Callable[[str], str]) -> Any:
    """The same JSON with every literal reference changed."""
    if isinstance(value, dict):
        return {
            name: change(part)
            if name == "reference" and isinstance(part, str)
            else with_references(part, change)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [with_references(part, change) for part in value]
    return value
