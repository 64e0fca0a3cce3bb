"""Writing several resources: all or nothing, or each by itself; and finding again what may have been written."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

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
from fhir_mappings.likeness import COMPARABLE
from fhir_mappings.references import literal, references_in, version_of
from service.domain.publication import Draft, Receipt
from service.domain.write_reason import WriteReason
from service.ehr.answers import error_for
from service.ehr.capability import Capability
from service.ehr.client import Ehr
from service.ehr.ladder import findable_by
from service.errors import EhrError, EhrRefused, EhrRejected, WriteUnknown

#: One for each resource, creates first: where it was written, or why it was not.
Outcome = Receipt | EhrError
#: By what kind a patient's resources can be narrowed down, best first: what likeness compares before what an EHR may have
#: filed under another name; and what says when ours was made.
_KINDS: Final = ("type", "code", "category")
_MADE_ON: Final = ("date", "recordedDate", "sent", "authoredOn", "created", "startDate")
#: A discharge is followed for 31 days; in as many more no write of ours is under way.
_FOLLOWED: Final = timedelta(days=62)
_TOO_LARGE: Final = 413
#: What an EHR answers that lists `batch` and means searches only.
_NO_WRITES_IN_BATCH: Final = frozenset({403, 405, 501})


def write_together(ehr: Ehr, drafts: Sequence[Draft], updates: Sequence[Update] = ()) -> list[Outcome]:
    """One transaction. Raises the EHR's error when it refuses the whole, WriteUnknown when no answer came."""
    capability = ehr.capability()
    bundle = transaction_bundle(
        drafts, updates, condition=lambda draft: condition(draft, capability), base=_base(ehr)
    )
    return _outcomes(drafts, updates, responses(ehr.transaction(bundle)))


def write_each(ehr: Ehr, drafts: Sequence[Draft], updates: Sequence[Update] = ()) -> list[Outcome]:
    """One batch where the EHR takes batches, else one request each. An error is an outcome and stops nothing.

    A batch that is too large goes in halves; one that is refused as a whole, or whose entries are all not allowed, goes one
    by one, as does every later one: some servers only read in a batch.
    """
    if not drafts and not updates:
        return []
    if not ehr.writes_in_batch():
        return [_create(ehr, draft) for draft in drafts] + [_put(ehr, update) for update in updates]
    try:
        outcomes = _in_batch(ehr, drafts, updates)
    except EhrRejected as error:
        return _in_smaller_parts(ehr, drafts, updates, error)
    except EhrError as error:
        outcomes = [error] * (len(drafts) + len(updates))
    if all(isinstance(one, EhrRefused) and one.status in _NO_WRITES_IN_BATCH for one in outcomes):
        ehr.no_writes_in_batch()
        return write_each(ehr, drafts, updates)
    _tell_refusals(ehr, outcomes)
    return outcomes


def _tell_refusals(ehr: Ehr, outcomes: Sequence[Outcome]) -> None:
    """A single write tells them itself."""
    for outcome in outcomes:
        if isinstance(outcome, EhrError):
            ehr.refused(outcome)


def _in_batch(ehr: Ehr, drafts: Sequence[Draft], updates: Sequence[Update]) -> list[Outcome]:
    capability = ehr.capability()
    bundle = write_batch(
        drafts, updates, condition=lambda draft: condition(draft, capability), base=_base(ehr)
    )
    return _outcomes(drafts, updates, responses(ehr.transaction(bundle)))


def _in_smaller_parts(
    ehr: Ehr, drafts: Sequence[Draft], updates: Sequence[Update], error: EhrRejected
) -> list[Outcome]:
    """What was said to a batch as a whole was said to no resource in it, but that all together were too large."""
    if error.status != _TOO_LARGE:
        ehr.no_writes_in_batch()
        return write_each(ehr, drafts, updates)
    return [error] if len(drafts) + len(updates) == 1 else _in_halves(ehr, drafts, updates)


def _in_halves(ehr: Ehr, drafts: Sequence[Draft], updates: Sequence[Update]) -> list[Outcome]:
    """Nothing in a batch links to anything else in it, so that any part can go first."""
    if drafts and updates:
        return write_each(ehr, drafts) + write_each(ehr, (), updates)
    if drafts:
        middle = len(drafts) // 2
        return write_each(ehr, drafts[:middle]) + write_each(ehr, drafts[middle:])
    middle = len(updates) // 2
    return write_each(ehr, (), updates[:middle]) + write_each(ehr, (), updates[middle:])


def condition(draft: Draft, capability: Capability) -> str:
    """The If-None-Exist of a draft, "" where the EHR does not take it."""
    name, _ = finder(draft)
    if capability.shape(draft.resource_type).found_by is not None:
        return ""  # it keeps no identifier to compare
    taken = capability.of(draft.resource_type).conditional_create and capability.searches(
        draft.resource_type, name
    )
    return if_none_exist(draft) if name and taken else ""


