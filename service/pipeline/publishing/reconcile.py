"""What is to be done so that the EHR shows what is wanted: one pure decision over the ledger and one look at the EHR.

The table says by wish and by what was seen which rule decides; a rule gives the entry as it then stands, or a write. What
a write comes to, `act` and the next look say. A person's change always wins.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_mappings.merge import pruned, without
from fhir_mappings.outbound.shape import shaped
from fhir_mappings.references import references_in, resolved
from fhir_mappings.withdrawal import is_hold_task, status_of
from service.domain.publication import Draft, LedgerEntry, WriteState
from service.domain.write_reason import WriteReason
from service.ehr.ladder import LOWER_TYPES
from service.ehr.writing import condition
from service.pipeline.publishing import rules
from service.pipeline.publishing.actions import Action, Add, Observed, Record, Sight, Situation, Wish, Write
from service.pipeline.publishing.observe import lacks_targets
from service.pipeline.publishing.rules import Case
from service.pipeline.publishing.settle import settle

Rule = Callable[[Case], LedgerEntry | Write]

#: By wish and sight. What is not named leaves the entry as it is.
_TABLE: Final[Mapping[tuple[Wish, Sight], Rule]] = {
    (Wish.STAND, Sight.UNSEEN): rules.create,
    (Wish.STAND, Sight.NOWHERE): rules.create,
    (Wish.STAND, Sight.PERHAPS): rules.create,
    (Wish.STAND, Sight.NO_WAY): rules.create,
    (Wish.STAND, Sight.THERE): rules.bring_up_to_date,
    (Wish.STAND, Sight.SEVERAL): rules.leave_copies,
    (Wish.STAND, Sight.ABSENT): rules.doubt,
    (Wish.STAND, Sight.NOT_LET): rules.create_or_wait,
    (Wish.STAND, Sight.UNANSWERED): rules.wait,
    (Wish.UNSIGNED, Sight.UNSEEN): rules.wait_for_signature,
    (Wish.UNSIGNED, Sight.NOWHERE): rules.wait_for_signature,
    (Wish.UNSIGNED, Sight.PERHAPS): rules.wait_for_signature,
    (Wish.UNSIGNED, Sight.NO_WAY): rules.wait_for_signature,
    (Wish.UNSIGNED, Sight.THERE): rules.wait_for_signature,
    (Wish.UNSIGNED, Sight.SEVERAL): rules.leave_copies,
    (Wish.UNSIGNED, Sight.ABSENT): rules.doubt,
    (Wish.UNSIGNED, Sight.NOT_LET): rules.wait_for_signature,
    (Wish.UNSIGNED, Sight.UNANSWERED): rules.wait_for_signature,
    (Wish.LEFT, Sight.THERE): rules.adopt,
    (Wish.LEFT, Sight.SEVERAL): rules.leave_copies,
    (Wish.LEFT, Sight.UNSEEN): rules.leave_to_clinician,
    (Wish.LEFT, Sight.NOWHERE): rules.leave_to_clinician,
    (Wish.LEFT, Sight.PERHAPS): rules.name_nobody,
    (Wish.LEFT, Sight.NO_WAY): rules.leave_to_clinician,
    (Wish.LEFT, Sight.NOT_LET): rules.leave_to_clinician,
    (Wish.LEFT, Sight.UNANSWERED): rules.leave_to_clinician,
    (Wish.RETIRE, Sight.UNSEEN): rules.forget,
    (Wish.RETIRE, Sight.NOWHERE): rules.forget,
    (Wish.RETIRE, Sight.THERE): rules.retire,
    (Wish.RETIRE, Sight.ABSENT): rules.doubt,
    (Wish.RETIRE, Sight.NOT_LET): rules.wait,
    (Wish.RETIRE, Sight.UNANSWERED): rules.wait,
    (Wish.WITHDRAW, Sight.UNSEEN): rules.forget,
    (Wish.WITHDRAW, Sight.NOWHERE): rules.forget,
    (Wish.WITHDRAW, Sight.THERE): rules.withdraw,
    (Wish.WITHDRAW, Sight.ABSENT): rules.doubt,
    (Wish.WITHDRAW, Sight.NOT_LET): rules.wait,
    (Wish.WITHDRAW, Sight.UNANSWERED): rules.wait,
    (Wish.ASK, Sight.UNSEEN): rules.create,
    (Wish.ASK, Sight.NOWHERE): rules.create,
    (Wish.ASK, Sight.PERHAPS): rules.create,
    (Wish.ASK, Sight.NO_WAY): rules.create,
    (Wish.ASK, Sight.NOT_LET): rules.create_or_wait,
    (Wish.ASK, Sight.UNANSWERED): rules.wait,
    (Wish.CLOSE, Sight.UNSEEN): rules.forget,
    (Wish.CLOSE, Sight.NOWHERE): rules.forget,
    (Wish.CLOSE, Sight.THERE): rules.close_task,
    (Wish.CLOSE, Sight.ABSENT): rules.doubt,
    (Wish.CLOSE, Sight.NOT_LET): rules.wait,
    (Wish.CLOSE, Sight.UNANSWERED): rules.wait,
    # Whatever is seen of what another replaces, nothing follows from it.
    **{(Wish.KEEP, sight): rules.be_replaced for sight in Sight},
}
_NOTHING: Final = Observed()
_SIGNS: Final = "Provenance"
_BY_TARGET: Final = ("target",)
#: An order that stands otherwise than it is wanted, and is not brought there while neither it nor the EHR changes.
_RESTING: Final = frozenset({WriteState.REFUSED, WriteState.IMPOSSIBLE, WriteState.THEIRS})


def reconcile(
    entries: Sequence[LedgerEntry], observed: Mapping[str, Observed], situation: Situation
) -> tuple[Action, ...]:
    """Decide what is to be done, in the order of the ledger; () when the EHR shows what is wanted, or nothing can be done now.

    entries are those of one discharge, observed what was just seen of them by key. Decided anew after the actions were
    done, it comes to nothing more, but for what waits on an answer.
    """
    settled = {
        entry.draft.key: _settle(entry, observed.get(entry.draft.key, _NOTHING), situation)
        for entry in entries
    }
    book = _book_of(list(settled.values()), observed, situation)
    decided: dict[str, LedgerEntry | Write] = {}
    # What is new first: what is to link to it must know whether it is coming.
    for key in sorted(settled, key=lambda key: bool(settled[key].reference)):
        decided[key] = _decide(book.case(settled[key], decided))
    held_back = _hold_back(decided, settled, observed)
    actions = [_as_action(entry, held_back[entry.draft.key]) for entry in entries]
    adds = [Add(task) for task in _tasks_for_holds(settled, observed, situation)]
    return (*(action for action in actions if action), *adds)


def _settle(entry: LedgerEntry, look: Observed, situation: Situation) -> LedgerEntry:
    shape = situation.capability.shape(entry.draft.resource_type)
    return settle(
        entry,
        look,
        may_come=_may_come(entry, situation),
        # What is found by the very resource that it speaks of is found for sure.
        is_sure=shape.found_by in {None, _BY_TARGET} and shape.shows_at_once,
        shows_at_once=shape.shows_at_once,
    )


def _may_come(entry: LedgerEntry, situation: Situation) -> bool:
    """Whether the EHR may still be at work on a create, and would not notice that it makes the same twice."""
    if entry.tried is None or situation.at - entry.tried >= situation.patience:
        return False
    return entry.is_doubtful and not condition(entry.draft, situation.capability)


def _decide(case: Case) -> LedgerEntry | Write:
    is_named = case.entry.reference or case.wish in {Wish.STAND, Wish.LEFT}
    if case.entry.is_doubtful or (case.look.sight is Sight.THERE and not is_named):
        return case.entry
    if case.wish in {Wish.RETIRE, Wish.WITHDRAW} and rules.is_made_there(case.entry, case.look):
        return replace(case.entry, attempts=0)
    rule = _TABLE.get((case.wish, case.look.sight))
    return rule(case) if rule else case.entry


def _as_action(before: LedgerEntry, decided: LedgerEntry | Write) -> Action | None:
    if isinstance(decided, Write):
        return decided
    return Record(decided) if decided != before else None


@dataclass(frozen=True, slots=True)
class _Book:
    """What all decisions of one discharge share."""

    entries: Sequence[LedgerEntry]
    observed: Mapping[str, Observed]
    situation: Situation
    references: Mapping[str, str]

    def case(self, entry: LedgerEntry, decided: Mapping[str, LedgerEntry | Write]) -> Case:
        """One entry's decision; decided are those of what is new."""
        key = entry.draft.key
        coming = {write.entry.draft.full_url for write in decided.values() if isinstance(write, Write)}
        coming |= {other.draft.full_url for other in self.entries if other.state is WriteState.SENDING}
        missing = {other.draft.full_url for other in self.entries} - self.references.keys() - coming
        body = _as_taken(entry.draft, self.situation)
        ours = pruned(resolved(body, self.references), missing - {entry.draft.full_url})
        ours = without(
            ours, self.situation.vanished.get(entry.draft.resource_type, ()) if entry.reference else ()
        )
        look = self.observed.get(key, _NOTHING)
        return Case(entry, self.situation.wishes[key], look, ours, self.situation, self._focus(entry))

    def _focus(self, entry: LedgerEntry) -> tuple[LedgerEntry, Observed] | None:
        """The order that a task is about, and what was seen of it; None for all else."""
        found = next((order for order in self.entries if is_about(entry.draft, order.draft)), None)
        return (found, self.observed.get(found.draft.key, _NOTHING)) if found else None


