"""Searches and their answers: paged through, checked against the question, every lack a Gap."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from fhir_mappings.bundle import Search, link, resources_in
from fhir_mappings.inbound.references import is_theirs, subject_of
from fhir_mappings.outcomes import Cause, Remark, remarks_in, remarks_of
from fhir_mappings.references import reference_of
from service.domain.absence import Shown
from service.domain.record import Gap, GapReason, Lasting
from service.errors import (
    EhrConflict,
    EhrError,
    EhrGarbled,
    EhrNotFhir,
    EhrRecordFault,
    EhrRefused,
    EhrRejected,
    EhrUnavailable,
)

MAX_PAGES: Final = 40
#: As many resources on a page as servers commonly allow; less is answered in several pages.
PAGE_SIZE: Final = 1000
#: Parameters that say whose the resources are. A server may write one for another, and "7" as "Patient/7" or as a full URL.
_WHOSE: Final = frozenset({"patient", "subject", "beneficiary", "actor"})

_GONE: Final = frozenset({404, 410})
#: The EHR does not have such a search at all; every other refusal may be one of the moment.
_NO_SUCH_SEARCH: Final = frozenset({405, 501})
#: Answers to the address of a page that is no longer good: links are bound to a time, a session or a memory.
_EXPIRED: Final = frozenset({400, 404, 410})
#: Parameters that shape the answer and do not narrow it.
_RESULT: Final = frozenset({"_count", "_include"})
_UNSAID: Final = "The EHR does not say what it searched for."
_WIDER: Final = "The EHR left out a part of the question; what it gave of this patient was used."
_OTHER: Final = "The EHR left out a part of the question; its answer was not used."
_OTHERS_TOO: Final = "The EHR answered about other patients, too; they and its further pages were left out."
_MESSAGE: Final = "The EHR gave a message in place of an answer."

#: Why a resource that was asked for by its id may be there and not be given.
_NOT_LET: Final = frozenset({GapReason.REFUSED, GapReason.NOT_OFFERED})

Fetch = Callable[[str], dict[str, Any]]


class Lack(Enum):
    """Why there is no whole answer to a search. What the EHR says to be incomplete, or does not vouch for, is an answer."""

    NOTHING = 0
    PASSING = 1  # a part could not be read, which the next try may
    LASTING = 2  # the EHR does not answer this question


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search gave: resources, and what is missing from them. gone: what was named by id is not there (any more).

    cause says whether the search failed because of one bad record among those that it would find.
    """

    search: Search
    resources: tuple[dict[str, Any], ...] = ()
    gaps: tuple[Gap, ...] = ()
    gone: bool = False
    lack: Lack = Lack.NOTHING
    cause: Cause = Cause.ELSEWHERE

    @property
    def shown(self) -> Shown:
        """What a reading by id has shown of the resource. An empty searchset, or a page in place of an answer, shows none."""
        if self.resources:
            return Shown.PRESENT
        is_unreadable = any(gap.reason is GapReason.UNREADABLE for gap in self.gaps)
        if self.lack is Lack.PASSING and not is_unreadable:
            return Shown.UNANSWERED
        is_refused = any(gap.reason in _NOT_LET for gap in self.gaps)
        return Shown.NOT_LET if is_refused and not self.gone else Shown.ABSENT


class _NotHonoured(Exception):
    """The server answered another question."""


class _Done(Exception):
    """No further page is worth reading."""


