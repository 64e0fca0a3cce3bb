"""QuestionnaireResponse → one Observation for each answered item, at any depth."""

import re
from dataclasses import dataclass

from fhir_mappings.inbound.codes import bare_code, codes
from fhir_mappings.inbound.dates import begun_at
from fhir_mappings.inbound.elements import Json, is_misshapen, items, text
from fhir_mappings.inbound.references import encounter_of, reference_of
from fhir_mappings.inbound.security import labels
from fhir_mappings.inbound.values import NOTHING, Value, value_of
from fhir_mappings.inbound.written_codes import is_loinc
from service.domain.codes import Code, System
from service.domain.record import Observation

#: What the states of a response mean for its answers; one that was not finished is preliminary.
_STATUS = {"completed": "final", "amended": "amended", "in-progress": "preliminary", "stopped": "preliminary"}
_WHEN = ("authored",)
#: The last part of "/93043-8/56051-6", "http://loinc.org/q/44249-1", "…StructureDefinition/x#44250-9".
_LAST_PART = re.compile(r"[^/#|]+$")


@dataclass(frozen=True, slots=True)
class _Asked:
    """An item, and the codes of the innermost coded group it stands in."""

    item: Json
    panel: tuple[Code, ...]


def answers(resource: Json) -> tuple[Observation, ...] | None:
    """One Observation for each item that has an answer, in the order of the form; None when a part cannot be read.

    A question is known by item.code, by a LOINC number at the end of its definition or linkId, else by its linkId in
    the questionnaire's own system. Unanswered items are left out: nobody answered them.
    """
    found: list[Observation] = []
    waiting = [_Asked(resource, _form(resource))]
    while waiting:
        asked = waiting.pop()
        question, value = _question(asked.item, resource), _value(asked.item)
        if value is None or is_misshapen(asked.item, "item"):
            return None
        if value != NOTHING:
            found.append(_observation(resource, question, value, asked.panel))
        is_group = value == NOTHING and question[0].system == System.LOINC
        panel = question if is_group else asked.panel
        waiting += [_Asked(one, panel) for one in reversed(_below(asked.item))]
    return tuple(found)


def _observation(
    resource: Json, question: tuple[Code, ...], value: Value, panel: tuple[Code, ...]
) -> Observation:
    status = bare_code(resource.get("status"))
    return Observation(
        reference=reference_of(resource),
        codes=question,
        status=_STATUS.get(status, status or "unknown"),
        answers=value.answers,
        quantity=value.quantity,
        text=value.text,
        panel=panel,
        categories=frozenset({"survey"}),
        encounter=encounter_of(resource),
        at=begun_at(resource, _WHEN),
        labels=labels(resource),
    )


def _value(item: Json) -> Value | None:
    """All answers of one item taken together: NOTHING when there are none, None when one cannot be read."""
    given = [value_of(one) for one in items(item.get("answer"))]
    if None in given or is_misshapen(item, "answer"):
        return None
    values = [value for value in given if value]
    return Value(
        answers=tuple(code for value in values for code in value.answers),
        quantity=next((value.quantity for value in values if value.quantity), None),
        text="; ".join(value.text for value in values if value.text),
    )


def _below(item: Json) -> list[Json]:
    """Items within a group and within an answer."""
    within_answers = [deeper for one in items(item.get("answer")) for deeper in items(one.get("item"))]
    return [*items(item.get("item")), *within_answers]


def _question(item: Json, resource: Json) -> tuple[Code, ...]:
    words, link = text(item.get("text")), text(item.get("linkId"))
    if coded := codes(item.get("code")):
        return coded
    for place in (item.get("definition"), link):
        if number := _loinc(place):
            return (Code(System.LOINC, number, words),)
    return (Code(_canonical(resource), link, words),) if link else (Code(System.TEXT, words),)


def _form(resource: Json) -> tuple[Code, ...]:
    """The form itself, where its address ends in a LOINC number."""
    number = _loinc(_canonical(resource))
    return (Code(System.LOINC, number),) if number else ()


def _canonical(resource: Json) -> str:
    return text(resource.get("questionnaire")).partition("|")[0]


def _loinc(place: object) -> str:
    found = _LAST_PART.search(place.strip()) if isinstance(place, str) else None
    return found[0] if found and is_loinc(found[0]) else ""
