"""How each resource type can be written in an EHR, and on which rung each item of a plan therefore stands.

How a type is written is decided from /metadata alone; where an item stands also from what the EHR has said to it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from fhir_mappings.likeness import COMPARABLE
from service.domain.publication import Landed, Landing, LedgerEntry, WriteState
from service.domain.write_reason import WITH_CLINICIANS, WriteReason, explain
from service.ehr.capability import Capability


class Rung(StrEnum):
    """The ways to write, best first."""

    TRANSACTION = "transaction"  # with everything else, all or nothing
    BATCH = "batch"  # with others, each by itself
    SINGLES = "singles"  # one request each
    NOT_POSSIBLE = "not possible"


@dataclass(frozen=True, slots=True)
class Step:
    """Where a resource type lands, and the sentence that says why; lack is the code for what it lacks, where it does."""

    resource_type: str
    rung: Rung
    reason: str
    lack: WriteReason = WriteReason.NONE


def step_for(capability: Capability, resource_type: str) -> Step:
    """The rung on which new resources of a type are written."""
    lack = _lack_of(capability, resource_type)
    if lack is not WriteReason.NONE:
        why = capability.shape(resource_type).why if lack is WriteReason.NOT_TAKEN else ""
        return Step(resource_type, Rung.NOT_POSSIBLE, why or explain(lack, resource_type), lack)
    found_by = how_to_find(capability, resource_type)
    kept_out = f"duplicates are kept out by {found_by}" if found_by else _NOBODY_CAN_LOOK
    if capability.transaction:
        return Step(resource_type, Rung.TRANSACTION, f"The EHR takes transactions; {kept_out}.")
    rung = Rung.BATCH if capability.writes_in_batch() else Rung.SINGLES
    return Step(resource_type, rung, f"The EHR takes {_taken(capability)}; {kept_out}.")


def _lack_of(capability: Capability, resource_type: str) -> WriteReason:
    """Why none of this type is written, NONE where it is. A vendor's rule counts for more than what /metadata lists."""
    shape = capability.shape(resource_type)
    if not capability.can(resource_type, "create"):
        return WriteReason.NO_CREATE
    if not shape.taken:
        return WriteReason.NOT_TAKEN
    if shape.only_where and capability.problems.category not in shape.categories:
        return WriteReason.NOT_WANTED
    # Where a vendor is known to let nobody look, it is written once, and one whose answer is lost is a person's.
    can_be_written_once = shape.found_by == ()
    if not can_be_written_once and not how_to_find(capability, resource_type):
        return WriteReason.NOT_FINDABLE
    return WriteReason.NONE


def _taken(capability: Capability) -> str:
    if capability.writes_in_batch():
        return "batches, no transactions"
    return (
        "each write by itself, batches for reading"
        if capability.batch
        else "neither transactions nor batches"
    )


def ladder(capability: Capability, resource_types: Iterable[str]) -> tuple[Step, ...]:
    """The steps of several types, in their order."""
    return tuple(step_for(capability, resource_type) for resource_type in resource_types)


def how_to_find(capability: Capability, resource_type: str) -> str:
    """By what one of ours is found again after an unknown write; "" where the EHR offers no way to look."""
    named = capability.shape(resource_type).found_by
    if named is not None:
        return _named_way(capability, resource_type, named)
    if resource_type == "Provenance":  # has no identifier in R4
        ways = {"_tag": "a search by tag", "target": "a search by target"}
    else:
        ways = {"identifier": "a search by identifier"}
    found = next((text for name, text in ways.items() if findable_by(capability, resource_type, name)), "")
    if found:
        return found
    if resource_type in COMPARABLE and findable_by(capability, resource_type, "patient"):
        return "a search by patient that compares what is found"
    return "conditional create" if capability.of(resource_type).conditional_create else ""


def _named_way(capability: Capability, resource_type: str, parameters: Sequence[str]) -> str:
    """The search of a vendor's rule in words, "" where it names none or /metadata does not list its first parameter."""
    listed = [name for name in parameters if capability.searches(resource_type, name)]
    if not listed or listed[0] != parameters[0]:
        return ""
    return f"a search by {_listing(listed)} that compares what is found"