def refusal_of(draft: Draft, capability: Capability) -> WriteReason:
    """Why this EHR is known to refuse such a body whatever its type; NONE when it is not."""
    if capability.modifier_extensions or not _carries_modifier(draft.body):
        return WriteReason.NONE
    return WriteReason.NO_MODIFIER_EXTENSIONS


def search_for(draft: Draft, capability: Capability, known: Mapping[str, str]) -> Search | None:
    """The best search that finds a draft if it was written; None where the EHR offers none. known: full URL → "Type/id"."""
    return next(searches_for(draft, capability, known), None)


def searches_for(draft: Draft, capability: Capability, known: Mapping[str, str]) -> Iterator[Search]:
    """All that would find it, best first: the next is for a server that lists the one before and does not answer it.

    Where an EHR keeps no identifier, its shape says by what is looked for; nothing where nobody can look.
    """
    shape = capability.shape(draft.resource_type)
    if shape.found_by is not None:
        yield from _by_shape(draft, shape.found_by, capability, known)
        return
    name, value = finder(draft)
    if name and findable_by(capability, draft.resource_type, name):
        yield Search(draft.resource_type, ((name, value),))
    targets = [known[url] for url in references_in(draft.body.get("target")) if url in known]
    if targets and capability.searches(draft.resource_type, "target"):
        yield Search(draft.resource_type, (("target", targets[-1]),))
    if draft.resource_type in COMPARABLE and findable_by(capability, draft.resource_type, "patient"):
        yield Search(draft.resource_type, tuple(_among_the_patients(draft, capability)))


def _by_shape(
    draft: Draft, found_by: Sequence[str], capability: Capability, known: Mapping[str, str]
) -> Iterator[Search]:
    """The search by all of these, then with fewer of them: what narrows down may be what a server does not answer to."""
    pairs = [pair for name in found_by for pair in _asked_by(name, draft, known)]
    listed = [pair for pair in pairs if capability.searches(draft.resource_type, pair[0])]
    if not listed or listed[0] != pairs[0]:
        return
    names = list(dict.fromkeys(name for name, _ in listed))
    for count in range(len(names), 0, -1):
        chosen = tuple(pair for pair in listed if pair[0] in names[:count])
        if not capability.left_out(draft.resource_type, names[:count]):
            yield Search(draft.resource_type, chosen)


def _asked_by(name: str, draft: Draft, known: Mapping[str, str]) -> list[tuple[str, str]]:
    """A search parameter with what the draft says there; [] where it says nothing."""
    body = draft.body
    match name:
        case "patient":
            reference = (body.get("subject") or body.get("for") or {}).get("reference", "")
            value = literal(str(reference)).removeprefix("Patient/")
        case "encounter":
            value = literal(_stay_of(body)).removeprefix("Encounter/")
        case "date":
            return _days_around(body)
        case "target":
            targets = [known.get(url, url) for url in references_in(body.get("target"))]
            value = next((target for target in targets if not target.startswith("urn:")), "")
        case _:
            value = _token(body.get(name))
    return [(name, value)] if value else []


def _stay_of(body: Mapping[str, Any]) -> str:
    stays = (body.get("context") or {}).get("encounter") or [body.get("encounter") or {}]
    return str(stays[0].get("reference", ""))


def _days_around(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """From the day before it says that it was made on, as the strictest server asks for it: prefixes, times, a beginning and an end.

    An EHR may file it under the moment at which it took it, which is while the plan is followed.
    """
    made = next((str(body[name])[:10] for name in _MADE_ON if name in body), "")
    if not made:
        return []
    day = date.fromisoformat(made)
    return [
        ("date", f"ge{day - timedelta(days=1)}T00:00:00Z"),
        ("date", f"lt{day + _FOLLOWED}T00:00:00Z"),
    ]


def _among_the_patients(draft: Draft, capability: Capability) -> Iterator[tuple[str, str]]:
    """The patient's resources of this kind, or at least those touched since the day on which the draft was made."""
    about = draft.body.get("subject") or draft.body.get("for") or {}
    yield "patient", str(about.get("reference", "")).removeprefix("Patient/")
    for name in _KINDS:
        token = _token(draft.body.get(name))
        if token and capability.searches(draft.resource_type, name):
            yield name, token
            return
    day = next((str(draft.body[name])[:10] for name in _MADE_ON if name in draft.body), "")
    if day and capability.searches(draft.resource_type, "_lastUpdated"):
        yield "_lastUpdated", f"ge{day}"


def _token(concepts: Any) -> str:
    """The first coding of a concept, or of the first of several, as "system|code"."""
    first = concepts[0] if isinstance(concepts, list) else concepts
    codings = first.get("coding") if isinstance(first, dict) else None
    return f"{codings[0]['system']}|{codings[0]['code']}" if codings else ""


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
        outcome = reply.outcome or reply.resource
        return error_for(f"Writing {kind}", reply.status or 500, writing=True, outcome=outcome)
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