def _as_taken(draft: Draft, situation: Situation) -> Mapping[str, Any]:
    """The body of a plan's own resource in the EHR's shape; what stands lower down was shaped when it was made ready."""
    if draft.resource_type in LOWER_TYPES | {_SIGNS}:
        return draft.body
    made = shaped(draft, situation.capability.shape(draft.resource_type), situation.facts)
    return made[0].body if made else draft.body


def is_about(task: Draft, order: Draft) -> bool:
    """Whether a task of ours is about this order."""
    if task.resource_type != "Task" or order.resource_type != "ServiceRequest":
        return False
    if is_hold_task(task):
        return task.key.startswith(rules.hold_key(order))
    return order.full_url in set(references_in(task.body.get("focus")))


def _book_of(entries: Sequence[LedgerEntry], observed: Mapping[str, Observed], situation: Situation) -> _Book:
    references = {entry.draft.full_url: entry.reference for entry in entries if entry.reference}
    return _Book(entries, observed, situation, references)


def _hold_back(
    decided: Mapping[str, LedgerEntry | Write],
    settled: Mapping[str, LedgerEntry],
    observed: Mapping[str, Observed],
) -> dict[str, LedgerEntry | Write]:
    """All decisions, but for what links to a write of which nobody knows, a task before its order, and a Provenance of nothing new."""
    ready = dict(decided)
    unknown = {
        entry.draft.full_url
        for entry in settled.values()
        if entry.state is WriteState.SENDING and not entry.reference
    }
    while waiting := [key for key, write in ready.items() if _links_to(write, unknown)]:
        for key in waiting:
            write = ready[key]
            unknown |= (
                {settled[key].draft.full_url} if isinstance(write, Write) and write.is_create else set()
            )
            ready[key] = _waiting(write)
    for key, write in ready.items():
        if isinstance(write, Write) and (orders := _not_standing(write, ready, settled, observed)):
            ready[key] = _without_order(write, orders)
    known = {entry.draft.full_url: entry.reference for entry in settled.values() if entry.reference}
    return _without_idle_provenance(ready, known)


