"""Doing what was decided: the ledger first, then the EHR, together where it takes transactions, else in the order of their links."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from fhir_mappings.bundle import Update
from fhir_mappings.merge import pruned, without
from fhir_mappings.outbound.shape import vanished
from fhir_mappings.references import references_in, resolved
from service import clock
from service.domain.publication import Draft, InFlight, Ledger, LedgerEntry, Receipt, WriteState
from service.domain.write_reason import WriteReason
from service.ehr.client import Ehr
from service.ehr.writing import Outcome, write_each, write_together
from service.errors import EhrConflict, EhrError, EhrNotReached, EhrRefused, EhrRejected, WriteUnknown
from service.pipeline.publishing.actions import Action, Add, Observed, Record, Sight, Write
from service.pipeline.publishing.reconcile import is_about
from service.pipeline.publishing.rules import fingerprint, speaks_of_nothing
from service.pipeline.publishing.settle import arrived, missed

#: Told of a resource type and the elements of it that an EHR has dropped.
Vanished = Callable[[str, Collection[str]], None]
_UNAUTHORIZED: Final = 401
_SIGNS: Final = "Provenance"
#: An EHR that rejects for so long that we take a resource back leaves it to a person.
_TAKEN_BACK_AT_MOST: Final = 5


@dataclass(slots=True)
class Done:
    """What came of the actions: what the EHR now shows by key, and the errors of those that it did not take.

    is_outrun: somebody was quicker than our reading; a second look shows who.
    """

    shown: dict[str, Observed] = field(default_factory=dict)
    failures: dict[str, EhrError] = field(default_factory=dict)
    is_outrun: bool = False


def tells_nobody(resource_type: str, names: Collection[str]) -> None:
    """Keep nothing of what an EHR dropped."""
    del resource_type, names


def act(
    ledger: Ledger,
    ehr: Ehr,
    actions: Sequence[Action],
    at: datetime,
    *,
    again: bool = False,
    tell_vanished: Vanished = tells_nobody,
) -> Done:
    """Record, then write; each that arrived gets its receipt, each that did not its reason.

    Where someone was quicker nothing of a transaction is done. again: it is the second try after that, so that one more
    conflict is a failure of that resource alone. tell_vanished is told what an EHR that drops elements without a word has
    dropped.
    """
    ledger.save([action.entry for action in actions if isinstance(action, Record)])
    ledger.add([action.draft for action in actions if isinstance(action, Add)])
    writes = [action for action in actions if isinstance(action, Write)]
    sender = _Sender(ledger, ehr, at, tell_vanished)
    if not writes:
        return sender.done
    if ehr.capability().transaction and sender.send_together(writes, again=again):
        return sender.done
    sender.send_each(writes, again=again)
    return sender.done


def is_about_us(error: Exception) -> bool:
    """Whether it is our credential that was refused, and so anything we send."""
    return isinstance(error, EhrRefused) and error.status == _UNAUTHORIZED


class _Sender:
    """The writes of one discharge on their way."""

    def __init__(self, ledger: Ledger, ehr: Ehr, at: datetime, tell_vanished: Vanished) -> None:
        self._tell_vanished = tell_vanished
        self._ledger = ledger
        self._ehr = ehr
        self._at = at
        self._began = clock.monotonic()
        self.done = Done()

    def send_together(self, writes: Sequence[Write], *, again: bool) -> bool:
        """One transaction; False when the EHR refuses the whole, so that one bad resource does not lose the rest."""
        linked = self._linked(writes, coming=writes)
        if not self._is_begun(linked):
            return True
        try:
            outcomes = write_together(self._ehr, *_as_requests(linked))
        except (EhrConflict, EhrRejected, EhrRefused) as error:
            # All or nothing: it was nothing.
            if is_about_us(error):
                self._stop(linked, error)
            self._ledger.save([write.before for write in linked])
            self.done.is_outrun = isinstance(error, EhrConflict) and not again
            return self.done.is_outrun
        except EhrError as error:
            self._take(linked, [error] * len(linked))
            return True
        self._take(linked, outcomes)
        return True

    def send_each(self, writes: Sequence[Write], *, again: bool) -> None:
        """What is linked to first. An error keeps back only what depends on the resource it struck."""
        rest = list(writes)
        while wave := _next_wave(rest):
            rest = [write for write in rest if write not in wave]
            ready = [write for write in wave if not self._is_held_back(write)]
            self._hold_back([write for write in wave if write not in ready])
            linked = self._linked(ready, coming=rest)
            if not linked:
                continue
            if not self._is_begun(linked):
                return
            self._take(linked, write_each(self._ehr, *_as_requests(linked)))
            self._stop_if_refused(rest)
        self._hold_back(rest)
        conflicts = [write for write in writes if isinstance(self.done.failures.get(write.key), EhrConflict)]
        if conflicts and not again:
            self._ledger.save([write.before for write in conflicts])
            self.done.is_outrun = True
            for write in conflicts:
                del self.done.failures[write.key]

    def _is_begun(self, writes: Sequence[Write]) -> bool:
        """Whether all of these are known to be under way; else nothing is sent, and it is decided anew.

        What was never sent is forgotten when a new plan no longer wants it: written all the same, nobody would know of it.
        """
        at = self._now()
        self._ledger.save([replace(write.entry, tried=at) for write in writes])
        known = {entry.draft.key for entry in self._ledger.entries()}
        if all(write.key in known for write in writes):
            return True
        self._ledger.save([write.before for write in writes])
        return False

    def _now(self) -> datetime:
        return self._at + timedelta(seconds=clock.monotonic() - self._began)

    def _tried(self, error: EhrError) -> datetime | None:
        """When it was tried; of what may still arrive the latest that it can have been sent, of what was answered nothing."""
        if isinstance(error, WriteUnknown):
            return self._now()
        return self._at if isinstance(error, EhrRejected | EhrConflict | EhrRefused) else None

    def _take(self, writes: Sequence[Write], outcomes: Sequence[Outcome]) -> None:
        """Record what became of each, in one commit."""
        receipts = {outcome.key: outcome for outcome in outcomes if isinstance(outcome, Receipt)}
        entries = self._ledger.entries()
        known = {entry.draft.full_url: entry.reference for entry in entries if entry.reference}
        known |= {
            write.entry.draft.full_url: receipts[write.key].reference
            for write in writes
            if write.key in receipts and receipts[write.key].reference
        }
        now = {entry.draft.key: entry for entry in entries}
        taken = []
        for write, outcome in zip(_creates_first(writes), outcomes, strict=True):
            sent = _sent(write)
            if isinstance(outcome, Receipt):
                said = resolved(sent.said if sent.said is not None else sent.body, known)
                entry = arrived(
                    _as_wanted_now(write.entry, now),
                    replace(sent, said=said),
                    reference=outcome.reference,
                    etag=outcome.etag,
                )
                # By this moment a person finds a document in the chart, and the next one names it.
                taken.append(replace(entry, tried=self._now()) if write.is_create else entry)
                body = {**resolved(sent.body, known), "id": entry.reference.partition("/")[2]}
                self.done.shown[write.key] = Observed(Sight.THERE, body, entry.etag)
            else:
                taken.append(_failed(write, outcome, self._tried(outcome), self._ehr))
                self.done.failures[write.key] = outcome
        self._ledger.save(taken)
        created = {write.key for write in writes if write.is_create} & receipts.keys()
        self._read_back([entry for entry in taken if entry.draft.key in created])

    def _read_back(self, created: Sequence[LedgerEntry]) -> None:
        """Look at what an EHR that drops elements without a word has kept, so that what is missing is nobody's edit."""
        capability = self._ehr.capability()
        asked = [entry for entry in created if capability.shape(entry.draft.resource_type).read_back]
        self._ledger.save([self._as_kept(entry) for entry in asked])

    def _as_kept(self, entry: LedgerEntry) -> LedgerEntry:
        """What cannot be read back just now is taken to stand as it was sent."""
        try:
            kept = self._ehr.fetch(entry.reference)
        except EhrError:
            return entry
        said = entry.sent or {}
        names = vanished(said, kept.resource)
        if names:
            self._tell_vanished(entry.draft.resource_type, names)
        self.done.shown[entry.draft.key] = Observed(Sight.THERE, kept.resource, kept.etag)
        return replace(entry, etag=kept.etag, observed=kept.etag, sent=without(said, names))

    def _is_held_back(self, write: Write) -> bool:
        """Whether it links to what may or may not be there, or waits for one that the EHR did not take just now."""
        entries = self._ledger.entries()
        unknown = {
            entry.draft.full_url
            for entry in entries
            if entry.state is WriteState.SENDING and not entry.reference
        }
        if any(reference in unknown for reference in references_in(_sent(write).body)):
            return True
        failed = [entry.draft for entry in entries if _is_still_to_come(entry, self.done.failures)]
        return write.is_create and any(_needs(write.entry.draft, other) for other in failed)

    def _hold_back(self, writes: Sequence[Write]) -> None:
        self._ledger.save(
            [replace(write.before, reason=WriteReason.WAITS_FOR_ANOTHER, detail="") for write in writes]
        )

    def _linked(self, writes: Sequence[Write], *, coming: Sequence[Write]) -> list[Write]:
        """The same, with links to what is there as references, and without links to what is neither there nor coming."""
        entries = self._ledger.entries()
        known = {entry.draft.full_url: entry.reference for entry in entries if entry.reference}
        expected = {write.entry.draft.full_url for write in coming if write.is_create}
        missing = {entry.draft.full_url for entry in entries} - set(known) - expected
        linked = [_with_links(write, known, missing) for write in writes]
        idle = [w for w in linked if speaks_of_nothing(w.entry.draft.resource_type, _sent(w).body)]
        self._ledger.save(
            [write.before.moved_to(WriteState.IMPOSSIBLE, WriteReason.NOTHING_TO_SPEAK_OF) for write in idle]
        )
        ready = [write for write in linked if write not in idle]
        return sorted(ready, key=lambda write: not write.is_create)

    def _stop(self, writes: Sequence[Write], error: EhrError) -> None:
        """Our credential was refused: nothing of this was done, and nothing else is tried now."""
        self._ledger.save([_failed(write, error, self._tried(error), self._ehr) for write in writes])
        raise error

    def _stop_if_refused(self, rest: Sequence[Write]) -> None:
        refused = [error for error in self.done.failures.values() if is_about_us(error)]
        if refused:
            self._stop(rest, refused[0])


