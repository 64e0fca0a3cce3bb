"""What a hospital decides in `config/protocols/*.yaml`, as the service uses it: when a need is there, and what follows.

Times are whole days after discharge unless said otherwise. Texts are English; `patient_text` is what may stand on the
patient's sheet, in plain words.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from service.domain.codes import Code
from service.domain.sensitivity import NONE, Labels


class NeedKind(StrEnum):
    """The four groups of needs in which a social worker reads a plan."""

    SOCIAL = "social"
    SAFETY = "safety"
    SUPPORT = "support"
    CLINICAL = "clinical"


class Urgency(StrEnum):
    """FHIR request priority, lowest first."""

    ROUTINE = "routine"
    URGENT = "urgent"
    ASAP = "asap"
    STAT = "stat"


class Review(StrEnum):
    """Whether the clinical content has a checked source."""

    VERIFIED = "verified"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule comes from."""

    title: str
    year: int | None
    version: str = ""
    review: Review = Review.PENDING


@dataclass(frozen=True, slots=True)
class ProtocolRef:
    """The protocol and version that decided, as it stands on the plan."""

    id: str
    version: str
    review: Review = Review.PENDING


@dataclass(frozen=True, slots=True)
class ReferralTemplate:
    """A service to ask for. `service` is the key by which the plan and the directory know it ("home-delivered-meals").

    code is the SNOMED CT procedure (or None: text only); community says whether the directory is asked for a provider.
    """

    service: str
    title: str
    code: Code | None = None
    priority: Urgency = Urgency.ROUTINE
    within_days: int = 7
    community: bool = True
    patient_text: str = ""
    #: Labels the service itself gives away (a shelter's name), added to the need's.
    labels: Labels = NONE
    #: What the service is, in plain words for patients; the same wherever it is asked for.
    service_title: str = ""
    #: Whether it comes to the home or is for it: of no use to somebody who goes to a facility.
    at_home: bool = False


@dataclass(frozen=True, slots=True)
class GoalTemplate:
    """A measurable goal: what will be true, how it is measured, and by when.

    at_home, here and below: it is of no use to somebody for whom a facility cares.
    """

    key: str
    text: str
    within_days: int
    measure: Code | None = None
    target: str = ""
    patient_text: str = ""
    at_home: bool = False


@dataclass(frozen=True, slots=True)
class FollowUpTemplate:
    """A visit or a call after discharge, with its window."""

    key: str
    text: str
    within_days: int
    not_before_days: int = 0
    code: Code | None = None
    patient_text: str = ""
    at_home: bool = False


@dataclass(frozen=True, slots=True)
class EducationTemplate:
    """What patient and carer are taught before leaving; topic is the code for a MedlinePlus Connect link.

    warns: it says when to call for help, and stands with the warning signs on the sheet.
    """

    key: str
    text: str
    topic: Code | None = None
    patient_text: str = ""
    warns: bool = False
    at_home: bool = False


@dataclass(frozen=True, slots=True)
class TaskTemplate:
    """Work for a person: the social worker, unless `owner` says otherwise; at_once is due on the day of planning."""

    key: str
    text: str
    owner: str = "social worker"
    before_discharge: bool = True
    at_once: bool = False
    at_home: bool = False


@dataclass(frozen=True, slots=True)
class ProgrammeRules:
    """Who may qualify for a programme, with its figures, from one day to another (None: open)."""

    text: str
    effective: date | None = None
    until: date | None = None
    review: Review = Review.PENDING

    def hold_on(self, day: date) -> bool:
        """Whether they are in force that day."""
        return (self.effective is None or self.effective <= day) and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class ProgrammeTemplate:
    """A public programme that may help; nobody qualifies until the programme itself says so."""

    key: str
    title: str
    authority: str
    rules: tuple[ProgrammeRules, ...]

    def rules_on(self, day: date) -> ProgrammeRules | None:
        """The rules in force that day, None if they are not on file."""
        return next((rules for rules in self.rules if rules.hold_on(day)), None)


@dataclass(frozen=True, slots=True)
class Interventions:
    """All that follows when the need is present."""

    referrals: tuple[ReferralTemplate, ...] = ()
    goals: tuple[GoalTemplate, ...] = ()
    follow_ups: tuple[FollowUpTemplate, ...] = ()
    education: tuple[EducationTemplate, ...] = ()
    tasks: tuple[TaskTemplate, ...] = ()
    programmes: tuple[ProgrammeTemplate, ...] = ()
    #: Sentences for the patient's sheet: when to call, and whom.
    warning_signs: tuple[str, ...] = ()


NOTHING = Interventions()
