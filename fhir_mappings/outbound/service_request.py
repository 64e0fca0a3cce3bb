"""A referral → US Core ServiceRequest, a draft proposal until a person has decided; Gravity categories where the need is social.

No performer stands in it until a person has chosen one: the candidates are a note.
"""

from datetime import date
from typing import Final

from fhir_mappings import systems
from fhir_mappings.narrative import SOCIAL_WORK_TITLE, generated, service_phrase
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.bindings import SDOH_DOMAINS
from fhir_mappings.outbound.elements import (
    Json,
    coding,
    concept,
    evidence_references,
    protocol_text,
    references,
    supporting_references,
)
from fhir_mappings.outbound.references import Names
from fhir_mappings.outbound.shared import address_of
from fhir_mappings.outbound.signing import person, refusal_notes, request_status, word_for
from service.domain.codes import Code, System
from service.domain.community_service import Match
from service.domain.decision import SOCIAL_WORK
from service.domain.plan import Plan, Referral
from service.domain.protocol import Urgency

#: Stands for all care that is withheld from shared resources; it says neither how much nor why.
SOCIAL_WORK_KEY: Final = SOCIAL_WORK
_SOCIAL_SERVICE: Final = Code(System.SNOMED, systems.SOCIAL_SERVICE, "Social service procedure")
_PATIENT_REFERRAL: Final = Code(System.SNOMED, "3457005", "Patient referral")
#: What R4 takes as a reason, of the things a need may rest on.
_REASONS: Final = ("Condition", "Observation")


def service_request_body(referral: Referral, plan: Plan, *, author: Author, names: Names) -> Json:
    """The ServiceRequest of a referral, in FHIR JSON without identifier; plan must be shareable."""
    served = {referral.need, *referral.also_for}
    titles = [need.title for need in plan.needs if need.code in served]
    goals = [goal.existing or names.full_url(goal.key) for goal in plan.goals if goal.need in served]
    chosen = referral.chosen
    specific = {
        "extension": [
            {"url": systems.PERTAINS_TO_GOAL, "valueReference": goal} for goal in references(goals)
        ],
        "category": _categories(referral.category),
        "priority": str(referral.priority),
        "code": concept(referral.title, _code(referral)),
        "reasonCode": [concept(title) for title in titles],
        "reasonReference": evidence_references(referral.evidence, *_REASONS),
        "supportingInfo": supporting_references(referral.evidence, *_REASONS),
        "note": [{"text": note} for note in _notes(referral)],
        "patientInstruction": referral.patient_text,
        "performer": [author.partner(chosen)] if chosen else [],
    }
    return _request(plan, author, referral.key, referral.due, specific)


def social_work_body(plan: Plan, *, author: Author) -> Json:
    """The neutral ServiceRequest that stands where something is withheld: the same for every patient."""
    specific = {
        "category": [concept(code=_SOCIAL_SERVICE)],
        "priority": str(Urgency.ROUTINE),
        "code": concept(SOCIAL_WORK_TITLE, _SOCIAL_SERVICE),
        "performer": [author.social_work()],
    }
    return _request(plan, author, SOCIAL_WORK_KEY, plan.discharge_date, specific)


def _request(plan: Plan, author: Author, key: str, due: date, specific: Json) -> Json:
    """What every request of ours has in common. authoredOn is the plan's day, so that planning again changes nothing.

    Once a person has ordered it they are its requester, since when they signed.
    """
    approval = plan.approval_of(key)
    signed = approval.at.isoformat(timespec="seconds") if approval else plan.today.isoformat()
    return {
        "resourceType": "ServiceRequest",
        "meta": {"profile": [f"{systems.US_CORE}us-core-servicerequest"]},
        "text": generated(f"{word_for(plan, key)}: {specific['code']['text']}, by {due}"),
        "status": request_status(plan, key),
        "intent": "order" if approval else "proposal",
        "subject": {"reference": plan.patient.reference},
        "encounter": {"reference": plan.encounter.reference},
        **_occurrence(plan.discharge_date, due),
        "authoredOn": signed,
        "requester": person(approval.by) if approval else author.writer(),
        **specific,
        "note": [*specific.get("note", ()), *refusal_notes(plan, key)],
    }


def _occurrence(discharge: date, due: date) -> Json:
    if due <= discharge:
        return {"occurrenceDateTime": due.isoformat()}
    return {"occurrencePeriod": {"start": discharge.isoformat(), "end": due.isoformat()}}


def _code(referral: Referral) -> Code | None:
    """Gravity wants a procedure code for every social request: the general one where the protocol has none."""
    return referral.code or (_SOCIAL_SERVICE if referral.category in SDOH_DOMAINS else None)


def _categories(category: str) -> list[Json]:
    """Both Gravity's and US Core's for a social need; otherwise no more than that it is a referral.

    Neither a pharmacist's review nor physical therapy is social work, whatever need asks for it.
    """
    if category in SDOH_DOMAINS:
        return [
            {"coding": [coding(systems.US_CORE_CATEGORY, "sdoh", "SDOH")]},
            {"coding": [coding(systems.SDOHCC, category, SDOH_DOMAINS[category])]},
        ]
    return [concept(code=_PATIENT_REFERRAL)]


def _notes(referral: Referral) -> list[str]:
    return [
        *_providers(referral),
        f"Proposed by {protocol_text(referral.protocol)}. The patient chooses the provider.",
    ]


def _providers(referral: Referral) -> list[str]:
    """Who was chosen, or may be."""
    if referral.chosen:
        where = address_of(referral.chosen)
        return [f"Chosen: {service_phrase(Match(referral.chosen, ()))}{f'; {where}' if where else ''}"]
    if referral.community_services:
        return [f"May be offered: {service_phrase(match)}" for match in referral.community_services]
    nothing = "No community service was found; the social worker is asked to look for one."
    return [nothing] if referral.community else []
