"""One discharge's resources brought to where they are wanted: looked at once, decided, done, until nothing is left to do."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.further import place_of
from fhir_mappings.outbound.notice import further_notice, is_notice, keeps_verdict_out
from fhir_mappings.outbound.shape import HospitalFacts
from fhir_mappings.references import resolved
from fhir_mappings.withdrawal import is_hold_task
from service import clock
from service.clock import now
from service.domain.absence import Conclusion, Look, Shown
from service.domain.publication import Draft, Ledger, LedgerEntry, WriteState
from service.domain.write_reason import WriteReason
from service.domain.write_shape import Change
from service.ehr.capability import Capability
from service.ehr.client import Ehr
from service.ehr.ladder import LOWER_TYPES, Rung, descend, step_for
from service.errors import EhrConflict, EhrError, EhrRefused, WriteUnknown
from service.pipeline.publishing.act import Vanished, act, tells_nobody
from service.pipeline.publishing.actions import Action, Observed, Record, Sight, Situation, Wish, Write
from service.pipeline.publishing.answered import NOTHING_SUGGESTED, Suggestions
from service.pipeline.publishing.chain import Chain, extend
from service.pipeline.publishing.observe import Weigh, observe
from service.pipeline.publishing.pauses import is_unfinished
from service.pipeline.publishing.ready import as_taken, facts_of, of_types, unmade_of
from service.pipeline.publishing.reconcile import reconcile

#: The same plan as document, message and health concerns, for an EHR that does not take it otherwise.
Drafts = Callable[[], Sequence[Draft]]
_SIGNS: Final = "Provenance"
#: Write, ask a person about a hold, write that, and once more after somebody was quicker.
_PASSES: Final = 8
_SHOWN: Final = frozenset({Sight.THERE, Sight.NOWHERE, Sight.UNSEEN})
#: A call lasts no longer than so many read timeouts, and an EHR is taken to give up what nobody waits for as soon.
_TIMEOUTS: Final = 2


def never_concludes(look: Look) -> Conclusion:
    """Weigh looks where nothing is kept of earlier ones."""
    return Conclusion.STANDS if look.shown is Shown.PRESENT else Conclusion.LOOK_AGAIN


def nobody_has_signed(digest: str) -> bool:
    """Hold nothing for signed."""
    del digest
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a discharge's resources are published.

    lower and notice are asked for drafts when they are needed. left are the keys of what was offered to clinicians. recorded
    is when what is taken back was asked for. weigh keeps the looks that did not show a resource. is_signed says of the
    digest of a draft whether a person has signed what it says. called_off is the document by which what stands is told to
    hold no longer, () while it holds; zone is the hospital's, in which documents are dated. vanished are the elements by
    type that the EHR is known to drop, tell_vanished is told of more.
    suggestions are those of what is left that were made by the hospital's own orders.
    """

    author: Author
    recorded: datetime
    at: datetime
    lower: Drafts = tuple
    notice: Drafts = tuple
    left: Collection[str] = frozenset()
    weigh: Weigh = never_concludes
    but_approved: bool = False
    is_signed: Callable[[str], bool] = nobody_has_signed
    called_off: Drafts = tuple
    zone: tzinfo = UTC
    for_good: bool = False
    vanished: Callable[[], Mapping[str, frozenset[str]]] = dict
    tell_vanished: Vanished = tells_nobody
    suggestions: Suggestions = NOTHING_SUGGESTED


def publish(
    ledger: Ledger, ehr: Ehr, lower: Drafts = tuple, *, way: Way | None = None
) -> tuple[LedgerEntry, ...]:
    """Bring the EHR to what the ledger wants; the ledger as it then stands.

    One transaction where nothing is unknown. What the EHR does not take as a resource of its own goes on the lower rungs
    that it has; the ledger says where each item stands. Raises EhrUnavailable and WriteUnknown when it is worth running
    again at once: whatever was sent stays SENDING and is then looked for first. Raises EhrRefused when our credential is.
    """
    run = _Run(ledger, ehr, way or replace(_plain(ehr), lower=lower))
    try:
        run.bring()
        run.descend()
        run.tell_what_is_kept_out()
    except EhrRefused:
        run.count_try()
        raise
    run.finish()
    return ledger.entries()


