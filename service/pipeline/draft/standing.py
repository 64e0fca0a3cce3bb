"""What already stands in the EHR: orders, goals and appointments that make an item of ours a duplicate."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from fhir_mappings import systems
from fhir_mappings.outbound.references import Names
from service.domain.codes import Code
from service.domain.need import Need
from service.domain.record import Fact, Kind, Record
from service.pipeline.draft.keys import every_key

_OPEN: Final[dict[Kind, frozenset[str]]] = {
    Kind.ORDER: frozenset({"active", "draft", "on-hold"}),
    Kind.DEVICE: frozenset({"active", "draft", "on-hold"}),
    Kind.GOAL: frozenset({"proposed", "planned", "accepted", "active", "on-hold"}),
    Kind.APPOINTMENT: frozenset({"booked"}),
}
_WORD: Final = re.compile(r"\w+")
#: A single common word ("visit") says nothing about what is booked.
_WORDS_THAT_TELL: Final = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """What is open in the EHR and not ours."""

    orders: tuple[Fact, ...]
    goals: tuple[Fact, ...]
    appointments: tuple[Fact, ...]

    def order(self, title: str, codes: Collection[Code]) -> Fact | None:
        """An order for the same service: by its code, or by the very same words, whatever its category is called."""
        return _first(self.orders, lambda fact: _same_code(fact, codes) or _same_words(fact, title))

    def goal(self, text: str, measure: Code | None) -> Fact | None:
        """A goal that says the same, or that is coded as what ours measures."""
        measures = (measure,) if measure else ()
        return _first(self.goals, lambda fact: _same_code(fact, measures) or _same_words(fact, text))

    def appointment(self, text: str, code: Code | None, *, first: date, last: date) -> Fact | None:
        """An appointment between two dates, both included, for the same kind of visit."""
        codes = (code,) if code else ()
        timely = [fact for fact in self.appointments if fact.began and first <= fact.began <= last]
        return _first(timely, lambda fact: _same_code(fact, codes) or _same_phrase(fact, text))


def standing(record: Record, *, tenant: str, needs: Collection[Need]) -> Standing:
    """Everything open that is not ours. Ours is known by the identifiers that all items of the needs would have."""
    keys = every_key(needs)
    foreign = [fact for fact in record.facts if _is_open(fact) and not _is_ours(fact, record, tenant, keys)]
    return Standing(
        orders=tuple(fact for fact in foreign if fact.kind in {Kind.ORDER, Kind.DEVICE}),
        goals=tuple(fact for fact in foreign if fact.kind is Kind.GOAL),
        appointments=tuple(fact for fact in foreign if fact.kind is Kind.APPOINTMENT),
    )


def words(text: str) -> str:
    """The words of a text, in lower case, one space between: for comparing what people wrote."""
    return " ".join(_WORD.findall(text.casefold()))


def _first(facts: Iterable[Fact], fits: Callable[[Fact], bool]) -> Fact | None:
    return next((fact for fact in facts if fits(fact)), None)


def _is_open(fact: Fact) -> bool:
    return fact.status in _OPEN.get(fact.kind, frozenset())


def _is_ours(fact: Fact, record: Record, tenant: str, keys: Collection[str]) -> bool:
    theirs = {value for value in fact.identifiers if value.startswith(f"{systems.URI_IDENTIFIER}|urn:uuid:")}
    if not theirs:
        return False
    names = Names(tenant, fact.encounter or record.encounter.reference)
    return any(f"{systems.URI_IDENTIFIER}|{names.identifier(key)}" in theirs for key in keys)


def _same_code(fact: Fact, codes: Collection[Code]) -> bool:
    wanted = {(code.system, code.code) for code in codes}
    return any((code.system, code.code) in wanted for code in fact.codes)


def _said(fact: Fact) -> set[str]:
    return {words(text) for text in (fact.text, *(code.display for code in fact.codes))} - {""}


def _same_words(fact: Fact, text: str) -> bool:
    return words(text) in _said(fact)


def _same_phrase(fact: Fact, text: str) -> bool:
    """One names the other: "Heart failure clinic" and "Heart failure clinic visit within 7 days"."""
    ours = f" {words(text)} "
    return any(
        (len(said.split()) >= _WORDS_THAT_TELL and f" {said} " in ours) or ours in f" {said} "
        for said in _said(fact)
    )
