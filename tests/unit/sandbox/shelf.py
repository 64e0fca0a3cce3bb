"""A small FHIR server in memory, which takes everything: what stands behind a vendor's rules in tests of them."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from service.sandbox.asgi import App, Receive, Scope, Send, Told
from service.sandbox.mode import INSIDE
from service.sandbox.vendor import SWITCHES, Vendor
from service.sandbox.written.frame import Book
from tests.unit.sandbox.layers import ask

Json = dict[str, Any]
BASE = "http://ehr.example.org/fhir"


class Shelf:
    """Create, read, update with If-Match, search by patient, stay, category and id, pages by _count and _offset."""

    def __init__(self) -> None:
        self.held: dict[str, list[Json]] = {}
        self.queries: list[str] = []

    def put(self, resource: Json) -> None:
        """As the hospital's own side enters it."""
        name = f"{resource['resourceType']}/{resource['id']}"
        versions = self.held.setdefault(name, [])
        versions.append(
            {**resource, "meta": {"versionId": str(len(versions) + 1), **resource.get("meta", {})}}
        )

    def get(self, name: str) -> Json:
        """As it stands now; {} for nothing."""
        return self.held.get(name, [{}])[-1]

    def of_type(self, resource_type: str) -> list[Json]:
        """All of a type, oldest first."""
        return [versions[-1] for name, versions in self.held.items() if name.startswith(f"{resource_type}/")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = json.loads((await receive())["body"] or b"{}")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        path = scope["path"].removeprefix("/fhir").strip("/")
        self.queries.append(scope["query_string"].decode())
        query = parse_qsl(scope["query_string"].decode())
        status, told, resource = self._answer(scope["method"], path, query, headers, body)
        named = [(name.encode(), value.encode()) for name, value in told.items()]
        await send({"type": "http.response.start", "status": status, "headers": named})
        await send({"type": "http.response.body", "body": json.dumps(resource).encode() if resource else b""})

    def _answer(
        self, method: str, path: str, query: list[tuple[str, str]], headers: Mapping[str, str], body: Json
    ) -> tuple[int, dict[str, str], Json]:
        kind, _, logical_id = path.partition("/")
        if path == "auth/token":
            return 200, {}, {"access_token": "t", "scope": body["scope"]}
        if method == "POST":
            return self._create(kind, headers, body)
        if not logical_id:
            return 200, {}, self._search(kind, query)
        if path not in self.held:
            return 404, {}, {"resourceType": "OperationOutcome", "issue": []}
        if method == "GET":
            return 200, _version(self.get(path)), self.get(path)
        return self._change(path, headers, body)

    def _create(self, kind: str, headers: Mapping[str, str], body: Json) -> tuple[int, dict[str, str], Json]:
        there = self.of_type(kind)
        if headers.get("if-none-exist") and there:
            return 200, _version(there[0]), there[0]
        self.put({**body, "resourceType": kind, "id": f"made{len(self.held)}"})
        made = list(self.held.values())[-1][-1]
        return 201, {**_version(made), "location": f"{BASE}/{kind}/{made['id']}/_history/1"}, made

    def _change(self, path: str, headers: Mapping[str, str], body: Json) -> tuple[int, dict[str, str], Json]:
        version = _version(self.get(path))["etag"]
        if headers.get("if-match", version) != version:
            return 412, {}, {"resourceType": "OperationOutcome", "issue": []}
        kind, _, logical_id = path.partition("/")
        self.put({**body, "resourceType": kind, "id": logical_id, "meta": {}})
        return 200, _version(self.get(path)), self.get(path)

    def _search(self, kind: str, query: list[tuple[str, str]]) -> Json:
        asked = dict(query)
        found = [resource for resource in self.of_type(kind) if _matches(resource, asked)]
        count, offset = int(asked.get("_count", "20")), int(asked.get("_offset", "0"))
        entries = [
            {"fullUrl": f"{BASE}/{kind}/{resource['id']}", "resource": resource, "search": {"mode": "match"}}
            for resource in found[offset : offset + count]
        ]
        links = [{"relation": "self", "url": f"{BASE}/{kind}?{urlencode(query)}"}]
        return {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": len(found),
            "link": links,
            "entry": entries,
        }


def _version(resource: Json) -> dict[str, str]:
    return {"etag": f'W/"{resource["meta"]["versionId"]}"'}


def _matches(resource: Json, asked: Mapping[str, str]) -> bool:
    whose = resource.get("subject") or resource.get("patient") or {}
    stay = resource.get("encounter") or (resource.get("context", {}).get("encounter") or [{}])[0]
    categories = {
        coding.get("code") for concept in resource.get("category", []) for coding in concept.get("coding", [])
    }
    return (
        ("_id" not in asked or asked["_id"] == resource["id"])
        and ("patient" not in asked or whose.get("reference") == f"Patient/{asked['patient']}")
        and ("encounter" not in asked or stay.get("reference") == f"Encounter/{asked['encounter']}")
        and ("category" not in asked or asked["category"] in categories)
    )


class Playing:
    """A vendor's book in front of a shelf."""

    def __init__(self, vendor: str, book: Book) -> None:
        self.shelf = Shelf()
        self.layer: App = Vendor(self.shelf, vendor, book=book)

    def ask(
        self, method: str, address: str, body: Json | None = None, headers: Mapping[str, str] | None = None
    ) -> Told:
        """One request over the vendor's API."""
        sent = {"accept": "application/fhir+json", "host": "ehr.example.org", **(headers or {})}
        told = ask(self.layer, method, address, body, sent)
        assert told is not None
        return told

    def read(self, address: str) -> Json:
        """The resource, or the searchset, that a GET brings."""
        found: Json = json.loads(self.ask("GET", address).body or b"{}")
        return found

    def found(self, address: str) -> list[Json]:
        """The matches of a search."""
        entries = self.read(address).get("entry", [])
        return [
            entry["resource"] for entry in entries if entry["resource"]["resourceType"] != "OperationOutcome"
        ]

    def switch(self, **switches: Any) -> None:
        """Set what the hospital's own side sets."""
        assert ask(self.layer, "PUT", SWITCHES, switches, dict(INSIDE)) is not None