def withdraw(  # noqa: PLR0913  every argument is one part of the way it is done
    ledger: Ledger,
    ehr: Ehr,
    *,
    author: Author,
    recorded: datetime,
    at: datetime | None = None,
    but_approved: bool = False,
    for_good: bool = False,
    weigh: Weigh = never_concludes,
    called_off: Drafts = tuple,
    zone: tzinfo = UTC,
) -> tuple[LedgerEntry, ...]:
    """The discharge is called off: drafts are revoked, what a person approved goes on hold with a task for a person.

    at is now; but_approved: what a person approved stays as it is; for_good: it is ended, as nothing comes back. called_off
    is what says of a document that can never be changed that it no longer holds; zone is the hospital's, in which it is
    dated. Raises as publish does.
    """
    ends = for_good and not but_approved
    way = Way(
        author=author,
        recorded=recorded,
        at=at or now(),
        weigh=weigh,
        but_approved=but_approved,
        called_off=called_off,
        zone=zone,
        for_good=ends,
    )
    run = _Run(ledger, ehr, way, off=True)
    try:
        run.take_back()
    except EhrRefused:
        run.count_try()
        raise
    run.finish()
    return ledger.entries()


def _plain(ehr: Ehr) -> Way:
    tenant = ehr.tenant
    author = Author("Homeward", tenant.organization, tenant.organization_reference, tenant=tenant.id)
    return Way(author=author, recorded=now(), at=now())


