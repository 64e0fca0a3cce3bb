"""CDS Hooks prefetch: what we ask an EHR to send with its call, and what it sent.

The templates keep to the subset that the specification recommends: read by id, search by reference and by token, _sort
and _count, with root-level context fields as the only placeholders.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fhir_mappings import systems
from fhir_mappings.bundle import link, resources_in
from fhir_mappings.inbound.logical import Names, names_in, with_literals
from fhir_mappings.inbound.references import is_theirs, reference_of, subject_of
from fhir_mappings.outcomes import Remark, remarks_in, remarks_of
from service.domain.record import Gap, GapReason
from service.errors import BadInput

#: A page as large as servers commonly allow; what does not fit is told by a next link.
_PAGE: Final = "_count=200"
_OF_PATIENT: Final = "patient={{context.patientId}}"
PATIENT: Final = "patient"
ENCOUNTER: Final = "encounter"
#: Without these two there is nobody to speak of.
REQUIRED: Final = (PATIENT, ENCOUNTER)
#: Without these an assessment would be a guess: they are read from the EHR where they were not sent.
ESSENTIAL: Final = (*REQUIRED, "conditions", "screenings")

_READ: Final = {PATIENT: "Patient/{{context.patientId}}", ENCOUNTER: "Encounter/{{context.encounterId}}"}
_CORE: Final = {
    "conditions": f"Condition?{_OF_PATIENT}&{_PAGE}",
    "screenings": f"Observation?{_OF_PATIENT}&category=survey&_sort=-date&{_PAGE}",
}
_DIRECTIVES: Final = ",".join(f"{systems.LOINC}|{code}" for code in systems.ADVANCE_DIRECTIVES)
_SIMPLE: Final = (
    "sdoh,functional-status,cognitive-status,disability-status,"
    "treatment-intervention-preference,care-experience-preference"
)
_REST: Final = {
    "encounters": f"Encounter?{_OF_PATIENT}&_sort=-date&{_PAGE}",
    "questionnaireResponses": f"QuestionnaireResponse?{_OF_PATIENT}&{_PAGE}",
    "statuses": f"Observation?{_OF_PATIENT}&category={_SIMPLE}&_sort=-date&{_PAGE}",
    "socialHistory": f"Observation?{_OF_PATIENT}&category=social-history&_sort=-date&{_PAGE}",
    "vitalSigns": f"Observation?{_OF_PATIENT}&category=vital-signs&_sort=-date&{_PAGE}",
    "laboratory": f"Observation?{_OF_PATIENT}&category=laboratory&_sort=-date&{_PAGE}",
    "coverages": f"Coverage?{_OF_PATIENT}&{_PAGE}",
    "relatedPersons": f"RelatedPerson?{_OF_PATIENT}&{_PAGE}",
    "medications": f"MedicationRequest?{_OF_PATIENT}&{_PAGE}",
    "devices": f"DeviceRequest?{_OF_PATIENT}&{_PAGE}",
    "procedures": f"Procedure?{_OF_PATIENT}&{_PAGE}",
    "orders": f"ServiceRequest?{_OF_PATIENT}&{_PAGE}",
    "appointments": f"Appointment?{_OF_PATIENT}&{_PAGE}",
    "careTeams": f"CareTeam?{_OF_PATIENT}&{_PAGE}",
    "allergies": f"AllergyIntolerance?{_OF_PATIENT}&{_PAGE}",
    "consents": f"Consent?{_OF_PATIENT}&{_PAGE}",
    "directives": f"DocumentReference?{_OF_PATIENT}&category={_DIRECTIVES}&{_PAGE}",
    "directivesByType": f"DocumentReference?{_OF_PATIENT}&type={_DIRECTIVES}&{_PAGE}",
    "goals": f"Goal?{_OF_PATIENT}&{_PAGE}",
    "carePlans": f"CarePlan?{_OF_PATIENT}&category=assess-plan&{_PAGE}",
}
#: All that a plan is made from.
FULL: Final = {**_READ, **_CORE, **_REST}
#: For a hook that fires with every order: little is asked, the rest is read when the order turns out to be a discharge.
SHORT: Final = {**_READ, **_CORE}


@dataclass(frozen=True, slots=True)
class Prefetched:
    """What came with a call. unmet are the templates' keys that were not satisfied; gaps say why the others lack."""

    resources: tuple[dict[str, Any], ...]
    unmet: frozenset[str]
    gaps: tuple[Gap, ...]


def prefetched(
    sent: Mapping[str, Any], templates: Mapping[str, str], *, patient: str, encounter: str
) -> Prefetched:
    """Read a prefetch object for this patient and stay ("Patient/1", "Encounter/2"; encounter "" when none is named).

    A missing key and an OperationOutcome are not satisfied, null is satisfied without data, a page with a next link is
    satisfied in part, and so is an answer to another question than the template. Keys that we did not ask for are left aside, unless they are another patient's. BadInput for
    anything that is not FHIR or not this patient's.
    """
    sent = {
        key: _single(value, templates.get(key, "")) if key in REQUIRED else value
        for key, value in sent.items()
    }
    resources: list[dict[str, Any]] = []
    gaps: list[Gap] = []
    unmet = {key for key in templates if key not in sent}
    # Nobody and no stay is no answer, even where the EHR says that it looked.
    unmet |= {key for key in REQUIRED if sent.get(key) is None}
    for key in templates.keys() & sent.keys():
        value = _value(key, sent[key], templates[key], patient)
        resources += value.resources
        gaps += value.gaps
        if not value.whole and (not value.resources or key in ESSENTIAL):
            unmet.add(key)
    _check_identity(sent, patient, encounter)
    _check_subjects([*resources, *_unasked(sent, templates)], patient)
    gaps += [_not_sent(templates[key]) for key in sorted(unmet - sent.keys() - set(REQUIRED))]
    return Prefetched(tuple(resources), frozenset(unmet), tuple(gaps))


