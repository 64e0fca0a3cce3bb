"""The resources of one discharge, published or withdrawn as its hospital allows; and when it is to be tried again."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Final

import structlog

from config.tenants import Tenant, WritePolicy
from fhir_mappings.outbound.notice import notice_resources
from service.domain.absence import Conclusion, Look, Shown
from service.domain.discharge import CallOff, Discharge
from service.domain.offer import LOOKED_FOR, UNANSWERED, Offer, left_to_clinicians
from service.domain.preference_list import suggested_orders
from service.domain.publication import Draft, Ledger, LedgerEntry
from service.domain.write_reason import WITH_CLINICIANS, WriteReason
from service.ehr.capability import Capability
from service.ehr.client import Ehr
from service.errors import EhrError
from service.pipeline.parties import known_author, page_of
from service.pipeline.ports import Deps
from service.pipeline.publishing.act import is_about_us
from service.pipeline.publishing.answered import NOTHING_SUGGESTED, Suggestions
from service.pipeline.publishing.lower import draw_lower_rungs, lower_rungs
from service.pipeline.publishing.pauses import seconds_until_next_try
from service.pipeline.publishing.publish import Way, publish, withdraw
from service.pipeline.publishing.rules import REFUSED_AGAIN
from service.pipeline.publishing.signatures import heed_signatures
from service.pipeline.publishing.signed import called_off_drafts, signed_digests
from service.pipeline.publishing.write_policy import call_off, rehearse, set_aside

#: What was refused is tried again once a day while people still work with the plan: readmissions are counted for 30 days.
FOLLOWED: Final = timedelta(days=31)
_log = structlog.stdlib.get_logger(__name__)


def publish_resources(discharge: Discharge, ledger: Ledger, tenant: Tenant, deps: Deps) -> int | None:
    """Bring the EHR to what the plan wants; the seconds after which to go on, None when nothing waits.

    Raises EhrUnavailable and WriteUnknown when it is worth running again at once.
    """
    lower = lower_rungs(discharge, tenant, deps)
    if tenant.write_policy is WritePolicy.SHADOW:
        rehearse(ledger, tenant, deps.ehr(tenant.id).capability(), lower)
        return None
    if not tenant.write_policy.writes:
        set_aside(ledger, tenant.write_policy)
        return None
    ehr = deps.ehr(tenant.id)
    offers = deps.store.offers.of(discharge.id)
    suggestions = _suggestions(offers, tenant, ehr.capability())
    way = Way(
        author=known_author(tenant, None, deps.store, page=page_of(discharge, deps)),
        recorded=discharge.changed,
        at=deps.now(),
        lower=lower,
        notice=cache(partial(_notice, discharge, tenant, deps)),
        left=left_to_clinicians(offers, deps.now()) | suggestions.by_key.keys(),
        suggestions=suggestions,
        weigh=partial(_weigh, discharge=discharge, ehr=ehr, deps=deps),
        is_signed=_is_signed(discharge, tenant, deps),
        called_off=called_off_drafts(discharge, tenant, deps),
        zone=tenant.time_zone,
        vanished=partial(deps.store.hospitals.vanished, tenant.id),
        tell_vanished=partial(_tell_vanished, tenant, deps),
    )
    try:
        publish(ledger, ehr, way=way)
    except EhrError as error:
        if not is_about_us(error):
            raise
    heed_signatures(discharge, ledger, ehr, deps)
    return seconds_until_next_try(ledger.entries())


def withdraw_resources(discharge: Discharge, ledger: Ledger, tenant: Tenant, deps: Deps) -> int | None:
    """Take back what was written; the seconds after which to go on, None when nothing waits."""
    if not tenant.write_policy.writes:
        call_off(ledger, tenant.write_policy)
        return None
    ehr = deps.ehr(tenant.id)
    author = known_author(tenant, None, deps.store, page=page_of(discharge, deps))
    weigh = partial(_weigh, discharge=discharge, ehr=ehr, deps=deps)
    try:
        withdraw(
            ledger,
            ehr,
            author=author,
            recorded=discharge.changed,
            at=deps.now(),
            but_approved=deps.store.hospitals.has_left(tenant.id),
            weigh=weigh,
            called_off=called_off_drafts(discharge, tenant, deps),
            zone=tenant.time_zone,
            for_good=discharge.call_off is CallOff.DEATH,
        )
    except EhrError as error:
        if not is_about_us(error):
            raise
    return seconds_until_next_try(ledger.entries(), off=True)


def seconds_until_looked_at(entries: Sequence[LedgerEntry], at: datetime) -> int | None:
    """When a discharge of which all has landed is to be published again: for what was refused, and what nobody ordered.

    Clinicians sign soon after they were shown something, or not at all: later it is looked for once a day.
    """
    left = [entry for entry in entries if entry.wanted and entry.reason in WITH_CLINICIANS]
    if left:
        is_new = any(entry.since is not None and at - entry.since < UNANSWERED for entry in left)
        return round((LOOKED_FOR if is_new else UNANSWERED).total_seconds())
    refused = any(
        entry.wanted and (bool(entry.refused_as) or entry.reason is WriteReason.ORDER_RESTS)
        for entry in entries
    )
    return round(REFUSED_AGAIN.total_seconds()) if refused else None


def what_waits(entries: Sequence[LedgerEntry]) -> str:
    """The sentence for the history of a discharge that waits: the first reason; "" for none."""
    return next((entry.problem for entry in entries if entry.wanted and entry.attempts), "")


def _suggestions(offers: Sequence[Offer], tenant: Tenant, capability: Capability) -> Suggestions:
    """What was suggested by the hospital's own orders; nothing where an EHR takes whole resources."""
    if not capability.hooks.orders_by_key:
        return NOTHING_SUGGESTED
    suggested = suggested_orders(offers, tenant.preference_list)
    return Suggestions({suggestion.key: suggestion for suggestion in suggested}, tenant.time_zone)