def result_of(
    search: Search, first: Mapping[str, Any], fetch: Fetch, beside: Mapping[str, Any] | None = None
) -> SearchResult:
    """The resources of a first answer and its following pages.

    fetch reads the page at a `next` link, and the search anew where that has expired; beside is the OperationOutcome
    with which a batch may accompany the answer.
    """
    if first.get("resourceType") == "OperationOutcome":
        return _told(search, first)
    if first.get("resourceType") != "Bundle":
        return SearchResult(search, (dict(first),))
    reading = _Reading(search)
    lack = Lack.NOTHING
    try:
        reading.begin(first, beside)
        _read_through(reading, first, fetch)
    except _NotHonoured:
        gap = Gap(search.resource_type, GapReason.UNCERTAIN, _OTHER)
        return SearchResult(search, gaps=(gap,), lack=Lack.LASTING)
    except _Done:
        reading.note(GapReason.UNCERTAIN, _OTHERS_TOO)
    except EhrError as error:
        lack = Lack.PASSING
        # The pages before it were answered, so that this is no refusal of the question.
        lasting = Lasting.PERHAPS if lasting_of(error) is Lasting.LASTING else lasting_of(error)
        reading.note(GapReason.INCOMPLETE, f"A page is missing: {error}", lasting)
    return SearchResult(search, tuple(reading.found.values()), tuple(reading.gaps), lack=lack)


def refusal(search: Search, error: EhrError) -> SearchResult:
    """A search that gave an error instead of an answer."""
    gone = bool(search.id) and isinstance(error, EhrRefused) and error.status in _GONE
    reason, lasting = _reason(error), lasting_of(error)
    passes = lasting is Lasting.PASSING or reason is GapReason.INCOMPLETE
    lack = Lack.PASSING if passes else Lack.LASTING
    cause = Cause.ELSEWHERE
    if isinstance(error, EhrRecordFault):
        cause = Cause.A_RECORD if error.certain else Cause.PERHAPS_A_RECORD
    return SearchResult(
        search, (), (Gap(search.resource_type, reason, str(error), lasting=lasting),), gone, lack, cause
    )


def lasting_of(error: EhrError) -> Lasting:
    """Whether asking again may be answered: a fault passes, a refusal may be one of the moment."""
    if isinstance(error, EhrUnavailable | EhrGarbled | EhrConflict):
        return Lasting.PERHAPS if _is_sure_of_a_record(error) else Lasting.PASSING
    if isinstance(error, EhrRefused) and error.status in _NO_SUCH_SEARCH:
        return Lasting.LASTING
    return Lasting.PERHAPS


def _is_sure_of_a_record(error: EhrError) -> bool:
    """Whether one stored record makes the search fail, until somebody mends it."""
    return isinstance(error, EhrRecordFault) and error.certain


@dataclass(slots=True)
class _Reading:
    """The pages of one answer while they are read."""

    search: Search
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    gaps: dict[Gap, None] = field(default_factory=dict)
    doubted: bool = False

    def begin(self, first: Mapping[str, Any], beside: Mapping[str, Any] | None) -> None:
        """Compare with the question. Only the first page names it; later ones are the server's own addresses of its answer."""
        doubt = _doubt(self.search, first)
        if doubt:
            self.doubt(doubt)
        self._hear(remarks_of(beside))

    def add(self, page: Mapping[str, Any]) -> None:
        """Take one page. An id may come again on a later one, and then the later one stands."""
        self._hear(remarks_in(page))
        resources = resources_in(page)
        asked = [resource for resource in resources if not self.doubted or self._may_be_asked_for(resource)]
        for resource in asked:
            self.found[reference_of(resource) or f"#{len(self.found)}"] = resource
        if len(asked) < len(resources):
            raise _Done

    def note(self, reason: GapReason, detail: str, lasting: Lasting = Lasting.LASTING) -> None:
        """Say once what is missing."""
        self.gaps[Gap(self.search.resource_type, reason, detail, lasting=lasting)] = None

    def doubt(self, detail: str) -> None:
        """Say that nobody knows whether the question was honoured: its pages are read while they are this patient's."""
        self.doubted = True
        self.note(GapReason.UNCERTAIN, detail)

    def _hear(self, remarks: Iterator[tuple[Remark, frozenset[str]]]) -> None:
        for remark, names in remarks:
            reason, detail, lasting = remark.value
            if remark is Remark.NOT_HONOURED:
                if not _whose(self.search) or names & _essential(self.search):
                    raise _NotHonoured
                self.doubt(detail)
            elif reason is not None:
                self.note(reason, detail, lasting)

    def _may_be_asked_for(self, resource: dict[str, Any]) -> bool:
        """Whether it is about the patient whom the question names, or about nobody."""
        about, whose = subject_of(resource), _whose(self.search)
        return not (whose and about.startswith("Patient/")) or is_theirs(resource, f"Patient/{whose}")


