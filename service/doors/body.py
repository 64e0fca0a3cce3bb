"""Reading a JSON body that a stranger sent: bounded in size, depth and parts; every refusal is one sentence without its content."""

import json
import re
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import orjson
from flask import request

from service.errors import BadInput, TooLarge

#: FHIR resources nest some ten levels; what goes deeper is an attack or a mistake.
MAX_DEPTH: Final = 64
#: A record in FHIR has a name in some thirty bytes, an object or a list in some fifty. What is much denser says nothing
#: that a plan is made of, and takes seconds to read.
_BYTES_A_PART: Final = 24
#: Of the eight megabytes that are taken where nobody says otherwise.
MAX_PARTS: Final = 8 * 1024 * 1024 // _BYTES_A_PART
_TOO_DEEP: Final = f"The body is nested too deeply; {MAX_DEPTH} levels are accepted."
#: A JSON string, whose brackets nest nothing; one that does not end goes on to the end of the body.
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|$)', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[\]{}]")
_WHITE_SPACE: Final = b" \t\n\r"


def json_body() -> Any:
    """The parsed body, None when it is empty; BadInput or 413 otherwise."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BadInput("Send the body as it is: no Content-Encoding is taken.")
    body = request.get_data()
    if len(body) < (request.content_length or 0):
        raise BadInput("The body ended before its Content-Length; send it whole, within ten seconds.")
    # Werkzeug cuts a body of unknown length at the limit without a word.
    if request.content_length is None and len(body) >= (request.max_content_length or len(body) + 1):
        raise TooLarge("The body is too large; send less at a time.")
    most = (request.max_content_length or 0) // _BYTES_A_PART
    return parsed(body, most=max(most, MAX_PARTS)) if body.strip() else None


def parsed(body: bytes, *, most: int = MAX_PARTS) -> Any:
    """JSON within the limits of depth and parts, each name once; BadInput names the place of a mistake, never its text."""
    names = _names_in_text(body)
    if max(names, body.count(b"{") + body.count(b"[")) > most:
        raise BadInput(
            f"The body has too many parts; {most} names, and as many objects and lists, are accepted."
        )
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if _is_too_deep(body):
            raise BadInput(_TOO_DEEP) from None
        raise BadInput(f"The body is not JSON: look at line {error.lineno}, column {error.colno}.") from None
    if names != _names_in(document):
        _check_names(body)
    return document


def _is_too_deep(body: bytes) -> bool:
    """Return whether so many brackets are open at one place; for a body that cannot be parsed."""
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", body)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_DEPTH + 1:
            return True
    return False


def _names_in_text(body: bytes) -> int:
    """At least as many as there are: a name ends with a quote and a colon, and so may a piece of text."""
    return body.translate(None, _WHITE_SPACE).count(b'":')


def _names_in(document: Any) -> int:
    """How many names the objects have, each once; BadInput when they are nested too deeply."""
    names, level = 0, [document]
    for _ in range(MAX_DEPTH + 1):
        objects = [node for node in level if type(node) is dict]
        lists = [node for node in level if type(node) is list]
        if not objects and not lists:
            return names
        names += sum(map(len, objects))
        level = [*chain.from_iterable(map(dict.values, objects)), *chain.from_iterable(lists)]
    raise BadInput(_TOO_DEEP)


def _check_names(body: bytes) -> None:
    """A name twice in one object means one thing to us and another to whoever reads the other one."""
    json.loads(body, object_pairs_hook=_each_once)


def _each_once(pairs: Sequence[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise BadInput("The body has an object with the same name twice; send each name once.")
