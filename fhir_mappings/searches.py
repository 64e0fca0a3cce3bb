"""What is asked of an EHR to plan a discharge: one table, narrowed to what its /metadata offers.

Only listed parameters are asked for: a server that leaves one out answers with other patients' records.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Final, Protocol

from fhir_mappings import systems
from fhir_mappings.bundle import Search
from service.domain.record import Gap, GapReason


class Offered(Protocol):
    """What /metadata lists."""

    def searches(self, resource_type: str, parameter: str) -> bool:
        """Whether a resource type can be searched by a parameter."""
        ...

    def adds(self, resource_type: str, target: str) -> bool:
        """Whether a search can bring along what an element of its results refers to."""
        ...


class Reach(Enum):
    """How far back a question goes, in days before the end of the stay."""

    ALWAYS = None
    MONTHS_13 = 396
    YEARS_3 = 1096


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of one resource type a plan needs.

    patient are the names of the parameter that says whose, best first; narrowed are parameters of which the first that
    is listed is used; dates are those of which the first listed bounds the answer, as far back as reach; adding is an
    element whose target is wanted along with it. With narrow_only nothing is asked where no narrowing is listed: all
    there is would be too much. A failed extra question is no gap, because another row asks for the same.
    """

    resource_type: str
    patient: tuple[str, ...] = ("patient", "subject")
    narrowed: tuple[tuple[str, str], ...] = ()
    narrow_only: bool = False
    dates: tuple[str, ...] = ()
    reach: Reach = Reach.ALWAYS
    adding: str = ""
    extra: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """One search, and whether its failure is a gap."""

    search: Search
    extra: bool = False


def _observations(category: str, reach: Reach) -> Wanted:
    return Wanted(
        "Observation",
        narrowed=(("category", category),),
        narrow_only=True,
        dates=("date", "_lastUpdated"),
        reach=reach,
    )


_DIRECTIVES: Final = ",".join(f"{systems.LOINC}|{code}" for code in systems.ADVANCE_DIRECTIVES)

WANTED: Final = (
    Wanted("Encounter"),
    Wanted("Condition"),
    Wanted("QuestionnaireResponse", dates=("authored",), reach=Reach.YEARS_3),
    Wanted("Coverage", patient=("patient", "beneficiary")),
    Wanted("RelatedPerson", patient=("patient",)),
    Wanted("MedicationRequest", adding="medication"),
    Wanted("DeviceRequest"),
    Wanted("Procedure"),
    Wanted("ServiceRequest"),
    Wanted(
        "Appointment",
        patient=("patient", "actor"),
        dates=("date",),
        reach=Reach.MONTHS_13,
        adding="location",
    ),
    Wanted("CareTeam"),
    Wanted("AllergyIntolerance", patient=("patient",)),
    Wanted("Consent", patient=("patient",)),
    Wanted(
        "DocumentReference", narrowed=(("category", _DIRECTIVES), ("type", _DIRECTIVES)), narrow_only=True
    ),
    Wanted("Goal"),
)
#: US Core's simple observations: how someone copes and what they prefer, which need no category "survey".
_SIMPLE: Final = (
    "sdoh,functional-status,cognitive-status,disability-status,"
    "treatment-intervention-preference,care-experience-preference"
)
#: Screenings and social history say who someone is; of measurements only the recent ones say how they are.
_BY_CATEGORY: Final = (
    _observations("survey", Reach.YEARS_3),
    _observations(_SIMPLE, Reach.YEARS_3),
    _observations("social-history", Reach.ALWAYS),
    _observations("vital-signs", Reach.MONTHS_13),
    _observations("laboratory", Reach.MONTHS_13),
)
_ALL_OBSERVATIONS: Final = Wanted("Observation", dates=("date", "_lastUpdated"), reach=Reach.MONTHS_13)
_CARE_PLANS: Final = Wanted("CarePlan", narrowed=(("category", "assess-plan"),))
#: Some servers refuse a CarePlan search without category, others hold plans without one: ask both ways.
_OTHER_CARE_PLANS: Final = Wanted("CarePlan", extra=True)

#: US Core files advance directives by category, others by type alone: ask both ways.
_DIRECTIVES_BY_TYPE: Final = Wanted("DocumentReference", narrowed=(("type", _DIRECTIVES),), narrow_only=True)

#: Every resource type that a plan reads.
READ_TYPES: Final = frozenset(
    {"Patient", "Observation", "CarePlan", *(wanted.resource_type for wanted in WANTED)}
)

#: What their results bring along, and the forms that their answers name.
BROUGHT_ALONG: Final = frozenset({"Location", "Medication", "Questionnaire"})


def questions(patient: str, stay_end: date, offered: Offered) -> tuple[tuple[Question, ...], tuple[Gap, ...]]:
    """The searches for "Patient/id" and, for each thing that cannot be asked, a gap. The first reads the patient."""
    asked: list[Question] = [Question(Search("Patient", id=patient.rpartition("/")[2]))]
    gaps: list[Gap] = []
    for wanted in _wanted(offered):
        found = _question(wanted, patient, stay_end, offered)
        if isinstance(found, Gap):
            gaps.append(found)
        else:
            asked.append(found)
    return tuple(asked), tuple(gaps)


def _wanted(offered: Offered) -> Iterator[Wanted]:
    yield from WANTED
    yield from _BY_CATEGORY if offered.searches("Observation", "category") else (_ALL_OBSERVATIONS,)
    if all(offered.searches("DocumentReference", name) for name in ("category", "type")):
        yield _DIRECTIVES_BY_TYPE
    yield _CARE_PLANS
    if offered.searches("CarePlan", "category"):
        yield _OTHER_CARE_PLANS


def _question(wanted: Wanted, patient: str, stay_end: date, offered: Offered) -> Question | Gap:
    kind = wanted.resource_type
    whose = next((name for name in wanted.patient if offered.searches(kind, name)), "")
    if not whose:
        return Gap(kind, GapReason.NOT_OFFERED, f"The EHR offers no search for a patient's {kind}.")
    narrowed = next((pair for pair in wanted.narrowed if offered.searches(kind, pair[0])), None)
    if wanted.narrow_only and narrowed is None:
        return Gap(kind, GapReason.NOT_OFFERED, f"The EHR offers no search for {kind} by type.")
    # The parameter `patient` can only mean a Patient; the others need the type.
    parameters = [(whose, patient.rpartition("/")[2] if whose == "patient" else patient)]
    parameters += [narrowed] if narrowed else []
    parameters += _since(wanted, stay_end, offered)
    parameters += (
        [("_include", f"{kind}:{wanted.adding}")]
        if wanted.adding and offered.adds(kind, wanted.adding)
        else []
    )
    return Question(Search(kind, tuple(parameters)), wanted.extra)


def _since(wanted: Wanted, stay_end: date, offered: Offered) -> list[tuple[str, str]]:
    bound = next((name for name in wanted.dates if offered.searches(wanted.resource_type, name)), "")
    if not bound or wanted.reach.value is None:
        return []
    return [(bound, f"ge{(stay_end - timedelta(days=wanted.reach.value)).isoformat()}")]