def _listing(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def findable_by(capability: Capability, resource_type: str, parameter: str) -> bool:
    """Whether a search by this parameter alone is taken; where only a try would show it, it is not relied on."""
    return (
        capability.searches(resource_type, parameter)
        and not capability.left_out(resource_type, [parameter])
        and not capability.is_doubtful(resource_type, [parameter])
    )


#: The rungs of a plan's own resource types, best first. What a Provenance or a Task says, our page says as well.
_RUNGS: Final[Mapping[str, tuple[Landing, ...]]] = {
    "CarePlan": (Landing.RESOURCE, Landing.DOCUMENT, Landing.MESSAGE, Landing.PAGE),
    "Goal": (Landing.RESOURCE, Landing.CARE_PLAN, Landing.DOCUMENT, Landing.MESSAGE, Landing.PAGE),
    "ServiceRequest": (
        Landing.RESOURCE,
        Landing.CARE_PLAN,
        Landing.DOCUMENT,
        Landing.MESSAGE,
        Landing.CONCERN,
        Landing.PAGE,
    ),
    "Task": (Landing.RESOURCE, Landing.PAGE),
    "Provenance": (Landing.RESOURCE, Landing.PAGE),
}
#: The resource type that makes a lower rung.
_MADE_OF: Final = {
    Landing.DOCUMENT: "DocumentReference",
    Landing.MESSAGE: "Communication",
    Landing.CONCERN: "Condition",
}
LOWER_TYPES: Final = frozenset(_MADE_OF.values())
#: Without one of these nothing in the EHR asks anybody to do something.
_REQUEST: Final = "ServiceRequest"

#: Tries in a row that were not let through, minutes apart.
_PUT_OFF: Final = 4

_NOBODY_CAN_LOOK: Final = (
    "nobody can look for one whose confirmation got lost, so each is sent once and a lost one is a person's"
)

_Step = Callable[[str], Step]


@dataclass(frozen=True, slots=True)
class Descent:
    """Where each item of a plan stands, and the resource types that this takes beside the plan's own."""

    landed: tuple[Landed, ...]
    types: frozenset[str]


def descend(
    entries: Sequence[LedgerEntry], capability: Capability, *, unmade: Collection[str] = ()
) -> Descent:
    """The rungs of all that a plan wants, by what the EHR offers and has refused.

    An EHR that takes the CarePlan has every item at least in its words. Where it does not, the plan goes as a document;
    what then asks for care and is no ServiceRequest also goes as a message to the care team; and where no ServiceRequest
    is taken at all, open needs go as unconfirmed health concerns. unmade are the types of which this plan has nothing to
    write, as a message that would go to nobody: they are no rung.
    """

    @cache
    def step(kind: str) -> Step:
        return step_for(capability, kind)

    items = [entry for entry in entries if _is_item(entry)]
    there = {entry.draft.key for entry in items if _is_there(entry, step(entry.draft.resource_type))}
    offered = frozenset(_offered(entries, step, items, there, unmade))
    shape = capability.shape(_MADE_OF[Landing.CONCERN])
    # Where needs without a code have no problem, or none shows before a clinician has reconciled it, no item stands by it.
    is_shown = shape.shows_at_once and not shape.coded
    shown = offered if is_shown else offered - {Landing.CONCERN}
    landed = tuple(_landed(entry, there, shown) for entry in items)
    return Descent(landed, frozenset(_types(landed, items, offered, step)))


def _is_item(entry: LedgerEntry) -> bool:
    """Whether we are to bring it to the EHR; what a clinician may still order there is not."""
    is_left = entry.state is WriteState.WAITING and entry.reason in WITH_CLINICIANS
    return entry.wanted and entry.draft.resource_type in _RUNGS and not is_left


def _is_there(entry: LedgerEntry, step: Step) -> bool:
    """Whether it has its resource, or will have it once this run of publishing, or the next, has come to it."""
    if entry.reference or entry.is_doubtful:
        return True
    # What the EHR has not let us write for minutes is tried again; meanwhile the item stands lower down.
    is_put_off = entry.reason is WriteReason.NOT_LET and entry.attempts >= _PUT_OFF
    expected = entry.state is WriteState.WAITING and not is_put_off
    return expected and step.rung is not Rung.NOT_POSSIBLE


def _offered(
    entries: Sequence[LedgerEntry],
    step: _Step,
    items: Sequence[LedgerEntry],
    there: Collection[str],
    unmade: Collection[str],
) -> Iterator[Landing]:
    """The lower rungs that this EHR has."""
    if any(entry.draft.resource_type == "CarePlan" and entry.draft.key in there for entry in items):
        yield Landing.CARE_PLAN
    for rung, kind in _MADE_OF.items():
        written = [
            entry for entry in entries if entry.draft.resource_type == kind and not _is_forgotten(entry)
        ]
        refused = bool(written) and not any(_is_there(entry, step(kind)) for entry in written)
        if step(kind).rung is not Rung.NOT_POSSIBLE and not refused and kind not in unmade:
            yield rung


def _is_forgotten(entry: LedgerEntry) -> bool:
    """Whether it was taken back before it was ever written, which says nothing of what the EHR takes."""
    return entry.state is WriteState.REVOKED and not entry.reference


def _landed(entry: LedgerEntry, there: Collection[str], offered: Collection[Landing]) -> Landed:
    key = entry.draft.key
    if key in there:
        return Landed(key, Landing.RESOURCE)
    lower = () if entry.draft.is_restricted else _RUNGS[entry.draft.resource_type][1:]
    return Landed(key, next((rung for rung in lower if rung in offered), Landing.PAGE))


def _types(
    landed: Sequence[Landed], items: Sequence[LedgerEntry], offered: Collection[Landing], step: _Step
) -> Iterator[str]:
    if Landing.CARE_PLAN in offered:
        return
    rungs = {one.rung for one in landed}
    requests = [
        one.rung
        for one, entry in zip(landed, items, strict=True)
        if entry.draft.resource_type == _REQUEST and not entry.draft.is_restricted
    ]
    asked = [rung for rung in requests if rung is not Landing.RESOURCE]
    none_taken = Landing.RESOURCE not in requests and (
        bool(requests) or step(_REQUEST).rung is Rung.NOT_POSSIBLE
    )
    if Landing.DOCUMENT in rungs:
        yield _MADE_OF[Landing.DOCUMENT]
    if Landing.MESSAGE in rungs or (asked and Landing.MESSAGE in offered):
        yield _MADE_OF[Landing.MESSAGE]
    if none_taken and Landing.CONCERN in offered:
        yield _MADE_OF[Landing.CONCERN]
