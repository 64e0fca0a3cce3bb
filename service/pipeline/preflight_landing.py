"""Where each part of a plan stands in an EHR, and what that takes: a small plan goes down the ladder as a real one would."""

from collections.abc import Iterator
from typing import Final

from config.tenants import Tenant
from fhir_mappings.outbound.references import type_of
from service.domain.publication import IN_WORDS, Draft, Landed, Landing, LedgerEntry, WriteState
from service.ehr.capability import Capability
from service.ehr.ladder import LOWER_TYPES, Descent, descend
from service.pipeline.finding import Area, Finding, Verdict
from service.pipeline.preflight_shape import describe_shape, describe_signature

#: The parts of a plan by the type that is theirs, as a person calls them.
_PARTS: Final = {
    "CarePlan": "the plan",
    "Goal": "each goal",
    "ServiceRequest": "each referral",
    "Task": "each task",
    "Provenance": "who decided",
}
#: What makes a plan without what is only about it.
_PLAN: Final = ("CarePlan", "Goal", "ServiceRequest")
_MADE_OF: Final = {
    Landing.CARE_PLAN: "CarePlan",
    Landing.DOCUMENT: "DocumentReference",
    Landing.MESSAGE: "Communication",
    Landing.CONCERN: "Condition",
}
_SIGNS: Final = "Provenance"
_MESSAGE: Final = "Communication"
_WHOLE: Final = frozenset({Landing.RESOURCE, Landing.CARE_PLAN})


def used_types(capability: Capability, tenant: Tenant) -> frozenset[str]:
    """The types in which a plan stands in this EHR, without what is only about them."""
    descent = _nominal_descent(capability, tenant, _PLAN)
    return _native(descent) | descent.types


def of_landing(capability: Capability, tenant: Tenant) -> Iterator[Finding]:
    """A row for each part of a plan, by what the EHR offers to us and how it takes it."""
    if not tenant.write_policy.writes:
        return
    descent = _nominal_descent(capability, tenant, tuple(_PARTS))
    for landed in descent.landed:
        rung = _true_rung(landed, descent, capability)
        made_of = landed.key if rung is Landing.RESOURCE else _MADE_OF.get(rung, "")
        if made_of == _SIGNS and not _native(descent) & set(_PLAN):
            # It is about what stands lower down, and written with it.
            made_of = min(descent.types, default=made_of)
        how = describe_signature(capability.shape(made_of), tenant) if made_of else ""
        said = f"{_words(landed.key, rung)} {how}".strip()
        verdict = Verdict.READY if rung in _WHOLE else Verdict.DEGRADED
        yield Finding(Area.LANDING, _PARTS[landed.key], verdict, said, rung.value)
    if "Condition" in descent.types:
        said = f"{IN_WORDS[Landing.CONCERN]} {describe_shape(capability.shape('Condition'), tenant)}".strip()
        yield Finding(Area.LANDING, "open needs", Verdict.READY, said, Landing.CONCERN.value)


def _nominal_descent(capability: Capability, tenant: Tenant, kinds: tuple[str, ...]) -> Descent:
    entries = [LedgerEntry(Draft(kind, kind, "", "", {}), WriteState.WAITING, "") for kind in kinds]
    return descend(entries, capability, unmade=_unmade(capability, tenant))


def _unmade(capability: Capability, tenant: Tenant) -> frozenset[str]:
    """The types of which there would be nothing to write for this hospital: a message that nobody may send."""
    may_send = capability.shape(_MESSAGE).sender
    senders = {type_of(name) for name in (tenant.message_sender, tenant.author_practitioner)}
    return frozenset({_MESSAGE} if may_send and not may_send & senders else ())


def _native(descent: Descent) -> frozenset[str]:
    found = {landed.key for landed in descent.landed if landed.rung is Landing.RESOURCE}
    return frozenset(found) - LOWER_TYPES


def _true_rung(landed: Landed, descent: Descent, capability: Capability) -> Landing:
    """What is only about others stands where one of these does: a task needs its order, a provenance one of its targets."""
    if landed.rung is not Landing.RESOURCE or landed.key in _PLAN:
        return landed.rung
    stands = (_native(descent) & set(_PLAN)) | descent.types
    if landed.key == "Task":
        return landed.rung if "ServiceRequest" in stands else Landing.PAGE
    targets = capability.shape(landed.key).targets
    return landed.rung if (stands & targets if targets else stands) else Landing.PAGE


def _words(kind: str, rung: Landing) -> str:
    return f"A {kind} of its own." if rung is Landing.RESOURCE else IN_WORDS[rung]
