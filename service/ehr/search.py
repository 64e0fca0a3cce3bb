"""Searches and their answers: paged through, checked against the question, every lack a Gap."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from fhir_mappings.bundle import Search, link, resources_in, warnings_in
from service.domain.record import Gap, GapReason
from service.errors import EhrError, EhrNotFhir, EhrRefused, EhrRejected

MAX_PAGES: Final = 40
#: As many resources on a page as servers commonly allow; less is answered in several pages.
PAGE_SIZE: Final = 1000
#: Parameters whose values are references: a server may write "7" back as "Patient/7" or as a full URL.
_REFERENCES: Final = frozenset({"patient", "subject", "beneficiary", "actor"})

_GONE: Final = frozenset({404, 410})
#: Parameters that shape the answer and do not narrow it.
_RESULT: Final = frozenset({"_count", "_include"})

Fetch = Callable[[str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search gave: resources, and what is missing from them. gone: what was named by id is not there (any more)."""

    search: Search
    resources: tuple[dict[str, Any], ...] = ()
    gaps: tuple[Gap, ...] = ()
    gone: bool = False


class _NotHonoured(Exception):
    """The server answered another question; the argument is the sentence for the clinician."""


def result_of(search: Search, first: Mapping[str, Any], fetch: Fetch) -> SearchResult:
    """The resources of a first answer and its following pages. fetch reads the page at a `next` link."""
    if first.get("resourceType") != "Bundle":
        return SearchResult(search, (dict(first),))
    resources: list[dict[str, Any]] = []
    gaps: tuple[Gap, ...] = ()
    try:
        # Only the first page names the question; the later ones are the server's own addresses of its answer to it.
        gaps = _doubt(search, first)
        for page in _pages(first, fetch):
            _require_no_warning(page)
            resources += resources_in(page)
    except _NotHonoured as reason:
        return SearchResult(search, gaps=(Gap(search.resource_type, GapReason.UNCERTAIN, str(reason)),))
    except EhrError as error:
        gaps += (Gap(search.resource_type, GapReason.INCOMPLETE, f"A page is missing: {error}"),)
    return SearchResult(search, tuple(resources), gaps)


def refusal(search: Search, error: EhrError) -> SearchResult:
    """A search that gave an error instead of an answer."""
    gone = bool(search.id) and isinstance(error, EhrRefused) and error.status in _GONE
    return SearchResult(search, gaps=(Gap(search.resource_type, _reason(error), str(error)),), gone=gone)


def _reason(error: EhrError) -> GapReason:
    if isinstance(error, EhrRefused | EhrRejected):
        return GapReason.REFUSED
    return GapReason.UNREADABLE if isinstance(error, EhrNotFhir) else GapReason.INCOMPLETE


def _pages(first: Mapping[str, Any], fetch: Fetch) -> Iterator[Mapping[str, Any]]:
    """The first page and those after it; EhrNotFhir for a loop or too many."""
    seen: set[str] = set()
    page = first
    while True:
        yield page
        following = link(page, "next")
        if not following:
            return
        if following in seen:
            raise EhrNotFhir("the EHR's pages go in a circle.")
        if len(seen) + 1 >= MAX_PAGES:
            raise EhrNotFhir(f"there are more than {MAX_PAGES} pages.")
        seen.add(following)
        page = fetch(following)


def _require_no_warning(page: Mapping[str, Any]) -> None:
    """_NotHonoured when the server says that it did not do all that was asked."""
    if codes := warnings_in(page):
        raise _NotHonoured(
            f"The EHR answered with a warning ({', '.join(sorted(set(codes)))}); its answer was not used."
        )


def _doubt(search: Search, page: Mapping[str, Any]) -> tuple[Gap, ...]:
    """A gap when the server does not say what it searched for; _NotHonoured when it was something else."""
    address = link(page, "self")
    if not address:
        return (Gap(search.resource_type, GapReason.UNCERTAIN, "The EHR does not say what it searched for."),)
    told = parse_qsl(urlsplit(address).query, keep_blank_values=True)
    if all(_is_among(name, value, told) for name, value in search.parameters if name not in _RESULT):
        return ()
    raise _NotHonoured("The EHR left out a part of the question; its answer was not used.")


def _is_among(name: str, value: str, told: list[tuple[str, str]]) -> bool:
    return any(name == other.partition(":")[0] and _same(name, value, given) for other, given in told)


def _same(name: str, asked: str, told: str) -> bool:
    """Whether two spellings of a value ask the same: order of a list, a reference's base, a date's time left open."""
    if name in _REFERENCES:
        return asked.rpartition("/")[2] == told.rpartition("/")[2]
    return set(asked.split(",")) == set(told.split(",")) or (asked[:2] == "ge" and told.startswith(asked))
