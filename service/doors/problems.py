"""Errors as their readers understand them, without a stack trace and without PHI.

A caller gets an RFC 9457 problem document, an OperationOutcome when it accepts application/fhir+json, or a page when
it is a browser. Nothing of the request is repeated in any of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import orjson
import structlog
from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from service.errors import (
    EhrUnavailable,
    HomewardError,
    NotAuthenticated,
    TooManyCalls,
)

PROBLEM: Final = "application/problem+json"
FHIR: Final = "application/fhir+json"
_OFFERED: Final = (PROBLEM, "application/json", FHIR, "text/html")
#: FHIR IssueType and our sentence for what Flask and its libraries refuse.
_REFUSED: Final[dict[int, tuple[str, str]]] = {
    400: ("invalid", "The request cannot be understood; send what /docs describes."),
    404: ("not-found", "There is nothing at this address; see /docs."),
    405: ("not-supported", "This address does not take this method; the Allow header names those it takes."),
    408: ("timeout", "The request took too long to arrive."),
    411: ("required", "Send a Content-Length."),
    413: ("too-long", "The body is too large; send less at a time."),
    414: ("too-long", "The address is too long."),
    415: ("not-supported", "Send JSON, with Content-Type: application/json or application/fhir+json."),
    422: ("invalid", "The request cannot be used; send what /docs describes."),
    429: ("throttled", "Too many requests; wait a moment."),
}
_FAULT: Final = (
    "Something went wrong inside Homeward; nothing was lost. Quote the request id to your administrator."
)
_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal, before it is put in the caller's format. kind is a stable word of the documentation."""

    kind: str
    status: int
    issue_code: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The HTTP phrase."""
        return HTTPStatus(self.status).phrase


def install(app: Flask) -> None:
    """Answer every exception of this application with a problem."""
    app.register_error_handler(HomewardError, _ours)
    app.register_error_handler(HTTPException, _flasks)
    app.register_error_handler(Exception, _fault)


def kind_of(error: type[HomewardError]) -> str:
    """The stable word for an error class: UnknownEncounter → "unknown-encounter"."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in error.__name__).lstrip(
        "-"
    )


def refusals() -> Iterator[Problem]:
    """The problems that Flask and its libraries name, for the documentation."""
    for status, (code, detail) in _REFUSED.items():
        yield Problem(_kind_of_status(status), status, code, detail)
    yield Problem("fault", HTTPStatus.INTERNAL_SERVER_ERROR, "exception", _FAULT)


def _kind_of_status(status: int) -> str:
    return "http-" + HTTPStatus(status).phrase.lower().replace(" ", "-")


def _ours(error: HomewardError) -> Response:
    headers = {}
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="homeward"'
    if error.retryable:
        after = error.retry_after if isinstance(error, EhrUnavailable | TooManyCalls) else None
        headers["Retry-After"] = str(max(1, round(after or 5)))
    if error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("a request failed", exc_info=error)
    return _answer(
        Problem(kind_of(type(error)), error.http_status, error.issue_code, error.public_message, headers)
    )


def _flasks(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    code, detail = _REFUSED.get(status, ("exception", _FAULT))
    kept = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    return _answer(Problem(_kind_of_status(status), status, code, detail, kept))


def _fault(error: Exception) -> Response:
    _log.error("a fault in a request", exc_info=error)
    return _answer(Problem("fault", HTTPStatus.INTERNAL_SERVER_ERROR, "exception", _FAULT))


def _answer(problem: Problem) -> Response:
    body, content_type = _FORMATS.get(_wanted(), _problem_document)(problem)
    response = Response(body, problem.status, content_type=content_type)
    response.headers.update(problem.headers)
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Accept")
    return response


def _wanted() -> str:
    """What the caller likes best of what we offer; parameters such as fhirVersion make no difference.

    What has the quality 0 is what they do not take.
    """
    liked = (
        value.partition(";")[0].strip().lower() for value, quality in request.accept_mimetypes if quality > 0
    )
    return next((kind for kind in liked if kind in _OFFERED), PROBLEM)


def _problem_document(problem: Problem) -> tuple[bytes | str, str]:
    document = {
        "type": f"/docs#{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:uuid:{g.request_id}",
    }
    return orjson.dumps(document), PROBLEM


def _operation_outcome(problem: Problem) -> tuple[bytes | str, str]:
    severity = "fatal" if problem.kind == "fault" else "error"
    issue = {"severity": severity, "code": problem.issue_code, "diagnostics": problem.detail}
    return orjson.dumps({"resourceType": "OperationOutcome", "issue": [issue]}), FHIR


def _page(problem: Problem) -> tuple[bytes | str, str]:
    return render_template(
        "problem.html", problem=problem, request_id=g.request_id
    ), "text/html; charset=utf-8"


_FORMATS: Final = {FHIR: _operation_outcome, "text/html": _page}