def _links_to(write: LedgerEntry | Write, unknown: set[str]) -> bool:
    if not isinstance(write, Write) or write.entry.in_flight is None:
        return False
    return any(reference in unknown for reference in references_in(write.entry.in_flight.body))


def _waiting(write: LedgerEntry | Write) -> LedgerEntry:
    before = write.before if isinstance(write, Write) else write
    return replace(before, state=_unsent(before), reason=WriteReason.WAITS_FOR_ANOTHER, detail="")


def _unsent(before: LedgerEntry) -> WriteState:
    return WriteState.WAITING if before.state in {WriteState.LANDED, WriteState.IMPOSSIBLE} else before.state


def _not_standing(
    write: Write,
    ready: Mapping[str, LedgerEntry | Write],
    settled: Mapping[str, LedgerEntry],
    observed: Mapping[str, Observed],
) -> list[LedgerEntry | Write]:
    """The orders of a new Task that are not as they must be and are not being made so: no one acts on a draft."""
    task = write.entry.draft
    if is_hold_task(task) or not write.is_create:
        return []
    orders = [key for key, entry in settled.items() if is_about(task, entry.draft) and entry.reference]
    return [ready[key] for key in orders if not _stands(ready[key], observed.get(key, _NOTHING))]


def _without_order(write: Write, orders: Sequence[LedgerEntry | Write]) -> LedgerEntry:
    """The Task waits for its order, or, where that is not brought further by itself, cannot be."""
    if any(isinstance(order, Write) or order.state not in _RESTING for order in orders):
        return _waiting(write)
    return write.before.moved_to(WriteState.IMPOSSIBLE, WriteReason.ORDER_RESTS, attempts=0)


