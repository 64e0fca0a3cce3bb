"""Reading a JSON body that a stranger sent: bounded in size and depth, every refusal one sentence without its content."""

import json
from collections.abc import Sequence
from typing import Any, Final

import orjson
from flask import request

from service.errors import BadInput, TooLarge

#: FHIR resources nest some ten levels; what goes deeper is an attack or a mistake.
MAX_DEPTH: Final = 64


def json_body() -> Any:
    """The parsed body, None when it is empty; BadInput or 413 otherwise."""
    body = request.get_data()
    # Werkzeug cuts a body of unknown length at the limit without a word.
    if request.content_length is None and len(body) >= (request.max_content_length or len(body) + 1):
        raise TooLarge("The body is too large; send less at a time.")
    return parsed(body) if body.strip() else None


def parsed(body: bytes) -> Any:
    """JSON within the depth limit, each name once; BadInput names the place of a mistake, never its text."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"The body is not JSON: look at line {error.lineno}, column {error.colno}.") from None
    if _is_deep(document):
        raise BadInput(f"The body is nested too deeply; {MAX_DEPTH} levels are accepted.")
    _check_names(body)
    return document


def _check_names(body: bytes) -> None:
    """A name twice in one object means one thing to us and another to whoever reads the other one."""
    json.loads(body, object_pairs_hook=_each_once)


def _each_once(pairs: Sequence[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise BadInput("The body has an object with the same name twice; send each name once.")


def _is_deep(document: Any) -> bool:
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def _children(node: Any) -> Any:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()