def _told(search: Search, outcome: Mapping[str, Any]) -> SearchResult:
    """A message where a resource or a searchset should be: "nothing found" is an answer to a search, any other is none."""
    remarks = [remark for remark, _ in remarks_of(outcome)]
    if remarks and not search.id and all(remark is Remark.HARMLESS for remark in remarks):
        return SearchResult(search)
    reason = GapReason.REFUSED if Remark.WITHHELD in remarks else GapReason.UNREADABLE
    # A message may stand for a fault of the moment: nobody says of it whether it lasts, unless the EHR withholds.
    lasting = Lasting.LASTING if Remark.WITHHELD in remarks else Lasting.PERHAPS
    gap = Gap(search.resource_type, reason, _MESSAGE, lasting=lasting)
    return SearchResult(search, gaps=(gap,), lack=Lack.LASTING)


def _reason(error: EhrError) -> GapReason:
    if isinstance(error, EhrRefused | EhrRejected):
        return GapReason.REFUSED
    return GapReason.UNREADABLE if isinstance(error, EhrNotFhir) else GapReason.INCOMPLETE


def _read_through(reading: _Reading, first: Mapping[str, Any], fetch: Fetch) -> None:
    """All pages; where the address of one is no longer good, the search once more from its beginning."""
    try:
        for page in _pages(first, fetch):
            reading.add(page)
    except (EhrRefused, EhrRejected) as error:
        if error.status not in _EXPIRED:
            raise
        for page in _pages(fetch(reading.search.url), fetch):
            reading.add(page)


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


def _doubt(search: Search, page: Mapping[str, Any]) -> str:
    """Why nobody knows whether the question was honoured, "" where it was; _NotHonoured when another one was answered.

    A self link that repeats nothing of the question is the server's own address of its answer, and says no more than none.
    """
    told = _parameters_of(link(page, "self"))
    asked = [(name, value) for name, value in search.parameters if name not in _RESULT]
    if not any(_is_named(name, told) for name, _ in asked):
        return _UNSAID
    lacking = {name for name, value in asked if not _is_among(name, value, told)}
    if lacking & _essential(search):
        raise _NotHonoured
    return _WIDER if lacking else ""


def _parameters_of(address: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(urlsplit(address).query, keep_blank_values=True)
    except ValueError:  # "http://[": no address at all
        return []


def _whose(search: Search) -> str:
    """The id of the patient whom a question names, "" where it names none."""
    return next((value.rpartition("/")[2] for name, value in search.parameters if name in _WHOSE), "")


def _essential(search: Search) -> frozenset[str]:
    """The parameters without which an answer is no answer: whose it is; where the question names nobody, all of them.

    Each resource says itself of which kind and day it is, so that a wider answer about the same patient can be used.
    """
    names = frozenset(name for name, _ in search.parameters) - _RESULT
    return names & _WHOSE or names


def _is_named(name: str, told: list[tuple[str, str]]) -> bool:
    return any(_is_same_name(name, other) for other, _ in told)


def _is_among(name: str, value: str, told: list[tuple[str, str]]) -> bool:
    return any(_is_same_name(name, other) and _same(name, value, given) for other, given in told)


def _is_same_name(name: str, told: str) -> bool:
    other = told.partition(":")[0]
    return name == other or {name, other} <= _WHOSE


def _same(name: str, asked: str, told: str) -> bool:
    """Whether two spellings of a value ask the same: order of a list, a reference's base, a date's time left open."""
    if name in _WHOSE:
        return asked.rpartition("/")[2] == told.rpartition("/")[2]
    return set(asked.split(",")) == set(told.split(",")) or (asked[:2] == "ge" and told.startswith(asked))
