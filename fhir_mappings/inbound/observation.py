"""Observation → Observations: the resource itself and one for each of its components."""

from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Final

from fhir_mappings.inbound.actor import actor_of
from fhir_mappings.inbound.code_systems import short_name
from fhir_mappings.inbound.codes import LONGEST_KNOWN, bare_code, bare_codes, codes_or_text, concept_text
from fhir_mappings.inbound.dates import begun_at
from fhir_mappings.inbound.elements import Json, first, is_misshapen, items, text
from fhir_mappings.inbound.references import encounter_of, literal, reference_of
from fhir_mappings.inbound.security import labels
from fhir_mappings.inbound.statuses import read_status
from fhir_mappings.inbound.values import NOTHING, VALUES, Value, absence, value_of
from fhir_mappings.inbound.written_codes import tidy_code
from service.domain.codes import System
from service.domain.record import Observation
from service.domain.screening import SCREENING

#: Every value[x] but a quantity: what it says may count whatever was asked.
_WORDED = frozenset(VALUES) - {"valueQuantity"}
#: Systems whose codes say what was asked.
_NAMING: Final = frozenset({System.LOINC, System.SNOMED})
#: v3 ObservationInterpretation, where it stands alone.
_INTERPRETED: Final = {
    **dict.fromkeys(("pos", "a", "aa", "positive", "abnormal", "det"), "positive"),
    **dict.fromkeys(("neg", "n", "negative", "normal", "nd"), "negative"),
}
_WHEN = ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued", "authored")


def observations(resource: Json, *, zone: tzinfo = UTC) -> tuple[Observation, ...] | None:
    """The observation, then its components with its codes as their panel; None when any part cannot be read.

    Half a panel would be scored as if the rest had not been asked. `interpretation` is read only where nothing else
    is: whether an answer is positive is for the instrument to say.
    """
    whole = _observation(resource, zone)
    if whole is None or is_misshapen(resource, "component"):
        return None
    parts = [_component(part, whole) for part in items(resource.get("component"))]
    return None if None in parts else (whole, *filter(None, parts))


def is_unasked(resource: Json, asked: frozenset[str]) -> bool:
    """Whether it is plainly a measurement, or a panel of such, by codes that are not among those asked for.

    Most Observations are (vital signs, laboratory results); reading them would cost more than all else. Whatever is not
    plain is read: words without a code, a code without a system, a coded or written answer, anything of SNOMED CT.
    """
    parts = resource.get("component")
    if parts is None:
        return (
            "valueQuantity" in resource
            and _is_unasked(resource, asked)
            and not _is_of_own_screening(resource)
        )
    unasked = isinstance(parts, list) and all(_is_unasked(part, asked) for part in (resource, *parts))
    return unasked and not _is_of_own_screening(resource)


def _is_of_own_screening(resource: Json) -> bool:
    """Whether it is of a screening and has, or a component of it, only the hospital's own codes: nobody knows its number."""
    if SCREENING.isdisjoint(category.casefold() for category in bare_codes(resource.get("category"))):
        return False
    return any(
        all(
            short_name(text(coding.get("system"))) not in _NAMING
            for coding in items(first(code).get("coding"))
        )
        for code in (resource.get("code"), *(part.get("code") for part in items(resource.get("component"))))
    )


def _is_unasked(part: object, asked: frozenset[str]) -> bool:
    if not isinstance(part, dict) or not _WORDED.isdisjoint(part):
        return False
    concept = part.get("code")
    codings = concept.get("coding") if isinstance(concept, dict) else None
    if not isinstance(codings, list) or not codings:
        return False
    for coding in codings:
        code, system = (
            (coding.get("code"), coding.get("system")) if isinstance(coding, dict) else (None, None)
        )
        if not isinstance(code, str) or not isinstance(system, str):
            return False
        if len(code) + len(system) > LONGEST_KNOWN or not _is_beside(code, system, asked):
            return False
    return True


@lru_cache(maxsize=4096)
def _is_beside(code: str, system: str, asked: frozenset[str]) -> bool:
    """Kept, as the same few codes make up most of all records."""
    name, bare = tidy_code(short_name(system), code.strip())
    return bare not in asked and bare.upper() not in asked and name != System.SNOMED


def is_undated(resource: Json) -> bool:
    """Whether an Observation or a QuestionnaireResponse without a readable time was meant to have one."""
    return any(resource.get(name) for name in _WHEN)


def is_about_another(resource: Json) -> bool:
    """Whether its focus is a person other than the patient in whose chart it stands (a mother, a donor)."""
    focused = {literal(one) for one in items(resource.get("focus"))} if "focus" in resource else set()
    people = {one for one in focused if one.startswith(("Patient/", "RelatedPerson/"))}
    return bool(people) and literal(resource.get("subject")) not in people


def _said(element: Json) -> Value | None:
    """Its value; without one, what its interpretation says: positive, negative, or nothing."""
    value = value_of(element)
    if value is not NOTHING or "interpretation" not in element or "dataAbsentReason" in element:
        return value
    said = bare_code(element["interpretation"])
    return Value(text=_INTERPRETED[said]) if said in _INTERPRETED else value


def _observation(resource: Json, zone: tzinfo) -> Observation | None:
    value, asked = _said(resource), codes_or_text(resource.get("code"))
    if value is None or not asked:
        return None
    members = resource.get("hasMember")
    return Observation(
        reference=reference_of(resource),
        codes=asked,
        status=read_status(resource.get("status")) or "unknown",
        answers=value.answers,
        quantity=value.quantity,
        text=value.text,
        absent=absence(resource, value),
        members=tuple(filter(None, map(literal, items(members)))) if members else (),
        categories=bare_codes(resource.get("category")),
        encounter=encounter_of(resource),
        at=begun_at(resource, _WHEN, zone),
        labels=labels(resource),
        by=actor_of(resource),
        asked=concept_text(resource.get("code")),
    )


def _component(part: Json, whole: Observation) -> Observation | None:
    value = _said(part)
    if value is None:
        return None
    return Observation(
        reference=whole.reference,
        codes=codes_or_text(part.get("code")),
        status=whole.status,
        answers=value.answers,
        quantity=value.quantity,
        text=value.text,
        absent=absence(part, value),
        panel=whole.codes,
        categories=whole.categories,
        encounter=whole.encounter,
        at=whole.at,
        labels=whole.labels,
        by=whole.by,
        asked=concept_text(part.get("code")),
        under=(whole.asked,) if whole.asked else (),
    )
