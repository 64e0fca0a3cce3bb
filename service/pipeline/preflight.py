"""What a hospital's EHR lets us do, looked at before go-live: from its CapabilityStatement, and by asking it.

Nothing of a patient is read: whether our credential is taken is tried with a Patient that cannot exist.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from config.tenants import Tenant, WritePolicy
from fhir_mappings.bundle import Search
from fhir_mappings.searches import READ_TYPES, questions
from service.domain.publication import Draft, Landing, LedgerEntry, WriteState
from service.ehr.capability import Capability
from service.ehr.ladder import Rung, Step, descend, step_for
from service.ehr.scopes import WRITTEN_TYPES, Access, not_granted

_PATIENT: Final = "Patient/homeward-preflight"
#: The row that says how orders are looked for.
POLLING: Final = "polling"
#: Cannot be the code of an order: what counts is whether the EHR answers.
NO_ORDER: Final = "urn:homeward|preflight"
#: Without these there is no plan at all.
_INDISPENSABLE: Final = frozenset({"Patient", "Encounter"})
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


class Verdict(StrEnum):
    """How good a finding is, best first."""

    READY = "ready"
    DEGRADED = "degraded"
    UNUSABLE = "unusable"

    @property
    def exit_code(self) -> int:
        """0, 1 or 2."""
        return list(Verdict).index(self)


class Area(StrEnum):
    """What a finding is about."""

    CONNECTION = "connection"
    AUTH = "auth"
    SCOPES = "scopes"
    READ = "read"
    WRITE = "write"
    TRIGGER = "trigger"
    QUIRK = "quirk"
    CLINICIAN = "clinician"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: what was looked at, how good it is, and the sentence that says why. rung only for writes."""

    area: Area
    subject: str
    verdict: Verdict
    said: str
    rung: str = ""


@dataclass(frozen=True, slots=True)
class Preflight:
    """All findings about one EHR; about is a tenant's id or a file's name."""

    about: str
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of all findings."""
        return max((finding.verdict for finding in self.findings), key=list(Verdict).index)


def of_capability(
    capability: Capability, tenant: Tenant, *, today: date, granted: str | None = None
) -> Iterator[Finding]:
    """What follows from /metadata, the tenant's policy and the granted scopes (None: any)."""
    needed = needed_of(capability, tenant, today)
    missing = (
        {access.resource_type: access for access in not_granted(needed, granted)}
        if granted is not None
        else {}
    )
    yield from _version(capability)
    yield from _bundles(capability)
    yield from _scopes(needed, missing.values(), granted)
    yield from _reads(capability, missing, today)
    steps = [step_for(capability, kind) for kind in WRITTEN_TYPES]
    yield from _writes(steps, missing, tenant)
    yield from _triggers(capability, tenant)
    yield from (Finding(Area.QUIRK, quirk.id, Verdict.READY, quirk.about) for quirk in capability.quirks)
    yield _seen(capability, tenant)


def needed_of(capability: Capability, tenant: Tenant, today: date) -> tuple[Access, ...]:
    """What this EHR must grant us: only what it offers at all."""
    asked, _ = questions(_PATIENT, today, capability)
    letters = {question.search.resource_type: "rs" for question in asked}
    letters |= {kind: "r" for kind in _INDISPENSABLE if kind not in letters}
    for kind in WRITTEN_TYPES if tenant.write_policy.writes else ():
        if step_for(capability, kind).rung is not Rung.NOT_POSSIBLE:
            read = "".join(letter for letter in "rs" if letter in letters.get(kind, "rs"))
            change = "u" if capability.can(kind, "update") else ""
            letters[kind] = f"c{read[:1]}{change}{read[1:]}"
    return tuple(Access(kind, wanted) for kind, wanted in sorted(letters.items()))


def _version(capability: Capability) -> Iterator[Finding]:
    named = (
        f"{capability.known_as or 'unnamed software'}, FHIR {capability.fhir_version or 'of unknown version'}"
    )
    good = capability.fhir_version.startswith("4.")
    verdict = Verdict.READY if good else Verdict.UNUSABLE
    yield Finding(Area.CONNECTION, "FHIR", verdict, f"{named}." if good else f"{named}; R4 is needed.")


def _scopes(needed: Sequence[Access], missing: Iterable[Access], granted: str | None) -> Iterator[Finding]:
    lacking = list(missing)
    for access in lacking:
        said = f"Not granted: {', '.join(_names(access))}. Ask for it where our client is registered."
        yield Finding(Area.SCOPES, access.resource_type, _weight(access.resource_type), said)
    if granted is not None and not lacking:
        yield Finding(Area.SCOPES, "all", Verdict.READY, f"All {len(needed)} that are needed are granted.")


def _names(access: Access) -> list[str]:
    return [f"system/{access.resource_type}.{access.letters}"]


def _weight(resource_type: str) -> Verdict:
    return Verdict.UNUSABLE if resource_type in _INDISPENSABLE else Verdict.DEGRADED


def _reads(capability: Capability, missing: dict[str, Access], today: date) -> Iterator[Finding]:
    asked, gaps = questions(_PATIENT, today, capability)
    ways: dict[str, list[str]] = {}
    for question in asked:
        names = [name for name, _ in question.search.parameters]
        if question.search.id or not capability.left_out(question.search.resource_type, names):
            ways.setdefault(question.search.resource_type, []).append(" and ".join(names) or "its id")
    said = {gap.about: gap.detail for gap in gaps}
    for kind in sorted(READ_TYPES):
        yield _read(kind, capability, ways.get(kind, []), said.get(kind, ""), lacking=missing.get(kind))


