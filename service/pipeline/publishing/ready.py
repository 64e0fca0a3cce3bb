"""Drafts made ready for one EHR: in the shape in which it takes them, for the one hospital whose they are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from config.tenants import Tenant
from fhir_mappings.outbound.shape import HospitalFacts, shaped
from service.domain.publication import Draft
from service.ehr.capability import Capability

_SIGNS: Final = "Provenance"


def facts_of(tenant: Tenant) -> HospitalFacts:
    """What shapes need to know of a hospital."""
    return HospitalFacts(
        author_practitioner=tenant.author_practitioner,
        message_sender=tenant.message_sender,
        recipient=tenant.social_work_reference,
        problems=tenant.problems,
        note_type=tenant.note_type,
    )


def unmade_of(drafts: Sequence[Draft], types: frozenset[str]) -> frozenset[str]:
    """The types of which there is nothing to write: a document that is too large, a message that nobody would get."""
    return types - {draft.resource_type for draft in drafts}


def as_taken(drafts: Sequence[Draft], capability: Capability, facts: HospitalFacts) -> list[Draft]:
    """The drafts in the EHR's shape, without what it takes in none; a Provenance is left until it is known of what it speaks."""
    ready: list[Draft] = []
    for draft in drafts:
        shape = capability.shape(draft.resource_type)
        ready += [draft] if draft.resource_type == _SIGNS else shaped(draft, shape, facts)
    return ready


def of_types(
    drafts: Sequence[Draft],
    types: frozenset[str],
    capability: Capability,
    facts: HospitalFacts,
    *,
    standing: Sequence[Draft] = (),
) -> list[Draft]:
    """The drafts of these types as this EHR takes them, and the Provenance of them, and of what stands, where one is taken."""
    chosen = as_taken([draft for draft in drafts if draft.resource_type in types], capability, facts)
    if not capability.can(_SIGNS, "create"):
        return chosen
    named = {draft.full_url: draft.resource_type for draft in (*chosen, *standing)}
    shape = capability.shape(_SIGNS)
    for draft in drafts:
        if draft.resource_type == _SIGNS:
            source = replace(draft, body=_about_these(draft.body, named))
            chosen += shaped(source, shape, facts, types=named)
    return chosen


def _about_these(body: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    targets = [part for part in body.get("target", ()) if part.get("reference") in names]
    return {**body, "target": targets}
