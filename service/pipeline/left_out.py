"""What the plan before rests on and a search no longer finds: an empty answer does not prove that it is gone.

A search index that is rebuilt, or a gateway's answer for an EHR that is away, finds nothing at all. So where a search gives none of
what the plan before cites from a resource type, a few of them are read by their ids.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from fhir_mappings.bundle import Search
from fhir_mappings.inbound.record import is_in_error
from fhir_mappings.inbound.references import is_theirs, reference_of, subject_of
from service.domain.absence import APART, Shown
from service.domain.plan import Plan
from service.domain.record import Gap, GapReason, Lasting
from service.domain.unread import Unread
from service.ehr.client import Ehr
from service.ehr.search import SearchResult
from service.errors import EhrUnavailable
from service.pipeline.ports import Deps

#: Of one type so many are read: enough to tell an index that is away from one record that was deleted.
_SAMPLE: Final = 4
#: A search that leaves out for so long what is given by its id means it, as when a record was filed under another category.
_MEANT: Final = timedelta(days=1)
_DETAIL: Final = "The EHR's search left out what the plan before rests on; that is not taken to be gone."


@dataclass(frozen=True, slots=True)
class Cited:
    """The literal references that the plan before rests on, by resource type.

    missed says of a type for how long its search has left them out.
    """

    references: Mapping[str, frozenset[str]] = field(default_factory=dict)
    missed: Mapping[str, timedelta] = field(default_factory=dict)

    def silent(self) -> frozenset[str]:
        """The types of which nothing was found so far: nothing of them is cited."""
        return frozenset(self.missed.keys() - self.references.keys())


#: Where there is no plan before.
NOTHING_CITED: Final = Cited()


def read_cited(discharge: UUID, deps: Deps) -> Cited:
    """What the last plan of a discharge rests on, and what of it was left out before."""
    version = deps.store.plans.latest(discharge)
    if version is None:
        return NOTHING_CITED
    return cited_in(version.plan, deps.store.unread.of(discharge), deps.now())


def cited_in(plan: Plan, lacking: Iterable[Unread], at: datetime) -> Cited:
    """What a plan rests on: the evidence of its needs, booked visits, and orders that stand."""
    found: dict[str, set[str]] = defaultdict(set)
    for reference in _references_in(plan):
        kind, _, identity = reference.partition("/")
        # The stay itself is read by its id.
        if identity and "/" not in identity and reference != plan.encounter.reference:
            found[kind].add(reference)
    missed = {lack.resource_type: at - lack.since for lack in lacking if lack.reason is GapReason.UNCERTAIN}
    return Cited({kind: frozenset(references) for kind, references in found.items()}, missed)


def find_left_out(
    cited: Cited, searches: Iterable[Search], results: Sequence[SearchResult], patient: str, ehr: Ehr
) -> tuple[Gap, ...]:
    """A gap for each type of which the searches gave nothing that is cited, although it stands by its id or may stand.

    What says itself that it was entered in error, or is about somebody else, is believed at once; what is not there by its id
    either, at a second look. A type whose searches failed has its gap already.
    """
    given = {reference_of(resource) for result in results for resource in result.resources}
    failed = {gap.about for result in results for gap in result.gaps if gap.is_asked_again()}
    kinds = {search.resource_type for search in searches} - failed
    suspects = {
        kind: sorted(references)[:_SAMPLE]
        for kind, references in cited.references.items()
        if kind in kinds and not references & given
    }
    looks = _look_at([reference for references in suspects.values() for reference in references], ehr)
    return tuple(
        Gap(kind, GapReason.UNCERTAIN, _DETAIL, lasting=Lasting.PASSING)
        for kind, references in suspects.items()
        if any(_may_stand(looks.get(reference), patient, cited.missed.get(kind)) for reference in references)
    )


def is_disowned(resource: dict[str, Any], patient: str) -> bool:
    """Whether a resource says itself that it was a mistake, or is about somebody else."""
    return is_in_error(resource) or bool(subject_of(resource) and not is_theirs(resource, patient))


def _references_in(plan: Plan) -> Iterable[str]:
    yield from (part.reference for need in plan.needs for part in need.evidence)
    yield from (booking.reference for booking in plan.bookings)
    yield from (str(getattr(item, "existing", "")) for item in plan.items())


def _look_at(references: Sequence[str], ehr: Ehr) -> dict[str, SearchResult]:
    """What each shows by its id; nothing where the EHR does not answer."""
    asked = [
        Search(kind, id=identity)
        for kind, _, identity in (reference.partition("/") for reference in references)
    ]
    try:
        return dict(zip(references, ehr.batch(asked), strict=True))
    except EhrUnavailable:
        return {}


def _may_stand(look: SearchResult | None, patient: str, missed: timedelta | None) -> bool:
    """Whether something that a search left out, for so long, is not shown to be gone."""
    if look is not None and look.shown is Shown.PRESENT and is_disowned(look.resources[0], patient):
        return False
    if missed is None:
        return True
    is_absent = look is not None and look.shown is Shown.ABSENT
    return missed < (APART if is_absent else _MEANT)
