"""A notification of a topic-based Subscription: each of its events is acted on once, and a lost one is noticed.

Nothing is asked of the EHR here: what is to be looked at is left to jobs, committed together with the event's number.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from config.tenants import Tenant
from fhir_mappings.inbound.notification import (
    Happening,
    Notification,
    NotificationType,
    notification_in,
)
from fhir_mappings.inbound.trigger import check_home, names_no_stay, trigger_from
from fhir_mappings.outbound.references import type_of
from fhir_mappings.references import own_reference
from service import metrics
from service.jobs import Errand
from service.pipeline.doubt import DOOR
from service.pipeline.intake import take
from service.pipeline.ports import Deps
from service.pipeline.rounds import search_since_last
from service.store import Store, Unit

#: Events are sent side by side, so a later one may come first; this long we wait before we look for the missing one.
PATIENCE_SECONDS: Final = 10
#: So many resources that came along are taken in at once, as a clinician may be waiting: each takes several questions to
#: the database. More of them are rather looked at in the EHR.
_FEW: Final = 3
#: Events acted on in one transaction: one of thousands would lock for minutes what all others need.
_TOGETHER: Final = 500
#: Numbers that are remembered beyond the newest: repeats come within hours, not after so many others.
_REMEMBERED: Final = 10_000
#: The backport's operation that sends events again.
_EVENTS: Final = "events"


def heed(notification: Notification, tenant: Tenant, deps: Deps, *, door: str) -> None:
    """Take in a notification; one that came before does nothing. NotAllowed when it is of another server."""
    check_home(notification.address, tenant.fhir_base_url)
    for part in _in_parts(notification):
        with deps.store.begin() as unit:
            if _is_behind(part, tenant, unit, deps, door):
                subscription = part.subscription
                deps.jobs.send(
                    Errand.HEAL, tenant.id, subscription, unit, hurry=False, in_seconds=PATIENCE_SECONDS
                )


def heal(subscription: str, tenant: Tenant, deps: Deps) -> None:
    """Find what the events told that never came: by $events where the EHR offers it, else by a search."""
    missing = deps.store.notices.missing(tenant.id, subscription)
    if not missing:
        return
    ehr = deps.ehr(tenant.id)
    if _EVENTS in ehr.capability().of("Subscription").operations:
        sent_again = notification_in(ehr.events(subscription, missing[0], missing[-1]))
        if sent_again is not None:
            heed(sent_again, tenant, deps, door=DOOR)
    if deps.store.notices.missing(tenant.id, subscription):
        search_since_last(tenant, deps)
    deps.store.notices.found(tenant.id, subscription, missing)
    deps.store.notices.forget_before(tenant.id, subscription, missing[-1] - _REMEMBERED)


def _in_parts(notification: Notification) -> Iterator[Notification]:
    """The notification, a few of its events at a time and in their order; only the last part knows how many were sent."""
    events = sorted(notification.happenings, key=lambda happening: happening.number)
    for start in range(0, len(events) - _TOGETHER, _TOGETHER):
        yield replace(notification, count=None, happenings=tuple(events[start : start + _TOGETHER]))
    rest = max(0, len(events) - 1) // _TOGETHER * _TOGETHER
    yield replace(notification, happenings=tuple(events[rest:]))


def _is_behind(notification: Notification, tenant: Tenant, unit: Unit, deps: Deps, door: str) -> bool:
    """Act on what is new; whether an event is missing."""
    subscription, count = notification.subscription, notification.count
    if notification.type is NotificationType.HANDSHAKE:
        unit.notices.begin(tenant.id, subscription, count or 0)
        return False
    events: dict[int, Happening] = {}
    for happening in notification.happenings:
        events.setdefault(happening.number, happening)
    new, is_behind = unit.notices.hear(tenant.id, subscription, events.keys())
    _follow([events[number] for number in events if number in new], tenant, unit, deps, door)
    return is_behind | (count is not None and unit.notices.count(tenant.id, subscription, count))


def _follow(new: Sequence[Happening], tenant: Tenant, unit: Unit, deps: Deps, door: str) -> None:
    """Take in what came along with a few events; what more of them tell is looked at by jobs, put in at once."""
    for happening in new:
        check_home(happening.address, tenant.fhir_base_url)
    taken = [one for one in new if one.resource is not None] if len(new) <= _FEW else []
    for happening in taken:
        told = happening.resource or {}
        trigger = trigger_from(told, tenant=tenant, door=door)
        if trigger is not None:
            metrics.TRIGGERS.labels(tenant.id, door, trigger.action).inc()
            take(trigger, unit, deps, deps.now())
        elif names_no_stay(told, tenant):
            deps.jobs.send(Errand.LOOK, tenant.id, own_reference(told), unit)
    untold = [one.focus for one in new if one not in taken]
    if "" in untold:
        deps.jobs.send(Errand.ROUND, tenant.id, "", unit)
    if to_look_at := concerning(filter(None, untold), tenant, unit):
        deps.jobs.send_all(Errand.LOOK, tenant.id, to_look_at, unit)


def concerning(references: Iterable[str], tenant: Tenant, store: Unit | Store) -> frozenset[str]:
    """Those to look at when they changed: any order may be a discharge order, a stay counts if it is being planned."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for reference in references:
        kinds[type_of(reference)].add(reference)
    orders, stays = frozenset(kinds["ServiceRequest"]), frozenset(kinds["Encounter"])
    if stays and not tenant.plan_at_admission:
        stays = store.discharges.known_stays(tenant.id, stays)
    return orders | stays
