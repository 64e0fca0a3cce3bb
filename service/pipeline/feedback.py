"""What the EHR says became of our cards. It is no signature: it names nobody, so nothing is approved by it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from fhir_mappings.outbound.cards import SUGGESTIONS
from service import metrics
from service.domain.audit import AuditEntry, Event
from service.domain.decision import Choice, Decision, Signer
from service.domain.discharge import DischargeState
from service.domain.offer import Answer, Offer, OfferKind
from service.jobs import Task
from service.pipeline.consult import DOOR
from service.pipeline.ports import Deps
from service.store import Unit

_UNKNOWN: Final = "unknown"
#: Where planning anew brings the plan to what the EHR then holds; what was called off or failed waits for a person.
_PLANNED: Final = frozenset({DischargeState.PLANNED, DischargeState.PUBLISHED})


@dataclass(frozen=True, slots=True)
class Feedback:
    """About one card: accepted with these suggestions, or overridden for a reason (a code, and the user's own words)."""

    card: UUID
    answer: Answer
    at: datetime
    suggestions: frozenset[UUID] = field(default_factory=frozenset)
    reason: str = ""
    comment: str = ""


def take_feedback(tenants: Collection[str], told: Sequence[Feedback], deps: Deps) -> None:
    """Keep what is new in it, and have the discharges planned anew whose suggestions were answered.

    The EHR's copy of an accepted suggestion is then adopted, a declined one is asked for no more. Repeats change
    nothing; cards never shown are counted. Raises StoreUnavailable, and then nothing has happened.
    """
    ids = {one.card for one in told} | {each for one in told for each in one.suggestions}
    now = deps.now()
    with deps.store.begin() as unit:
        known = {offer.id: offer for offer in unit.offers.lock(tenants, ids)}
        changed: dict[UUID, Offer] = {}
        for one in sorted(told, key=lambda feedback: feedback.at):
            # A clock that is ahead must not make its answer the last one for good.
            given = replace(one, at=min(one.at, now))
            changed |= {offer.id: offer for offer in _answered(given, known | changed, unit)}
        for offer in changed.values():
            _keep(offer, unit, now)
        suggested = [offer for offer in changed.values() if offer.kind is OfferKind.SUGGESTION]
        for discharge in dict.fromkeys(offer.discharge for offer in suggested):
            _plan_anew(discharge, unit, deps)


def _answered(told: Feedback, known: Mapping[UUID, Offer], unit: Unit) -> list[Offer]:
    """The offers that this answers anew: the card, and the suggestions taken or, with their card, set aside."""
    card = known.get(told.card)
    metrics.HOOK_FEEDBACK.labels(told.answer if card else _UNKNOWN).inc()
    if card is None:
        return []
    answered = [card]
    if told.answer is Answer.ACCEPTED:
        answered += [known[one] for one in told.suggestions if one in known]
    elif card.key == SUGGESTIONS:
        answered += [known.get(one.id, one) for one in _open_suggestions(card, unit)]
    return [
        one.answered_with(told.answer, told.at, reason=told.reason, comment=told.comment)
        for one in answered
        if one.discharge == card.discharge and one.answers_anew(told.answer, told.at)
    ]


def _open_suggestions(card: Offer, unit: Unit) -> list[Offer]:
    return [
        offer
        for offer in unit.offers.of(card.discharge)
        if offer.kind is OfferKind.SUGGESTION and offer.answer is Answer.OPEN
    ]


def _keep(offer: Offer, unit: Unit, at: datetime) -> None:
    unit.offers.save(offer)
    discharge = unit.discharges.get(offer.discharge)
    event = Event.CARD_ACCEPTED if offer.answer is Answer.ACCEPTED else Event.CARD_OVERRIDDEN
    actor = f"{DOOR} {offer.shown_to}"
    unit.audit.record(AuditEntry(at, discharge.tenant, actor, event, discharge.id, offer.key))
    if offer.kind is OfferKind.SUGGESTION and offer.answer is Answer.OVERRIDDEN:
        unit.decisions.add(offer.discharge, [_declined(offer)])


def _declined(offer: Offer) -> Decision:
    """The refusal as any other is kept: by whom the card was shown to, for feedback itself names nobody."""
    at = offer.answered or offer.shown
    reason = ": ".join(filter(None, (offer.reason, offer.comment))) or "set aside in the EHR"
    who = Signer(offer.shown_to, reference=offer.shown_to)
    return Decision(uuid5(offer.id, at.isoformat()), offer.key, Choice.DECLINED, who, at, reason)


def _plan_anew(discharge_id: UUID, unit: Unit, deps: Deps) -> None:
    discharge = unit.discharges.lock(discharge_id)
    if discharge.state in _PLANNED:
        again = discharge.asked_again("", deps.now())
        unit.discharges.save(again)
        unit.audit.record(
            AuditEntry(again.changed, again.tenant, DOOR, Event.ASKED_AGAIN, again.id, again.encounter)
        )
        deps.jobs.defer(Task.PLAN, again.id, unit)
