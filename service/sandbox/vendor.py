"""A vendor's rules in front of the sandbox EHR: what its CapabilityStatement does not list is not done.

Beyond the statement only what both vendors document: what a search must carry, which Bundles are taken, what is refused
in a body, and that a condition on a create is overlooked, so that a POST sent twice makes two resources.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from service.sandbox.asgi import App, Asked, Receive, Scope, Send, Told, answer_of, fhir, outcome, read, tell
from service.sandbox.habits import HABITS
from service.sandbox.mode import statement

#: Asked of no resource type in particular; _offset is how the EHR's own next links page.
_ALWAYS: Final = frozenset({"_format", "_pretty", "_offset", "_include", "_revinclude"})
_BY_ID: Final = {"GET": "read", "HEAD": "read", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_BY_TYPE: Final = {"GET": "search-type", "HEAD": "search-type", "POST": "create"}
_READS: Final = frozenset({"read", "search-type"})
_OK: Final = 200
_NOT_FOUND, _BAD_REQUEST, _UNPROCESSABLE, _NOT_ALLOWED = 404, 400, 422, 405
_STATUS_TEXT: Final = {
    400: "400 Bad Request",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    422: "422 Unprocessable Entity",
}


@dataclass(frozen=True, slots=True)
class House:
    """What a vendor does beside its statement.

    refusal is the status for an interaction that is not listed; needed are parameters without which a search of a type
    is refused; reads_in_batch says that a batch of reads is taken; plain_documents that a DocumentReference has one
    attachment and nobody but practitioners as authors.
    """

    refusal: int
    needed: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    reads_in_batch: bool = False
    modifier_extensions: bool = True
    plain_documents: bool = False

    @property
    def attachments(self) -> frozenset[str]:
        """How a plan's document is to be readable there."""
        return frozenset({"text/html"} if self.plain_documents else {"text/html", "text/plain"})


