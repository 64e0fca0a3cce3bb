"""What already stands in the EHR: orders, goals and appointments that make an item of ours a duplicate."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from fhir_mappings import systems
from fhir_mappings.outbound.references import Names
from service.domain.codes import Code
from service.domain.need import Need
from service.domain.record import Fact, Kind, Record
from service.domain.sensitivity import NONE, Labels
from service.pipeline.draft.keys import every_key

_OPEN: Final[dict[Kind, frozenset[str]]] = {
    Kind.ORDER: frozenset({"active", "draft", "on-hold"}),
    Kind.DEVICE: frozenset({"active", "draft", "on-hold"}),
    Kind.GOAL: frozenset({"proposed", "planned", "accepted", "active", "on-hold"}),
    Kind.APPOINTMENT: frozenset({"booked"}),
}
_NO_LABELS: Final[Mapping[str, Labels]] = {}
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
class Standing:
    """What is open in the EHR and not ours."""

    orders: _Index
    goals: _Index
    appointments: tuple[Fact, ...]

    def order(self, title: str, codes: Collection[Code]) -> Fact | None:
        """An order for the same service: by its code, or by the very same words, whatever its category is called."""
        return self.orders.find(title, codes)

    def goal(self, text: str, measure: Code | None) -> Fact | None:
        """A goal that is coded as what ours measures, or says the same."""
        return self.goals.find(text, (measure,) if measure else ())

    def appointment(self, text: str, code: Code | None, *, first: date, last: date) -> Fact | None:
        """An appointment between two dates, both included, for the same kind of visit."""
        timely = (fact for fact in self.appointments if fact.began and first <= fact.began <= last)
        return next((fact for fact in timely if _same_code(fact, code) or _same_phrase(fact, text)), None)


def standing(
    record: Record, *, tenant: str, needs: Collection[Need], labels: Mapping[str, Labels] = _NO_LABELS
) -> Standing:
    """Everything open that is not ours. Ours is known by the identifiers that all items of the needs would have.

    labels are what each reference gives away by what it is for, beside the labels of its resource.
    """
    ours = _Ours(record.encounter.reference, tenant, every_key(needs))
    foreign = [
        replace(fact, labels=fact.labels | labels.get(fact.reference, NONE))
        for fact in record.facts
        if _is_open(fact) and not ours.includes(fact)
    ]
    return Standing(
        orders=_index(fact for fact in foreign if fact.kind in {Kind.ORDER, Kind.DEVICE}),
        goals=_index(fact for fact in foreign if fact.kind is Kind.GOAL),
        appointments=tuple(fact for fact in foreign if fact.kind is Kind.APPOINTMENT),
    )


class _Ours:
    """The identifiers of everything we could have written, worked out once for each stay that is asked about."""

    def __init__(self, encounter: str, tenant: str, keys: Collection[str]) -> None:
        self._encounter, self._tenant, self._keys = encounter, tenant, keys
        self._known: dict[str, frozenset[str]] = {}

    def includes(self, fact: Fact) -> bool:
        prefix = f"{systems.URI_IDENTIFIER}|"
        named = {value.removeprefix(prefix) for value in fact.identifiers if value.startswith(prefix)}
        return bool(named) and not named.isdisjoint(self._identifiers(fact.encounter or self._encounter))

    def _identifiers(self, encounter: str) -> frozenset[str]:
        if encounter not in self._known:
            names = Names(self._tenant, encounter)
            self._known[encounter] = frozenset(map(names.identifier, self._keys))
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


def _is_open(fact: Fact) -> bool:
    return fact.status in _OPEN.get(fact.kind, frozenset())


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
