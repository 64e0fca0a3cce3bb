"""All resources read of one patient → Record. Tolerant: what cannot be understood becomes a gap, never an error."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from typing import Any, TypeVar

from config.conventions import USUAL, Conventions
from fhir_mappings.inbound import encounter as stays
from fhir_mappings.inbound import facts, observation
from fhir_mappings.inbound.consent import consented
from fhir_mappings.inbound.coverage import coverage
from fhir_mappings.inbound.dates import moment
from fhir_mappings.inbound.elements import Json, first
from fhir_mappings.inbound.encounter import CALLED_OFF
from fhir_mappings.inbound.encounter_class import is_garbled
from fhir_mappings.inbound.language import asks_for_language, read_answer
from fhir_mappings.inbound.leaving import as_ordered
from fhir_mappings.inbound.logical import names_in, with_literals
from fhir_mappings.inbound.patient import has_died, interpreter, is_merged, patient
from fhir_mappings.inbound.questionnaire import index_forms
from fhir_mappings.inbound.questionnaire_response import answers
from fhir_mappings.inbound.references import Shared, is_theirs, reference_of, subject_of
from fhir_mappings.inbound.related_person import contacts, related_person
from fhir_mappings.inbound.security import labels
from fhir_mappings.inbound.statuses import read_status
from service.domain.record import (
    Coverage,
    Encounter,
    Fact,
    Gap,
    GapReason,
    Language,
    Observation,
    Patient,
    Record,
    RelatedPerson,
)
from service.domain.sensitivity import NONE
from service.errors import BadInput, UnknownEncounter

__all__ = ["build_record", "subject_of"]

Statement = Fact | Observation | Encounter | Coverage | RelatedPerson
_S = TypeVar("_S", bound=Statement)

#: Types that belong to no patient, kept for their names and codes.
_SHARED_TYPES = frozenset(
    {"Organization", "Practitioner", "PractitionerRole", "Location", "Medication", "Device", "Questionnaire"}
)
_STATUSES = ("status", "verificationStatus", "lifecycleStatus")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def build_record(
    resources: Iterable[dict[str, Any]],
    *,
    encounter: str,
    gaps: Iterable[Gap] = (),
    today: date | None = None,
    asked: frozenset[str] | None = None,
    conventions: Conventions = USUAL,
) -> Record:
    """Everything the resources say of the patient of one stay.

    encounter is "Encounter/id"; its subject decides whose record this is. Resources of others are dropped and counted
    (one Gap FOREIGN), those that cannot be understood likewise (UNREADABLE), those entered in error silently. Of two
    versions the one updated later stands. With `today`, a stay that ends or a death that comes after it has not
    happened yet. asked are the codes of Observations that
    anybody asks for; measurements by others are passed over (None: nothing is). gaps are those found while gathering;
    they come first. conventions are the hospital's.

    Raises UnknownEncounter, and BadInput when the stay names no patient or the patient is not among the resources.
    """
    reading = _Reading(today, asked, conventions)
    known = _latest(resources, reading)
    if names := names_in(known.values()):
        known = {reference: with_literals(resource, names) for reference, resource in known.items()}
    stay = known.get(encounter)
    if stay is None or stay["resourceType"] != "Encounter":
        raise UnknownEncounter
    person = _person(known, subject_of(stay))
    whose = reference_of(person)
    reading.shared, reading.zone = _shared(known, whose), conventions.zone or stays.zone_of(stay)
    own = list(_own(known, whose, reading))
    for one in own:
        reading.read(one)
    orders = [one for one in own if one["resourceType"] == "ServiceRequest"]
    planned = stays.encounter(stay, reading.shared, today=today, zone=reading.zone, conventions=conventions)
    codes = conventions.order_codes
    planned = as_ordered(planned, orders, order_codes=codes, today=today, zone=reading.zone)
    died = has_died(person, today, reading.zone)
    planned = replace(planned, told=stays.told_of_stay(stay, merged=is_merged(person), died=died))
    return replace(
        reading.record(person, stay, planned, gaps), consented=consented(own, today, zone=reading.zone)
    )


@dataclass(slots=True)
class _Reading:
    """A Record while it is being read."""

    today: date | None
    asked: frozenset[str] | None
    conventions: Conventions
    shared: Shared = field(default_factory=dict)
    zone: tzinfo = UTC
    types: set[str] = field(default_factory=set)
    said: list[Statement] = field(default_factory=list)
    missing: Counter[Gap] = field(default_factory=Counter)

    def read(self, resource: Json) -> None:
        """Add what one resource of the patient says, or note that it could not be understood."""
        kind = resource["resourceType"]
        reader = _READERS.get(kind)
        statements = reader(resource, self) if reader else ()
        if statements is None:
            self.note(kind, GapReason.UNREADABLE, "could not be understood", resource)
            return
        self.types.add(kind)
        self.said += statements
        if statements and _is_undated(resource, statements[0]):
            self.note(kind, GapReason.UNREADABLE, "a date could not be read", resource)

    def note(self, about: str, reason: GapReason, detail: str, resource: object = None) -> None:
        """Count one thing that is missing; the labels of the resource go with it, as that it is there tells of it."""
        found = labels(resource) if isinstance(resource, dict) else NONE
        self.missing[Gap(about, reason, detail, labels=found)] += 1

    def of(self, kind: type[_S]) -> tuple[_S, ...]:
        """All that was said of one kind, in the order of the references."""
        return tuple(one for one in self.said if isinstance(one, kind))

    def record(self, person: Json, stay: Json, planned: Encounter, gaps: Iterable[Gap]) -> Record:
        """The Record, once everything is read; planned is the stay as it was read."""
        return Record(
            patient=self._patient(person, stay),
            encounter=planned,
            encounters=tuple(one for one in self.of(Encounter) if one.reference != planned.reference),
            facts=self.of(Fact),
            observations=self.of(Observation),
            coverages=self.of(Coverage),
            related_persons=(*self.of(RelatedPerson), *contacts(person, zone=self.zone)),
            types_read=frozenset({"Patient", "Encounter", *self.types}),
            gaps=(*gaps, *self._counted(planned)),
        )

    def _patient(self, person: Json, stay: Json) -> Patient:
        """The need for an interpreter may stand on the stay, and the language in an answer."""
        found = patient(person, self.shared, today=self.today, zone=self.zone)
        if not found.languages:
            found = replace(found, languages=self._answered_languages())
        if person.get("birthDate") and found.birth_date is None:
            self.note("Patient", GapReason.UNREADABLE, "a date could not be read")
        return found if found.interpreter is not None else replace(found, interpreter=interpreter(stay))

    def _answered_languages(self) -> tuple[Language, ...]:
        """The language that the latest answer to the question for it names."""
        answers = [said for said in self.of(Observation) if asks_for_language(said)]
        answers.sort(key=lambda said: (said.at or _LONG_AGO, said.reference), reverse=True)
        named = (read_answer(said.answers, said.text) for said in answers if said.status not in CALLED_OFF)
        found = next((language for language in named if language), None)
        return (replace(found, preferred=True),) if found else ()

    def _counted(self, planned: Encounter) -> Iterator[Gap]:
        if planned.status in CALLED_OFF:
            self.note("Encounter", GapReason.DISAGREES, f"the stay to plan is marked {planned.status}")
        for gap in sorted(
            self.missing, key=lambda one: (one.about, one.reason, one.detail, sorted(one.labels))
        ):
            yield replace(gap, count=self.missing[gap])


def _latest(resources: Iterable[object], reading: _Reading) -> dict[str, Json]:
    """Each resource once, by its reference and in the order of the references, in its latest version."""
    known: dict[str, Json] = {}
    for one in resources:
        if not isinstance(one, dict) or not (reference := reference_of(one)):
            kind = one.get("resourceType") if isinstance(one, dict) else None
            about = kind if isinstance(kind, str) and kind in _READERS else "Resource"
            reading.note(about, GapReason.UNREADABLE, "has no type or no id", one)
        elif reference not in known or updated(one) > updated(known[reference]):
            known[reference] = one
    return dict(sorted(known.items()))


def updated(resource: Json) -> datetime:
    """When the EHR last changed it, long ago where it does not say: of two versions the later one stands."""
    return moment(first(resource.get("meta")).get("lastUpdated"), UTC) or _LONG_AGO


def _person(known: dict[str, Json], whose: str) -> Json:
    if not whose:
        raise BadInput("The stay names no patient; add Encounter.subject.")
    if not whose.startswith("Patient/") or whose not in known:
        raise BadInput("The patient of the stay is missing; add the Patient that Encounter.subject names.")
    return known[whose]


def _own(known: dict[str, Json], whose: str, reading: _Reading) -> Iterator[Json]:
    """The resources of this patient that hold; all others are counted."""
    for one in known.values():
        about = subject_of(one)
        if about == whose or (about and is_theirs(one, whose)):
            if one["resourceType"] == "Observation" and observation.is_about_another(one):
                reading.note(
                    "Observation", GapReason.UNCERTAIN, "is about another person than the patient", one
                )
            elif not is_in_error(one):
                yield one
        elif about:
            reading.note("Patient", GapReason.FOREIGN, "resources of another patient were left out", one)
        elif one["resourceType"] in _READERS:
            reading.note(one["resourceType"], GapReason.UNREADABLE, "names no patient", one)


def _shared(known: dict[str, Json], whose: str) -> Shared:
    """What belongs to no patient by its reference, and forms also by the address that responses name them by."""
    found = {
        reference: one
        for reference, one in known.items()
        if one["resourceType"] in _SHARED_TYPES and subject_of(one) in {"", whose}
    }
    forms = [resource for resource in found.values() if resource["resourceType"] == "Questionnaire"]
    return {**index_forms(forms), **found} if forms else found


def is_in_error(resource: Json) -> bool:
    """Whether a resource says that it was a mistake."""
    for name in _STATUSES:
        if (said := resource.get(name)) is not None and read_status(said) == "entered-in-error":
            return True
    return False


def _is_undated(resource: Json, statement: Statement) -> bool:
    """Whether it was dated, in a way that cannot be read."""
    match statement:
        case Fact():
            return statement.began is None and facts.is_undated(resource, statement)
        case Observation():
            return statement.at is None and observation.is_undated(resource)
        case Encounter():
            return stays.is_undated(resource)
        case _:
            return False


def _visit(resource: Json, reading: _Reading) -> Encounter | None:
    """None when its class is there and cannot be read: without it nobody can tell a stay from a visit."""
    found = stays.encounter(
        resource,
        reading.shared,
        today=reading.today,
        zone=reading.zone,
        conventions=reading.conventions,
    )
    return None if is_garbled(resource) else found


def _observed(resource: Json, reading: _Reading) -> tuple[Observation, ...] | None:
    if reading.asked is not None and observation.is_unasked(resource, reading.asked):
        return ()
    return observation.observations(resource, zone=reading.zone)


def _alone(statement: _S | None) -> tuple[_S, ...] | None:
    return None if statement is None else (statement,)


_READERS: dict[str, Callable[[Json, _Reading], tuple[Statement, ...] | None]] = {
    **dict.fromkeys(
        facts.FACT_TYPES, lambda one, reading: _alone(facts.fact(one, reading.shared, zone=reading.zone))
    ),
    "Observation": _observed,
    "QuestionnaireResponse": lambda one, reading: answers(one, reading.shared, zone=reading.zone),
    "Encounter": lambda one, reading: _alone(_visit(one, reading)),
    "Coverage": lambda one, reading: _alone(coverage(one, reading.shared, zone=reading.zone)),
    "RelatedPerson": lambda one, reading: _alone(related_person(one, zone=reading.zone)),
}
