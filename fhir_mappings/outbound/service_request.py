"""A referral → US Core ServiceRequest, a draft proposal; Gravity categories where the need is social.

No performer stands in it until a person has chosen one: the candidates are a note.
"""

from datetime import date
from typing import Final

from fhir_mappings import systems
from fhir_mappings.narrative import SOCIAL_WORK_TITLE, generated, service_phrase
from fhir_mappings.outbound.author import AUTHOR, Author
from fhir_mappings.outbound.bindings import SDOH_DOMAINS
from fhir_mappings.outbound.elements import (
    Json,
    coding,
    concept,
    evidence_references,
    protocol_text,
    references,
)
from fhir_mappings.outbound.references import Names
from service.domain.codes import Code, System
from service.domain.plan import Plan, Referral
from service.domain.protocol import NeedKind, Urgency

#: Stands for all care that is withheld from shared resources; it says neither how much nor why.
SOCIAL_WORK_KEY: Final = "social-work-follow-up"
_SOCIAL_SERVICE: Final = Code(System.SNOMED, "410606002", "Social service procedure")
_PATIENT_REFERRAL: Final = Code(System.SNOMED, "3457005", "Patient referral")


def service_request_body(referral: Referral, plan: Plan, *, author: Author, names: Names) -> Json:
    """The ServiceRequest of a referral, in FHIR JSON without identifier; plan must be shareable."""
    served = {referral.need, *referral.also_for}
    titles = [need.title for need in plan.needs if need.code in served]
    goals = [goal.existing or names.full_url(goal.key) for goal in plan.goals if goal.need in served]
    specific = {
        "extension": [
            {"url": systems.PERTAINS_TO_GOAL, "valueReference": goal} for goal in references(goals)
        ],
        "category": _categories(referral.category),
        "priority": str(referral.priority),
        "code": concept(referral.title, referral.code),
        "reasonCode": [concept(title) for title in titles],
        "reasonReference": evidence_references(referral.evidence, "Condition", "Observation"),
        "note": [{"text": note} for note in _notes(referral)],
        "patientInstruction": referral.patient_text,
    }
    return _request(plan, author, referral.due, specific)


def social_work_body(plan: Plan, *, author: Author) -> Json:
    """The neutral ServiceRequest that stands where something is withheld: the same for every patient."""
    specific = {
        "category": [concept(code=_SOCIAL_SERVICE)],
        "priority": str(Urgency.ROUTINE),
        "code": concept(SOCIAL_WORK_TITLE, _SOCIAL_SERVICE),
    }
    return _request(plan, author, plan.discharge_date, specific)


def _request(plan: Plan, author: Author, due: date, specific: Json) -> Json:
    """What every request of ours has in common. authoredOn is the plan's day, so that planning again changes nothing."""
    return {
        "resourceType": "ServiceRequest",
        "meta": {"profile": [f"{systems.US_CORE}us-core-servicerequest"]},
        "text": generated(f"Proposed: {specific['code']['text']}, by {due}"),
        "contained": [author.device()],
        "status": "draft",
        "intent": "proposal",
        "subject": {"reference": plan.patient.reference},
        "encounter": {"reference": plan.encounter.reference},
        **_occurrence(plan.discharge_date, due),
        "authoredOn": plan.today.isoformat(),
        "requester": AUTHOR,
        **specific,
    }


def _occurrence(discharge: date, due: date) -> Json:
    if due <= discharge:
        return {"occurrenceDateTime": due.isoformat()}
    return {"occurrencePeriod": {"start": discharge.isoformat(), "end": due.isoformat()}}


def _categories(category: str) -> list[Json]:
    """Both Gravity's and US Core's for a social need; otherwise the SNOMED CT kind of service."""
    if category in SDOH_DOMAINS:
        return [
            {"coding": [coding(systems.US_CORE_CATEGORY, "sdoh", "SDOH")]},
            {"coding": [coding(systems.SDOHCC, category, SDOH_DOMAINS[category])]},
        ]
    return [concept(code=_PATIENT_REFERRAL if category == NeedKind.CLINICAL else _SOCIAL_SERVICE)]


def _notes(referral: Referral) -> list[str]:
    offers = [f"May be offered: {service_phrase(match)}" for match in referral.community_services]
    nothing = ["No community service was found; the social worker is asked to look for one."]
    return [
        *(offers or (nothing if referral.community else [])),
        f"Proposed by {protocol_text(referral.protocol)}. The patient chooses the provider.",
    ]
