"""What a clinician who asks now is told now: the plan that stands, else what the record sent along tells by itself.

Whatever is missing is planned behind the answer, as for any other trigger.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Final
from uuid import UUID

from fhir_mappings.outbound.cards import (
    OrderKeys,
    Place,
    Reader,
    Shown,
    plan_cards,
    preparing_card,
    unclaimed_card,
    unknown_class_card,
)
from fhir_mappings.prefetch import REQUIRED
from service import metrics
from service.domain.claims import SENTENCES, UnclaimedReason
from service.domain.community_service import Matches
from service.domain.discharge import Action, Discharge, DischargeState, Trigger
from service.domain.offer import LOOKED_FOR, Answer, Offer, OfferKind
from service.domain.plan import Plan
from service.domain.preference_list import listed_order
from service.domain.publication import UNSENT, Draft, LedgerEntry, WriteState
from service.domain.record import Record
from service.domain.write_reason import WriteReason
from service.errors import (
    BadInput,
    ClassNotUnderstood,
    EhrError,
    EhrUnavailable,
    MissingPrefetch,
    NotAnInpatientStay,
    NoTime,
)
from service.jobs import Task
from service.pipeline.assess import glance, require_one_patient
from service.pipeline.consulted_record import NotObtained, Question, record_of, stay_was_sent
from service.pipeline.draft import draft
from service.pipeline.in_time import THINKING
from service.pipeline.intake import intake
from service.pipeline.ports import Deps

DOOR: Final = "cds-hooks"
#: A card on an encounter that is not planned leads to no page.
_NO_PAGE: Final = UUID(int=0)
#: A plan of these states stands; one that was called off or failed does not.
_STANDING: Final = frozenset({DischargeState.RECEIVED, DischargeState.PLANNED, DischargeState.PUBLISHED})
_UNSENT: Final = UNSENT | {WriteState.REFUSED}
_ANEW: Final = "A newer plan is being made; this is the one before it."
_FIRST: Final = "First look at the record as sent; the full plan with its referrals is being prepared."
_CALLED_OFF: Final = (
    "This discharge was called off; a new order plans it anew. This is what the record tells now."
)
_FAILED: Final = "Planning failed and waits for a person. This is what the record tells now."


class NobodysStay:
    """The answer about a stay of a shared EHR that no single hospital claims; it is none of ours, or somebody must know."""

    def __init__(
        self, tenant: str, encounter: str, reason: UnclaimedReason, place: Callable[[UUID], Place]
    ) -> None:
        self._card = unclaimed_card(tenant, encounter, SENTENCES[reason], place(_NO_PAGE))
        self._is_ours = reason is not UnclaimedReason.ANOTHER_ORGANIZATION

    def cards(self) -> tuple[Shown, ...]:
        """One card where a setting or the EHR must be corrected, none for a hospital that is not served."""
        return (self._card,) if self._is_ours else ()

    preparing = cards


class Consultation:
    """One question on its way to its answer; `discharge` is known as soon as its planning is on its way."""

    def __init__(self, question: Question, deps: Deps, place: Callable[[UUID], Place]) -> None:
        self._question = question
        self._deps = deps
        self._place = place
        self.discharge: Discharge | None = None
        self._has_asked = False
        self._offers: tuple[Offer, ...] = ()
        self._by_key = False

    def cards(self) -> tuple[Shown, ...]:
        """The cards to show, () for a stay that is none of ours.

        Raises BadInput, MissingPrefetch, StoreUnavailable; a fault is never an empty answer.
        """
        question, store = self._question, self._deps.store
        if store.hospitals.has_left(question.tenant.id):
            return ()
        known = self.discharge = store.discharges.of_stay(question.tenant.id, question.encounter)
        if known is None:
            return () if question.only_looks else self._of_record()
        with store.begin() as unit:
            version = unit.plans.latest(known.id)
            self._offers = unit.offers.of(known.id)
            entries = unit.publications.entries(known.id) if self._may_suggest(known) else ()
        if version is None or known.state not in _STANDING:
            return () if question.only_looks else self._of_record()
        if version.plan.patient.reference != question.patient:
            raise BadInput("context.patientId is not the patient of context.encounterId.")
        self._plan_if_asked()
        return self._of_plan(version.plan, known, entries)

    def preparing(self) -> tuple[Shown, ...]:
        """The plan is on its way, and that is all that can be said. It asks nobody: there may be no time left."""
        if self.discharge is None:
            raise NoTime
        card = preparing_card(
            self._question.tenant.id, self._question.encounter, self._place(self.discharge.id)
        )
        return (card,)

    def _may_suggest(self, discharge: Discharge) -> bool:
        """Not while we write them ourselves, and never where a hospital lets nothing of ours into its EHR."""
        return discharge.state is DischargeState.PUBLISHED and self._question.tenant.write_policy.writes

    def _of_plan(
        self, plan: Plan, discharge: Discharge, entries: tuple[LedgerEntry, ...]
    ) -> tuple[Shown, ...]:
        offered = [entry.draft for entry in entries if _is_offered(entry, self._offers)]
        takeable, order_keys = self._takeable(offered) if offered else ([], None)
        self._by_key = order_keys is not None
        cards = plan_cards(
            plan,
            self._place(discharge.id),
            offered=takeable,
            written={entry.draft.full_url: entry.reference for entry in entries if entry.reference},
            reader=replace(self._reader(), order_keys=order_keys),
            preliminary=_ANEW if discharge.state is DischargeState.RECEIVED else "",
        )
        return self._shown(cards, discharge)

    def _takeable(self, offered: list[Draft]) -> tuple[list[Draft], OrderKeys | None]:
        """What of this the EHR can take over, and by which orders of the hospital: None for the whole resource.

        Nothing where its /metadata, which is known for a day, cannot be read now: a suggestion in the wrong shape is dropped there
        without a word.
        """
        tenant = self._question.tenant
        try:
            hooks = self._deps.ehr(tenant.id).capability().hooks
        except EhrError:
            return [], None
        if not hooks.orders_by_key:
            return offered, None
        listed = {draft.key: listed_order(draft.key, tenant.preference_list) for draft in offered}
        return offered, OrderKeys(
            hooks.order_system, {key: order.code for key, order in listed.items() if order}
        )

    def _reader(self) -> Reader:
        """Whom the cards are for. What the suggestions' card was answered with holds for all: the orders are decided."""
        return Reader(self._question.user, _set_aside(self._offers))

    def _of_record(self) -> tuple[Shown, ...]:
        question = self._question
        today = self._deps.now().astimezone(question.tenant.time_zone).date()
        try:
            if question.is_late and stay_was_sent(question) and self._is_prepared():
                return self.preparing()
            record = record_of(question, self._deps, today)
        except ClassNotUnderstood:
            # Who is being discharged was in hospital, and silence would hide that the setting is missing.
            return (unknown_class_card(question.tenant.id, question.encounter, self._place(_NO_PAGE)),)
        except NotAnInpatientStay:
            return ()  # an outpatient or emergency visit ends without a discharge plan
        except NotObtained as failure:
            return self._without_record(failure)
        if record.patient.merged:
            self._outline(record, today)  # raises, unless the patient has died
        discharge = self._plan_if_asked()
        cards = plan_cards(
            self._outline(record, today),
            self._place(discharge.id),
            reader=self._reader(),
            preliminary=_why_preliminary(discharge),
        )
        return self._shown(cards, discharge)

    def _is_prepared(self) -> bool:
        """Have the stay planned, and whether it is: one that was called off or failed may wait for something else."""
        return self._plan_if_asked().state in _STANDING

    def _without_record(self, failure: NotObtained) -> tuple[Shown, ...]:
        """The plan is on its way where it was before, and where the stay was sent or the EHR was only slow.

        For a caller who must not rely on the next call, the lack of what they must send is an error all the same.
        """
        missing = sorted(self._question.prefetched.unmet & set(REQUIRED))
        before = self.discharge
        if before is None and (failure.slow or not missing):
            self._plan_if_asked()
        if self.discharge and self.discharge.state in _STANDING and (before or not missing):
            return self.preparing()
        named = " and ".join(f"prefetch.{key}" for key in missing) or "The record"
        raise MissingPrefetch(
            f"{named} did not come and could not be read from the EHR in time; send it with the call."
        ) from failure

    def _outline(self, record: Record, today: date) -> Plan:
        """What the record tells by itself: no service is looked for, and no referral of it is shown."""
        tenant = self._question.tenant
        assessment = glance(record, self._deps.content(tenant.id), today=today, site_language=tenant.language)
        require_one_patient(record, assessment)
        return draft(record, assessment, Matches(), tenant=tenant.id)

    def _plan_if_asked(self) -> Discharge:
        """Have the stay planned: when it is new to us, and when there is an order for it."""
        question = self._question
        if self.discharge is None or (question.order and not self._has_asked):
            self._has_asked = True
            trigger = Trigger(question.tenant.id, question.encounter, Action.PLAN, DOOR, question.order)
            metrics.TRIGGERS.labels(trigger.tenant, trigger.door, trigger.action).inc()
            with THINKING.left():  # whoever plans this stay now may hold its row
                self.discharge = intake(trigger, self._deps) or self.discharge
        if self.discharge is None:
            raise EhrUnavailable("The discharge could not be taken in; call again.")
        return self.discharge

    def _shown(self, cards: tuple[Shown, ...], discharge: Discharge) -> tuple[Shown, ...]:
        """Remember what is shown and to whom: feedback names a card and nobody."""
        at, user = self._deps.now(), self._question.user
        offers = [
            Offer(card.id, discharge.id, OfferKind.CARD, card.key, shown_to=user, shown=at, first_shown=at)
            for card in cards
        ]
        offers += [
            Offer(
                identity,
                discharge.id,
                OfferKind.SUGGESTION,
                key,
                shown_to=user,
                shown=at,
                first_shown=at,
            )
            for card in cards
            for identity, key in card.suggested.items()
        ]
        known = {offer.id: offer for offer in self._offers}
        with THINKING.left():
            self._deps.store.offers.show([offer for offer in offers if offer.is_news(known.get(offer.id))])
            if self._by_key and any(
                offer.id not in known for offer in offers if offer.kind is OfferKind.SUGGESTION
            ):
                self._look_for_orders(discharge)
        return cards

    def _look_for_orders(self, discharge: Discharge) -> None:
        """Have what was suggested by key looked for: the order carries nothing of ours, and feedback may never come."""
        seconds = round(LOOKED_FOR.total_seconds())
        with self._deps.store.begin() as unit:
            self._deps.jobs.defer_later(
                Task.PUBLISH, discharge.id, unit, tenant=discharge.tenant, seconds=seconds
            )


def _is_offered(entry: LedgerEntry, offers: tuple[Offer, ...]) -> bool:
    """An order that the EHR lacks, that we may not or could not write, and that nobody has answered yet.

    A card is read by whoever opens it, so nothing that is restricted stands on one.
    """
    if entry.draft.resource_type != "ServiceRequest" or not entry.wanted or entry.reference:
        return False
    if entry.draft.is_restricted or entry.reason is WriteReason.WHICH_ORDER:
        return False
    answered = {
        one.key for one in offers if one.kind is OfferKind.SUGGESTION and one.answer is not Answer.OPEN
    }
    return entry.state in _UNSENT and entry.draft.key not in answered


def _set_aside(offers: tuple[Offer, ...]) -> frozenset[str]:
    return frozenset(
        one.key for one in offers if one.kind is OfferKind.CARD and one.answer is Answer.OVERRIDDEN
    )


def _why_preliminary(discharge: Discharge) -> str:
    if discharge.state in {DischargeState.CANCELLED, DischargeState.CANCELLING}:
        return _CALLED_OFF
    return _FAILED if discharge.state is DischargeState.FAILED else _FIRST