def _is_still_to_come(entry: LedgerEntry, failures: Collection[str]) -> bool:
    is_tried_again = entry.wanted and entry.state is WriteState.WAITING and bool(entry.attempts)
    return entry.draft.key in failures or (is_tried_again and not entry.reference)


def _needs(draft: Draft, other: Draft) -> bool:
    """Whether a Task is about this order, or a Provenance speaks of this resource: it is not changed once it is there."""
    speaks = draft.resource_type == _SIGNS and other.full_url in set(references_in(draft.body))
    return speaks or is_about(draft, other)


def _next_wave(rest: Sequence[Write]) -> list[Write]:
    """The writes that link to nothing which is still to be written."""
    names = {name for write in rest for name in _names(write)}
    return [write for write in rest if not _links(write, names - _names(write))]


def _names(write: Write) -> set[str]:
    """By what others link to it."""
    return {write.entry.draft.full_url, write.entry.reference} - {""}


def _links(write: Write, names: Collection[str]) -> bool:
    return any(reference in names for reference in references_in(_sent(write).body))


def _sent(write: Write) -> InFlight:
    sent = write.entry.in_flight
    if sent is None:
        raise ValueError("A write has nothing in flight.")
    return sent


def _with_links(write: Write, known: Mapping[str, str], missing: Collection[str]) -> Write:
    sent = _sent(write)
    body, said = (pruned(resolved(part, known), missing) for part in (sent.body, sent.said or sent.body))
    return replace(write, entry=replace(write.entry, in_flight=replace(sent, body=body, said=said)))


