"""What could not be read, in the words of those who work with the plan."""

from collections.abc import Iterable
from typing import Final

from service.domain.record import Gap, Lasting

#: Resource types as a ward speaks of them.
TYPE_WORDS: Final = {
    "AllergyIntolerance": "allergies",
    "Appointment": "appointments",
    "CarePlan": "care plans",
    "CareTeam": "the care team",
    "Condition": "diagnoses and problems",
    "Consent": "consents",
    "Coverage": "insurance",
    "DeviceRequest": "orders for equipment",
    "DocumentReference": "documents",
    "Encounter": "earlier stays and visits",
    "Goal": "goals",
    "MedicationRequest": "medicines",
    "Observation": "observations (screenings, social history, measurements)",
    "Patient": "personal data",
    "Procedure": "procedures",
    "Questionnaire": "forms",
    "QuestionnaireResponse": "answers to questionnaires",
    "RelatedPerson": "family and caregivers",
    "ServiceRequest": "orders and referrals",
}


def could_not_be_read(types: Iterable[str]) -> str:
    """What is missing, as a clause: "observations (…) and insurance could not be read yet"."""
    named = sorted({TYPE_WORDS.get(kind, kind) for kind in types})
    listed = " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
    return f"{listed} could not be read yet"


def promise(gap: Gap) -> str:
    """What is said of a gap that may come of a fault: "Insurance could not be read; this plan will be completed"."""
    named = TYPE_WORDS.get(gap.about, gap.about)
    named = named[0].upper() + named[1:]
    if gap.lasting is Lasting.PASSING:
        return f"{named} could not be read; this plan will be completed"
    return f"{named} could not be read; the EHR is asked again, and this plan completed once it gives them"


def provisional(gaps: Iterable[Gap]) -> tuple[str, ...]:
    """One line for each type that a fault kept from the plan."""
    return tuple(dict.fromkeys(promise(gap) for gap in gaps if gap.is_asked_again()))
