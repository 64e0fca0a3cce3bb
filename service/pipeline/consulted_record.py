"""The record behind a clinician's question: what the EHR sent with it, else what can be read while they wait."""

from dataclasses import dataclass, field
from datetime import date
from typing import Final

from config.conventions import ENCOUNTER_CLASSES
from config.tenants import Tenant
from fhir_mappings.inbound.encounter import CALLED_OFF, status_of
from fhir_mappings.inbound.encounter_class import class_code
from fhir_mappings.inbound.patient import is_merged
from fhir_mappings.inbound.record import build_record, updated
from fhir_mappings.inbound.references import reference_of
from fhir_mappings.prefetch import ESSENTIAL, REQUIRED, Prefetched
from service import clock
from service.domain.record import INPATIENT_CLASSES, Record
from service.ehr.borrowed import BorrowedEhr
from service.errors import (
    BadInput,
    ClassNotUnderstood,
    EhrError,
    EhrUnavailable,
    NotAnInpatientStay,
)
from service.pipeline.gather import gather
from service.pipeline.in_time import THINKING, InTime, TooLate
from service.pipeline.ports import Deps

#: What assessing a record and making cards of it may take on a busy machine; kept back from reading.
_THINKING_SECONDS: Final = 0.1
#: Half of what a caller waits. Whoever's turn comes later is told in short that the plan is on its way: to think about all of
#: them would make those behind wait too long for any answer.
_LATE_SECONDS: Final = 0.25
_READERS: Final = InTime(8, "hook-reads")


@dataclass(frozen=True, slots=True)
class Question:
    """A clinician's: about a stay of a patient, with what the EHR sent along.

    order is the literal reference of a signed discharge order, "" without one; only_looks: nothing is planned because of it; token the EHR's access token for this
    call; until is when an answer must be there (clock.machine_seconds).
    """

    tenant: Tenant
    patient: str
    encounter: str
    user: str
    prefetched: Prefetched
    until: float
    order: str = ""
    only_looks: bool = False
    token: str = field(default="", repr=False)

    @property
    def is_late(self) -> bool:
        """Whether so much time has gone by that no more than the most needed can be done."""
        return clock.machine_seconds() > self.until - _LATE_SECONDS


class NotObtained(Exception):
    """Too little was sent to say anything, and the rest could not be read: too slowly, or not at all."""

    def __init__(self, *, slow: bool) -> None:
        super().__init__("the record could not be obtained in time")
        self.slow = slow


def stay_was_sent(question: Question) -> bool:
    """Whether the stay itself came with the call, and is one; NotAnInpatientStay and BadInput as record_of has them.

    Not with a patient whose record is one no longer: only all of it can tell whether they have died.
    """
    sent = question.prefetched
    versions = [one for one in sent.resources if reference_of(one) == question.encounter]
    if not versions:
        return False
    stay = max(versions, key=updated)
    _check(class_code(stay, question.tenant.conventions), status_of(stay))
    return not any(
        reference_of(resource) == question.patient and is_merged(resource) for resource in sent.resources
    )


def record_of(question: Question, deps: Deps, today: date) -> Record:
    """What was sent; where that is not enough to assess, what the EHR gives in time.

    Raises NotObtained, NotAnInpatientStay, UnknownEncounter, and BadInput for a stay that is another patient's.
    """
    unmet = question.prefetched.unmet & set(ESSENTIAL)
    if not unmet:
        return _of_our_kind(_sent(question, deps, today))
    try:
        return _of_our_kind(_read(question, deps, today))
    except (TooLate, EhrError) as error:
        # Without the stay nobody knows whom it is about; with neither diagnoses nor screenings nothing can be assessed.
        if unmet & set(REQUIRED) or unmet == set(ESSENTIAL) - set(REQUIRED):
            raise NotObtained(slow=isinstance(error, TooLate | EhrUnavailable)) from error
    return _of_our_kind(_sent(question, deps, today))


def _sent(question: Question, deps: Deps, today: date) -> Record:
    sent = question.prefetched
    return build_record(
        sent.resources,
        encounter=question.encounter,
        gaps=sent.gaps,
        today=today,
        asked=deps.content(question.tenant.id).questions,
        conventions=question.tenant.conventions,
    )


def _read(question: Question, deps: Deps, today: date) -> Record:
    until = question.until - _THINKING_SECONDS
    with THINKING.left():
        record = _READERS.run(lambda: _gathered(question, deps, today, until), until)
    if record.patient.reference != question.patient:
        raise BadInput("context.patientId is not the patient of context.encounterId.")
    return record


def _gathered(question: Question, deps: Deps, today: date, until: float) -> Record:
    """By the token that came with the call, and then by nothing else; without one by our own."""
    own, conventions = deps.ehr(question.tenant.id), question.tenant.conventions
    asked = deps.content(question.tenant.id).questions
    if not question.token:
        return gather(question.encounter, own, today=today, asked=asked, conventions=conventions)
    with BorrowedEhr(own, question.token, seconds=max(0.05, until - clock.machine_seconds())) as lent:
        return gather(question.encounter, lent, today=today, asked=asked, conventions=conventions)


def _of_our_kind(record: Record) -> Record:
    _check(record.encounter.class_code, record.encounter.status)
    return record


def _check(kind: str, status: str) -> None:
    if not kind:
        raise BadInput("prefetch.encounter has no class, so nobody can tell whether it is a stay; send it.")
    if status in CALLED_OFF or kind in ENCOUNTER_CLASSES - INPATIENT_CLASSES:
        raise NotAnInpatientStay
    if kind not in INPATIENT_CLASSES:
        raise ClassNotUnderstood
