"""Reading the EHR once: what it now shows of each resource that something is to become of."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_mappings.bundle import Search, carries
from fhir_mappings.likeness import Likeness, hidden_texts, likeness, with_texts
from fhir_mappings.references import references_in, version_of
from fhir_mappings.withdrawal import hold_key
from service.domain.absence import Conclusion, Look, Shown, Subject
from service.domain.publication import Draft, LedgerEntry, WriteState
from service.domain.record import GapReason
from service.domain.write_reason import WriteReason
from service.ehr.capability import Capability
from service.ehr.client import Ehr
from service.ehr.ladder import Rung, step_for
from service.ehr.search import Lack, SearchResult
from service.ehr.writing import condition, searches_for
from service.errors import EhrNotFhir, EhrRefused, EhrRejected, EhrUnavailable
from service.pipeline.publishing.actions import Observed, Sight, Wish
from service.pipeline.publishing.answered import (
    NOTHING_SUGGESTED,
    Suggestions,
    find_answer,
    name_nobody_twice,
    search_for_answer,
)

Json = dict[str, Any]

#: What a look that did not show a resource adds up to, with the looks before it.
Weigh = Callable[[Look], Conclusion]
_SIGNS: Final = "Provenance"
#: Nothing more becomes of these.
_OVER: Final[Mapping[Wish, frozenset[WriteState]]] = {
    Wish.RETIRE: frozenset({WriteState.REVOKED, WriteState.THEIRS}),
    Wish.WITHDRAW: frozenset({WriteState.REVOKED}),
    Wish.CLOSE: frozenset({WriteState.REVOKED}),
    Wish.ASK: frozenset({WriteState.REVOKED, WriteState.LANDED, WriteState.THEIRS}),
    Wish.KEEP: frozenset(WriteState),
}


@dataclass(frozen=True, slots=True)
class _Question:
    entry: LedgerEntry
    ways: tuple[Search, ...]
    is_suggested: bool = False


def observe(  # noqa: PLR0913  every argument is one part of the look
    entries: Sequence[LedgerEntry],
    wishes: Mapping[str, Wish],
    ehr: Ehr,
    weigh: Weigh,
    *,
    seen: Collection[str] = (),
    everything: bool = False,
    suggestions: Suggestions = NOTHING_SUGGESTED,
) -> dict[str, Observed]:
    """Look for all of these in one batch; what is in seen has been looked at already.

    What is new is searched for only where the EHR would not notice that it has it, or, with everything, always. Of suggestions that were left to clinicians the order that answers is looked for. Raises
    EhrUnavailable when nothing at all was answered.
    """
    known = {entry.draft.full_url: entry.reference for entry in entries if entry.reference}
    capability = ehr.capability()
    rested = _about_orders_that_rested(entries, wishes)
    questions = [
        _question(entry, wishes[entry.draft.key], capability, known, suggestions)
        for entry in entries
        if entry.draft.key not in seen
        and (
            _is_looked_for(entry, wishes[entry.draft.key], capability, known, everything=everything)
            or (bool(entry.reference) and any(key.startswith(hold_key(entry.draft)) for key in rested))
        )
    ]
    observed = {
        question.entry.draft.key: Observed(Sight.NO_WAY) for question in questions if not question.ways
    }
    asked = [question for question in questions if question.ways]
    results = _ask(ehr, [question.ways for question in asked])
    taken = {entry.reference for entry in entries if entry.reference}
    healthy = {result.search.resource_type for result in results if result.search.id and result.resources}
    for question, result in zip(asked, results, strict=True):
        entry = question.entry
        if entry.reference:
            observed[entry.draft.key] = _reading(entry, result, ehr, weigh, healthy)
        elif question.is_suggested:
            answer = find_answer(entry, result, suggestions, taken)
            observed[entry.draft.key] = answer or _lacking(result)
        else:
            observed[entry.draft.key] = _found(entry, result, wishes[entry.draft.key], ehr)
    return name_nobody_twice(
        observed, [question.entry.draft.key for question in asked if question.is_suggested]
    )


def _question(
    entry: LedgerEntry, wish: Wish, capability: Capability, known: Mapping[str, str], suggestions: Suggestions
) -> _Question:
    is_left = wish is Wish.LEFT and not entry.is_doubtful and not entry.reference
    if is_left and entry.draft.key in suggestions.by_key:
        return _Question(entry, search_for_answer(entry, capability), is_suggested=True)
    return _Question(entry, tuple(_ways(entry, capability, known)))


def _about_orders_that_rested(entries: Sequence[LedgerEntry], wishes: Mapping[str, Wish]) -> list[str]:
    """The keys of tasks that are closed by what their orders show, whoever's these are."""
    closing = [entry for entry in entries if wishes[entry.draft.key] is Wish.CLOSE]
    return [entry.draft.key for entry in closing if entry.state is not WriteState.REVOKED]


def _is_looked_for(
    entry: LedgerEntry, wish: Wish, capability: Capability, known: Mapping[str, str], *, everything: bool
) -> bool:
    if entry.state in _OVER.get(wish, ()):
        return False
    if entry.is_doubtful:
        return True
    if entry.reference:
        return not _is_nobodys_to_change(entry, wish, known)
    if wish is Wish.LEFT or entry.state is WriteState.THEIRS:
        return True
    is_possible = step_for(capability, entry.draft.resource_type).rung is not Rung.NOT_POSSIBLE
    is_unguarded = everything or not condition(entry.draft, capability)
    return wish in {Wish.STAND, Wish.ASK} and is_possible and is_unguarded


