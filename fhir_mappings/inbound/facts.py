"""Everything that is one coded statement (diagnoses, orders, medicines, documents …) → Fact, by one table.

Each row names the elements of a resource type, those of R4 first, then what R5 and STU3 call them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, tzinfo

from fhir_mappings.inbound import dates
from fhir_mappings.inbound.actor import actor_of
from fhir_mappings.inbound.codes import bare_code, bare_codes, codes, concept_text
from fhir_mappings.inbound.elements import Json, at, first, identifiers, items, text
from fhir_mappings.inbound.references import Shared, encounter_of, literal, reference_of, target
from fhir_mappings.inbound.security import labels
from fhir_mappings.inbound.slot import slot_of
from fhir_mappings.inbound.statuses import (
    flagged_status,
    is_over,
    is_untold,
    read_status,
    read_verification,
)
from service.domain.codes import Code
from service.domain.record import Fact, Kind

Path = tuple[str, ...]


def _paths(names: str) -> tuple[Path, ...]:
    return tuple(tuple(name.split(".")) for name in names.split())


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where a resource type keeps what a Fact holds. tells: without a readable code or text it says nothing.

    all_words: its words stand in several elements, none of which says all. beside are elements whose words tell by whom
    and where something is done, or what more there is to say of a document.
    """

    kind: Kind
    codes: tuple[Path, ...]
    began: tuple[Path, ...]
    ended: tuple[Path, ...] = ()
    text: tuple[Path, ...] = ()
    categories: tuple[Path, ...] = (("category",),)
    status: str = "status"
    verification: str = "verificationStatus"
    tells: bool = True
    all_words: bool = False
    beside: tuple[Path, ...] = ()


_SHAPES: dict[str, _Shape] = {
    shape.kind.value: shape
    for shape in (
        _Shape(
            Kind.CONDITION,
            codes=_paths("code"),
            began=_paths("onsetDateTime onsetPeriod recordedDate assertedDate"),
            ended=_paths("abatementDateTime abatementPeriod"),
            status="clinicalStatus",
        ),
        _Shape(
            Kind.PROCEDURE,
            codes=_paths("code"),
            began=_paths("performedDateTime performedPeriod occurrenceDateTime occurrencePeriod"),
            ended=_paths("performedPeriod occurrencePeriod"),
        ),
        _Shape(
            Kind.MEDICATION,
            codes=_paths("medicationCodeableConcept medication"),
            began=_paths("authoredOn"),
            ended=_paths("dispenseRequest.validityPeriod"),
        ),
        _Shape(
            Kind.ORDER,
            codes=_paths("code"),
            began=_paths("authoredOn occurrenceDateTime occurrencePeriod"),
            ended=_paths("occurrencePeriod"),
            beside=_paths("category performerType locationCode performer"),
        ),
        _Shape(
            Kind.DEVICE,
            codes=_paths("codeCodeableConcept code"),
            began=_paths("authoredOn occurrenceDateTime occurrencePeriod"),
            ended=_paths("occurrencePeriod"),
        ),
        _Shape(
            Kind.APPOINTMENT,
            codes=_paths("serviceType specialty appointmentType reasonCode reason"),
            began=_paths("start requestedPeriod"),
            ended=_paths("end"),
            text=_paths("description serviceType reasonCode reason appointmentType"),
            all_words=True,
            categories=_paths("serviceCategory"),
            tells=False,
        ),
        _Shape(
            Kind.ALLERGY,
            codes=_paths("code"),
            began=_paths("onsetDateTime onsetPeriod recordedDate assertedDate"),
            status="clinicalStatus",
        ),
        _Shape(
            Kind.DOCUMENT,
            codes=_paths("type category class"),
            began=_paths("date context.period"),
            text=_paths("type description"),
            verification="docStatus",
            tells=False,
            beside=_paths("description content.attachment.title"),
        ),
        _Shape(
            Kind.CONSENT,
            codes=_paths("scope category"),
            began=_paths("dateTime date"),
            ended=_paths("provision.period"),
            categories=_paths("scope category"),
            tells=False,
        ),
        _Shape(
            Kind.CARE_TEAM,
            codes=_paths("category participant.role"),
            began=_paths("period"),
            ended=_paths("period"),
            text=_paths("name"),
            tells=False,
        ),
        _Shape(
            Kind.GOAL,
            codes=_paths("description"),
            began=_paths("startDate statusDate"),
            status="lifecycleStatus",
        ),
        _Shape(
            Kind.CARE_PLAN,
            codes=_paths("category"),
            began=_paths("period created"),
            ended=_paths("period"),
            text=_paths("title description"),
            tells=False,
        ),
    )
}
FACT_TYPES = frozenset(_SHAPES)


