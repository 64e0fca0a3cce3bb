"""Bundles as Homeward sends and reads them: batches of searches, searchsets, transactions of drafts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fhir_mappings.own_marks import search_token
from fhir_mappings.references import etag_of, literal, reference_of
from service.domain.publication import Draft


@dataclass(frozen=True, slots=True)
class Search:
    """One question to the EHR: the resources of a type that match all parameters, or the one named by id."""

    resource_type: str
    parameters: tuple[tuple[str, str], ...] = ()
    id: str = ""

    @property
    def url(self) -> str:
        """Relative to the FHIR base: "Condition?patient=7" or "Patient/7"."""
        if self.id:
            return f"{self.resource_type}/{self.id}"
        return f"{self.resource_type}?{urlencode(self.parameters)}"


@dataclass(frozen=True, slots=True)
class Reply:
    """One entry of a batch-response or transaction-response: status 0 where the server gives none."""

    status: int
    resource: dict[str, Any] | None = None
    location: str = ""
    etag: str = ""
    outcome: dict[str, Any] | None = None

    @property
    def ok(self) -> bool:
        """Whether this entry was done."""
        return 200 <= self.status < 300  # noqa: PLR2004  the HTTP class of success

    @property
    def reference(self) -> str:
        """What was written, "Type/id": from the location or, without one, from the resource; "" if neither."""
        return literal(self.location) or reference_of(self.resource or {})


@dataclass(frozen=True, slots=True)
class Update:
    """A whole resource to be put back under the version it was read with; etag "" where the server has none."""

    key: str
    reference: str
    body: dict[str, Any]
    etag: str


def finder(draft: Draft) -> tuple[str, str]:
    """The search parameter and value by which one of ours is found again: identifier, or _tag where a type has none.

    The value is a list of two: one that an earlier release wrote is found as well.

    ("", "") for a draft that carries neither.
    """
    token = search_token(draft.identifier)
    if draft.body.get("identifier"):
        return "identifier", token
    return ("_tag", token) if carries(draft.body, draft.identifier) else ("", "")


def carries(resource: Mapping[str, Any], identifier: str) -> bool:
    """Whether a resource has one of our identifiers, among its identifiers or its tags."""
    meta = resource.get("meta")
    tags = _listed(meta.get("tag")) if isinstance(meta, dict) else []
    return any(item.get("value") == identifier for item in _listed(resource.get("identifier"))) or any(
        tag.get("code") == identifier for tag in tags
    )


def if_none_exist(draft: Draft) -> str:
    """The condition under which a draft is created: "identifier=SYSTEM|urn:uuid:…,…", unescaped."""
    name, value = finder(draft)
    return f"{name}={value}" if name else ""


def search_batch(searches: Sequence[Search]) -> dict[str, Any]:
    """A batch Bundle that asks all at once."""
    return _bundle("batch", [{"request": {"method": "GET", "url": search.url}} for search in searches])


def transaction_bundle(
    drafts: Sequence[Draft],
    updates: Sequence[Update] = (),
    *,
    condition: Callable[[Draft], str] = if_none_exist,
    base: str = "",
) -> dict[str, Any]:
    """Creates, each only where it is not there yet, then updates, each only of the version that was read.

    condition gives the search that finds a draft ("" to create it unconditionally), for servers that take fewer; base
    is the server's FHIR base URL, with which updates name themselves in full, as a strict server demands.
    """
    return _bundle("transaction", _entries(drafts, updates, condition, base))


def write_batch(
    drafts: Sequence[Draft],
    updates: Sequence[Update] = (),
    *,
    condition: Callable[[Draft], str] = if_none_exist,
    base: str = "",
) -> dict[str, Any]:
    """The same, each entry by itself, so with references resolved beforehand."""
    return _bundle("batch", _entries(drafts, updates, condition, base))


def responses(bundle: Mapping[str, Any]) -> list[Reply]:
    """The entries' answers, in the order of the request."""
    return [_reply(entry) for entry in _listed(bundle.get("entry"))]


def resources_in(bundle: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The matches of a searchset: without its OperationOutcomes and without what is not a resource."""
    return [
        entry["resource"]
        for entry in _listed(bundle.get("entry"))
        if isinstance(entry.get("resource"), dict)
        and entry["resource"].get("resourceType") != "OperationOutcome"
    ]


def link(bundle: Mapping[str, Any], relation: str) -> str:
    """The URL of a link ("self", "next"), "" without one."""
    found = (part.get("url") for part in _listed(bundle.get("link")) if part.get("relation") == relation)
    return next((url for url in found if isinstance(url, str)), "")


def _entries(
    drafts: Sequence[Draft], updates: Sequence[Update], condition: Callable[[Draft], str], base: str
) -> list[dict[str, Any]]:
    creates = [_create(draft, condition(draft)) for draft in drafts]
    return creates + [_put(update, base) for update in updates]


def _create(draft: Draft, condition: str) -> dict[str, Any]:
    request = {"method": "POST", "url": draft.resource_type}
    if condition:
        request["ifNoneExist"] = condition
    return {"fullUrl": draft.full_url, "resource": draft.body, "request": request}


def _put(update: Update, base: str) -> dict[str, Any]:
    request = {"method": "PUT", "url": update.reference}
    if update.etag:
        request["ifMatch"] = update.etag
    name = {"fullUrl": f"{base}/{update.reference}"} if base else {}
    return {**name, "resource": update.body, "request": request}


def _bundle(kind: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def _reply(entry: Mapping[str, Any]) -> Reply:
    response = entry.get("response")
    response = response if isinstance(response, dict) else {}
    resource, outcome = entry.get("resource"), response.get("outcome")
    return Reply(
        status=_status(response.get("status")),
        resource=resource if isinstance(resource, dict) else None,
        location=str(response.get("location") or ""),
        etag=etag_of(str(response.get("etag") or "")),
        outcome=outcome if isinstance(outcome, dict) else None,
    )


def _status(text: object) -> int:
    """The number in "201 Created"; 0 when there is none."""
    number = str(text or "")[:3]
    return int(number) if number.isdigit() else 0


def _listed(value: Any) -> list[dict[str, Any]]:
    """A JSON list's objects; anything else in its place is an empty list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