def _read(
    kind: str, capability: Capability, ways: Sequence[str], gap: str, *, lacking: Access | None
) -> Finding:
    if kind in _INDISPENSABLE and not capability.can(kind, "read"):
        return Finding(Area.READ, kind, Verdict.UNUSABLE, f"The EHR does not let us read a {kind}.")
    if lacking and set(lacking.letters) & set("rs"):
        return Finding(Area.READ, kind, _weight(kind), "Offered, but not granted to us.")
    if gap or not ways:
        return Finding(Area.READ, kind, Verdict.DEGRADED, gap or f"The EHR offers no search for {kind}.")
    return Finding(Area.READ, kind, Verdict.READY, f"By {'; by '.join(dict.fromkeys(ways))}.")


def _writes(steps: Sequence[Step], missing: dict[str, Access], tenant: Tenant) -> Iterator[Finding]:
    possible = {step.resource_type for step in steps if step.rung is not Rung.NOT_POSSIBLE}
    whole = "CarePlan" in possible
    for step in steps:
        kind, lacking = step.resource_type, missing.get(step.resource_type)
        if not tenant.write_policy.writes:
            said = f"{step.reason} Not used: the write policy is {tenant.write_policy}."
            yield Finding(Area.WRITE, kind, Verdict.READY, said, step.rung)
        elif lacking and "c" in lacking.letters:
            yield Finding(Area.WRITE, kind, Verdict.DEGRADED, "Offered, but not granted to us.", step.rung)
        else:
            wanted = kind in _NATIVE or not whole
            verdict = Verdict.DEGRADED if wanted and kind not in possible else Verdict.READY
            yield Finding(Area.WRITE, kind, verdict, step.reason, step.rung)


def _bundles(capability: Capability) -> Iterator[Finding]:
    said = (
        "One request asks many things."
        if capability.bundles()
        else "Each thing is asked by itself; this is slower."
    )
    yield Finding(Area.CONNECTION, "batch", Verdict.READY, said)


def _triggers(capability: Capability, tenant: Tenant) -> Iterator[Finding]:
    """How a discharge order reaches us. Hooks and REST need nothing of /metadata, so their lack is never fatal."""
    if capability.can("Subscription", "create"):
        yield Finding(Area.TRIGGER, "subscriptions", Verdict.READY, "The EHR tells us of orders at once.")
        return
    yield Finding(Area.TRIGGER, "subscriptions", Verdict.DEGRADED, "The EHR offers none.")
    yield _polling(capability, tenant)


def _polling(capability: Capability, tenant: Tenant) -> Finding:
    search = orders_by_code(capability, tenant)
    if search is not None:
        return _polled_by_code(search, capability)
    if tenant.census_list and capability.searches("ServiceRequest", "code"):
        said = f"Orders are looked for patient by patient over {tenant.census_list}."
        return Finding(Area.TRIGGER, POLLING, Verdict.READY, said)
    said = (
        "Orders cannot be looked for without a patient: name a census_list, or trigger by CDS Hooks or REST."
    )
    return Finding(Area.TRIGGER, POLLING, Verdict.DEGRADED, said)


def _polled_by_code(search: Search, capability: Capability) -> Finding:
    names = [name for name, _ in search.parameters]
    if capability.is_doubtful(search.resource_type, names):
        said = (
            f"Unclear: /metadata does not say whether orders are found by {' and '.join(names)} without a patient. Try it "
            "with `homeward preflight TENANT`, name a census_list, or trigger by CDS Hooks or REST."
        )
        return Finding(Area.TRIGGER, POLLING, Verdict.DEGRADED, said)
    return Finding(Area.TRIGGER, POLLING, Verdict.READY, f"Orders are looked for by {' and '.join(names)}.")


def orders_by_code(capability: Capability, tenant: Tenant) -> Search | None:
    """A search for the orders of all patients as polling makes it, for a code that no order has; None: it makes none."""
    since = next(
        (name for name in ("_lastUpdated", "authored") if capability.searches("ServiceRequest", name)), ""
    )
    known = since and capability.searches("ServiceRequest", "code") and not tenant.census_list
    if not known or capability.left_out("ServiceRequest", ("code", since)):
        return None
    return Search("ServiceRequest", (("code", NO_ORDER), (since, "ge2000-01-01")))


def _seen(capability: Capability, tenant: Tenant) -> Finding:
    """What the clinician will see, in a sentence: a small plan is taken down the ladder as a real one would be."""
    if not tenant.write_policy.writes:
        said = f"Nothing in the EHR while the write policy is {tenant.write_policy}; the plan on Homeward's page."
        return Finding(Area.CLINICIAN, "sees", Verdict.READY, said)
    descent = descend([_nominal(kind) for kind in _PLAN], capability)
    whole = {one.key for one in descent.landed if one.rung is Landing.RESOURCE}
    if "CarePlan" in whole:
        state = "drafts, active once approved" if tenant.write_policy is WritePolicy.FULL else "drafts"
        own = [words for kind, words in _PLAN.items() if kind in whole]
        said = f"In the patient's chart: {', '.join(own)}; as {state}."
        return Finding(Area.CLINICIAN, "sees", Verdict.READY, said)
    shown = [words for kind, words in {**_PLAN, **_LOWER}.items() if kind in whole | descent.types]
    said = f"No CarePlan; instead {', '.join(shown)}, as drafts; the whole plan on Homeward's page."
    nothing = "Nothing in the chart: a CDS Hooks card and Homeward's page."
    return Finding(Area.CLINICIAN, "sees", Verdict.DEGRADED, said if shown else nothing)


def _nominal(kind: str) -> LedgerEntry:
    """An item of that type that has not been sent."""
    return LedgerEntry(Draft(kind, kind, "", "", {}), WriteState.PENDING, "")
