"""Which referrals can be suggested as orders in an EHR that takes orders by the key of a preference list alone."""

from collections.abc import Collection, Iterator
from typing import Final

from config.tenants import Tenant
from service.domain.content import Content
from service.domain.preference_list import OTHER_ITEMS
from service.domain.protocol import ReferralTemplate
from service.domain.sensitivity import may_be_shared
from service.ehr.capability import Capability
from service.pipeline.finding import Area, Finding, Verdict

#: The row that says it.
ORDER_CODES: Final = "order codes"


def suggestible_services(content: Content) -> frozenset[str]:
    """The services that a card may ever suggest: what is sensitive by itself stands on none."""
    services = {
        offer.template.service
        for protocol in content.protocols
        for offer in protocol.offers
        if isinstance(offer.template, ReferralTemplate)
        if may_be_shared(protocol.labels | offer.template.labels)
    }
    return frozenset(services) | OTHER_ITEMS


def of_order_codes(capability: Capability, tenant: Tenant, services: Collection[str]) -> Iterator[Finding]:
    """How many of these services have an order of the hospital, and which lack one; nothing where orders need no key."""
    if not capability.hooks.orders_by_key:
        return
    if not tenant.write_policy.writes:
        said = f"None is suggested while the write policy is {tenant.write_policy}."
        yield Finding(Area.WRITE, ORDER_CODES, Verdict.READY, said)
        return
    lacking = sorted(set(services) - tenant.preference_list.keys())
    if not lacking:
        said = f"All {len(services)} services have an order of the hospital; each is suggested on a card."
        yield Finding(Area.WRITE, ORDER_CODES, Verdict.READY, said)
        return
    named = len(services) - len(lacking)
    said = (
        f"{named} of {len(services)} services have an order of the hospital and are suggested on a card. {len(lacking)} have none and "
        f"stand in words only; name their orders in preference_list of the tenants file: {', '.join(lacking)}."
    )
    yield Finding(Area.WRITE, ORDER_CODES, Verdict.DEGRADED, said)
