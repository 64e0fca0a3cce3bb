"""Oracle Health: what a search must carry, and what it must not carry together (rows 13 and 14).

Source: the documentation of the parameters in its CapabilityStatement of August 2026, and the resource pages of
cerner/fhir.cerner.com.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from service.sandbox.written.frame import Question, Rule

_SEARCH: Final = frozenset({"search-type"})
_BY_PATIENT: Final = (("_id",), ("patient",))
_BY_PATIENT_OR_SUBJECT: Final = (*_BY_PATIENT, ("subject",))
_NAMED: Final = ("identifier", "birthdate", "name", "given", "family", "address-postalcode", "phone", "email")
#: By type, the sets of parameters of which a search must carry one.
NEEDED: Final[Mapping[str, Iterable[tuple[str, ...]]]] = {
    "AllergyIntolerance": _BY_PATIENT,
    "Appointment": (
        ("_id",),
        *(
            (whose, when)
            for whose in ("patient", "practitioner", "location")
            for when in ("date", "-date-or-req-period")
        ),
    ),
    "CarePlan": (("_id",), ("patient", "category")),
    "CareTeam": (*_BY_PATIENT, ("encounter",)),
    "Communication": (("_id",), ("category", "received", "recipient", "-email-status")),
    "Condition": _BY_PATIENT_OR_SUBJECT,
    "Consent": (*_BY_PATIENT, ("actor",), ("patient.identifier",), ("actor.identifier",)),
    "Coverage": (("patient",), ("-encounter",)),
    "DocumentReference": _BY_PATIENT,
    "Encounter": (*_BY_PATIENT_OR_SUBJECT, ("identifier",), ("account",)),
    "Goal": _BY_PATIENT,
    "MedicationRequest": _BY_PATIENT,
    "Observation": _BY_PATIENT_OR_SUBJECT,
    "Patient": (("_id",), *((name,) for name in _NAMED)),
    "Procedure": _BY_PATIENT_OR_SUBJECT,
    "Provenance": (("_id",), ("target",)),
    "QuestionnaireResponse": _BY_PATIENT,
    "RelatedPerson": (
        ("_id",),
        ("-encounter",),
        ("patient", "-relationship-level"),
        ("identifier", "-relationship-level"),
    ),
    "ServiceRequest": _BY_PATIENT_OR_SUBJECT,
}
#: By type, parameters that no search carries together.
NOT_TOGETHER: Final[Mapping[str, Iterable[tuple[str, str]]]] = {
    "CareTeam": (("encounter", "category"), ("encounter", "status")),
    "DocumentReference": (("date", "period"),),
    "Observation": (
        ("date", "_lastUpdated"),
        *(("_id", other) for other in ("patient", "subject", "category", "code", "date")),
    ),
}
_VALUES: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("CarePlan", "category"): frozenset({"assess-plan"}),
    ("Encounter", "status"): frozenset({"planned", "in-progress", "finished", "cancelled"}),
}


@dataclass(frozen=True, slots=True)
class Dates:
    """How a date parameter is written: alone are the prefixes of a single one ("" for none), lower and upper those of a pair.

    With timed each has a time.
    """

    alone: frozenset[str] = frozenset({""})
    lower: frozenset[str] = frozenset({"ge", "gt"})
    upper: frozenset[str] = frozenset({"le", "lt"})
    timed: bool = False

    def refuses(self, values: tuple[str, ...]) -> bool:
        """Whether these values are not taken."""
        prefixes = [value[:2] if value[:2] in _PREFIXES else "" for value in values]
        if self.timed and not all("T" in value for value in values):
            return True
        if len(values) == 1:
            return prefixes[0] not in self.alone
        lower = [prefix for prefix in prefixes if prefix in self.lower]
        upper = [prefix for prefix in prefixes if prefix in self.upper]
        return len(values) > 1 and (len(values), len(lower), len(upper)) != (2, 1, 1)


_PREFIXES: Final = frozenset({"eq", "ne", "ge", "gt", "le", "lt", "sa", "eb", "ap"})
_ONE_SIDED: Final = frozenset({"ge", "gt", "le", "lt"})
_GE, _LE, _LT, _NEVER = frozenset({"ge"}), frozenset({"le"}), frozenset({"lt"}), frozenset[str]()
_LAST_UPDATED: Final = "_lastUpdated"
DATES: Final[Mapping[tuple[str, str], Dates]] = {
    ("Appointment", "date"): Dates(lower=frozenset({"gt"}), upper=_LE, timed=True),
    ("CarePlan", "date"): Dates(alone=_NEVER, lower=_GE, upper=_LE),
    ("Communication", "received"): Dates(alone=_GE | _LE, lower=_GE, upper=_LE, timed=True),
    ("DocumentReference", "date"): Dates(alone=_ONE_SIDED | {""}),
    ("DocumentReference", "period"): Dates(alone=_NEVER, lower=_GE, upper=_LT),
    ("Encounter", "date"): Dates(alone=_ONE_SIDED, timed=True),
    ("MedicationRequest", "-timing-boundsPeriod"): Dates(alone=_GE, lower=_NEVER),
    ("Observation", "date"): Dates(),
    ("Procedure", "date"): Dates(),
    ("ServiceRequest", _LAST_UPDATED): Dates(alone=_GE | _LE, timed=True),
    **{
        (kind, _LAST_UPDATED): Dates()
        for kind in (
            "AllergyIntolerance",
            "Condition",
            "DocumentReference",
            "Encounter",
            "Observation",
            "Procedure",
        )
    },
}
_JSON: Final = re.compile(r"application/(fhir\+json|json\+fhir|json)", re.IGNORECASE)


def _lacks(question: Question) -> bool:
    return not any(question.names >= set(needed) for needed in NEEDED[question.resource_type])


def _combines(question: Question) -> bool:
    return any(question.names >= set(pair) for pair in NOT_TOGETHER[question.resource_type])


def _misdates(question: Question) -> bool:
    return any(
        dates.refuses(question.values(name))
        for (kind, name), dates in DATES.items()
        if kind == question.resource_type and name in question.names
    )


def _asks_for_others(question: Question) -> bool:
    return any(
        not taken
        >= {value.rpartition("|")[2] for given in question.values(name) for value in given.split(",")}
        for (kind, name), taken in _VALUES.items()
        if kind == question.resource_type
    )


SEARCHES: Final[tuple[Rule, ...]] = (
    Rule(
        row=13,
        name="required parameters",
        about="The search lacks a parameter that it must carry.",
        types=frozenset(NEEDED),
        interactions=_SEARCH,
        refuses=_lacks,
        status=400,
        code="required",
    ),
    Rule(
        row=13,
        name="parameters not together",
        about="The search carries two parameters that cannot be combined.",
        types=frozenset(NOT_TOGETHER),
        interactions=_SEARCH,
        refuses=_combines,
        status=400,
        code="invalid",
    ),
    Rule(
        row=13,
        name="dates",
        about="A date of the search lacks its prefix, its time or its other end.",
        interactions=_SEARCH,
        refuses=_misdates,
        status=400,
        code="invalid",
    ),
    Rule(
        row=13,
        name="values",
        about="The search asks for a value that is not supported.",
        interactions=_SEARCH,
        refuses=_asks_for_others,
        status=400,
        code="value",
    ),
    Rule(
        row=13,
        name="status of a stay without its patient",
        about="A search by status must carry the patient.",
        types=frozenset({"Encounter"}),
        interactions=_SEARCH,
        refuses=lambda question: "status" in question.names and "patient" not in question.names,
        status=400,
        code="required",
    ),
    Rule(
        row=14,
        name="JSON only",
        about="Only JSON is answered.",
        interactions=frozenset({"read", "search-type", "create", "update", "patch", "batch"}),
        refuses=lambda question: (
            question.resource_type != "Binary"
            and not _JSON.search(question.asked.headers.get("accept", "application/json"))
        ),
        status=406,
        code="not-supported",
    ),
)
