"""A book of written rules: what is refused, what is changed on the way in, and how answers are told.

Each entry is a pure function over one question. `Book.without` takes an entry out, so that a test can show that nothing
else enforces it.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from service.sandbox.asgi import Asked, Told, fhir

Json = dict[str, Any]

#: For entries that are about every resource type, or every interaction.
ANY: Final[frozenset[str]] = frozenset()
#: What an interaction asks of one resource that is there.
ABOUT_ONE: Final = frozenset({"read", "update", "patch", "delete"})
WRITES: Final = frozenset({"create", "update", "patch", "delete"})
READS: Final = frozenset({"read", "search-type"})
BUNDLES: Final = frozenset({"batch", "transaction"})
_BY_ID: Final = {"GET": "read", "HEAD": "read", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_BY_TYPE: Final = {"GET": "search-type", "HEAD": "search-type", "POST": "create"}
_SUCCESS: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Question:
    """One request as the rules see it.

    listed is the vendor's statement by resource type; switches is what the hospital's own side has set (PUT sandbox/switches);
    found holds what entries asked for, by reference ("Encounter/e1") or search ("Task?patient=7"), and nothing for what is not
    there. number counts the requests that this vendor got, at is when it came, in seconds since 1970; body is what was sent, {}
    for nothing.
    """

    asked: Asked
    listed: Mapping[str, Mapping[str, Any]]
    body: Json = field(default_factory=dict)
    number: int = 0
    switches: Mapping[str, Any] = field(default_factory=dict)
    found: Mapping[str, Json] = field(default_factory=dict)
    at: float = 0.0

    @property
    def resource_type(self) -> str:
        """The type that the address names; "" for the base itself."""
        return self.asked.path.partition("/")[0]

    @property
    def logical_id(self) -> str:
        """The id that the address names, "" for none."""
        return self.asked.path.partition("/")[2].partition("/")[0] if self.interaction in ABOUT_ONE else ""

    @property
    def interaction(self) -> str:
        """The FHIR name of what is asked, "batch" or "transaction" for a Bundle; "" where FHIR has no such."""
        _, _, rest = self.asked.path.partition("/")
        if not self.asked.path:
            kind = str(self.body.get("type", ""))
            return kind if self.asked.method == "POST" and kind in BUNDLES else ""
        if rest == "_search":
            return "search-type"
        return (_BY_ID if rest else _BY_TYPE).get(self.asked.method, "")

    @property
    def stored(self) -> Json:
        """The resource that the address names as it stands now; {} where a rule did not ask for it or it is not there."""
        return self.found.get(f"{self.resource_type}/{self.logical_id}", {})

    @property
    def names(self) -> frozenset[str]:
        """The search parameters of the question, without their modifiers."""
        return frozenset(name.partition(":")[0] for name, _ in self.asked.query)

    def with_asked(self, asked: Asked) -> "Question":
        """The same about a request that was changed."""
        return replace(self, asked=asked, body=asked.resource())

    def found_by(self, search: str) -> list[Json]:
        """The resources that a search found for an entry that looked."""
        return [entry["resource"] for entry in self.found.get(search, {}).get("entry", [])]

    def values(self, name: str) -> tuple[str, ...]:
        """All values of a search parameter, with whatever modifier."""
        return tuple(value for key, value in self.asked.query if key.partition(":")[0] == name)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not done: HTTP status, FHIR issue code, a sentence; coding is the vendor's own code.

    A silent one has no body at all; a plain one is a text, as gateways answer.
    """

    status: int
    code: str
    text: str
    coding: Mapping[str, str] = field(default_factory=dict)
    severity: str = "error"
    silent: bool = False
    plain: bool = False

    def outcome(self) -> Json:
        """As an OperationOutcome."""
        details: Json = {"details": {"coding": [dict(self.coding)], "text": self.text}} if self.coding else {}
        issue = {"severity": self.severity, "code": self.code, **details, "diagnostics": self.text}
        return {"resourceType": "OperationOutcome", "issue": [issue]}

    def told(self) -> Told:
        """As an answer of its own."""
        if self.plain:
            return Told(self.status, (("content-type", "text/plain"),), self.text.encode())
        return Told(self.status) if self.silent else fhir(self.outcome(), self.status)


def _look_nowhere(_: Question) -> Iterable[str]:
    return ()