HOUSES: Final[Mapping[str, House]] = {
    "epic-like": House(
        _NOT_ALLOWED,
        # The documentation of the parameters in its statement; what only refines a search, or filters what another
        # parameter has found, is taken as the worse case: alone it is refused.
        needed={
            "CarePlan": frozenset({"category"}),
            "ServiceRequest": frozenset({"patient"}),
            "DocumentReference": frozenset({"patient"}),
            "Communication": frozenset({"patient"}),
            "Condition": frozenset({"patient"}),
        },
    ),
    "oracle-like": House(
        403,
        # The documentation of the parameters in its statement.
        needed={
            "Appointment": frozenset({"date"}),
            "Communication": frozenset({"category", "received", "recipient", "-email-status"}),
            "ServiceRequest": frozenset({"patient"}),
        },
        reads_in_batch=True,
        modifier_extensions=False,
        plain_documents=True,
    ),
    # No status of a refusal is documented for these two.
    "meditech-like": House(_NOT_ALLOWED),
    "athena-like": House(_NOT_ALLOWED),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not done: HTTP status, FHIR issue code, a sentence."""

    status: int
    code: str
    text: str

    def told(self) -> Told:
        """As an answer of its own."""
        return fhir(outcome(self.code, self.text), self.status)

    def entry(self) -> dict[str, Any]:
        """As an entry of a batch-response."""
        response = {"status": _STATUS_TEXT[self.status], "outcome": outcome(self.code, self.text)}
        return {"response": response}


class Rules:
    """A statement and a house, asked about one request at a time."""

    def __init__(self, listed: Mapping[str, Any], house: House) -> None:
        self.house = house
        self._types: dict[str, Mapping[str, Any]] = {
            one["type"]: one for one in listed["rest"][0]["resource"]
        }

    def refusal(
        self, method: str, path: str, query: Sequence[tuple[str, str]], body: Mapping[str, Any]
    ) -> Refusal | None:
        """Why this is not done; None when it is."""
        kind, _, rest = path.partition("/")
        if kind not in self._types:
            return Refusal(_NOT_FOUND, "not-supported", "There is no such resource here.")
        interaction = _interaction(method, rest)
        if interaction not in {one["code"] for one in self._types[kind]["interaction"]}:
            return Refusal(self.house.refusal, "not-supported", f"{kind} offers no {interaction or method}.")
        if interaction == "search-type":
            return self._of_search(kind, query)
        return self._of_body(body)

    def _of_search(self, kind: str, query: Sequence[tuple[str, str]]) -> Refusal | None:
        listed = {one["name"] for one in self._types[kind].get("searchParam", [])} | _ALWAYS
        names = [name.partition(":")[0] for name, _ in query]
        unknown = sorted({name for name in names if name not in listed})
        missing = sorted(self.house.needed.get(kind, frozenset()) - set(names))
        if unknown:
            return Refusal(
                _BAD_REQUEST, "not-supported", f"{kind} cannot be searched by {', '.join(unknown)}."
            )
        if missing and "_id" not in names:
            return Refusal(_BAD_REQUEST, "required", f"A search for {kind} must carry {', '.join(missing)}.")
        return self._of_includes(kind, query)

    def _of_includes(self, kind: str, query: Sequence[tuple[str, str]]) -> Refusal | None:
        taken = set(self._types[kind].get("searchInclude", []))
        for name, value in query:
            if name.startswith(("_include", "_revinclude")) and not taken & {"*", value}:
                return Refusal(_BAD_REQUEST, "not-supported", f"{kind} brings nothing along.")
        return None

    def _of_body(self, body: Mapping[str, Any]) -> Refusal | None:
        if not self.house.modifier_extensions and _has_modifier(body):
            return Refusal(_UNPROCESSABLE, "business-rule", "Modifier extensions are not taken.")
        if self.house.plain_documents and not _is_plain(body):
            return Refusal(_UNPROCESSABLE, "business-rule", "One attachment, and practitioners as authors.")
        return None


class Vendor:
    """The ASGI layer: what the rules refuse never reaches the EHR behind it."""

    def __init__(self, app: App, vendor: str) -> None:
        self._app = app
        self._statement = statement(vendor)
        self._rules = Rules(self._statement, HOUSES[vendor])
        self._habits = HABITS[vendor]
        self._answers = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or have it answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = await read(scope, receive)
        await tell(await self._told(asked), send)

    async def _told(self, asked: Asked) -> Told:
        if asked.inside or asked.path.startswith("."):
            return await answer_of(self._app, asked)
        if asked.path == "metadata":
            return fhir(self._statement)
        if not asked.path:
            return await self._of_bundle(asked)
        refusal = self._rules.refusal(asked.method, asked.path, asked.query, asked.resource())
        if refusal:
            return refusal.told()
        told = await answer_of(self._app, asked.with_header("if-none-exist", ""))
        return (
            self._spelled(told)
            if _interaction(asked.method, asked.path.partition("/")[2]) in _READS
            else told
        )

    def _spelled(self, told: Told) -> Told:
        """What the EHR answered, as this vendor writes it."""
        if told.status != _OK or not told.body:
            return told
        self._answers += 1
        return replace(
            told,
            body=json.dumps(self._habits.spell_answer(json.loads(told.body), number=self._answers)).encode(),
        )

    async def _of_bundle(self, asked: Asked) -> Told:
        bundle = asked.resource()
        if asked.method != "POST" or not self._rules.house.reads_in_batch:
            return Refusal(_NOT_ALLOWED, "not-supported", "Bundles are not taken.").told()
        if bundle.get("type") != "batch":
            return Refusal(_UNPROCESSABLE, "not-supported", "Transactions are not taken.").told()
        entries = bundle.get("entry", [])
        if any(_writes(entry) for entry in entries):
            return Refusal(_UNPROCESSABLE, "processing", "A batch may only read.").told()
        refusals = [self._of_entry(entry) for entry in entries]
        taken = [entry for entry, refusal in zip(entries, refusals, strict=True) if not refusal]
        told = await answer_of(self._app, asked.with_body({**bundle, "entry": taken}))
        return _joined(self._spelled(told), refusals)

    def _of_entry(self, entry: Mapping[str, Any]) -> Refusal | None:
        request = entry.get("request", {})
        address = urlsplit(str(request.get("url", "")))
        return self._rules.refusal("GET", address.path, parse_qsl(address.query), {})


def _writes(entry: Mapping[str, Any]) -> bool:
    return str(entry.get("request", {}).get("method", "")) != "GET"


def _interaction(method: str, rest: str) -> str:
    """The FHIR name of what is asked of a type ("" for what is none); rest is the path behind the type."""
    if rest == "_search":
        return "search-type"
    return (_BY_ID if rest else _BY_TYPE).get(method, "")


def _is_plain(body: Mapping[str, Any]) -> bool:
    people = all(str(one.get("reference", "")).startswith("Practitioner/") for one in body.get("author", []))
    return body.get("resourceType") != "DocumentReference" or (len(body.get("content", [])) == 1 and people)


def _has_modifier(value: Any) -> bool:
    if isinstance(value, dict):
        return "modifierExtension" in value or any(map(_has_modifier, value.values()))
    return isinstance(value, list) and any(map(_has_modifier, value))


def _joined(told: Told, refusals: Sequence[Refusal | None]) -> Told:
    """The EHR's answers and the refusals in the order of the questions."""
    if told.status != _OK:
        return told
    bundle = json.loads(told.body)
    answers = iter(bundle["entry"])
    entries = [refusal.entry() if refusal else next(answers) for refusal in refusals]
    return replace(told, body=fhir({**bundle, "entry": entries}).body)
