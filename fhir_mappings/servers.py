"""Whether two URLs name one FHIR server, and what a reference names there: however host, port, slash and version are spelt.

RFC 3986: scheme and host know no case, a default port may be left out. A path is compared as it is written. What hides
another place (a user before the host, "..", an escape, white space, letters beyond ASCII) is never the same as anything.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from fhir_mappings.references import is_id, with_references

_PORTS: Final = {"http": 80, "https": 443}
_WRITTEN: Final = re.compile(r"[!-\[\]-~]+")
_IN_FULL: Final = re.compile(rb'"reference"\s*:\s*"[a-z]{4,5}:(/|\\)', re.IGNORECASE)
_STEP: Final = re.compile(r"(^|/)\.{1,2}(/|$)|%(2e|2f|5c)", re.IGNORECASE)
_PLAIN: Final = re.compile(r"/[A-Z][A-Za-z]+/[A-Za-z0-9\-]{1,64}")
_REFERENCE: Final = re.compile(r"([A-Z][A-Za-z]{1,63}/[^/]+)(/_history/[^/]+)?/?")


@dataclass(frozen=True, slots=True)
class _Server:
    scheme: str
    host: str
    port: int
    path: str


def is_same_server(url: str, other: str) -> bool:
    """Whether two FHIR base URLs name one server; a last slash makes no difference."""
    here = _server(url)
    return here is not None and here == _server(other)


def may_be_same_server(url: str, other: str) -> bool:
    """Whether two FHIR base URLs may lead to one server: as is_same_server, and whatever the scheme and a path's letters.

    For where a mistake doubles every plan: some servers' paths know no case, and http and https of one host are one server.
    """
    here, there = _server(url), _server(other)
    if here is None or there is None:
        return url.rstrip("/").casefold() == other.rstrip("/").casefold()
    by_default = all(server.port == _PORTS.get(server.scheme) for server in (here, there))
    same_host = here.host == there.host and (here.port == there.port or by_default)
    return same_host and here.path.casefold() == there.path.casefold()


def reference_at(url: str, base: str) -> str:
    """The "Type/id" that a literal reference names on the server at this base; "" for one on another, or none at all.

    url is relative ("Patient/1"), or absolute under the base in any spelling; a version and a last slash are left off.
    """
    found = _REFERENCE.fullmatch(relative_to(url, base))
    return found[1] if found and is_id(found[1].partition("/")[2]) else ""


def relative_to(url: str, base: str) -> str:
    """What follows the base in an absolute URL under it ("Patient/1/_history/2"); any other text as it is."""
    if "://" not in url:
        return url
    server = _server(base)
    if server and url.startswith(base) and _PLAIN.fullmatch(url, len(base)):  # as nearly all are spelt
        return url[len(base) + 1 :]
    head, path = _divided(url)
    if (
        server is None
        or head is None
        or (head.scheme, head.host, head.port) != (server.scheme, server.host, server.port)
    ):
        return url
    return path.removeprefix(f"{server.path}/") if path.startswith(f"{server.path}/") else url


def localized(value: Any, base: str) -> Any:
    """The same JSON with references into the server at this base made relative: "Patient/7"."""
    return with_references(value, lambda reference: relative_to(reference, base))


def may_name_in_full(body: bytes) -> bool:
    """Whether a JSON body may hold absolute references: a slash can be written in three ways."""
    return _IN_FULL.search(body) is not None


@lru_cache(maxsize=256)
def _server(url: str) -> _Server | None:
    head, path = _divided(url)
    if head is None or "?" in path or "#" in path:
        return None
    return _Server(head.scheme, head.host, head.port, path.removesuffix("/"))


def _divided(url: str) -> tuple[_Server | None, str]:
    """The origin of an absolute http address and the rest of it, as written; None for anything that is none, or hides one."""
    if not _WRITTEN.fullmatch(url):
        return None, ""
    try:
        parts = urlsplit(url)
        port = parts.port if parts.port is not None else _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None, ""
    if not port or not parts.hostname or "@" in parts.netloc or _STEP.search(parts.path):
        return None, ""
    query, fragment = (
        f"{mark}{part}" if part else "" for mark, part in (("?", parts.query), ("#", parts.fragment))
    )
    origin = _Server(parts.scheme, parts.hostname.removesuffix("."), port, "")
    return origin, f"{parts.path}{query}{fragment}"
