"""What already stands in the EHR: orders, goals and appointments that make an item of ours a duplicate."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from fhir_mappings.outbound.references import Names
from fhir_mappings.own_marks import own_value
from service.domain.assessment import Assessment
from service.domain.codes import Code, System
from service.domain.ordered import Ordered, OrderedService
from service.domain.plan_parts import Superseded
from service.domain.preference_list import NOTHING_KNOWN, KnownOrders, MadeOrder
from service.domain.record import INPATIENT_CLASSES, Fact, Kind, Record
from service.domain.sensitivity import NONE
from service.pipeline.draft.keys import every_key

_OPEN: Final[dict[Kind, frozenset[str]]] = {
    Kind.ORDER: frozenset({"active", "draft", "on-hold"}),
    Kind.DEVICE: frozenset({"active", "draft", "on-hold"}),
    Kind.GOAL: frozenset({"proposed", "planned", "accepted", "active", "on-hold"}),
    Kind.APPOINTMENT: frozenset({"booked"}),
}
#: A suggestion for the very same thing stands, as whoever takes one over from a card leaves it; for the like it is no order.
_SUGGESTED: Final = frozenset({"proposal", "option"})
_ORDERED: Final = "order"
#: Orders are often never closed; one that is older says nothing of what is needed now.
_OPEN_FOR: Final = timedelta(days=365)
#: Code systems of everybody: a key of a hospital's list is in none of them.
_PUBLIC: Final = frozenset(System) - {System.TEXT}
_WORD: Final = re.compile(r"\w+")
#: A single common word ("visit") says nothing about what is booked.
_WORDS_THAT_TELL: Final = 2


@dataclass(frozen=True, slots=True)
class _Index:
    """Facts by their codes and by their words, so that each question is one look; the first of several stands."""

    by_code: Mapping[tuple[str, str], Fact]
    by_words: Mapping[str, Fact]

    def find(self, text: str, codes: Collection[Code]) -> Fact | None:
        """A fact with one of the codes, else one with the very same words."""
        coded = (self.by_code.get((code.system, code.code)) for code in codes)
        return next((fact for fact in coded if fact), None) or self.by_words.get(words(text))


@dataclass(frozen=True, slots=True)
class Cover:
    """An order or visit that stands in the EHR for a referral. perhaps: somebody has to look whether it is meant."""

    fact: Fact
    words: str = ""
    perhaps: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What is open in the EHR and not ours. asked are the orders and visits whose services the content knows."""

    orders: _Index
    asked: tuple[tuple[Fact, Ordered], ...]
    goals: _Index
    appointments: tuple[Fact, ...]
    #: What somebody has ordered of what we proposed in an earlier stay, by the key of the item.
    earlier: Mapping[str, Fact] = field(default_factory=dict)
    #: What we proposed in an earlier stay and nobody has signed, by the key of the item.
    unsigned: Mapping[str, Superseded] = field(default_factory=dict)

    def order(
        self, title: str, codes: Collection[Code], *, key: str, service: str, needs: Sequence[str]
    ) -> Cover | None:
        """An order for the same thing: ours of an earlier stay, by code, by the very same words, or for the same kind of service.

        Of the last, one that surely asks for the service stands before one that perhaps does; each of the needs that ask for
        the service must be served, be it by several orders, of which the first is told.
        """
        if same := self.earlier.get(key) or self.orders.find(title, codes):
            return Cover(same)
        serving = [[pair for pair in self.asked if pair[1].serves(service, need)] for need in needs]
        if not all(serving):
            return None
        surest = [next((pair for pair in pairs if pair[1].exact), pairs[0]) for pairs in serving]
        fact, ordered = surest[0]
        return Cover(fact, ordered.words, perhaps=not all(pair[1].exact for pair in surest))

    def goal(self, text: str, measure: Code | None) -> Fact | None:
        """A goal that is coded as what ours measures, or says the same."""
        return self.goals.find(text, (measure,) if measure else ())

    def appointment(self, text: str, code: Code | None, *, first: date, last: date) -> Fact | None:
        """An appointment between two dates, both included, for the same kind of visit."""
        timely = (fact for fact in self.appointments if fact.began and first <= fact.began <= last)
        return next((fact for fact in timely if _same_code(fact, code) or _same_phrase(fact, text)), None)


def standing(
    record: Record, assessment: Assessment, *, tenant: str, orders: KnownOrders = NOTHING_KNOWN
) -> Standing:
    """Everything open that is not ours. Ours is known by the identifiers that all items of the needs would have.

    What of ours somebody has ordered in an earlier stay stands as anybody's order does. What a clinician made, or may have made,
    of a suggestion stands for the item itself; an order by the hospital's own table asks for just its service.
    """
    ours = _Ours(record, tenant, every_key(assessment.needs))
    foreign = [
        replace(fact, labels=fact.labels | assessment.standing_labels.get(fact.reference, NONE))
        for fact in record.facts
        if _is_open(fact, assessment.today)
        and not ours.includes(fact)
        and not _answers_a_suggestion(fact, record, orders)
    ]
    asked = {fact.reference: found for fact in foreign if (found := _ordered_by(fact, assessment, orders))}
    return Standing(
        orders=_index(fact for fact in foreign if fact.kind in {Kind.ORDER, Kind.DEVICE}),
        asked=tuple(
            (fact, asked[fact.reference])
            for fact in foreign
            if fact.reference in asked
            and fact.intent not in _SUGGESTED
            and _is_to_come(fact, assessment.today)
        ),
        goals=_index(fact for fact in foreign if fact.kind is Kind.GOAL),
        appointments=tuple(fact for fact in foreign if fact.kind is Kind.APPOINTMENT),
        earlier={key: fact for fact in foreign if fact.kind is Kind.ORDER and (key := ours.key_of(fact))},
        unsigned={
            key: Superseded(encounter, key)
            for fact in record.facts
            if fact.kind is Kind.ORDER and fact.status == "draft" and not _is_ordered(fact)
            for encounter, key in ours.find(fact)
            if not record.is_of_stay(encounter)
        },
    )