@dataclass(slots=True)
class _Run:
    """One run: what has been seen in it, what failed, and whether somebody was quicker once."""

    ledger: Ledger
    ehr: Ehr
    way: Way
    off: bool = False
    seen: dict[str, Observed] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    failures: list[EhrError] = field(default_factory=list)
    again: bool = False
    unanswered: bool = False
    #: The types of lower rungs that stand for something, None while that is not known.
    needed: frozenset[str] | None = None
    told: bool = False
    #: What is to become of documents that can never be changed, by key.
    chained: dict[str, Wish] = field(default_factory=dict)
    began: float = field(default_factory=clock.monotonic)
    #: How often each was tried before this run.
    tried: dict[str, int] = field(init=False)
    facts: HospitalFacts = field(init=False)

    def __post_init__(self) -> None:
        self.facts = facts_of(self.ehr.tenant)
        self.tried = {entry.draft.key: entry.attempts for entry in self.ledger.entries()}

    def bring(self) -> None:
        """Look, decide and do until nothing is left to do now."""
        for _ in range(_PASSES):
            actions = self._decide()
            if not actions:
                return
            self._close(actions)
            done = act(
                self.ledger,
                self.ehr,
                actions,
                self._now(),
                again=self.again,
                tell_vanished=self.way.tell_vanished,
            )
            if done.is_outrun:
                # Someone was quicker than our reading; a second look shows who, and theirs is left alone.
                self.again = True
                self.seen.clear()
            self.seen |= done.shown
            self.closed |= done.failures.keys()
            # What was seen of these leads to nothing more in this run: what depends on them waits.
            self.seen |= dict.fromkeys(done.failures, Observed())
            self.failures += done.failures.values()

    def descend(self) -> None:
        """One rung down for what the EHR does not take, and further where it refuses that as well."""
        capability = self.ehr.capability()
        tried = unmade = frozenset[str]()
        found = descend(self.ledger.entries(), capability)
        while not found.types <= tried:
            tried |= found.types
            drafts = as_taken(self.way.lower(), capability, self.facts)
            unmade = unmade_of(drafts, tried)
            self._want_lower(drafts, tried)
            found = descend(self.ledger.entries(), capability, unmade=unmade)
        self.needed = _needed(self.ledger.entries(), capability, unmade)
        self.bring()
        stood = {entry.draft.key: entry.rung for entry in self.ledger.entries()}
        self.ledger.land([item for item in found.landed if stood[item.key] is not item.rung])

    def take_back(self) -> None:
        """Call off what was written; what can never be changed is told by a further document that it no longer holds."""
        self._want_while_it_changes(self._drafts_when_off)
        self.bring()

    def _want_lower(self, drafts: Sequence[Draft], types: frozenset[str]) -> None:
        self._want_while_it_changes(lambda: self._lower_drafts(drafts, types))

    def _want_while_it_changes(self, choose: Callable[[], list[Draft]]) -> None:
        """Want these and bring them there, once more where what came of it changes what is wanted next."""
        before: list[Draft] | None = None
        for _ in range(_PASSES):
            chosen = choose()
            if chosen == before:
                return
            self.ledger.want_also(chosen)
            self.bring()
            before = chosen

    def _lower_drafts(self, drafts: Sequence[Draft], types: frozenset[str]) -> list[Draft]:
        """The drafts of these types as this EHR takes them; of what it never lets be changed, the next and what stands."""
        capability = self.ehr.capability()
        off = {draft.key: draft for draft in self.way.called_off()}
        further = [draft for draft in drafts if draft.resource_type in types and self._is_chained(draft)]
        chains = {draft.key: self._extend(draft.key, draft, off.get(draft.key)) for draft in further}
        newest = {draft.full_url: chains[draft.key].full_url for draft in further}
        asked = [chains[draft.key].new if draft in further else draft for draft in drafts]
        linked = [replace(draft, body=resolved(draft.body, newest)) for draft in asked if draft is not None]
        standing = [chain.stands for chain in chains.values() if chain.stands is not None]
        return [*of_types(linked, types, capability, self.facts, standing=standing), *standing]

    def _drafts_when_off(self) -> list[Draft]:
        """What says of the documents that can never be changed that they no longer hold, and these as they are."""
        off = [] if self.way.but_approved else [d for d in self.way.called_off() if self._is_chained(d)]
        chains = [self._extend(draft.key, None, draft) for draft in off]
        told = [chain.new for chain in chains if chain.new is not None]
        standing = [chain.stands for chain in chains if chain.stands is not None]
        types = frozenset(draft.resource_type for draft in told)
        return [*of_types(told, types, self.ehr.capability(), self.facts), *standing]

    def _is_chained(self, draft: Draft) -> bool:
        return self.ehr.capability().shape(draft.resource_type).change is Change.FURTHER

    def _extend(self, base: str, plan: Draft | None, off: Draft | None) -> Chain:
        chain = extend(base, self.ledger.entries(), plan, off, self.way.zone)
        others = {key: wish for key, wish in self.chained.items() if place_of(key, base) is None}
        self.chained = {**others, **chain.wishes}
        return chain

    def tell_what_is_kept_out(self) -> None:
        """A notice in a place of ours where the plan's verdict does not show in the chart; one that is needless is retired."""
        self.told = True
        if self._is_kept_out(self.ledger.entries()):
            self._want_notice()
        if any(is_notice(entry.draft.key) for entry in self.ledger.entries()):
            self.bring()

    def _want_notice(self) -> None:
        capability = self.ehr.capability()
        possible = [
            draft
            for draft in as_taken(self.way.notice(), capability, self.facts)
            if step_for(capability, draft.resource_type).rung is not Rung.NOT_POSSIBLE
        ]
        self.ledger.want_also([self._as_new(draft, capability) for draft in possible[:1]])

    def _as_new(self, draft: Draft, capability: Capability) -> Draft:
        """Where what was told cannot be changed, each notice that tells something else is one of its own."""
        if capability.may_be_put(draft.resource_type):
            return draft
        told = {
            entry.draft.key: entry
            for entry in self.ledger.entries()
            if is_notice(entry.draft.key, of=(draft.key,))
        }
        latest = further_notice(draft, max(1, len(told)))
        known = told.get(latest.key)
        if known is None or not known.reference or known.sent_digest == latest.digest:
            return latest
        return further_notice(draft, len(told) + 1)

    def count_try(self) -> None:
        """What still waits, if only for another, was tried once more: so that the pauses between the tries grow."""
        waiting = [entry for entry in self.ledger.entries() if is_unfinished(entry, off=self.off)]
        counted = [(entry, self.tried.get(entry.draft.key, 0) + 1) for entry in waiting]
        if more := [replace(entry, attempts=tries) for entry, tries in counted if entry.attempts < tries]:
            self.ledger.save(more)

    def finish(self) -> None:
        """Count the try; raise what is worth another run at once."""
        self.count_try()
        for failure in self.failures:
            if failure.retryable and not isinstance(failure, EhrConflict):
                raise failure
        if self.unanswered:
            raise WriteUnknown("Some writes could not be looked for just now.")

    def _now(self) -> datetime:
        return self.way.at + timedelta(seconds=clock.monotonic() - self.began)

    def _sight(self, entry: LedgerEntry) -> Sight:
        return self.seen.get(entry.draft.key, Observed()).sight

    def _decide(self) -> list[Action]:
        entries = self.ledger.entries()
        is_kept_out = self._is_kept_out(entries)
        wishes = {entry.draft.key: self._wish(entry, is_kept_out=is_kept_out) for entry in entries}
        weigh = self.way.weigh
        known = self.seen.keys() | self.closed
        self.seen |= observe(
            entries,
            wishes,
            self.ehr,
            weigh,
            seen=known,
            everything=self.again,
            suggestions=self.way.suggestions,
        )
        capability = self.ehr.capability()
        way = self.way
        situation = Situation(
            capability,
            wishes,
            way.author,
            way.recorded,
            self._now(),
            but_approved=way.but_approved,
            for_good=way.for_good,
            patience=_TIMEOUTS * timedelta(seconds=self.ehr.tenant.read_timeout_seconds),
            facts=self.facts,
            preference_list=self.ehr.tenant.preference_list,
            vanished=way.vanished() if capability.drops_elements() else {},
        )
        actions = reconcile(entries, self.seen, situation)
        undecided = self._undecided(entries) | self.closed
        return [action for action in actions if self._key(action) not in undecided]

    def _undecided(self, entries: Sequence[LedgerEntry]) -> set[str]:
        """What stands on lower rungs, and a notice, is not taken back before it is known what is needed there."""
        if self.off:
            return set()
        notices = {entry.draft.key for entry in entries if is_notice(entry.draft.key)}
        lower = [entry for entry in entries if entry.draft.resource_type in LOWER_TYPES and not entry.wanted]
        undecided = {entry.draft.key for entry in lower} if self.needed is None else set()
        return (undecided - notices) | (set() if self.told else notices)

    def _close(self, actions: Sequence[Action]) -> None:
        """What could not be seen is decided once in a run."""
        for action in actions:
            if not isinstance(action, Record):
                continue
            if action.entry.is_doubtful or self._sight(action.entry) not in _SHOWN:
                self.closed.add(action.entry.draft.key)
                if action.entry.is_doubtful:
                    self.unanswered |= self._sight(action.entry) is Sight.UNANSWERED
                    self.seen[action.entry.draft.key] = Observed()

    def _is_kept_out(self, entries: Sequence[LedgerEntry]) -> bool:
        """Whether how the plan stands does not show; where a further document tells it, it shows there."""
        is_told = any(entry.wanted and self._is_chained(entry.draft) for entry in entries)
        return not is_told and _is_kept_out(entries)

    def _is_needless(self, entry: LedgerEntry) -> bool:
        """Whether it stands on a lower rung for what by now stands higher."""
        is_lower = entry.draft.resource_type in LOWER_TYPES
        return is_lower and self.needed is not None and entry.draft.resource_type not in self.needed

    @staticmethod
    def _key(action: Action) -> str:
        return action.entry.draft.key if isinstance(action, Record | Write) else ""

    def _wish(self, entry: LedgerEntry, *, is_kept_out: bool) -> Wish:
        if is_hold_task(entry.draft):
            return Wish.ASK if self.off and not self.way.for_good else Wish.CLOSE
        if entry.reason is WriteReason.REPLACED:
            return Wish.KEEP
        if self.off:
            return self.chained.get(entry.draft.key, Wish.WITHDRAW)
        return self._wish_of_plan(entry, is_kept_out=is_kept_out)

    def _wish_of_plan(self, entry: LedgerEntry, *, is_kept_out: bool) -> Wish:
        """What is to become of a resource of a plan that stands."""
        chained = self.chained.get(entry.draft.key)
        is_needless = not is_kept_out if is_notice(entry.draft.key) else self._is_needless(entry)
        if is_needless or (not entry.wanted and chained is None):
            return Wish.RETIRE
        if chained is not None:
            return chained
        if self._awaits_signature(entry):
            return Wish.UNSIGNED
        is_unsent = not entry.reference and not entry.is_doubtful
        return Wish.LEFT if entry.draft.key in self.way.left and is_unsent else Wish.STAND

    def _awaits_signature(self, entry: LedgerEntry) -> bool:
        """Whether nothing of it is written before a person has signed; what may be there already is looked for."""
        waits = self.ehr.capability().shape(entry.draft.resource_type).waits_for_signature
        return waits and not entry.is_doubtful and not self.way.is_signed(entry.digest)


