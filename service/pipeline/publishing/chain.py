"""What stands in an EHR that never lets a document be changed, and what is to stand there next. Pure.

The documents of one plan are a chain: the newest that the EHR has says how the plan stands, the older ones are replaced by
it. A further one is made when what it would say means something else, never while nobody knows whether the last arrived.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Final

from fhir_mappings.outbound.further import Place, further, place_of
from service.domain.publication import Draft, LedgerEntry, WriteState
from service.domain.write_reason import WriteReason
from service.pipeline.publishing.actions import Wish

#: A person may have said that it is there, and not by which id.
_THERE: Final = frozenset({WriteState.LANDED, WriteState.THEIRS})


@dataclass(frozen=True, slots=True)
class Link:
    """One document of the chain, in its place."""

    place: Place
    entry: LedgerEntry

    @property
    def is_there(self) -> bool:
        """Whether the EHR has it, as far as anyone knows."""
        return bool(self.entry.reference) or self.entry.state in _THERE

    @property
    def is_doubtful(self) -> bool:
        """Whether nobody knows if it was created."""
        return self.entry.is_doubtful and not self.is_there

    @property
    def is_removed(self) -> bool:
        """Whether a person removed it, so that nobody acts on it."""
        return self.entry.reason is WriteReason.REMOVED_BY_PERSON


@dataclass(frozen=True, slots=True)
class Chain:
    """What of a chain is wanted: the document still to be written (None: nothing), and the newest of those there, as it is.

    wishes are what is to become of the links, by key; what is not named waits for a signature, or is written.
    """

    new: Draft | None = None
    stands: Draft | None = None
    wishes: Mapping[str, Wish] = field(default_factory=dict)

    @property
    def full_url(self) -> str:
        """By which others link to the newest of it, "" where there is none."""
        newest = self.new or self.stands
        return newest.full_url if newest else ""


def links_of(base: str, entries: Sequence[LedgerEntry]) -> tuple[Link, ...]:
    """The documents of this base in the ledger, the oldest first."""
    places = [(place_of(entry.draft.key, base), entry) for entry in entries]
    links = [Link(place, entry) for place, entry in places if place is not None]
    return tuple(sorted(links, key=lambda link: (link.place.number, link.place.is_off)))


def extend(
    base: str, entries: Sequence[LedgerEntry], plan: Draft | None, off: Draft | None, zone: tzinfo
) -> Chain:
    """The chain as it is wanted: with the plan as it now stands, or with word that it no longer holds.

    plan is its document, None once the discharge was called off. off says that what stands no longer holds: it is told
    of what stands, and where nothing does there is nothing to tell. zone is the hospital's, in which documents are dated.
    """
    links = links_of(base, entries)
    doubtful = next((link for link in reversed(links) if link.is_doubtful), None)
    stands = next((link for link in reversed(links) if link.is_there), None)
    is_off = off is not None and (stands is not None or plan is None)
    new = None if doubtful else _next(stands, off if is_off else plan, zone, is_off=is_off)
    wishes = {link.entry.draft.key: _wish(link, stands) for link in links}
    if new is not None:
        wishes.pop(new.key, None)
        # That a plan no longer holds is told without anybody's signature.
        wishes |= {new.key: Wish.STAND} if is_off else {}
    if doubtful is not None:
        wishes[doubtful.entry.draft.key] = Wish.STAND if plan else Wish.WITHDRAW
    kept = doubtful or stands
    return Chain(new, _as_it_stands(kept.entry) if kept else None, wishes)


def _next(stands: Link | None, draft: Draft | None, zone: tzinfo, *, is_off: bool) -> Draft | None:
    """The document to be written next; None where the newest says it already, or nobody is to be told."""
    if draft is None:
        return None
    if stands is None:
        return None if is_off else draft
    if is_off and (stands.place.is_off or stands.is_removed):
        return None
    if stands.place.is_off == is_off and stands.entry.sent_digest == draft.digest:
        return None
    place = Place(stands.place.number + 1, is_off)
    written = _written(stands.entry)
    moment = written.astimezone(zone) if written else None
    return further(draft, place, stands.place, moment, stands.entry.reference)


def _wish(link: Link, stands: Link | None) -> Wish:
    """What was never written and is not what comes next is forgotten."""
    if link is stands:
        return Wish.STAND
    return Wish.KEEP if link.is_there else Wish.RETIRE


def _written(entry: LedgerEntry) -> datetime | None:
    """When it was sent; where that is not known any more, of when it says that it is; None where it does not say it either."""
    body = entry.draft.body
    period = body.get("context", {}).get("period", {})
    said = body.get("date") or body.get("sent") or period.get("end")
    return entry.tried or entry.since or (datetime.fromisoformat(str(said)) if said else None)


def _as_it_stands(entry: LedgerEntry) -> Draft:
    """What the EHR has, or may have, as the draft that it was made from: so that no newer wish is laid over it."""
    sent, digest = entry.sent, entry.sent_digest
    if entry.in_flight is not None and not entry.reference:
        sent, digest = entry.in_flight.body, entry.in_flight.digest
    return replace(entry.draft, body=sent or entry.draft.body, meaning=digest or entry.digest)
