"""A plan for an EHR that does not take it as CarePlan, Goals and ServiceRequests: document, message, health concerns."""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Final

from fhir_mappings.narrative import care_plan_narrative
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.concern import concern_body, concern_key, concerns
from fhir_mappings.outbound.document import DOCUMENT_KEY, Letterhead, Renderer, document_body
from fhir_mappings.outbound.drafts import named, unnamed
from fhir_mappings.outbound.elements import Json
from fhir_mappings.outbound.message import MESSAGE_KEY, message_body
from fhir_mappings.outbound.provenance import provenance_body
from fhir_mappings.outbound.reference_line import reference_line
from fhir_mappings.outbound.references import Names
from service.domain.assessment import Outcome
from service.domain.plan import Plan
from service.domain.publication import Draft

LOWER_PROVENANCE_KEY: Final = "lower-provenance"


def lower_resources(
    plan: Plan, *, author: Author, recorded: datetime, pdf: Renderer | None = None, zone: tzinfo = UTC
) -> tuple[Draft, ...]:
    """DocumentReference, Communication, Conditions and their Provenance, as drafts in this order.

    All that could be needed, but for a message that would go to nobody; which of them an EHR gets is decided by what it took before. Only what may be shared goes
    out. zone is the hospital's clock. InvalidResource if one of them would not be valid FHIR.
    """
    shared = plan.shareable()
    names = Names(plan.tenant, plan.encounter.reference)
    words = care_plan_narrative(shared, page=author.page)
    letterhead = Letterhead(reference_line(names.identifier(DOCUMENT_KEY)), zone)
    document = document_body(shared, words, author=author, recorded=recorded, pdf=pdf, letterhead=letterhead)
    drafts = (
        [] if document is None else [named(names, DOCUMENT_KEY, document, plan, says=words, page=author.page)]
    )
    reference = reference_line(names.identifier(MESSAGE_KEY))
    message = message_body(shared, words, author=author, recorded=recorded, reference=reference)
    drafts += (
        [] if message is None else [named(names, MESSAGE_KEY, message, plan, says=words, page=author.page)]
    )
    drafts += [
        named(names, key, body, plan, page=author.page) for key, body in _concerns(shared, names, recorded)
    ]
    identifier = names.identifier(LOWER_PROVENANCE_KEY)
    targets = [draft.full_url for draft in drafts]
    source = provenance_body(shared, targets, author=author, recorded=recorded, identifier=identifier)
    return (*drafts, unnamed(names, LOWER_PROVENANCE_KEY, source, plan, page=author.page))


def _concerns(plan: Plan, names: Names, recorded: datetime) -> Iterator[tuple[str, Json]]:
    if plan.outcome is Outcome.GOING_HOME:
        for need in concerns(plan):
            reference = reference_line(names.identifier(concern_key(need)))
            yield concern_key(need), concern_body(need, plan, recorded=recorded, reference=reference)