def _needed(entries: Sequence[LedgerEntry], capability: Capability, unmade: frozenset[str]) -> frozenset[str]:
    """The types of lower rungs that are needed for what the EHR does not have now, whatever is expected."""
    as_it_is = [
        entry.moved_to(WriteState.IMPOSSIBLE)
        if entry.is_new and entry.state is WriteState.WAITING and entry.reason is not WriteReason.NOT_SIGNED
        else entry
        for entry in entries
    ]
    return descend(as_it_is, capability, unmade=unmade).types


def _is_kept_out(entries: Sequence[LedgerEntry]) -> bool:
    """Whether how the plan stands by now does not show: a person's words keep it out, or the EHR takes no change of ours."""
    plans = [entry for entry in entries if entry.wanted and not is_notice(entry.draft.key)]
    return any(
        WriteReason.VERDICT_KEPT_OUT in {entry.reason, entry.in_flight and entry.in_flight.reason}
        or _is_frozen(entry)
        for entry in plans
    )


def _is_frozen(entry: LedgerEntry) -> bool:
    if not entry.reference or entry.state not in {WriteState.REFUSED, WriteState.IMPOSSIBLE}:
        return False
    said, ours = entry.sent or {}, entry.draft.body
    return keeps_verdict_out(
        entry.draft.resource_type, {name for name in ours if ours[name] != said.get(name)}
    )
