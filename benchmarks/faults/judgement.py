"""What stands in the EHR held against what should, stay by stay: the EHR is read, and of our ledger nothing is believed.

What should stand is told by a twin: a stay with the same record, planned in the same EHR before anything went wrong. An item's
resource is known by its identifier, which follows from the stay and the item's key.
"""

import html
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from benchmarks.faults.acts import Case
from benchmarks.faults.deployment import TENANT
from fhir_mappings.narrative import headline
from fhir_mappings.outbound.references import Names
from fhir_mappings.own_marks import is_own_name
from fhir_mappings.references import reference_of
from service.domain.plan import Plan

Json = dict[str, Any]

#: In each type's own words: taken back, or never meant.
_GONE: Final = frozenset(
    {"revoked", "cancelled", "entered-in-error", "rejected", "superseded", "stopped", "not-done"}
)
_PAUSED: Final = frozenset({"on-hold"})
#: What must not go on when a discharge has been called off.
_ASKS: Final = frozenset({"CarePlan", "ServiceRequest", "Goal", "DocumentReference"})
_ORDERED: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "CarePlan": ("status", frozenset({"active", "completed"})),
    "ServiceRequest": ("status", frozenset({"active", "completed"})),
    "Goal": ("lifecycleStatus", frozenset({"accepted", "active", "completed"})),
}


