"""What a hospital's EHR lets us do, looked at before go-live: from its CapabilityStatement, and by asking it.

Nothing of a patient is read: whether our credential is taken is tried with a Patient that cannot exist.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date
from typing import Final

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from fhir_mappings.searches import READ_TYPES, questions
from service.ehr.capability import Capability
from service.ehr.ladder import Rung, step_for
from service.ehr.scopes import INTERACTIONS, WRITTEN_TYPES, Access, not_granted
from service.pipeline.finding import Area, Finding, Verdict
from service.pipeline.preflight_hospital import of_hospital
from service.pipeline.preflight_landing import of_landing
from service.pipeline.preflight_orders import of_order_codes
from service.pipeline.preflight_writes import granted_of, of_writes, seen

_PATIENT: Final = "Patient/homeward-preflight"
#: The row that says how orders are looked for.
POLLING: Final = "polling"
#: Cannot be the code of an order: what counts is whether the EHR answers.
NO_ORDER: Final = "urn:homeward|preflight"
Services = Callable[[], Collection[str]]
#: Without these there is no plan at all.
_INDISPENSABLE: Final = frozenset({"Patient", "Encounter"})


def of_capability(
    capability: Capability,
    tenant: Tenant,
    *,
    today: date,
    granted: str | None = None,
    services: Services | None = None,
) -> Iterator[Finding]:
    """What follows from /metadata, the tenant's policy and the granted scopes (None: any).

    services gives those that a card may suggest, and is asked only where the hospital must name an order for each; None where
    there is no content to ask.
    """
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
    yield from of_writes(capability, missing, tenant)
    yield from of_landing(granted_of(capability, missing), tenant)
    if services is not None and capability.hooks.orders_by_key:
        yield from of_order_codes(capability, tenant, services())
    yield from of_hospital(granted_of(capability, missing), tenant)
    yield from _triggers(capability, granted_of(capability, missing), tenant)
    yield from (Finding(Area.QUIRK, quirk.id, Verdict.READY, quirk.about) for quirk in capability.quirks)
    yield seen(capability, missing, tenant)


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
    if capability.can("Subscription", "create"):
        offered = (letter for letter in "crus" if capability.can("Subscription", INTERACTIONS[letter]))
        letters["Subscription"] = "".join(offered)
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


def _bundles(capability: Capability) -> Iterator[Finding]:
    said = (
        "One request asks many things."
        if capability.bundles()
        else "Each thing is asked by itself; this is slower."
    )
    yield Finding(Area.CONNECTION, "batch", Verdict.READY, said)


def _triggers(capability: Capability, granted: Capability, tenant: Tenant) -> Iterator[Finding]:
    """How a discharge order reaches us. Hooks and REST need nothing of /metadata, so their lack is never fatal."""
    if granted.can("Subscription", "create"):
        yield Finding(Area.TRIGGER, "subscriptions", Verdict.READY, "The EHR tells us of orders at once.")
        return
    offered = capability.can("Subscription", "create")
    said = "Offered, but not granted to us." if offered else "The EHR offers none."
    yield Finding(Area.TRIGGER, "subscriptions", Verdict.DEGRADED, said)
    yield _polling(granted, tenant)


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
