"""One patient's stay as read from an EHR or a Bundle: no FHIR shapes, no judgement yet.

Three kinds of statement cover the whole record, so that assessing is one pass over it:
`Fact` (a diagnosis, order, medicine, document …), `Observation` (an answer or a measurement, flattened: one for each
component and each questionnaire item) and the few things with a shape of their own (Patient, Encounter, Coverage,
RelatedPerson).
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from service.domain.codes import Code
from service.domain.sensitivity import NONE, Labels


class Kind(StrEnum):
    """What a Fact is; the value is its FHIR resource type."""

    CONDITION = "Condition"
    PROCEDURE = "Procedure"
    MEDICATION = "MedicationRequest"
    ORDER = "ServiceRequest"
    DEVICE = "DeviceRequest"
    APPOINTMENT = "Appointment"
    ALLERGY = "AllergyIntolerance"
    DOCUMENT = "DocumentReference"
    CONSENT = "Consent"
    CARE_TEAM = "CareTeam"
    GOAL = "Goal"
    CARE_PLAN = "CarePlan"


@dataclass(frozen=True, slots=True)
class Slot:
    """When and where an appointment is, as far as its record says: "" and None where it does not.

    at names its zone; place is what the place is called, with its address; phone the place's.
    """

    at: datetime | None = None
    place: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One coded statement of the record.

    status is clinicalStatus for a Condition or AllergyIntolerance, status otherwise ("" when absent); verification is
    the verificationStatus of those two, docStatus of a document; categories and identifiers are bare codes and "system|value"; began is
    when it began or was said, ended when it ended or was resolved; encounter is "Encounter/id" or "".
    """

    kind: Kind
    reference: str
    codes: tuple[Code, ...] = ()
    text: str = ""
    status: str = ""
    verification: str = ""
    intent: str = ""
    categories: frozenset[str] = frozenset()
    encounter: str = ""
    began: date | None = None
    ended: date | None = None
    identifiers: tuple[str, ...] = ()
    labels: Labels = NONE
    #: Who did, ordered or said it: a literal reference, or a name; "" where it names nobody.
    by: str = ""
    #: Of an order only: its time, where it gives one.
    authored: datetime | None = None
    #: Of an appointment only.
    slot: Slot | None = None
    #: Of a care team only: the literal references of who is in it.
    members: tuple[str, ...] = ()
    #: Of an order, in words: its categories, and by whom and where it is to be done; of a document what is said of it.
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit: `unit` is the UCUM code where given, the text otherwise, "" when there is none."""

    value: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """One answer or one measurement, with the question's codes.

    A panel's components and a QuestionnaireResponse's items each become one, with the codes of the panel and the
    reference of the resource they stood in. Of the value exactly what was recorded: coded answers, a quantity, or text.
    asked is the question in the record's words, "" where only its codes say it. absent is the dataAbsentReason code ("asked-declined" stays declined, never negative).
    """

    reference: str
    codes: tuple[Code, ...]
    status: str = "final"
    answers: tuple[Code, ...] = ()
    quantity: Quantity | None = None
    text: str = ""
    absent: str = ""
    panel: tuple[Code, ...] = ()
    members: tuple[str, ...] = ()
    categories: frozenset[str] = frozenset()
    encounter: str = ""
    at: datetime | None = None
    labels: Labels = NONE
    #: Who asked, measured or answered: a literal reference, or a name; "" where it names nobody.
    by: str = ""
    asked: str = ""
    #: The words of the groups that the question stands in, from the inside out.
    under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Language:
    """A language somebody speaks, and whether it is the preferred one.

    tag is its BCP 47 tag (`service.domain.language`), "" where what the record says was not understood; text is what it says.
    """

    tag: str
    text: str = ""
    preferred: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """Where the patient lives, as far as matching services needs it; degrees WGS 84 where the record has them."""

    line: str = ""
    city: str = ""
    district: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""
    use: str = ""
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    """The person. sex is FHIR's administrative gender; interpreter is what the record says, None when it is silent.

    merged says that the record is one no longer: replaced by another, or closed. Those of the dead are, too.
    """

    reference: str
    name: str = ""
    birth_date: date | None = None
    sex: str = ""
    deceased: bool = False
    languages: tuple[Language, ...] = ()
    interpreter: bool | None = None
    address: Address | None = None
    phone: str = ""
    email: str = ""
    marital_status: str = ""
    general_practitioner: str = ""
    veteran: bool | None = None
    labels: Labels = NONE
    merged: bool = False

    def age_on(self, day: date) -> int | None:
        """Completed years on that day; None without a birth date."""
        if self.birth_date is None:
            return None
        born = self.birth_date
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


@dataclass(frozen=True, slots=True)
class Participant:
    """Who took part in the stay: role code (ATND, DIS, …), literal reference, name."""

    role: str
    reference: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class Encounter:
    """A stay or a visit. class_code is v3 ActCode (IMP, EMER, AMB …); diagnoses are ("Condition/id", use).

    planned_end is the day on which the patient is to leave, today or later, as the stay or a signed order says; None where
    nobody has said. ordered_disposition is where that order sends the patient. told is its status and a digest of its end,
    where it leads and its patient, by which a later reading is told from this one; "" for a stay that is not planned.
    """

    reference: str
    status: str = ""
    class_code: str = ""
    start: datetime | None = None
    end: datetime | None = None
    types: tuple[Code, ...] = ()
    #: One for each reason: its codings, and its words as Code("text", …).
    reasons: tuple[tuple[Code, ...], ...] = ()
    priority: tuple[Code, ...] = ()
    service_type: tuple[Code, ...] = ()
    diagnoses: tuple[tuple[str, str], ...] = ()
    disposition: tuple[Code, ...] = ()
    admit_source: tuple[Code, ...] = ()
    participants: tuple[Participant, ...] = ()
    locations: tuple[str, ...] = ()
    part_of: str = ""
    identifiers: tuple[str, ...] = ()
    labels: Labels = NONE
    told: str = field(default="", compare=False)
    planned_end: date | None = None
    ordered_disposition: tuple[Code, ...] = ()


#: v3 ActCode encounter classes that are a hospital stay, so have a discharge to plan.
INPATIENT_CLASSES = frozenset({"IMP", "ACUTE", "NONAC", "SS", "OBSENC"})


@dataclass(frozen=True, slots=True)
class Coverage:
    """An insurance: who pays, of what type, and when it holds.

    names are those of payers and plans; hints are values and identifiers that may hold such words, or a number. paid_by_person:
    the payer it names is the patient or a relative.
    """

    reference: str
    status: str = ""
    types: tuple[Code, ...] = ()
    payor: str = ""
    start: date | None = None
    end: date | None = None
    labels: Labels = NONE
    names: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    paid_by_person: bool = False


@dataclass(frozen=True, slots=True)
class RelatedPerson:
    """Family, carer or friend in the record."""

    reference: str
    relationships: tuple[Code, ...] = ()
    name: str = ""
    phone: str = ""
    active: bool = True
    start: date | None = None
    end: date | None = None
    languages: tuple[Language, ...] = ()
    interpreter: bool | None = None
    labels: Labels = NONE


class GapReason(StrEnum):
    """Why a part of the record is missing from what was read."""

    REFUSED = "refused"  # the EHR does not let us read it
    NOT_OFFERED = "not offered"  # the EHR's /metadata has no such search
    UNREADABLE = "unreadable"  # a resource could not be understood
    INCOMPLETE = "incomplete"  # a page is missing, or more than we read
    FOREIGN = "foreign"  # resources of another patient were dropped
    UNCERTAIN = "uncertain"  # read, but the EHR did not say whether it honoured the question
    DISAGREES = "disagrees"  # two parts of the record contradict each other
    NOT_UNDERSTOOD = "not understood"  # read, and nobody here knows what was asked or answered


class Lasting(StrEnum):
    """Whether what could not be read may be readable soon."""

    PASSING = "passing"  # a fault of the moment: no answer, 429, 5xx, a gateway's page
    PERHAPS = "perhaps"  # a refusal, of the moment or for good: only asking again tells
    LASTING = "lasting"  # not offered, or as the record has it: asking again changes nothing


@dataclass(frozen=True, slots=True)
class Gap:
    """Something we could not read, told to the clinician. about is a resource type or instrument; detail holds no PHI.

    said are the record's own words that were not understood, for readers of the plan only; labels are what they give away.
    lasting says whether it is asked for again.
    """

    about: str
    reason: GapReason
    detail: str
    count: int = 1
    said: tuple[str, ...] = ()
    labels: Labels = NONE
    lasting: Lasting = Lasting.LASTING

    def is_asked_again(self) -> bool:
        """Whether it may come of a fault that passes."""
        return self.lasting is not Lasting.LASTING


@dataclass(frozen=True, slots=True)
class Record:
    """All that was read of one patient for one stay.

    encounter is the stay being planned; encounters are all others. types_read are the resource types of which the
    record holds at least one resource of this patient: an input of a score is missing when its type is not among them.
    """

    patient: Patient
    encounter: Encounter
    encounters: tuple[Encounter, ...] = ()
    facts: tuple[Fact, ...] = ()
    observations: tuple[Observation, ...] = ()
    coverages: tuple[Coverage, ...] = ()
    related_persons: tuple[RelatedPerson, ...] = ()
    types_read: frozenset[str] = frozenset()
    gaps: tuple[Gap, ...] = ()
    #: What of the sensitive the patient agreed to have shared with the care team.
    consented: Labels = NONE
    #: Contacts within the stay (ward, theatre, emergency department), at any depth; found from `encounters`.
    parts: frozenset[str] = field(init=False, default=frozenset(), repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find the contacts within the stay once: every statement of the record is asked whether it is of the stay."""
        object.__setattr__(self, "parts", _parts_of(self.encounter, self.encounters))

    @property
    def other_visits(self) -> tuple[Encounter, ...]:
        """All stays and visits but the one being planned and the contacts within it."""
        return tuple(visit for visit in self.encounters if visit.reference not in self.parts)

    def is_of_stay(self, encounter: str) -> bool:
        """Whether this reference ("Encounter/1") is the stay being planned or a contact within it."""
        return encounter == self.encounter.reference or encounter in self.parts


def _parts_of(stay: Encounter, others: tuple[Encounter, ...]) -> frozenset[str]:
    """What is part of the stay at any depth; with a stay that is itself part of one not on record, also its siblings."""
    whole = {stay.reference}
    if stay.part_of and all(other.reference != stay.part_of for other in others):
        whole.add(stay.part_of)
    waiting = [other for other in others if other.part_of]
    while found := {other.reference for other in waiting if other.part_of in whole}:
        whole |= found
        waiting = [other for other in waiting if other.reference not in whole]
    return frozenset(whole - {stay.reference})