def look_at_itself(question: Question) -> Iterable[str]:
    """The resource that the address names."""
    return (f"{question.resource_type}/{question.logical_id}",) if question.logical_id else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """row is its number in the table of docs/sandbox.md, 0 for what follows from the statement; name is its own in the book.

    about says it in a sentence, which names elements and never a value. types and interactions: ANY for all. looks names what
    the entry wants to know of the EHR (`Question.found`): a resource ("Encounter/e1") or a search ("Task?patient=7").
    """

    row: int
    name: str
    about: str
    types: frozenset[str] = ANY
    interactions: frozenset[str] = ANY
    looks: Callable[[Question], Iterable[str]] = _look_nowhere

    def is_for(self, question: Question) -> bool:
        """Whether a question is one that this entry is about."""
        return (not self.types or question.resource_type in self.types) and (
            not self.interactions or question.interaction in self.interactions
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Entry):
    """Something that the vendor refuses."""

    refuses: Callable[[Question], bool]
    status: int
    code: str = "business-rule"
    coding: Mapping[str, str] = field(default_factory=dict)
    severity: str = "error"
    silent: bool = False
    plain: bool = False

    def refusal(self) -> Refusal:
        """What is answered."""
        return Refusal(
            self.status, self.code, self.about, self.coding, self.severity, self.silent, self.plain
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening(Entry):
    """Something that a request means before any rule sees it, as an opaque link to a page means the search it came from."""

    open: Callable[[Asked], Asked]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Entry):
    """Something that becomes of a request before it is done: the EHR behind is asked what `change` returns."""

    change: Callable[[Question], Asked]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retelling(Entry):
    """Something that becomes of an answer. The question is the one that was asked, opened and not changed."""

    retell: Callable[[Question, Told], Told]


@dataclass(frozen=True, slots=True)
class Book:
    """A vendor's rules in the order in which they are met."""

    entries: tuple[Entry, ...]

    def without(self, name: str) -> "Book":
        """The same with one entry less; KeyError where there is none of that name."""
        left = tuple(entry for entry in self.entries if entry.name != name)
        if len(left) != len(self.entries) - 1:
            raise KeyError(name)
        return replace(self, entries=left)

    def opened(self, asked: Asked) -> Asked:
        """What a request means."""
        for entry in self.entries:
            if isinstance(entry, Opening):
                asked = entry.open(asked)
        return asked

    def looked_up(self, question: Question) -> tuple[str, ...]:
        """The stored resources that the entries about a question want to know, each once."""
        about = [entry for entry in self.entries if entry.is_for(question)]
        return tuple(dict.fromkeys(reference for entry in about for reference in entry.looks(question)))

    def refusal(self, question: Question) -> Refusal | None:
        """Why this is not done, by the first rule that says so; None when it is."""
        rules = [entry for entry in self.entries if isinstance(entry, Rule) and entry.is_for(question)]
        return next((rule.refusal() for rule in rules if rule.refuses(question)), None)

    def changed(self, question: Question) -> Asked:
        """What the EHR behind is asked."""
        for entry in self.entries:
            if isinstance(entry, Change) and entry.is_for(question):
                question = question.with_asked(entry.change(question))
        return question.asked

    def retold(self, question: Question, told: Told) -> Told:
        """What is answered."""
        for entry in self.entries:
            if isinstance(entry, Retelling) and entry.is_for(question):
                told = entry.retell(question, told)
        return told


def resource_of(told: Told) -> Json:
    """The resource in a successful answer; {} where there is none."""
    if told.status not in _SUCCESS or not told.body:
        return {}
    found = json.loads(told.body)
    return found if isinstance(found, dict) else {}


def with_resource(told: Told, resource: Mapping[str, Any]) -> Told:
    """The same answer with another body."""
    return replace(told, body=json.dumps(resource).encode())


def header_of(told: Told, name: str) -> str:
    """A header's value, "" for none."""
    return next((value for key, value in told.headers if key.lower() == name.lower()), "")


def without_header(told: Told, name: str) -> Told:
    """The same answer without a header."""
    return replace(told, headers=tuple(pair for pair in told.headers if pair[0].lower() != name.lower()))


def each_resource(told: Told, change: Callable[[Json], Json]) -> Told:
    """The answer with every resource in it changed: the one that was read, or the matches of a searchset."""
    answer = resource_of(told)
    if not answer:
        return told
    if answer.get("resourceType") != "Bundle":
        return with_resource(told, change(answer))
    entries = [
        {**entry, "resource": change(entry["resource"])} if _is_found(entry) else entry
        for entry in answer.get("entry", [])
    ]
    return with_resource(told, {**answer, "entry": entries} if entries else answer)


def _is_found(entry: Mapping[str, Any]) -> bool:
    return entry.get("resource", {}).get("resourceType") not in {None, "OperationOutcome"}
