"""value[x] of an Observation, a component or a questionnaire answer → coded answers, a quantity, or text."""

from collections.abc import Callable
from typing import Final, NamedTuple

from fhir_mappings.inbound.code_systems import system_key
from fhir_mappings.inbound.codes import bare_code, codes, concept_text
from fhir_mappings.inbound.elements import Json, items, number, text
from fhir_mappings.systems import (
    ABSENT_REASON_SYSTEMS,
    DATA_ABSENT_REASON,
    EXPANDED_YES_NO_SYSTEMS,
    POINTS,
    UCUM,
)
from service.domain.codes import Code
from service.domain.record import Quantity


class Value(NamedTuple):
    """What was recorded; all empty when nothing was."""

    answers: tuple[Code, ...] = ()
    quantity: Quantity | None = None
    text: str = ""


NOTHING = Value()
#: HL7 v3 null flavors as FHIR's reasons for a missing value.
_NULL_FLAVORS: Final = {
    "asku": "asked-unknown",
    "nask": "not-asked",
    "unk": "unknown",
    "ni": "unknown",
    "nav": "temp-unknown",
    "msk": "masked",
    "na": "not-applicable",
}

_ABSENT: Final = frozenset(map(system_key, ABSENT_REASON_SYSTEMS))
#: HL7 v2 table 0532: yes, no, and null flavors.
_EXPANDED_YES_NO: Final = frozenset(map(system_key, EXPANDED_YES_NO_SYSTEMS))


def value_of(element: Json) -> Value | None:
    """The value[x] of an element, whichever type it has: NOTHING when it has none, None when it cannot be read.

    Types that nobody scores (images, signals) count as none.
    """
    for key, read in _READERS.items():
        if element.get(key) is not None:
            value = read(element[key])
            return None if value == NOTHING and key not in _MAY_SAY_NOTHING else value
    return NOTHING


def points_of(*places: Json) -> float | None:
    """The points that an extension of an answer, its coding or its option gives it (ordinalValue, itemWeight)."""
    for place in places:
        for extension in items(place.get("extension")) if "extension" in place else ():
            if text(extension.get("url")) in POINTS:
                given = (extension.get("valueDecimal"), extension.get("valueInteger"))
                return next((found for points in given if (found := number(points)) is not None), None)
    return None


def absence(element: Json, value: Value) -> str:
    """Why there is no value: dataAbsentReason, its extension on the value, or a reason sent as the value; "" if none."""
    if "dataAbsentReason" in element:
        return _reason_of(bare_code(element["dataAbsentReason"]))
    if value is not NOTHING:
        return next(filter(None, map(_reason_in, value.answers)), "")
    silent = (element[key] for key in element if key.startswith("_value"))
    return next(
        (reason for one in silent for extension in _extensions(one) if (reason := _reason(extension))), ""
    )


def _reason_of(code: str) -> str:
    return _NULL_FLAVORS.get(code, code)


def _reason_in(code: Code) -> str:
    """The reason for no answer that a coded answer is; "" where it is an answer."""
    system, said = system_key(code.system), code.code.lower()
    is_reason = system in _ABSENT or (system in _EXPANDED_YES_NO and said in _NULL_FLAVORS)
    return _reason_of(said) if is_reason else ""


def _extensions(value: object) -> list[Json]:
    return items(value.get("extension")) if isinstance(value, dict) else []


def _reason(extension: Json) -> str:
    return bare_code(extension.get("valueCode")) if extension.get("url") == DATA_ABSENT_REASON else ""


def _quantity(value: object) -> Value:
    """A number with its unit. A comparator (">", "<") also stands in the text, since the number alone would lie."""
    if not isinstance(value, dict):
        return _number(value)
    amount = number(value.get("value"))
    if amount is None:
        return Value(text=text(value.get("value")))
    unit = text(value.get("code")) or text(value.get("unit"))
    comparator = text(value.get("comparator"))
    said = f"{comparator}{text(value.get('value'))} {unit}".strip() if comparator else ""
    return Value((), Quantity(amount, unit), said)


def _concept(value: object) -> Value:
    """Coded answers, and the words beside them."""
    coded = codes(value)
    words = concept_text(value) if not coded else _own_words(value)
    return _measured(coded) or Value(coded, _points(value), words)


def _points(value: object) -> Quantity | None:
    """The points of a coded answer, where the record gives them."""
    if not isinstance(value, dict):
        return None
    points = points_of(value, *items(value.get("coding")))
    return None if points is None else Quantity(points)


def _measured(coded: tuple[Code, ...]) -> Value | None:
    """A number sent as a coding of its unit: {"system": UCUM, "code": "min/wk", "display": "80"} is 80 min/wk."""
    for unit in coded:
        if unit.system == UCUM and (amount := number(unit.display)) is not None:
            return Value((), Quantity(amount, unit.code))
    return None


def _own_words(value: object) -> str:
    return text(value.get("text")) if isinstance(value, dict) else ""


def _number(value: object) -> Value:
    """An integer or decimal; a number written as text stays the text it is."""
    amount = None if isinstance(value, str) else number(value)
    return Value(text=text(value)) if amount is None else Value((), Quantity(amount))


def _boolean(value: object) -> Value:
    return Value(text=str(value).lower()) if isinstance(value, bool) else Value(text=text(value))


def _string(value: object) -> Value:
    return Value(text=text(value))


def _named(value: object) -> Value:
    """What a document or a person that is the answer is called."""
    said = (text(value.get("display")) or text(value.get("title"))) if isinstance(value, dict) else ""
    return Value(text=said) if said else NOTHING


def _range(value: object) -> Value:
    """A Range or a Ratio in words: "2 - 4 h", "1 : 128"."""
    if not isinstance(value, dict):
        return NOTHING
    ends = [value.get(key) for key in ("low", "high", "numerator", "denominator")]
    said = [" ".join(filter(None, (text(one.get("value")), text(one.get("unit"))))) for one in items(ends)]
    return Value(text=(" : " if "numerator" in value else " - ").join(said))


def _period(value: object) -> Value:
    if not isinstance(value, dict):
        return NOTHING
    return Value(text=" - ".join(filter(None, (text(value.get("start")), text(value.get("end"))))))


_READERS: dict[str, Callable[[object], Value]] = {
    "valueQuantity": _quantity,
    "valueCodeableConcept": _concept,
    "valueCoding": _concept,
    "valueInteger": _number,
    "valueDecimal": _number,
    "valueString": _string,
    "valueBoolean": _boolean,
    "valueDateTime": _string,
    "valueDate": _string,
    "valueTime": _string,
    "valueUri": _string,
    "valueUrl": _string,
    "valueCanonical": _string,
    "valueCode": _string,
    "valueInstant": _string,
    "valueMarkdown": _string,
    "valueReference": _named,
    "valueAttachment": _named,
    "valueRange": _range,
    "valueRatio": _range,
    "valuePeriod": _period,
}
#: A reference or a document without a name is an answer that has no words.
_MAY_SAY_NOTHING = frozenset({"valueReference", "valueAttachment"})
#: Every value[x] that is read.
VALUES = tuple(_READERS)