def _as_requests(writes: Iterable[Write]) -> tuple[list[Draft], list[Update]]:
    """As they go to the EHR, which answers them as `_linked` has them."""
    creates = [replace(w.entry.draft, body=_sent(w).body) for w in writes if w.is_create]
    updates = [Update(w.key, w.entry.reference, _sent(w).body, w.etag) for w in writes if not w.is_create]
    return creates, updates


def _creates_first(writes: Iterable[Write]) -> list[Write]:
    """In the order of the outcomes: of what is created, then of what is changed, each kind as it was asked for."""
    return sorted(writes, key=lambda write: not write.is_create)


def _as_wanted_now(entry: LedgerEntry, now: Mapping[str, LedgerEntry]) -> LedgerEntry:
    """With the wish as the ledger knows it by now: a person may have decided while we wrote."""
    known = now.get(entry.draft.key, entry)
    return replace(entry, draft=known.draft, digest=known.digest, wanted=known.wanted, rung=known.rung)


def _failed(write: Write, error: EhrError, at: datetime | None, ehr: Ehr) -> LedgerEntry:
    """The entry after the EHR said no, or did not answer. What it said is kept as the detail: codes and paths, no words of the record."""
    before, detail = replace(write.before, tried=at), str(error)
    match error:
        case EhrRejected():
            return _rejected(write, before, detail, ehr)
        case EhrConflict():
            return missed(before, WriteReason.CHANGED_MEANWHILE)
        case EhrRefused():
            return missed(before, WriteReason.NOT_LET, detail)
        case EhrNotReached():
            return missed(before, WriteReason.NOT_REACHED)
    return replace(missed(write.entry, WriteReason.NO_ANSWER, detail), tried=at)


def _left_as_it_stands(before: LedgerEntry, detail: str, name: str) -> LedgerEntry:
    """What stands there, and is a person's or ours, goes on so; what we would change in it is not sent again for a while."""
    told = missed(before, WriteReason.REJECTED, detail)
    if before.refused_as != name:
        return replace(told, refused_as=name)
    return replace(told, reason=before.reason, detail=before.detail, attempts=0)


def _rejected(write: Write, before: LedgerEntry, detail: str, ehr: Ehr) -> LedgerEntry:
    """The content was refused. Once may be a gateway's mistake: it is believed the second time."""
    is_again = before.reason is WriteReason.REJECTED or before.state is WriteState.REFUSED
    if before.state in {WriteState.WAITING, WriteState.REFUSED} and is_again:
        name = fingerprint(before, ehr.capability())
        return replace(
            before.moved_to(WriteState.REFUSED, WriteReason.REJECTED, detail, refused_as=name),
            attempts=before.attempts + 1,
        )
    if before.state in {WriteState.LANDED, WriteState.THEIRS} and not _sent(write).status_given:
        return _left_as_it_stands(before, detail, fingerprint(before, ehr.capability()))
    told = missed(before, WriteReason.REJECTED, detail)
    is_taken_back = bool(_sent(write).status_given)
    return replace(told, attempts=0) if is_taken_back and told.attempts > _TAKEN_BACK_AT_MOST else told