def _answers_a_suggestion(fact: Fact, record: Record, orders: KnownOrders) -> bool:
    if fact.kind is not Kind.ORDER:
        return False
    made = MadeOrder(tuple(code.code for code in fact.codes), fact.encounter, fact.authored or fact.began)
    stay = fact.encounter if record.is_of_stay(fact.encounter) else record.encounter.reference
    return orders.is_answer(fact.reference, made, stay=stay)


def _ordered_by(fact: Fact, assessment: Assessment, orders: KnownOrders) -> Ordered | None:
    """What an order asks for: by the hospital's own table, else by what the content knows."""
    own = [code.code for code in fact.codes if code.system not in _PUBLIC]
    listed = orders.services_of(own) if fact.kind is Kind.ORDER else ()
    if listed:
        services = tuple(OrderedService(service) for service in listed)
        return Ordered(services, fact.text, exact=True)
    return assessment.ordered.get(fact.reference)


class _Ours:
    """The identifiers of everything we could have written, worked out once for each stay that is asked about."""

    def __init__(self, record: Record, tenant: str, keys: Collection[str]) -> None:
        self._record, self._tenant, self._keys = record, tenant, keys
        self._known: dict[str, Mapping[str, str]] = {}

    def includes(self, fact: Fact) -> bool:
        """Whether it is ours and no order that somebody signed in an earlier stay."""
        return any(
            not _is_ordered(fact) or self._record.is_of_stay(encounter) for encounter, _ in self.find(fact)
        )

    def key_of(self, fact: Fact) -> str:
        """The key of the item that it was written for, "" where it is not ours."""
        return next((key for _, key in self.find(fact)), "")

    def find(self, fact: Fact) -> tuple[tuple[str, str], ...]:
        """The stay and the key of the item that it was written for; () where it is not ours.

        An EHR may drop the stay from an order: then each stay on record may be the one.
        """
        named = {name for token in fact.identifiers if (name := own_value(token))}
        if not named:
            return ()
        stays = [fact.encounter] if fact.encounter else [self._record.encounter.reference, *self._others()]
        known = ((stay, self._identifiers(stay).get(name, "")) for stay in stays for name in named)
        return tuple((stay, key) for stay, key in known if key)

    def _others(self) -> Iterable[str]:
        """The other stays, less the mere visits: those are not planned."""
        visits = self._record.other_visits
        return (visit.reference for visit in visits if visit.class_code in INPATIENT_CLASSES)

    def _identifiers(self, encounter: str) -> Mapping[str, str]:
        if encounter not in self._known:
            names = Names(self._tenant, encounter)
            self._known[encounter] = {names.identifier(key): key for key in self._keys}
        return self._known[encounter]


def words(text: str) -> str:
    """The words of a text, in lower case, one space between: for comparing what people wrote."""
    return " ".join(_WORD.findall(text.casefold()))


def _index(facts: Iterable[Fact]) -> _Index:
    by_code: dict[tuple[str, str], Fact] = {}
    by_words: dict[str, Fact] = {}
    for fact in facts:
        for code in fact.codes:
            by_code.setdefault((code.system, code.code), fact)
        for said in _said(fact):
            by_words.setdefault(said, fact)
    return _Index(by_code, by_words)


def _is_open(fact: Fact, today: date) -> bool:
    if fact.status not in _OPEN.get(fact.kind, frozenset()):
        return False
    if fact.kind not in {Kind.ORDER, Kind.DEVICE}:
        return True
    if fact.ended is not None and fact.ended < today:
        return False  # nobody closes it, and its time is over
    return fact.began is None or today - fact.began <= _OPEN_FOR


def _is_ordered(fact: Fact) -> bool:
    """Whether somebody has signed it. What a person approved is written as an order, also where all is written as drafts."""
    return fact.kind is Kind.ORDER and (fact.status != "draft" or fact.intent == _ORDERED)


def _is_to_come(fact: Fact, today: date) -> bool:
    """Whether it is still ahead: a visit that was is no order for one that will be."""
    return fact.kind is not Kind.APPOINTMENT or (fact.began is not None and fact.began >= today)


def _same_code(fact: Fact, code: Code | None) -> bool:
    return code is not None and any((x.system, x.code) == (code.system, code.code) for x in fact.codes)


def _said(fact: Fact) -> set[str]:
    return {words(text) for text in (fact.text, *(code.display for code in fact.codes))} - {""}


def _same_phrase(fact: Fact, text: str) -> bool:
    """One names the other: "Heart failure clinic" and "Heart failure clinic visit within 7 days"."""
    ours = f" {words(text)} "
    return any(
        (len(said.split()) >= _WORDS_THAT_TELL and f" {said} " in ours) or ours in f" {said} "
        for said in _said(fact)
    )
