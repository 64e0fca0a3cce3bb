"""QuestionnaireResponse → one Observation for each answered item, at any depth."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Final

from fhir_mappings.inbound.actor import actor_of
from fhir_mappings.inbound.codes import bare_code, codes
from fhir_mappings.inbound.dates import begun_at
from fhir_mappings.inbound.elements import Json, is_misshapen, items, text
from fhir_mappings.inbound.questionnaire import NOT_ASKED, Asked, asked_by_link, find_form, form_address
from fhir_mappings.inbound.references import NOTHING_SHARED, Shared, encounter_of, reference_of
from fhir_mappings.inbound.security import labels
from fhir_mappings.inbound.values import NOTHING, VALUES, Value, absence, points_of, value_of
from fhir_mappings.inbound.written_codes import is_loinc
from service.domain.codes import Code, System
from service.domain.record import Observation, Quantity

#: What the states of a response mean for its answers; one that was not finished is preliminary.
_STATUS = {"completed": "final", "amended": "amended", "in-progress": "preliminary", "stopped": "preliminary"}
_WHEN = ("authored",)
#: The last part of "/93043-8/56051-6", "http://loinc.org/q/44249-1", "…StructureDefinition/x#44250-9".
_LAST_PART = re.compile(r"[^/#|]+$")
#: A LOINC number within a linkId: "88122-7.1", "LOINC_88122-7", "ahc.88122-7"; never a part of a longer number or a UUID.
_LOINC_WITHIN: Final = re.compile(
    r"(?:(?<![0-9A-Za-z-])|(?<=loinc)|(?<=loinc-))\d{3,7}-\d(?![0-9A-Za-z-])", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Item:
    """An item, the codes of the innermost coded group it stands in, and the words of all its groups from the inside out."""

    item: Json
    panel: tuple[Code, ...]
    under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Form:
    """The form of a response: its address, and what its items ask by linkId."""

    address: str
    asked: Mapping[str, Asked] = field(default_factory=dict)

    def asks(self, item: Json) -> Asked:
        """What the form says of an item of the response."""
        return self.asked.get(text(item.get("linkId")), NOT_ASKED)


def answers(
    resource: Json, shared: Shared = NOTHING_SHARED, *, zone: tzinfo = UTC
) -> tuple[Observation, ...] | None:
    """One Observation for each item that has an answer, in the order of the form; None when a part cannot be read.

    A question is known by item.code, by the code that the form gives the item, by a LOINC number in its definition or
    linkId, else by its linkId in the questionnaire's own system. Unanswered items are left out: nobody answered them.
    """
    found: list[Observation] = []
    address = form_address(resource).partition("|")[0]
    form = _Form(address, asked_by_link(find_form(resource, shared)))
    waiting = [_Item(resource, _panel(address))]
    while waiting:
        place = waiting.pop()
        question, value = _question(place.item, form), _value(place.item, form)
        if value is None or is_misshapen(place.item, "item"):
            return None
        reason = _absence(place.item) if value == NOTHING else absence({}, value)
        if value != NOTHING or reason:
            found.append(_observation(resource, place, question, value, reason, zone))
        is_group = value == NOTHING and question[0].system == System.LOINC
        panel = question if is_group else place.panel
        if below := _below(place.item):
            words = "" if place.item is resource else _words_of(place.item, question, form)
            under = (words, *place.under) if words else place.under
            waiting += [_Item(item, panel, under) for item in reversed(below)]
    return tuple(found)


def has_unknown_questions(resource: Json) -> bool:
    """Whether an answered item names no LOINC question by itself, so that its form is worth reading."""
    waiting = list(items(resource.get("item")))
    while waiting:
        item = waiting.pop()
        if _given(item) and all(code.system != System.LOINC for code in _question(item, _Form(""))):
            return True
        waiting += _below(item)
    return False


def _observation(
    resource: Json, place: _Item, question: tuple[Code, ...], value: Value, reason: str, zone: tzinfo
) -> Observation:
    status = bare_code(resource.get("status"))
    return Observation(
        reference=reference_of(resource),
        codes=question,
        status=_STATUS.get(status, status or "unknown"),
        answers=value.answers,
        quantity=value.quantity,
        text=value.text,
        absent=reason,
        panel=place.panel,
        categories=frozenset({"survey"}),
        encounter=encounter_of(resource),
        at=begun_at(resource, _WHEN, zone),
        labels=labels(resource),
        by=actor_of(resource),
        asked=text(place.item.get("text")) or next((code.display for code in question if code.display), ""),
        under=place.under,
    )


def _words_of(item: Json, question: tuple[Code, ...], form: _Form) -> str:
    """What an item or a group is called, in the response, the form, or its code."""
    said = text(item.get("text")) or form.asks(item).text
    return said or next((code.display for code in question if code.display), "")


def _given(item: Json) -> list[Json]:
    """The answers of an item; a bare value, and a value on the item itself, count as one."""
    answer = item.get("answer")
    listed = answer if isinstance(answer, list) else [] if answer is None else [answer]
    bare = [
        {"valueBoolean" if isinstance(bare, bool) else "valueString": bare}
        for bare in listed
        if _is_bare(bare)
    ]
    own = [item] if any(item.get(name) is not None for name in VALUES) else []
    return [*items(answer), *bare, *own]


def _is_bare(answer: object) -> bool:
    return isinstance(answer, str | int | float) and answer != ""


def _value(item: Json, form: _Form) -> Value | None:
    """All answers of one item taken together: NOTHING when there are none, None when one cannot be read."""
    given = _given(item)
    values = [value_of(answer) for answer in given]
    if None in values or (not given and is_misshapen(item, "answer")):
        return None
    said = [value for value in values if value]
    asked = form.asks(item)
    coded = tuple(_named(code, asked) for value in said for code in value.answers)
    return Value(
        answers=coded,
        quantity=next((value.quantity for value in said if value.quantity), None)
        or _points(given, coded, said, asked),
        text="; ".join(value.text for value in said if value.text),
    )


def _named(code: Code, asked: Asked) -> Code:
    """A code that the response sends without its words, in the form's words."""
    shown = asked.displays.get(code.code, "")
    return code if code.display or not shown else Code(code.system, code.code, shown)