def _is_signed(discharge: Discharge, tenant: Tenant, deps: Deps) -> Callable[[str], bool]:
    """Whether what a draft of this digest says may be written where that needs a signature."""
    if tenant.unsigned_documents:
        return lambda _: True
    return signed_digests(discharge, deps, lambda version: draw_lower_rungs(version, discharge, tenant, deps))


def _tell_vanished(tenant: Tenant, deps: Deps, resource_type: str, names: Collection[str]) -> None:
    """Keep what the EHR drops of what it is sent, and say so once."""
    if deps.store.hospitals.add_vanished(tenant.id, resource_type, names, deps.now()):
        _log.warning(
            "an ehr keeps not all that it is sent",
            tenant=tenant.id,
            resource_type=resource_type,
            elements=", ".join(sorted(names)),
        )


def _weigh(look: Look, *, discharge: Discharge, ehr: Ehr, deps: Deps) -> Conclusion:
    """Keep a look at a resource of ours. Where nothing of its type was shown with it, another plan's resource is asked for."""
    healthy = look.is_healthy or (look.shown is Shown.ABSENT and _is_well(look, discharge, ehr, deps))
    weighed = Look(look.tenant, look.subject, look.reference, look.shown, healthy, discharge.id)
    with deps.store.begin() as unit:
        conclusion, _ = unit.doubts.weigh(weighed, deps.now())
    return conclusion


def _is_well(look: Look, discharge: Discharge, ehr: Ehr, deps: Deps) -> bool:
    kind = look.reference.partition("/")[0]
    witness = deps.store.publications.witness(look.tenant, kind, discharge.id)
    try:
        return bool(witness) and bool(ehr.read(witness))
    except EhrError:
        return False


def _notice(discharge: Discharge, tenant: Tenant, deps: Deps) -> Sequence[Draft]:
    version = deps.store.plans.latest(discharge.id)
    if version is None:
        return ()
    page = page_of(discharge, deps)
    author = known_author(tenant, version.plan, deps.store, page=page)
    return notice_resources(version.plan, page=page, author=author, recorded=version.created)
