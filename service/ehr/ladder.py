"""How each resource type can be written in an EHR, and why: decided from its /metadata alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from service.ehr.capability import Capability


class Rung(StrEnum):
    """The ways to write, best first."""

    TRANSACTION = "transaction"  # with everything else, all or nothing
    BATCH = "batch"  # with others, each by itself
    SINGLES = "singles"  # one request each
    NOT_POSSIBLE = "not possible"


@dataclass(frozen=True, slots=True)
class Step:
    """Where a resource type lands, and the sentence that says why."""

    resource_type: str
    rung: Rung
    reason: str


def step_for(capability: Capability, resource_type: str) -> Step:
    """The rung on which new resources of a type are written."""
    if not capability.can(resource_type, "create"):
        return Step(resource_type, Rung.NOT_POSSIBLE, f"The EHR does not let us create a {resource_type}.")
    found_by = how_to_find(capability, resource_type)
    if not found_by:
        return Step(
            resource_type,
            Rung.NOT_POSSIBLE,
            f"A {resource_type} whose confirmation got lost could not be found again, so it could be made twice.",
        )
    if capability.transaction:
        return Step(
            resource_type,
            Rung.TRANSACTION,
            f"The EHR takes transactions; duplicates are kept out by {found_by}.",
        )
    rung = Rung.BATCH if capability.batch else Rung.SINGLES
    lack = "batches, no transactions" if capability.batch else "neither transactions nor batches"
    return Step(resource_type, rung, f"The EHR takes {lack}; duplicates are kept out by {found_by}.")


def ladder(capability: Capability, resource_types: Iterable[str]) -> tuple[Step, ...]:
    """The steps of several types, in their order."""
    return tuple(step_for(capability, resource_type) for resource_type in resource_types)


def how_to_find(capability: Capability, resource_type: str) -> str:
    """By what one of ours is found again after an unknown write; "" where the EHR offers no way to look."""
    if resource_type == "Provenance":  # has no identifier in R4
        ways = {"_tag": "a search by tag", "target": "a search by target"}
    else:
        ways = {"identifier": "a search by identifier"}
    found = next((text for name, text in ways.items() if capability.searches(resource_type, name)), "")
    return found or ("conditional create" if capability.of(resource_type).conditional_create else "")
