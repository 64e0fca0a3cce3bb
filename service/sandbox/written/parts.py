"""Entries that several vendors share: what is kept of a body, how a create is answered, how versions are spelled."""

from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from service.sandbox.asgi import BASE, Asked, Told
from service.sandbox.written.frame import (
    ANY,
    WRITES,
    Change,
    Json,
    Question,
    Retelling,
    Rule,
    header_of,
    resource_of,
    without_header,
)

_CREATE: Final = frozenset({"create"})
_SEARCH: Final = frozenset({"search-type"})
_CREATED: Final = 201
_ALWAYS_KEPT: Final = ("resourceType", "id")


def require_parameters(row: int, needed: Mapping[str, Iterable[str]], *, status: int = 400) -> Rule:
    """A search of these types without all of their parameters is refused; `_id` alone is always enough."""
    wanted = {kind: frozenset(names) for kind, names in needed.items()}
    return Rule(
        row=row,
        name="required parameters",
        about="The search lacks a parameter that it must carry.",
        types=frozenset(wanted),
        interactions=_SEARCH,
        refuses=lambda question: (
            "_id" not in question.names and not wanted[question.resource_type] <= question.names
        ),
        status=status,
        code="required",
    )


def ignore_conditions(row: int) -> Change:
    """If-None-Exist is overlooked: a POST sent twice makes two resources."""
    return Change(
        row=row,
        name="conditional create",
        about="A condition on a create is overlooked.",
        interactions=_CREATE,
        change=lambda question: question.asked.with_header("if-none-exist", ""),
    )


def keep_elements(row: int, kept: Mapping[str, Iterable[str]], *, fixed: Iterable[str] = ()) -> Change:
    """Of a body of these types nothing is stored but these elements (dotted paths); the rest vanishes without a word.

    fixed names elements at the top that are kept of every type.
    """
    paths = {kind: (*_ALWAYS_KEPT, *fixed, *names) for kind, names in kept.items()}
    return Change(
        row=row,
        name="elements kept",
        about="Elements that are not supported are ignored: they are accepted and not stored.",
        types=frozenset(kept),
        interactions=frozenset({"create", "update"}),
        change=lambda question: question.asked.with_body(
            only_elements(question.body, paths[question.resource_type])
        ),
    )


def only_elements(resource: Mapping[str, Any], paths: Iterable[str]) -> Json:
    """A resource with nothing but these elements; "content.attachment" keeps all of what stands below it."""
    below: dict[str, list[str]] = {}
    for path in paths:
        name, _, rest = path.partition(".")
        below.setdefault(name, []).append(rest)
    return {name: _kept(value, below[name]) for name, value in resource.items() if name in below}


def _kept(value: Any, paths: list[str]) -> Any:
    if "" in paths:
        return value
    if isinstance(value, list):
        return [_kept(part, paths) for part in value]
    return only_elements(value, paths) if isinstance(value, dict) else value


def answer_creates(
    row: int, *, body: bool = False, location: Literal["absolute", "relative"] = "absolute"
) -> Retelling:
    """A create is answered 201 with a Location and, unless asked for by Prefer where body allows it, without a body."""

    def retell(question: Question, told: Told) -> Told:
        if told.status != _CREATED:
            return told
        wanted = body and "return=representation" in question.asked.headers.get("prefer", "")
        address = header_of(told, "location").partition("/_history/")[0]
        if location == "relative":
            address = "/".join(address.rsplit("/", 2)[-2:])
        answered = told.with_header("location", address)
        return answered if wanted else replace(answered, body=b"")

    return Retelling(
        row=row,
        name="answer of a create",
        about="A create is answered without a body.",
        interactions=_CREATE,
        retell=retell,
    )


def without_version(row: int, interactions: frozenset[str] = _CREATE, *, name: str = "no ETag") -> Retelling:
    """No ETag is told."""
    return Retelling(
        row=row,
        name=name,
        about="The version is not told.",
        interactions=interactions,
        retell=lambda _, told: without_header(without_header(told, "etag"), "last-modified"),
    )


def refuse_interactions(
    row: int, name: str, refused: Mapping[str, Iterable[str]], *, status: int, silent: bool = False
) -> Rule:
    """These interactions (by resource type) are not done, whatever the statement lists."""
    by_type = {kind: frozenset(interactions) for kind, interactions in refused.items()}
    return Rule(
        row=row,
        name=name,
        about="The resource type does not offer this interaction.",
        types=frozenset(by_type),
        refuses=lambda question: question.interaction in by_type[question.resource_type],
        status=status,
        code="not-supported",
        silent=silent,
    )


def withhold_apis(row: int, *, silent: bool) -> Rule:
    """What the app's registration lacks is 403, though the statement lists it: the switch "lacking", a list of "Type.interaction"."""
    return Rule(
        row=row,
        name="APIs that the app lacks",
        about="The app is not registered for this API.",
        refuses=lambda question: (
            f"{question.resource_type}.{question.interaction}" in question.switches.get("lacking", [])
        ),
        status=403,
        code="forbidden",
        silent=silent,
    )


def answer_old_versions(row: int, status: int) -> Retelling:
    """An If-Match that names an old version is answered with this status."""

    def retell(_: Question, told: Told) -> Told:
        return replace(told, status=status) if told.status in {409, 412} else told

    return Retelling(
        row=row,
        name="old version",
        about="The resource has changed since.",
        interactions=WRITES,
        retell=retell,
    )


def want_version(row: int, status: int, types: frozenset[str] = ANY) -> Rule:
    """PUT and PATCH need an If-Match."""
    return Rule(
        row=row,
        name="no version",
        about="The request must carry If-Match.",
        types=types,
        interactions=frozenset({"update", "patch"}),
        refuses=lambda question: "if-match" not in question.asked.headers,
        status=status,
        code="required",
    )


def change_body(
    row: int,
    name: str,
    about: str,
    change: Callable[[Question, Json], Json],
    *,
    types: frozenset[str] = ANY,
    interactions: frozenset[str] = _CREATE,
) -> Change:
    """What is stored is not what was sent."""

    def changed(question: Question) -> Asked:
        return question.asked.with_body(change(question, question.body))

    return Change(row=row, name=name, about=about, types=types, interactions=interactions, change=changed)


def base_of(asked: Asked) -> str:
    """The FHIR base to which a request was sent."""
    return f"{asked.scope.get('scheme', 'http')}://{asked.headers.get('host', 'ehr.example.org')}{BASE}"


def searchset_of(told: Told) -> Json:
    """The searchset in an answer; {} where it is none."""
    answer = resource_of(told)
    return answer if answer.get("type") == "searchset" else {}


def has_modifier_extension(value: Any) -> bool:
    """Whether a modifier extension stands anywhere in a resource."""
    if isinstance(value, dict):
        return "modifierExtension" in value or any(map(has_modifier_extension, value.values()))
    return isinstance(value, list) and any(map(has_modifier_extension, value))


def decode_text(attachment: Mapping[str, Any]) -> str:
    """The text that an attachment holds."""
    return b64decode(attachment.get("data", "")).decode(errors="replace")
