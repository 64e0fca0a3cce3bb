"""What an EHR's answer means: its body read within bounds, its status as one of our errors.

No message holds a query value or a text of the EHR: both may be PHI. Of an OperationOutcome only the issue codes and the
paths of elements are kept.
"""

import base64
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import orjson
import urllib3
from requests import Response

from fhir_mappings.outcomes import Cause, cause_of
from service import clock
from service.ehr.throttle import retry_after_seconds
from service.errors import (
    EhrConflict,
    EhrError,
    EhrGarbled,
    EhrNotFhir,
    EhrNotReached,
    EhrRecordFault,
    EhrRefused,
    EhrRejected,
    EhrUnavailable,
    WriteUnknown,
)

#: Larger answers are not read: a page of a thousand resources is about 5 MB.
MAX_BODY_BYTES: Final = 50_000_000
_TOO_LARGE: Final = "The EHR's answer is larger than 50 MB."
_CHUNK_BYTES: Final = 65_536
_REFUSED: Final = frozenset({401, 403, 404, 405, 410, 501})
_CONFLICT: Final = frozenset({409, 412})
_FAULT: Final = 500
_TOO_MANY: Final = 429
#: A gateway that lost the server behind it: a write may have been done.
_LOST: Final = frozenset({408, 502, 504})
_ISSUE_CODE: Final = re.compile(r"[a-z-]{1,30}")
#: "Goal.target[0].detail": a type and names of elements. An expression with a value in it ("where(…)") is no path.
_PATH: Final = re.compile(r"[A-Z][A-Za-z]{1,40}(\.[a-z][A-Za-z]{0,40}(\[\d{1,3}\])?){1,8}")
_MOST_ISSUES: Final = 5


class BrokenOff(Exception):
    """The body did not come to its end: too slow, or the connection was lost. Never leaves this package."""


def read_body(response: Response, deadline: float) -> bytes:
    """The whole body, decompressed. EhrNotFhir when it is too large, BrokenOff when it ends early or too late.

    One that says so itself is not even begun; of the others no more is kept than we would have taken.
    """
    if int(response.raw.length_remaining or 0) > MAX_BODY_BYTES:
        raise EhrNotFhir(_TOO_LARGE)
    chunks: list[bytes] = []
    size = 0
    try:
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise EhrNotFhir(_TOO_LARGE)
            if clock.machine_seconds() > deadline:
                raise BrokenOff
            chunks.append(chunk)
    except urllib3.exceptions.DecodeError as error:
        raise EhrNotFhir("The EHR's answer is compressed in a way that cannot be read.") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise BrokenOff from error
    return b"".join(chunks)


def parse(data: bytes) -> dict[str, Any] | None:
    """A FHIR resource, None for an empty body; EhrGarbled for HTML and truncated JSON, EhrNotFhir for any other."""
    if not data.strip():
        return None
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        # The parser's error quotes the document, so it is not chained.
        kind = "an HTML page" if data.lstrip()[:1] == b"<" else "not whole JSON"
        raise EhrGarbled(f"The EHR's answer is {kind}, not FHIR.") from None
    if not isinstance(body, dict) or not isinstance(body.get("resourceType"), str):
        raise EhrNotFhir("The EHR's answer is JSON, but not a FHIR resource.")
    return body


def text_of_binary(data: bytes) -> str:
    """The text of an attachment, given as it is or in a Binary; "" where it is no text."""
    content = data
    if data.lstrip()[:1] == b"{":
        with suppress(EhrError, ValueError):
            resource = parse(data) or {}
            if resource["resourceType"] == "Binary":
                content = base64.b64decode(str(resource.get("data", "")), validate=True)
    try:
        return content.decode()
    except UnicodeDecodeError:
        return ""


def error_for(
    what: str,
    status: int,
    *,
    writing: bool,
    retry_after: str = "",
    outcome: Mapping[str, Any] | None = None,
) -> EhrError:
    """The error of ours for a status that is not a success. what is the method and resource type, without values."""
    issues = issues_of(outcome)
    message = f"{what}: the EHR answered {status}{f' ({issues})' if issues else ''}."
    cause = cause_of(outcome)
    if status == _FAULT and not writing and not retry_after and cause is not Cause.ELSEWHERE:
        return EhrRecordFault(message, certain=cause is Cause.A_RECORD)
    if status in _CONFLICT:
        return EhrConflict(message)
    if status in _REFUSED or status < 400:  # noqa: PLR2004  a redirect that we do not follow
        return EhrRefused(message, status=status)
    if writing and status in _LOST:
        return WriteUnknown(message)
    if status in _LOST or status == _TOO_MANY or status >= _FAULT:
        kind = EhrNotReached if status == _TOO_MANY else EhrUnavailable
        return kind(message, retry_after=retry_after_seconds(retry_after, clock.now()))
    return EhrRejected(message, status=status)


def issues_of(outcome: Mapping[str, Any] | None) -> str:
    """The issues of an OperationOutcome ("required at Goal.target, value"), never their texts."""
    issues = outcome.get("issue") if outcome else None
    if not isinstance(issues, list):
        return ""
    told = {_issue(issue) for issue in issues if isinstance(issue, dict)}
    return ", ".join(sorted(told - {""})[:_MOST_ISSUES])


def _issue(issue: Mapping[str, Any]) -> str:
    code = str(issue.get("code", ""))
    if not _ISSUE_CODE.fullmatch(code):
        return ""
    expressions = issue.get("expression")
    paths = [
        path
        for path in (expressions if isinstance(expressions, list) else [])
        if isinstance(path, str) and _PATH.fullmatch(path)
    ]
    return f"{code} at {paths[0]}" if paths else code
