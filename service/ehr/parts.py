"""A search that fails because of one bad record, asked again in parts until only what holds the record fails."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, Final

from fhir_mappings.bundle import Search
from fhir_mappings.outcomes import Cause
from fhir_mappings.references import reference_of
from fhir_mappings.splitting import parts_of
from service.domain.record import Gap, GapReason, Lasting
from service.ehr.capability import Capability
from service.ehr.search import Lack, SearchResult
from service.errors import EhrError

#: Searches that one failing search may become: enough to come from years down to some days.
MOST_PARTS: Final = 32
_FAILS: Final = "The EHR fails on one of its records; the others were read in parts, as far as it gave them."

Ask = Callable[[Sequence[Search]], list[SearchResult]]


def fails_on_a_record(result: SearchResult, others: Iterable[SearchResult]) -> bool:
    """Whether a search failed over one record; where its error may mean more, only if another search was answered."""
    if result.cause is Cause.PERHAPS_A_RECORD:
        return any(other.lack is Lack.NOTHING for other in others)
    return result.cause is Cause.A_RECORD


def ask_in_parts(failed: SearchResult, ask: Ask, offered: Capability, today: date) -> SearchResult:
    """What narrower searches give, with one gap for what still fails; the failed result where none is answered."""
    found: dict[str, dict[str, Any]] = {}
    gaps: dict[Gap, None] = {}
    answered, failed_again, left = False, False, MOST_PARTS
    pending = list(parts_of(failed.search, offered, today))[:left]
    while pending:
        left -= len(pending)
        try:
            results = ask(pending)
        except EhrError:
            break
        whole = [result for result in results if result.cause is Cause.ELSEWHERE]
        answered = answered or any(result.lack is Lack.NOTHING for result in whole)
        for result in whole:
            found |= {reference_of(resource): resource for resource in result.resources}
            gaps |= dict.fromkeys(gap for gap in result.gaps if result.lack is Lack.NOTHING)
        failing = [part for part, result in zip(pending, results, strict=True) if result not in whole]
        failed_again = failed_again or bool(failing)
        pending = [narrower for part in failing for narrower in parts_of(part, offered, today)][:left]
    if not answered:
        return failed
    if not failed_again and (again := _asked_once_more(failed.search, ask)):
        return again
    gap = Gap(failed.search.resource_type, GapReason.INCOMPLETE, _FAILS, lasting=Lasting.PERHAPS)
    return SearchResult(failed.search, tuple(found.values()), (*gaps, gap))


def _asked_once_more(search: Search, ask: Ask) -> SearchResult | None:
    """The whole answer, where the fault has passed: every part was answered."""
    try:
        [result] = ask([search])
    except EhrError:
        return None
    return result if result.lack is Lack.NOTHING else None
