"""What of a plan an EHR takes, how it can be changed afterwards, and what the clinician will therefore see."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from config.tenants import Tenant, WritePolicy
from service.domain.write_shape import Change
from service.ehr.capability import Capability
from service.ehr.ladder import Rung, Step, step_for
from service.ehr.scopes import INTERACTIONS, WRITTEN_TYPES, Access
from service.pipeline.finding import Area, Finding, Verdict
from service.pipeline.preflight_landing import used_types
from service.pipeline.preflight_shape import describe_shape

#: The plan as it should stand in a chart; the other types are what it becomes where that cannot be.
_NATIVE: Final = frozenset({"CarePlan", "Goal", "ServiceRequest", "Task", "Provenance"})
#: The parts of a plan, and what they become lower down, as a clinician calls them.
_PLAN: Final = {
    "CarePlan": "a CarePlan",
    "Goal": "each goal",
    "ServiceRequest": "each referral as an order",
}
_LOWER: Final = {
    "DocumentReference": "the plan as a document",
    "Communication": "a message to the care team",
    "Condition": "needs that are not sensitive as health concerns",
}
#: A signature and a message are made once: what has been said is not changed.
_SAID_ONCE: Final = frozenset({"Provenance", "Communication"})
#: How what stands is changed, by what /metadata says of versions.
_CHANGED: Final = {
    "no-version": "Changed where it still says what we sent; it keeps no versions.",
    "versioned": "Changed under the version read.",
    "versioned-update": "Changed under the version read (If-Match).",
}
_UNSAID: Final = "Changed after reading it again; /metadata says nothing of versions."


def granted_of(capability: Capability, missing: Mapping[str, Access]) -> Capability:
    """What of a server's capability is left to a client without these accesses."""
    resources = {
        kind: replace(one, interactions=one.interactions - _withheld(missing.get(kind)))
        for kind, one in capability.resources.items()
    }
    return replace(capability, resources=MappingProxyType(resources))


def _withheld(access: Access | None) -> frozenset[str]:
    return frozenset(INTERACTIONS[letter] for letter in access.letters) if access else frozenset()


def of_writes(capability: Capability, missing: Mapping[str, Access], tenant: Tenant) -> Iterator[Finding]:
    """A row for each type that may be written. missing: the accesses that were not granted."""
    granted = granted_of(capability, missing)
    used = used_types(granted, tenant)
    for kind in WRITTEN_TYPES:
        step, lacking = step_for(capability, kind), missing.get(kind)
        if not tenant.write_policy.writes:
            said = f"{step.reason} Not used: the write policy is {tenant.write_policy}."
            yield Finding(Area.WRITE, kind, Verdict.READY, said, step.rung)
        elif lacking and "c" in lacking.letters:
            said = "Offered, but not granted to us."
            yield Finding(Area.WRITE, kind, Verdict.DEGRADED, said, Rung.NOT_POSSIBLE)
        else:
            yield _write(step, granted, used, tenant)


def _write(step: Step, granted: Capability, used: Collection[str], tenant: Tenant) -> Finding:
    kind, possible = step.resource_type, step.rung is not Rung.NOT_POSSIBLE
    if not possible:
        # With the CarePlan there, nobody misses what would stand for it.
        wanted = kind in _NATIVE or "CarePlan" not in used
        verdict = Verdict.DEGRADED if wanted else Verdict.READY
        return Finding(Area.WRITE, kind, verdict, step.reason, step.rung)
    if kind not in _NATIVE and kind not in used:
        said = f"{step.reason} Not needed while the EHR takes what stands higher."
        return Finding(Area.WRITE, kind, Verdict.READY, said, step.rung)
    shape = granted.shape(kind)
    if shape.change is not Change.PUT:
        # Its rule says how it stands; that it cannot be changed is less than a plan could be.
        said = f"{step.reason} {describe_shape(shape, tenant)}"
        return Finding(Area.WRITE, kind, Verdict.DEGRADED, said, step.rung)
    fixed = kind not in _SAID_ONCE and not granted.can(kind, "update")
    verdict = Verdict.DEGRADED if fixed else Verdict.READY
    said = f"{step.reason}{_changes(kind, granted, fixed=fixed)} {describe_shape(shape, tenant)}".strip()
    return Finding(Area.WRITE, kind, verdict, said, step.rung)


def _changes(kind: str, granted: Capability, *, fixed: bool) -> str:
    if kind in _SAID_ONCE:
        return ""
    if fixed:
        return " Once written it can be neither changed nor withdrawn by us: a person must, and the plan says so."
    return f" {_CHANGED.get(granted.of(kind).versioning, _UNSAID)}"


def seen(capability: Capability, missing: Mapping[str, Access], tenant: Tenant) -> Finding:
    """What the clinician will see, in a sentence: a small plan is taken down the ladder as a real one would be."""
    policy = tenant.write_policy
    if not policy.writes:
        said = f"Nothing in the EHR while the write policy is {policy}; the plan on Homeward's page."
        return Finding(Area.CLINICIAN, "sees", Verdict.READY, said)
    granted = granted_of(capability, missing)
    used = used_types(granted, tenant)
    at_once, signed = _in_order(granted, used)
    if "CarePlan" in used:
        state = "drafts, active once approved" if policy is WritePolicy.FULL else "drafts"
        said = f"In the patient's chart: {', '.join([*at_once, *signed])}; as {state}."
        return Finding(Area.CLINICIAN, "sees", Verdict.READY, said)
    once = (
        ", the orders active once approved" if policy is WritePolicy.FULL and "ServiceRequest" in used else ""
    )
    drafts = [f"{', '.join(at_once)}, as drafts{once}"] if at_once else []
    notes = [f"once a person has signed it, {', '.join(signed)}"] if signed else []
    said = f"No CarePlan; instead {'; '.join([*drafts, *notes])}; the whole plan on Homeward's page."
    nothing = "Nothing in the chart: a CDS Hooks card and Homeward's page."
    return Finding(Area.CLINICIAN, "sees", Verdict.DEGRADED, said if used else nothing)


def _in_order(granted: Capability, used: Collection[str]) -> tuple[list[str], list[str]]:
    """What of a plan is in the chart at once, and what once a person has signed it, in words."""
    words = {**_PLAN, **_LOWER}
    if granted.shape("Condition").only_where:
        words["Condition"] = "needs that are not sensitive as problems"
    waits = {kind for kind in used if granted.shape(kind).waits_for_signature}
    at_once = [said for kind, said in words.items() if kind in used and kind not in waits]
    return at_once, [said for kind, said in words.items() if kind in waits]


def of_links(linked_url: str, tenant: Tenant) -> Iterator[Finding]:
    """Whether a clinician gets from the chart to where one decides, and whom a message reaches where the record names nobody."""
    if linked_url:
        said = f"Plans and documents link to {linked_url}, where one decides."
        yield Finding(Area.WRITE, "link", Verdict.READY, said)
    else:
        said = "No plan links to its page: set HOMEWARD_PUBLIC_URL to an address that the hospital's screens reach."
        yield Finding(Area.WRITE, "link", Verdict.DEGRADED, said)
    if not tenant.social_work_reference:
        said = (
            "Where the record names nobody who looks after the patient, no message is sent: name whom it is to reach with "
            "social_work_reference in the tenants file."
        )
        yield Finding(Area.WRITE, "messages", Verdict.READY, said)