def lacks_targets(entry: LedgerEntry, known: Mapping[str, str]) -> bool:
    """Whether a Provenance was written before something that it speaks of was there."""
    targets = set(references_in((entry.sent or {}).get("target")))
    wanted = references_in(entry.draft.body.get("target"))
    return entry.sent is not None and any(known[url] not in targets for url in wanted if url in known)


def _is_nobodys_to_change(entry: LedgerEntry, wish: Wish, known: Mapping[str, str]) -> bool:
    """Who made what stays as it was told; an order that a clinician signed is theirs."""
    if entry.draft.resource_type == _SIGNS:
        is_whole = entry.state is WriteState.LANDED and not lacks_targets(entry, known)
        return wish is not Wish.STAND or is_whole
    is_signed = entry.state is WriteState.THEIRS and entry.reason is WriteReason.SIGNED_THERE
    return wish is Wish.STAND and is_signed and not entry.status_given


def _ways(entry: LedgerEntry, capability: Capability, known: Mapping[str, str]) -> Iterable[Search]:
    if entry.reference:
        kind, _, identity = entry.reference.partition("/")
        return [Search(kind, id=identity)]
    return searches_for(entry.draft, capability, known)


def _ask(ehr: Ehr, ways: Sequence[Sequence[Search]]) -> list[SearchResult]:
    """One result for each, by the first of its ways that the EHR answers; the same question is asked once."""
    once = list(dict.fromkeys(way[0] for way in ways))
    answered = dict(zip(once, ehr.batch(once), strict=True)) if once else {}
    results = [answered[way[0]] for way in ways]
    others = [way[1:] for way, result in zip(ways, results, strict=True) if way[1:] and _is_refused(result)]
    further = iter(_ask(ehr, others) if others else ())
    return [
        next(further) if way[1:] and _is_refused(result) else result
        for way, result in zip(ways, results, strict=True)
    ]


def _is_refused(result: SearchResult) -> bool:
    """Whether the EHR was asked, and does not answer this question."""
    is_answered = result.gone or result.resources or not result.gaps
    return not is_answered and not _may_pass(result)


def _may_pass(result: SearchResult) -> bool:
    """Whether the next try may give what this one did not."""
    return result.lack is Lack.PASSING or any(gap.reason is GapReason.UNREADABLE for gap in result.gaps)


def _reading(
    entry: LedgerEntry, result: SearchResult, ehr: Ehr, weigh: Weigh, healthy: Collection[str]
) -> Observed:
    shown = result.shown
    if shown is Shown.PRESENT:
        if entry.reason in {WriteReason.ABSENT_ONCE, WriteReason.REMOVED_BY_PERSON}:
            weigh(Look(ehr.tenant.id, Subject.WRITTEN, entry.reference, shown))
        return Observed(Sight.THERE, result.resources[0], version_of(result.resources[0]))
    if shown is Shown.ABSENT and not _may_pass(result):
        look = Look(
            ehr.tenant.id,
            Subject.WRITTEN,
            entry.reference,
            shown,
            is_healthy=result.search.resource_type in healthy,
        )
        return Observed(Sight.ABSENT, absence=weigh(look))
    return Observed(Sight.NOT_LET if shown is Shown.NOT_LET else Sight.UNANSWERED)


def _found(entry: LedgerEntry, result: SearchResult, wish: Wish, ehr: Ehr) -> Observed:
    """What a search has found of one that has no id yet."""
    draft = _as_sent(entry)
    if wish is Wish.LEFT and not entry.is_doubtful:
        ours = [resource for resource in result.resources if carries(resource, draft.identifier)]
        is_like = False
    else:
        try:
            shown = [
                _with_hidden_texts(resource, draft, ehr) if entry.is_doubtful else resource
                for resource in result.resources
            ]
        except EhrUnavailable:
            return Observed(Sight.UNANSWERED)
        verdicts = [
            (resource, likeness(read, draft)) for resource, read in zip(result.resources, shown, strict=True)
        ]
        ours = [resource for resource, verdict in verdicts if verdict is Likeness.OURS]
        is_like = any(verdict is Likeness.PERHAPS for _, verdict in verdicts)
    if len(ours) == 1:
        return Observed(Sight.THERE, ours[0], version_of(ours[0]))
    if ours:
        return Observed(Sight.SEVERAL)
    lacking = _lacking(result)
    return Observed(Sight.PERHAPS) if is_like and lacking.sight is Sight.NOWHERE else lacking


def _lacking(result: SearchResult) -> Observed:
    """What a search says that has not shown it."""
    if result.gaps or result.gone:
        return Observed(Sight.UNANSWERED if _may_pass(result) else Sight.NOT_LET)
    return Observed(Sight.NOWHERE)


def _as_sent(entry: LedgerEntry) -> Draft:
    """What is looked for: what was sent, whatever is wanted by now."""
    sent = entry.in_flight
    return replace(entry.draft, body=sent.body) if sent and entry.is_doubtful else entry.draft


def _with_hidden_texts(resource: Json, draft: Draft, ehr: Ehr) -> Json:
    """The resource with what stands behind its URLs, where only that tells whose it is. EhrUnavailable for a passing fault."""
    texts = {}
    for part in hidden_texts(resource, draft):
        with suppress(EhrRefused, EhrRejected, EhrNotFhir):
            texts[str(part["url"])] = ehr.text_at(str(part["url"]), str(part.get("contentType", "")))
    return dict(with_texts(resource, texts)) if texts else resource
