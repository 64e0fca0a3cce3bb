"""RelatedPerson, and the contacts that stand on the Patient itself, → RelatedPerson."""

from datetime import UTC, tzinfo

from fhir_mappings.inbound.codes import codes_and_text
from fhir_mappings.inbound.dates import day, last_day
from fhir_mappings.inbound.elements import Json, first, items
from fhir_mappings.inbound.language import languages
from fhir_mappings.inbound.patient import interpreter
from fhir_mappings.inbound.people import contact, human_name
from fhir_mappings.inbound.references import reference_of
from fhir_mappings.inbound.security import labels
from service.domain.record import RelatedPerson


def related_person(resource: Json, *, zone: tzinfo = UTC) -> RelatedPerson | None:
    """Family, carer or friend; None when neither name nor relationship can be read."""
    found = _person(resource, resource, zone)
    return found if found.name or found.relationships else None


def contacts(patient: Json, *, zone: tzinfo = UTC) -> tuple[RelatedPerson, ...]:
    """Patient.contact: the people among them, under the Patient's own reference; organisations have no name there."""
    found = (_person(contact, patient, zone) for contact in items(patient.get("contact")))
    return tuple(one for one in found if one.name)


def _person(said: Json, resource: Json, zone: tzinfo) -> RelatedPerson:
    period = first(said.get("period"))
    return RelatedPerson(
        reference=reference_of(resource),
        relationships=codes_and_text(said.get("relationship")),
        name=human_name(said.get("name")),
        phone=contact(said.get("telecom"), "phone"),
        active=said.get("active") is not False,
        start=day(period.get("start"), zone),
        end=last_day(period.get("end"), zone),
        languages=languages(said),
        interpreter=interpreter(said),
        labels=labels(resource),
    )
