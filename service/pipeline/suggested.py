"""What is known of a discharge's orders beside the record: the hospital's table, what was suggested, what was adopted."""

from collections.abc import Iterable

from config.tenants import Tenant
from service.domain.discharge import Discharge
from service.domain.offer import Offer
from service.domain.preference_list import KnownOrders, suggested_orders
from service.domain.publication import LedgerEntry
from service.pipeline.ports import Deps


def known_orders(discharge: Discharge, tenant: Tenant, deps: Deps) -> KnownOrders:
    """Read what stands for an item of the plan itself, so that planning takes it for no second order."""
    if not tenant.preference_list:
        return KnownOrders()
    is_by_key = deps.ehr(tenant.id).capability().hooks.orders_by_key
    offers = deps.store.offers.of(discharge.id) if is_by_key else ()
    entries = deps.store.publications.entries(discharge.id)
    return KnownOrders(
        tenant.preference_list,
        suggested_orders(offers, tenant.preference_list),
        frozenset(entry.reference for entry in entries if _is_adopted(entry)),
        tenant.time_zone,
    )


def may_be_ordered(tenant: Tenant, entries: Iterable[LedgerEntry], offers: Iterable[Offer]) -> bool:
    """Whether a clinician may have ordered what was suggested by the hospital's own orders: feedback need not tell."""
    found = {entry.draft.key for entry in entries if entry.wanted and not entry.reference}
    return any(suggestion.key in found for suggestion in suggested_orders(offers, tenant.preference_list))


def _is_adopted(entry: LedgerEntry) -> bool:
    """Whether a clinician made it of what was offered: nothing that we said is known to be in it."""
    is_made = entry.sent is None and bool(entry.sent_digest) and bool(entry.reference)
    return is_made and entry.wanted and entry.draft.resource_type == "ServiceRequest"
