"""athenahealth as its statement has it: answers to questionnaires are created, all else is read, and a gateway stands before it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from service.sandbox.written import listed, parts
from service.sandbox.written.frame import Book, Question, Rule
from service.sandbox.written.pages import Paging

_CURSOR: Final = "cursor"
_BY_PATIENT: Final = ("patient", "_id")
#: What a search must say: all parameters of one of these alternatives. From the statement's extensions of each type.
_WANTED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "AllergyIntolerance": ("patient",),
        "Appointment": ("_query base-appointment-id", "_query group-appointment-id", "_id"),
        "CarePlan": _BY_PATIENT,
        "CareTeam": _BY_PATIENT,
        "Condition": ("encounter", *_BY_PATIENT),
        "Coverage": ("patient",),
        "DocumentReference": _BY_PATIENT,
        "Encounter": _BY_PATIENT,
        "Goal": _BY_PATIENT,
        "MedicationRequest": ("patient intent", "_id"),
        "Observation": _BY_PATIENT,
        "Patient": ("_id", "identifier", "name", "family birthdate", "family gender", "family given"),
        "Procedure": _BY_PATIENT,
        "Provenance": ("target",),
        "ServiceRequest": _BY_PATIENT,
    }
)


def _says_too_little(question: Question) -> bool:
    wanted = _WANTED.get(question.resource_type, ())
    return bool(wanted) and not any(set(names.split()) <= question.names for names in wanted)


def _by_gateway(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """What a gateway refuses, before any FHIR server: in plain text."""
    return tuple(replace(rule, plain=True) for rule in rules)


ATHENA: Final = Book(
    (
        # No status of a refusal is documented but the gateway's 404.
        *_by_gateway((*listed.listed_only(405), listed.no_bundles())),
        Rule(
            row=0,
            name="required parameters",
            about="The search lacks a parameter that it must carry.",
            interactions=frozenset({"search-type"}),
            refuses=_says_too_little,
            status=400,
            code="required",
        ),
        parts.ignore_conditions(0),
        *Paging(_CURSOR, listed=True).entries(0),
    )
)
