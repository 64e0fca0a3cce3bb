"""What an EHR's answer means: its body read within bounds, its status as one of our errors.

No message holds a query value or a text of the EHR: both may be PHI. Of an OperationOutcome only the issue codes are kept.
"""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import urllib3
from requests import Response

from service.ehr.throttle import retry_after_seconds
from service.errors import (
    EhrConflict,
    EhrError,
    EhrNotFhir,
    EhrRefused,
    EhrRejected,
    EhrUnavailable,
    WriteUnknown,
)

#: Larger answers are not read: a page of a thousand resources is about 5 MB.
MAX_BODY_BYTES: Final = 50_000_000
_CHUNK_BYTES: Final = 65_536
_REFUSED: Final = frozenset({401, 403, 404, 405, 410, 501})
_CONFLICT: Final = frozenset({409, 412})
#: A gateway that lost the server behind it: a write may have been done.
_LOST: Final = frozenset({408, 502, 504})
_ISSUE_CODE: Final = re.compile(r"[a-z-]{1,30}")


class BrokenOff(Exception):
    """The body did not come to its end: too slow, or the connection was lost. Never leaves this package."""


def read_body(response: Response, deadline: float) -> bytes:
    """The whole body, decompressed. EhrNotFhir when it is too large, BrokenOff when it ends early or too late."""
    chunks: list[bytes] = []
    size = 0
    try:
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise EhrNotFhir("The EHR's answer is larger than 50 MB.")
            if time.monotonic() > deadline:
                raise BrokenOff
            chunks.append(chunk)
    except urllib3.exceptions.DecodeError as error:
        raise EhrNotFhir("The EHR's answer is compressed in a way that cannot be read.") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise BrokenOff from error
    return b"".join(chunks)


def parse(data: bytes) -> dict[str, Any] | None:
    """A FHIR resource, None for an empty body; EhrNotFhir for HTML, truncated JSON or anything else."""
    if not data.strip():
        return None
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        # The parser's error quotes the document, so it is not chained.
        kind = "an HTML page" if data.lstrip()[:1] == b"<" else "not whole JSON"
        raise EhrNotFhir(f"The EHR's answer is {kind}, not FHIR.") from None
    if not isinstance(body, dict) or not isinstance(body.get("resourceType"), str):
        raise EhrNotFhir("The EHR's answer is JSON, but not a FHIR resource.")
    return body


def error_for(what: str, status: int, *, writing: bool, retry_after: str = "", codes: str = "") -> EhrError:
    """The error of ours for a status that is not a success. what is the method and resource type, without values."""
    message = f"{what}: the EHR answered {status}{f' ({codes})' if codes else ''}."
    if status in _CONFLICT:
        return EhrConflict(message)
    if status in _REFUSED or status < 400:  # noqa: PLR2004  a redirect that we do not follow
        return EhrRefused(message, status=status)
    if writing and status in _LOST:
        return WriteUnknown(message)
    if status in _LOST or status == 429 or status >= 500:  # noqa: PLR2004  too many requests; server errors
        return EhrUnavailable(message, retry_after=retry_after_seconds(retry_after, datetime.now(UTC)))
    return EhrRejected(message, status=status)


def issue_codes(outcome: Mapping[str, Any] | None) -> str:
    """The codes of an OperationOutcome ("business-rule, required"), never its texts."""
    issues = outcome.get("issue") if outcome else None
    if not isinstance(issues, list):
        return ""
    codes = {str(issue.get("code", "")) for issue in issues if isinstance(issue, dict)}
    return ", ".join(sorted(code for code in codes if _ISSUE_CODE.fullmatch(code)))