class Count(StrEnum):
    """What is counted; 0 of each is promised."""

    LOST = "lost"
    TWICE = "twice"
    OVERWRITTEN = "overwritten"
    FROZEN = "frozen verdicts"
    GAP = "plans with a gap from a fault"
    CALLED_OFF = "called off that stand"
    STILL_ACTIVE = "active that were declined or called off"
    CLAIMS = "claims that the EHR does not hold"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: of which stay, and what."""

    count: Count
    stay: str
    said: str


@dataclass(frozen=True, slots=True)
class Twin:
    """What stands in the EHR of a stay with the same record and no fault: by key of the item its type; and its gaps."""

    standing: Mapping[str, str]
    gaps: int


@dataclass(frozen=True, slots=True)
class Held:
    """What the EHR holds of ours about one stay, by our identifiers and by reference."""

    resources: tuple[Json, ...]
    by_name: Mapping[str, Json] = field(init=False)

    def __post_init__(self) -> None:
        standing_last = sorted(self.resources, key=is_gone, reverse=True)
        named = {name: resource for resource in standing_last for name in names_of(resource)}
        object.__setattr__(self, "by_name", named)

    def of(self, encounter: str, key: str) -> Json | None:
        """The resource of an item; None where there is none."""
        return self.by_name.get(Names(TENANT, encounter).identifier(key))

    def standing(self, encounter: str, key: str) -> Json | None:
        """The same, unless it has been taken back."""
        found = self.of(encounter, key)
        return found if found is not None and not is_gone(found) else None


def names_of(resource: Mapping[str, Any]) -> list[str]:
    """The values of our identifiers on a resource."""
    return [name["value"] for name in resource.get("identifier", ()) if is_own_name(name)]


def is_gone(resource: Mapping[str, Any]) -> bool:
    """Whether it has been taken back."""
    return bool(_statuses(resource) & _GONE)


def faulty_gaps(plan: Plan) -> int:
    """Of how many things a plan says that they could not be read, perhaps because of a fault; not what no asking again brings."""
    return sum(gap.is_asked_again() for gap in plan.gaps)


def twin_of(encounter: str, keys: Iterable[str], held: Held, plan: Plan) -> Twin:
    """What a stay that nothing happened to shows."""
    found = ((key, held.standing(encounter, key)) for key in keys)
    return Twin(
        {key: str(resource["resourceType"]) for key, resource in found if resource is not None},
        faulty_gaps(plan),
    )


def judge(case: Case, held: Held, twin: Twin, plan: Plan | None, keys: frozenset[str]) -> Iterator[Finding]:
    """Everything that is wrong with one stay. plan and keys are ours now: the plan, and what it consists of."""
    yield from findings_of(case, Count.TWICE, _copies(held))
    yield from findings_of(case, Count.OVERWRITTEN, _overwritten(case, held))
    if case.called_off:
        yield from findings_of(case, Count.STILL_ACTIVE, _still_asked(held))
        return
    if plan is None:
        yield Finding(Count.LOST, case.stay.patient.id, "there is no plan")
        return
    yield from findings_of(case, Count.STILL_ACTIVE, _active_though_declined(case, held))
    yield from _missing(case, held, twin, plan, keys)
    yield from findings_of(case, Count.LOST, _approvals_that_are_not_there(case, held))
    yield from findings_of(case, Count.FROZEN, _other_verdict(held, plan))


def landed(case: Case, held: Held, twin: Twin) -> tuple[int, int]:
    """(how many of the items that should stand as a resource do, and as orders where approved; how many should)."""
    wanted = [key for key in twin.standing if key not in case.declined] if not case.called_off else []
    found = {key: held.standing(case.stay.patient.encounter, key) for key in wanted}
    there = [
        resource
        for key, resource in found.items()
        if resource and (key not in case.approved or _is_ordered(resource))
    ]
    return len(there), len(wanted)


def findings_of(case: Case, count: Count, sentences: Iterable[str]) -> Iterator[Finding]:
    """One finding of a kind for each sentence."""
    yield from (Finding(count, case.stay.patient.id, sentence) for sentence in sentences)


def _copies(held: Held) -> Iterator[str]:
    seen = Counter(name for resource in held.resources for name in names_of(resource))
    kinds = {name: held.by_name[name]["resourceType"] for name in seen}
    yield from (f"{count} {kinds[name]} of one item" for name, count in seen.items() if count > 1)


def _overwritten(case: Case, held: Held) -> Iterator[str]:
    now = {reference_of(resource): resource for resource in held.resources}
    for edit in case.edits:
        if not edit.stands_in(now.get(edit.reference, {})):
            yield f"{edit.reference.partition('/')[0]}.{'.'.join(edit.path)} is no longer a person's ({case.act})"
    for key, words in case.said.items():
        found = held.standing(case.stay.patient.encounter, key)
        if found is not None and words not in words_of(found):
            yield f"{found['resourceType']} does not have the words given on the page ({case.act})"


def _still_asked(held: Held) -> Iterator[str]:
    for resource in held.resources:
        if resource["resourceType"] in _ASKS and not _statuses(resource) & (_GONE | _PAUSED):
            yield f"{resource['resourceType']} is {'/'.join(sorted(_statuses(resource)))} though called off"


def _active_though_declined(case: Case, held: Held) -> Iterator[str]:
    for key in sorted(case.declined):
        found = held.standing(case.stay.patient.encounter, key)
        if found is not None:
            yield f"{found['resourceType']} is {'/'.join(sorted(_statuses(found)))} though declined ({case.act})"


def _missing(case: Case, held: Held, twin: Twin, plan: Plan, keys: frozenset[str]) -> Iterator[Finding]:
    """What the twin shows and this stay does not: never planned, taken back though the stay stands, or lost."""
    stay = case.stay.patient
    wanted = [key for key in twin.standing if key not in case.declined]
    away = [key for key in wanted if held.standing(stay.encounter, key) is None]
    back = [key for key in away if held.of(stay.encounter, key) is not None]
    unplanned = [key for key in away if key not in keys and key not in back]
    gaps = faulty_gaps(plan) - twin.gaps
    if unplanned or gaps > 0:
        kinds = Counter(twin.standing[key] for key in unplanned)
        yield Finding(Count.GAP, stay.id, f"{dict(kinds)} never planned, {max(gaps, 0)} gaps more")
    if back:
        yield Finding(Count.CALLED_OFF, stay.id, f"{len(back)} of {len(wanted)} are taken back ({case.act})")
    lost = Counter(twin.standing[key] for key in away if key not in back and key not in unplanned)
    if lost:
        yield Finding(Count.LOST, stay.id, f"not in the EHR: {dict(lost)} ({case.act})")


def _approvals_that_are_not_there(case: Case, held: Held) -> Iterator[str]:
    for key in sorted(case.approved):
        found = held.standing(case.stay.patient.encounter, key)
        if found is not None and not _is_ordered(found):
            yield f"{found['resourceType']} is {'/'.join(sorted(_statuses(found)))} though approved ({case.act})"


def _is_ordered(resource: Mapping[str, Any]) -> bool:
    """Whether it stands as what a person has approved; of types that have no such state, always."""
    if resource["resourceType"] not in _ORDERED:
        return True
    element, ordered = _ORDERED[resource["resourceType"]]
    return resource.get(element) in ordered


def _other_verdict(held: Held, plan: Plan) -> Iterator[str]:
    """Our plan's verdict must stand in the chart, in the plan itself or in a notice of ours."""
    said = [words for words in map(words_of, held.resources) if "Readiness: " in words]
    told = _plain(headline(plan.shareable()))
    if said and not any(told in words for words in said):
        yield "the chart says another readiness than our plan, and no notice says so"


def _statuses(resource: Mapping[str, Any]) -> set[str]:
    return {str(resource[name]) for name in ("status", "lifecycleStatus") if name in resource}


def words_of(resource: Mapping[str, Any]) -> str:
    """Everything that a reader of this resource gets to see, as plain text."""
    return _plain(" ".join(_strings(resource)))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for element in value:
            yield from _strings(element)
    elif isinstance(value, Mapping):
        for name, element in value.items():
            decoded = name == "data" and isinstance(element, str)
            yield from [b64decode(element).decode(errors="replace")] if decoded else _strings(element)


def _plain(words: str) -> str:
    without_tags = re.sub(r"<[^>]*>", "", words)
    return " ".join(html.unescape(without_tags).split())