def _points(given: list[Json], coded: tuple[Code, ...], said: list[Value], asked: Asked) -> Quantity | None:
    """The points of the only answer, as the response or the form's option gives them."""
    if len(given) != 1:
        return None
    names = [name for code in coded for name in (code.code, code.display)] + [value.text for value in said]
    known = (asked.points[name] for name in names if name in asked.points)
    beside = (sibling for key in given[0] if key.startswith("_value") for sibling in items(given[0][key]))
    points = points_of(given[0], *beside)
    points = next(known, None) if points is None else points
    return None if points is None else Quantity(points)


def _absence(item: Json) -> str:
    """Why an item has no answer, where the response says so."""
    reasons = (absence(answer, NOTHING) for answer in items(item.get("answer")))
    return next(filter(None, reasons), "") or absence({"_value": item}, NOTHING)


def _below(item: Json) -> list[Json]:
    """Items within a group and within an answer."""
    within_answers = [deeper for one in items(item.get("answer")) for deeper in items(one.get("item"))]
    return [*items(item.get("item")), *within_answers]


def _question(item: Json, form: _Form) -> tuple[Code, ...]:
    """Every code of the question; in words only where nothing else names it."""
    link, asked = text(item.get("linkId")), form.asks(item)
    words = text(item.get("text")) or asked.text
    coded = tuple(dict.fromkeys((*codes(item.get("code")), *asked.codes)))
    if any(code.system == System.LOINC for code in coded):
        return coded
    for place in (item.get("definition"), link, asked.definition):
        if number := _loinc_in(place):
            return (Code(System.LOINC, number, words), *coded)
    if coded:
        return coded
    return (Code(form.address, link, words),) if link else (Code(System.TEXT, words),)


def _panel(address: str) -> tuple[Code, ...]:
    """The form itself, where its address ends in a LOINC number."""
    found = _LAST_PART.search(address)
    return (Code(System.LOINC, found[0]),) if found and is_loinc(found[0]) else ()


def _loinc_in(place: object) -> str:
    """The last LOINC number in a linkId or an address."""
    numbers = (
        [number for number in _LOINC_WITHIN.findall(place) if is_loinc(number)]
        if isinstance(place, str)
        else []
    )
    return numbers[-1] if numbers else ""
