"""Idempotency-Key: a POST that is sent again within a day gets the answer of the first, and does nothing more."""

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec

from flask import Response, request

from service.doors.caller import caller
from service.doors.wiring import deps
from service.errors import BadInput, StoreUnavailable, Unusable
from service.store.answers import UNANSWERED, KeptAnswer

P = ParamSpec("P")

_HEADER: Final = "Idempotency-Key"
_KEY: Final = re.compile(r"[!-~]{1,128}")
#: What a repeat is told as well; the rest is made anew for each answer.
_KEPT_HEADERS: Final = ("Content-Type", "Location", "ETag")
#: The header as OpenAPI describes it.
PARAMETER: Final = {
    "in": "header",
    "name": _HEADER,
    "required": False,
    "description": "Sent again within 24 hours with the same body, the request gets the same answer and does nothing more.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
}


class StillRunning(StoreUnavailable):
    """The first request with this key is still being answered."""

    public_message = "The first request with this Idempotency-Key is still being answered; try again shortly."


def idempotent(view: Callable[P, Response]) -> Callable[P, Response]:
    """Answer a repeat as the first was answered. It stands inside the guard, for each caller has keys of their own.

    Only what was done is kept: a refusal changed nothing, and may come out otherwise the next time.
    """

    @wraps(view)
    def once(*args: P.args, **kwargs: P.kwargs) -> Response:
        key = request.headers.get(_HEADER)
        return view(*args, **kwargs) if key is None else _once(key, lambda: view(*args, **kwargs))

    return once


def _once(key: str, answer: Callable[[], Response]) -> Response:
    if not _KEY.fullmatch(key):
        raise BadInput("An Idempotency-Key is 1 to 128 visible ASCII characters.")
    who, asked, answers = caller().name, _asked(), deps().store.answers
    before = answers.begin(who, key, asked, deps().now())
    if before is not None:
        return _again(before, asked)
    try:
        response = answer()
    except BaseException:
        answers.drop(who, key)
        raise
    kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    answers.keep(who, key, KeptAnswer(asked, response.status_code, kept, response.get_data(as_text=True)))
    return response


def _again(before: KeptAnswer, asked: str) -> Response:
    if before.request != asked:
        raise Unusable("This Idempotency-Key was used for another request; take a new one for each.")
    if before.status == UNANSWERED:
        raise StillRunning
    return Response(before.body, before.status, before.headers)


def _asked() -> str:
    """A digest of what is asked: where, and with which body and If-Match."""
    parts = (request.method, request.path, request.headers.get("If-Match", ""))
    return hashlib.sha256("\x1f".join(parts).encode() + b"\x1f" + request.get_data()).hexdigest()