def _stands(order: LedgerEntry | Write, look: Observed) -> bool:
    if isinstance(order, Write):
        return order.entry.in_flight is not None and _is_active(order.entry.in_flight.body)
    if order.state is WriteState.THEIRS and look.sight is Sight.THERE:
        return _is_active(look.resource)
    return order.state in {WriteState.LANDED, WriteState.THEIRS}


def _is_active(order: Mapping[str, Any]) -> bool:
    return status_of(order) not in {"draft", "on-hold"}


def _without_idle_provenance(
    ready: dict[str, LedgerEntry | Write], known: Mapping[str, str]
) -> dict[str, LedgerEntry | Write]:
    """Where nothing that it speaks of is written, the Provenance in the EHR is still true."""
    writes = [write for write in ready.values() if isinstance(write, Write)]
    writes = [write for write in writes if not lacks_targets(write.before, known)]
    if any(write.is_create or write.entry.draft.resource_type != _SIGNS for write in writes):
        return ready
    for write in writes:
        entry = write.before
        said = write.entry.in_flight.said if write.entry.in_flight else entry.sent
        ready[write.key] = entry.moved_to(WriteState.LANDED, sent=said, sent_digest=entry.digest, attempts=0)
    return ready


def _tasks_for_holds(
    settled: Mapping[str, LedgerEntry], observed: Mapping[str, Observed], situation: Situation
) -> list[Draft]:
    """A task for a person about each approved order that is on hold and has none yet; none where it is to end."""
    tasks: list[Draft] = []
    if situation.for_good:
        return tasks
    for key, entry in settled.items():
        is_held = entry.status_given == "on-hold" and entry.draft.resource_type == "ServiceRequest"
        if situation.wishes[key] is not Wish.WITHDRAW or not is_held:
            continue
        look = observed.get(key, _NOTHING)
        prefix = rules.hold_key(entry.draft)
        about = [other for other in settled.values() if other.draft.key.startswith(prefix)]
        if look.sight is Sight.THERE and all(other.state is WriteState.REVOKED for other in about):
            tasks.append(rules.task_for(entry, look, len(about) + 1, situation))
    return tasks
