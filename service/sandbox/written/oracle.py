"""Oracle Health (Millennium) by its own pages: rows 1 to 20, 39 and 40 of the table in docs/sandbox.md."""

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

from service.sandbox.written import listed, parts
from service.sandbox.written.frame import Book, Json, Question
from service.sandbox.written.oracle_bodies import BODIES, KEPT
from service.sandbox.written.oracle_pages import OPENING, PAGES, TOKENS, VERSIONS
from service.sandbox.written.oracle_records import RECORDS
from service.sandbox.written.oracle_searches import SEARCHES

_WRITTEN_WHOLE: Final = frozenset({"create", "update"})
_REMOVED: Final = re.compile(
    r"<(applet|iframe|link|script|style)\b[^>]*?(/>|>.*?</\1\s*>)", re.DOTALL | re.IGNORECASE
)
_DROPPED: Final = re.compile(r"</?(a|button|form)\b[^>]*>", re.IGNORECASE)
_STYLED: Final = re.compile(r"""\s(style|class|on\w+)=("[^"]*"|'[^']*')""", re.IGNORECASE)


def _keep_two_codings(_: Question, body: Json) -> Json:
    """Of several codings of a condition one that was selected by a user and one that was not."""
    codings = body.get("code", {}).get("coding", [])
    selected = [coding for coding in codings if coding.get("userSelected")][:1]
    others = [coding for coding in codings if not coding.get("userSelected")][:1]
    return {**body, "code": {**body["code"], "coding": [*selected, *others]}} if codings else body


def _clean_html(_: Question, body: Json) -> Json:
    contents = [
        {**content, "attachment": _cleaned(content.get("attachment", {}))}
        for content in body.get("content", [])
    ]
    return {**body, "content": contents} if contents else body


def _cleaned(attachment: Mapping[str, Any]) -> Json:
    if "html" not in str(attachment.get("contentType", "")):
        return dict(attachment)
    text = b64decode(attachment.get("data", "")).decode(errors="replace")
    for pattern in (_REMOVED, _DROPPED, _STYLED):
        text = pattern.sub("", text)
    return {**attachment, "data": b64encode(text.encode()).decode()}


def _leave_extensions_out(_: Question, body: Json) -> Json:
    return {name: _without_extensions(part) for name, part in body.items()}


def _without_extensions(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_extensions(part) for name, part in value.items() if name != "extension"}
    return [_without_extensions(part) for part in value] if isinstance(value, list) else value


ORACLE: Final = Book(
    (
        OPENING,
        *listed.listed_only(405),
        *listed.batches_of_reads(),
        parts.withhold_apis(39, silent=False),
        TOKENS,
        *SEARCHES,
        parts.want_version(12, 428),
        *BODIES,
        parts.ignore_conditions(10),
        parts.keep_elements(9, KEPT),
        parts.change_body(
            9,
            "extensions",
            "Extensions are ignored.",
            _leave_extensions_out,
            types=frozenset(KEPT),
            interactions=_WRITTEN_WHOLE,
        ),
        parts.change_body(
            4,
            "two codings",
            "Of several codings two are kept.",
            _keep_two_codings,
            types=frozenset({"Condition"}),
            interactions=_WRITTEN_WHOLE,
        ),
        parts.change_body(
            2,
            "HTML",
            "Links, forms, scripts and styles are removed from HTML.",
            _clean_html,
            types=frozenset({"DocumentReference"}),
            interactions=_WRITTEN_WHOLE,
        ),
        parts.answer_old_versions(12, 409),
        *VERSIONS,
        parts.answer_creates(11),
        *RECORDS,
        *PAGES,
    ),
)
