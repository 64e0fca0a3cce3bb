"""Patient → Patient."""

from collections.abc import Mapping
from datetime import UTC, date, tzinfo
from typing import Any

from fhir_mappings.inbound.codes import bare_code, codes, concept_text
from fhir_mappings.inbound.dates import day, written_day
from fhir_mappings.inbound.elements import Json, first, items, text
from fhir_mappings.inbound.language import languages
from fhir_mappings.inbound.people import contact, home, human_name
from fhir_mappings.inbound.references import Shared, display, reference_of
from fhir_mappings.inbound.security import labels
from service.domain.record import Patient

#: Codes by which a yes-no answer is sent: SNOMED CT qualifiers, v2-0136, LOINC answers.
_YES = frozenset({"373066001", "y", "yes", "true", "1", "la33-6"})
_NO = frozenset({"373067005", "n", "no", "false", "0", "la32-8"})
_SAID = ("valueCode", "valueString")
#: Some send a boolean as text.
_TRUE = frozenset({"true", "1", "yes", "y"})
_FALSE = frozenset({"false", "0", "no", "n"})


def patient(resource: Json, shared: Shared, *, today: date | None = None, zone: tzinfo = UTC) -> Patient:
    """The person; with `today`, a death after that day has not happened yet."""
    return Patient(
        reference=reference_of(resource),
        name=human_name(resource.get("name")),
        birth_date=written_day(resource.get("birthDate")),
        sex=bare_code(resource.get("gender")),
        deceased=has_died(resource, today, zone),
        languages=languages(resource),
        interpreter=interpreter(resource),
        address=home(resource.get("address")),
        phone=contact(resource.get("telecom"), "phone"),
        email=contact(resource.get("telecom"), "email"),
        marital_status=_marital_status(resource.get("maritalStatus")),
        general_practitioner=_general_practitioner(resource, shared),
        veteran=_veteran(resource),
        merged=is_merged(resource),
        labels=labels(resource),
    )


def interpreter(resource: Json) -> bool | None:
    """What a Patient, RelatedPerson or Encounter says of the need for an interpreter; None when it is silent.

    HL7's and US Core's extensions say it, and vendors' own, whose addresses name an interpreter that is needed.
    """
    named = (
        extension
        for extension in items(resource.get("extension"))
        if _names_interpreter(text(extension.get("url")))
    )
    return next((answer for extension in named if (answer := _yes_or_no(extension)) is not None), None)


def _names_interpreter(url: str) -> bool:
    last = url.lower().rpartition("/")[2].replace("-", "").replace("_", "")
    return "interpreter" in last and ("need" in last or "requi" in last or last.endswith("interpreter"))


def _veteran(resource: Json) -> bool | None:
    """No profile names one extension for it; those in use have "veteran" in their address."""
    extensions = (
        one for one in items(resource.get("extension")) if "veteran" in text(one.get("url")).lower()
    )
    return next((answer for one in extensions if (answer := _yes_or_no(one)) is not None), None)


def _yes_or_no(extension: Json) -> bool | None:
    if isinstance(extension.get("valueBoolean"), bool):
        return bool(extension["valueBoolean"])
    coded = next(
        (extension[key] for key in ("valueCoding", "valueCodeableConcept") if key in extension), None
    )
    said = {code.code.lower() for code in codes(coded)} or {concept_text(coded).lower()}
    said |= {text(extension.get(key)).lower() for key in (*_SAID, "valueBoolean")}
    if said & _YES:
        return True
    return False if said & _NO else None


def has_died(resource: Json, today: date | None = None, zone: tzinfo = UTC) -> bool:
    """Whether a Patient has died; one whose date of death cannot be read has, and with `today` none who dies later."""
    if text(resource.get("deceasedBoolean")).lower() in _TRUE or resource.get("deceasedBoolean") is True:
        return True
    if not resource.get("deceasedDateTime"):
        # A date that is withheld or unknown is one all the same.
        return bool(first(resource.get("_deceasedDateTime")).get("extension"))
    died = day(resource["deceasedDateTime"], zone)
    return today is None or died is None or died <= today


def is_merged(resource: Mapping[str, Any]) -> bool:
    """Whether this Patient is one no longer: replaced by another after a merge, or no longer in use.

    The records of the dead are closed as well: ask first whether the patient has died.
    """
    replaced = any(bare_code(link.get("type")) == "replaced-by" for link in items(resource.get("link")))
    return replaced or text(resource.get("active")).lower() in _FALSE or resource.get("active") is False


def _marital_status(value: object) -> str:
    coded = codes(value)
    return coded[0].code if coded else concept_text(value)


def _general_practitioner(resource: Json, shared: Shared) -> str:
    """The name of the practice or person, "" when it is not in the record."""
    return display(first(resource.get("generalPractitioner")), resource, shared)