def _single(value: Any, template: str) -> Any:
    """The one resource of a searchset where a read is asked for; None for none, and the searchset as it is for several."""
    if not isinstance(value, dict) or value.get("resourceType") != "Bundle":
        return value
    found = [resource for resource in resources_in(value) if resource.get("resourceType") == _type(template)]
    return value if len(found) > 1 else next(iter(found), None)


def context_fields(template: str) -> Iterator[str]:
    """The context fields that a template names."""
    for part in template.split("{{")[1:]:
        yield part.partition("}}")[0]


@dataclass(frozen=True, slots=True)
class _Value:
    """What one key brought. whole: asking the EHR for it again would bring no more."""

    resources: Sequence[dict[str, Any]] = ()
    gaps: tuple[Gap, ...] = ()
    whole: bool = True


def _value(key: str, value: Any, template: str, patient: str) -> _Value:
    if value is None:
        return _Value()
    if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
        raise BadInput(f"prefetch.{key} is not a FHIR resource; send the answer to the template, or null.")
    if value["resourceType"] == "OperationOutcome":
        return _message(key, value, template)
    if key in REQUIRED:
        return _Value((_read(key, value, template),))
    if value["resourceType"] != "Bundle":
        raise BadInput(f"prefetch.{key} must be a searchset Bundle, as its template is a search.")
    return _searchset(key, value, template, patient)


def _message(key: str, outcome: dict[str, Any], template: str) -> _Value:
    """A message in place of an answer: "nothing found" is one to a search."""
    remarks = {remark for remark, _ in remarks_of(outcome)}
    if remarks == {Remark.HARMLESS} and key not in REQUIRED:
        return _Value()
    gap = Gap(_type(template), GapReason.REFUSED, "The EHR could not prefetch it.")
    return _Value(gaps=(gap,), whole=False)


def _read(key: str, value: dict[str, Any], template: str) -> dict[str, Any]:
    if value["resourceType"] != _type(template):
        raise BadInput(f"prefetch.{key} must be a {_type(template)}, as its template is a read.")
    return value


def _searchset(key: str, value: dict[str, Any], template: str, patient: str) -> _Value:
    entries = [] if value.get("entry") is None else value["entry"]
    if not isinstance(entries, list) or not all(_has_resource(entry) for entry in entries):
        raise BadInput(f"prefetch.{key}.entry must be a list of objects, each with its resource.")
    found = resources_in(value)
    remarks = dict.fromkeys(remark for remark, _ in remarks_in(value))
    kind, reasons = _type(template), [remark.value for remark in remarks]
    gaps = [
        Gap(kind, reason, detail, lasting=lasting)
        for reason, detail, lasting in reasons
        if reason is not None
    ]
    if Remark.NOT_HONOURED in remarks and any(_is_foreign(resource, patient) for resource in found):
        found = []  # the patient was left out of the question
    whole = remarks.keys().isdisjoint({Remark.NOT_HONOURED, Remark.FAILED})
    if link(value, "next"):
        gaps, whole = [*gaps, Gap(kind, GapReason.INCOMPLETE, "The prefetch has further pages.")], False
    return _Value(found, tuple(gaps), whole)


def _has_resource(entry: Any) -> bool:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    return isinstance(resource, dict) and isinstance(resource.get("resourceType"), str)


def _check_identity(sent: Mapping[str, Any], patient: str, encounter: str) -> None:
    for key, expected in ((PATIENT, patient), (ENCOUNTER, encounter)):
        value = sent.get(key)
        if not expected or not isinstance(value, dict) or value.get("resourceType") == "OperationOutcome":
            continue
        if reference_of(value) != expected:
            raise BadInput(f"prefetch.{key} is not the one that context.{key}Id names.")
        if key == ENCOUNTER and subject_of(with_literals(value, _names(sent))) != patient:
            raise BadInput(
                "prefetch.encounter is not a stay of context.patientId; its subject names another patient."
            )


def _names(sent: Mapping[str, Any]) -> Names:
    return names_in(value for key in REQUIRED if isinstance(value := sent.get(key), dict))


def _check_subjects(resources: Sequence[dict[str, Any]], patient: str) -> None:
    """Two charts in one call mean that the caller mixes up patients: nothing of it can be trusted."""
    for resource in resources:
        if _is_foreign(resource, patient):
            raise BadInput(
                "The prefetch holds a resource of another patient than context.patientId; send this one's only: "
                f"{_named(resource)}."
            )


def _is_foreign(resource: dict[str, Any], patient: str) -> bool:
    return bool(subject_of(resource)) and not is_theirs(resource, patient)


def _unasked(sent: Mapping[str, Any], templates: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """What came under other keys than ours, as far as it is FHIR at all."""
    for key in sent.keys() - templates.keys():
        value = sent[key]
        if isinstance(value, dict) and isinstance(value.get("resourceType"), str):
            yield from resources_in(value) if value["resourceType"] == "Bundle" else [value]


def _named(resource: Mapping[str, Any]) -> str:
    kind = str(resource["resourceType"])
    return kind if kind.isalpha() and len(kind) <= 40 else "resource"  # noqa: PLR2004  no FHIR type is longer


def _not_sent(template: str) -> Gap:
    return Gap(_type(template), GapReason.INCOMPLETE, "It did not come with the call.")


def _type(template: str) -> str:
    return template.partition("?")[0].partition("/")[0]