def fact(resource: Json, shared: Shared, *, zone: tzinfo = UTC) -> Fact | None:
    """One statement; None when it says nothing that can be read, or its status is there and cannot be read.

    An unreadable status is no absent one: it may say refuted or cancelled.
    """
    shape = _SHAPES[resource["resourceType"]]
    coded, words = _said(resource, shape, shared)
    status = read_status(resource.get(shape.status))
    verification = read_verification(resource.get(shape.verification))
    if shape.tells and not (coded or words):
        return None
    if _garbled(resource, shape.status, status) or _garbled(resource, shape.verification, verification):
        return None
    return Fact(
        kind=shape.kind,
        reference=reference_of(resource),
        codes=coded,
        text=words,
        status=flagged_status(resource) or status or _status_by_end(resource, shape),
        verification=verification,
        intent=bare_code(resource.get("intent")),
        categories=_categories(resource, shape),
        encounter=encounter_of(resource),
        began=_day(resource, shape.began, dates.began, zone),
        ended=_day(resource, shape.ended, dates.ended, zone),
        identifiers=identifiers(resource),
        labels=labels(resource),
        by=actor_of(resource),
        authored=dates.exact(resource.get("authoredOn"), zone) if shape.kind is Kind.ORDER else None,
        slot=slot_of(resource, shared, zone=zone) if shape.kind is Kind.APPOINTMENT else None,
        members=_members(resource) if shape.kind is Kind.CARE_TEAM else (),
        beside=_beside(resource, shape) if shape.beside else (),
    )


def is_undated(resource: Json, found: Fact) -> bool:
    """Whether a Fact without a day was meant to have one."""
    return any(at(resource, path) for path in _SHAPES[found.kind].began)


def _members(team: Json) -> tuple[str, ...]:
    who = (literal(first(one.get("member"))) for one in items(team.get("participant")))
    return tuple(dict.fromkeys(filter(None, who)))


def _beside(resource: Json, shape: _Shape) -> tuple[str, ...]:
    """The words of elements beside the name, each once; a bare Reference says its display."""
    said = (
        words
        for path in shape.beside
        if path[0] in resource
        for child in _children(at(resource, path))
        if (words := concept_text(child) or text(first(child).get("display")))
    )
    return tuple(dict.fromkeys(said))


def _children(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _said(resource: Json, shape: _Shape, shared: Shared) -> tuple[tuple[Code, ...], str]:
    coded = tuple(code for path in shape.codes for code in codes(at(resource, path)))
    texts = filter(None, (concept_text(at(resource, path)) for path in shape.text or shape.codes))
    words = "; ".join(dict.fromkeys(texts)) if shape.all_words else next(texts, "")
    return (coded, words) if coded or words else _referenced(resource, shared)


def _referenced(resource: Json, shared: Shared) -> tuple[tuple[Code, ...], str]:
    """What is ordered by reference: a Medication or a Device, contained or sent along."""
    for path in (
        ("medicationReference",),
        ("codeReference",),
        ("medication", "reference"),
        ("code", "reference"),
    ):
        ordered = first(at(resource, path))
        if ordered:
            kept = target(ordered, resource, shared)
            concept = kept.get("code")
            coded, words = codes(concept), text(ordered.get("display")) or concept_text(concept)
            return (coded, words) if coded or words else _ingredients(kept)
    return (), ""


def _ingredients(medication: Json) -> tuple[tuple[Code, ...], str]:
    """What a Medication without a code is made of: R4's itemCodeableConcept, R5's item."""
    parts = [
        part.get("itemCodeableConcept") or part.get("item") for part in items(medication.get("ingredient"))
    ]
    coded = tuple(code for concept in parts for code in codes(concept))
    return coded, "; ".join(dict.fromkeys(filter(None, map(concept_text, parts))))


def _garbled(resource: Json, element: str, read: str) -> bool:
    given = resource.get(element)
    return not read and given is not None and not is_untold(given)


def _status_by_end(resource: Json, shape: _Shape) -> str:
    return "resolved" if shape.kind is Kind.CONDITION and is_over(resource) else ""


def _categories(resource: Json, shape: _Shape) -> frozenset[str]:
    if len(shape.categories) == 1:
        return bare_codes(at(resource, shape.categories[0]))
    return frozenset().union(*(bare_codes(at(resource, path)) for path in shape.categories))


def _day(
    resource: Json, paths: tuple[Path, ...], read: Callable[[object, tzinfo], date | None], zone: tzinfo
) -> date | None:
    for path in paths:
        value = at(resource, path)
        days = (read(part, zone) for part in value) if isinstance(value, list) else (read(value, zone),)
        if found := next(filter(None, days), None):
            return found
    return None
