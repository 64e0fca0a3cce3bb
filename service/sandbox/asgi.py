"""The few words of ASGI that the sandbox's layers share: whole bodies in, whole answers out."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from service.sandbox.mode import INSIDE

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_FHIR_JSON: Final = "application/fhir+json"
_FORM: Final = "x-www-form-urlencoded"
#: The path of the FHIR base.
BASE: Final = "/fhir"
_HOP: Final = frozenset({"content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, read whole: path is relative to the FHIR base ("" for the base itself), headers have small letters.

    query holds the parameters of the address and of a form.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    scope: Scope

    @property
    def inside(self) -> bool:
        """Whether the hospital's own side asks."""
        return all(self.headers.get(name.lower()) == value for name, value in INSIDE.items())

    def resource(self) -> dict[str, Any]:
        """The body as JSON, {} where it is none: the EHR itself will say what is wrong with it."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def with_header(self, name: str, value: str) -> "Asked":
        """The same with another value of a header; "" leaves it out."""
        headers = {key: text for key, text in self.headers.items() if key != name}
        return replace(self, headers={**headers, name: value} if value else headers)

    def with_body(self, resource: Mapping[str, Any]) -> "Asked":
        """The same with another body."""
        return replace(self, body=json.dumps(resource).encode())

    def moved(self, method: str, path: str, body: bytes = b"") -> "Asked":
        """Another request of the same client: path is relative to the FHIR base."""
        address = f"{BASE}/{path}"
        scope = {**self.scope, "method": method, "path": address, "raw_path": address.encode()}
        return replace(self, method=method, path=path, body=body, scope=scope)

    def with_query(self, query: Iterable[tuple[str, str]]) -> "Asked":
        """The same with other parameters, all of them in the address."""
        pairs = tuple(query)
        scope = {**self.scope, "query_string": urlencode(pairs).encode()}
        is_form = _FORM in self.headers.get("content-type", "")
        return replace(self, query=pairs, scope=scope, body=b"" if is_form else self.body)


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, whole."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def with_header(self, name: str, value: str) -> "Told":
        """The same with another value of a header."""
        others = tuple(pair for pair in self.headers if pair[0].lower() != name)
        return replace(self, headers=(*others, (name, value)))


async def read(scope: Scope, receive: Receive) -> Asked:
    """The whole request."""
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    body = b"".join(chunks)
    asked = [scope.get("query_string", b"")]
    if _FORM in headers.get("content-type", ""):
        asked.append(body)
    query = [pair for part in asked for pair in parse_qsl(part.decode(), keep_blank_values=True)]
    path = str(scope["path"]).removeprefix(BASE).strip("/")
    return Asked(scope["method"], path, tuple(query), headers, body, scope)


async def answer_of(app: App, asked: Asked) -> Told:
    """What an application answers, collected."""
    start: Message = {}
    chunks: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": asked.body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            chunks.append(message.get("body", b""))

    sized = {**asked.headers, "content-length": str(len(asked.body))}
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sized.items()]
    await app({**asked.scope, "headers": headers}, receive, send)
    told = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"])
    return Told(
        start["status"], tuple(pair for pair in told if pair[0].lower() not in _HOP), b"".join(chunks)
    )


async def tell(told: Told, send: Send) -> None:
    """Send an answer."""
    named = [*told.headers, ("content-length", str(len(told.body)))]
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in named]
    await send({"type": "http.response.start", "status": told.status, "headers": headers})
    await send({"type": "http.response.body", "body": told.body})


def fhir(resource: Mapping[str, Any], status: int = 200) -> Told:
    """A resource as an answer."""
    return Told(status, (("content-type", _FHIR_JSON),), json.dumps(resource).encode())


def outcome(code: str, text: str) -> dict[str, Any]:
    """An OperationOutcome with one error."""
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}
