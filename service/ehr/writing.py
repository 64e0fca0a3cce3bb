"""Writing several resources: all or nothing, or each by itself; and finding again what may have been written."""

from collections.abc import Mapping, Sequence

from fhir_mappings.bundle import (
    Reply,
    Search,
    Update,
    finder,
    if_none_exist,
    responses,
    transaction_bundle,
    write_batch,
)
from fhir_mappings.references import references_in, version_of
from service.domain.publication import Draft, Receipt
from service.ehr.answers import error_for, issues_of
from service.ehr.capability import Capability
from service.ehr.client import Ehr
from service.errors import EhrError, WriteUnknown

#: One for each resource, creates first: where it was written, or why it was not.
Outcome = Receipt | EhrError


def write_together(ehr: Ehr, drafts: Sequence[Draft], updates: Sequence[Update] = ()) -> list[Outcome]:
    """One transaction. Raises the EHR's error when it refuses the whole, WriteUnknown when no answer came."""
    capability = ehr.capability()
    bundle = transaction_bundle(
        drafts, updates, condition=lambda draft: condition(draft, capability), base=_base(ehr)
    )
    return _outcomes(drafts, updates, responses(ehr.transaction(bundle)))


def write_each(ehr: Ehr, drafts: Sequence[Draft], updates: Sequence[Update] = ()) -> list[Outcome]:
    """One batch where the EHR takes batches, else one request each. An error is an outcome and stops nothing."""
    if not drafts and not updates:
        return []
    if not ehr.capability().batch:
        return [_create(ehr, draft) for draft in drafts] + [_put(ehr, update) for update in updates]
    capability = ehr.capability()
    bundle = write_batch(
        drafts, updates, condition=lambda draft: condition(draft, capability), base=_base(ehr)
    )
    try:
        return _outcomes(drafts, updates, responses(ehr.transaction(bundle)))
    except EhrError as error:
        return [error] * (len(drafts) + len(updates))


def condition(draft: Draft, capability: Capability) -> str:
    """The If-None-Exist of a draft, "" where the EHR does not take it."""
    name, _ = finder(draft)
    taken = capability.of(draft.resource_type).conditional_create and capability.searches(
        draft.resource_type, name
    )
    return if_none_exist(draft) if name and taken else ""


def refusal_of(draft: Draft, capability: Capability) -> str:
    """Why this EHR is known to refuse such a body whatever its type; "" when it is not."""
    if capability.modifier_extensions or not _carries_modifier(draft.body):
        return ""
    return "The EHR refuses resources with a modifier extension."


def search_for(draft: Draft, capability: Capability, known: Mapping[str, str]) -> Search | None:
    """The search that finds a draft if it was written; None where the EHR offers none. known: full URL → "Type/id"."""
    name, value = finder(draft)
    if name and capability.searches(draft.resource_type, name):
        return Search(draft.resource_type, ((name, value),))
    targets = [known[url] for url in references_in(draft.body.get("target")) if url in known]
    if targets and capability.searches(draft.resource_type, "target"):
        return Search(draft.resource_type, (("target", targets[-1]),))
    return None


def _carries_modifier(value: object) -> bool:
    if isinstance(value, list):
        return any(map(_carries_modifier, value))
    return isinstance(value, dict) and (
        "modifierExtension" in value or any(map(_carries_modifier, value.values()))
    )


def _base(ehr: Ehr) -> str:
    return ehr.tenant.fhir_base_url.rstrip("/")


def _outcomes(drafts: Sequence[Draft], updates: Sequence[Update], replies: Sequence[Reply]) -> list[Outcome]:
    wanted = [(draft.key, draft.resource_type) for draft in drafts]
    wanted += [(update.key, update.reference) for update in updates]
    if len(replies) != len(wanted):
        raise WriteUnknown("POST Bundle: the EHR's answer has another number of entries than were sent.")
    return [_outcome(key, place, reply) for (key, place), reply in zip(wanted, replies, strict=True)]


def _outcome(key: str, place: str, reply: Reply) -> Outcome:
    """One reply's meaning; place is the type of what was created or the reference of what was updated."""
    kind = place.partition("/")[0]
    if not reply.ok:
        issues = issues_of(reply.outcome or reply.resource)
        return error_for(f"Writing {kind}", reply.status or 500, writing=True, issues=issues)
    reference = reply.reference or (place if "/" in place else "")
    if not reference:
        return WriteUnknown(f"Writing {kind}: the EHR does not say where.")
    return Receipt(key, reference, reply.etag or version_of(reply.resource or {}))


def _create(ehr: Ehr, draft: Draft) -> Outcome:
    try:
        written = ehr.create(draft.body, if_none_exist=condition(draft, ehr.capability()))
    except EhrError as error:
        return error
    if not written.reference:
        return WriteUnknown(f"Writing {draft.resource_type}: the EHR does not say where.")
    return Receipt(draft.key, written.reference, written.etag)


def _put(ehr: Ehr, update: Update) -> Outcome:
    try:
        written = ehr.update(update.body, etag=update.etag)
    except EhrError as error:
        return error
    return Receipt(update.key, written.reference, written.etag)
