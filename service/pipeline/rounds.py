"""Rounds: what changed in an EHR since we last looked, searched for again and again whatever else tells us of it.

A hospital without Subscriptions is searched every few minutes, one with them every hour, because they end unseen. After
an outage a round goes back to where the last good one began. Who makes it is decided by a row lock: the worker that moves
a watch on puts the job into the queue, in one transaction.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import structlog

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from fhir_mappings.inbound.references import subject_of
from service.domain.discharge import Discharge, StayStatus
from service.domain.watch import LONGEST_PAUSE, Watch, Way
from service.ehr.client import Ehr
from service.ehr.search import SearchResult
from service.errors import EhrError
from service.jobs import Errand
from service.pipeline.look import asked_by, look, take_all
from service.pipeline.orders import find_orders, searchable
from service.pipeline.ports import Deps
from service.pipeline.signed_there import look_for_signatures
from service.pipeline.stay_of_order import with_stay
from service.pipeline.subscribe import subscribe

DOOR: Final = "poll"
#: How far back the first search goes, and one of a hospital that is not watched: longer than an EHR goes on sending.
LOOK_BACK: Final = timedelta(days=1)
#: Looked at twice: clocks differ, and a change may be searchable only a while after it was made.
OVERLAP: Final = timedelta(minutes=10)
#: Known stays that are looked after: more than a large hospital has beds and discharges in a month.
_STAYS: Final = 5000
#: Who has left this long ago is looked after once a day, and then no longer. The last follow-up of a plan is thirty days after leaving,
#: and until then nobody should call on somebody who has died.
_LEFT: Final = timedelta(days=7)
_FOLLOWED: Final = timedelta(days=31)
_HOURS: Final = 24
_TOGETHER: Final = 100
_LISTENING: Final = frozenset({Way.BACKPORT, Way.REST_HOOK})
_log = structlog.stdlib.get_logger(__name__)


def call_rounds(deps: Deps) -> None:
    """Put the rounds that are due into the queue. Called in every worker; only one of them finds a round due.

    The watch of a hospital that this worker does not know is left as it is, for one that does.
    """
    at = deps.now()
    with deps.store.begin() as unit:
        for found in unit.watches.due(at, deps.tenants.keys()):
            tenant = deps.tenants[found.tenant]
            watch, interval = found, _interval(found, tenant)
            if found.lies_ahead(at, interval):
                _log.warning("a watch lay in the future and is brought back", tenant=tenant.id)
                watch = found.brought_back(at)
            if watch.due <= at:
                unit.watches.save(watch.begun(at, interval))
                deps.jobs.send(Errand.ROUND, tenant.id, "", unit, hurry=False)


def make_round(tenant: Tenant, deps: Deps) -> None:
    """Take in all that changed since the last round; once an hour look after known stays and Subscriptions too."""
    began = deps.now()
    watch = deps.store.watches.of(tenant.id)
    try:
        search_since_last(tenant, deps)
        if watch is not None and watch.stays_due(began):
            look_after_stays(tenant, deps)
            if watch.way in _LISTENING:
                subscribe(tenant, deps)
            _keep(tenant, deps, lambda now: replace(now, stays_seen=began))
    except EhrError:
        _keep(tenant, deps, Watch.failed)
        raise
    _keep(tenant, deps, lambda now: now.succeeded(began))


def search_since_last(tenant: Tenant, deps: Deps) -> None:
    """Take in what discharge orders ask for that changed since the last good round began.

    EhrError when not all could be found: then what was found has been taken in, and the next search begins there again.
    Nothing happens where the EHR cannot be searched: there is its own notification alone.
    """
    ehr = deps.ehr(tenant.id)
    watch = deps.store.watches.of(tenant.id)
    if not searchable(ehr.capability(), tenant):
        return
    since = watch.since if watch and watch.since else deps.now() - LOOK_BACK
    changes = find_orders(ehr, tenant, since - OVERLAP, door=DOOR)
    take_all(changes.triggers, deps)
    if changes.without_stay:
        with deps.store.begin() as unit:
            deps.jobs.send_all(Errand.LOOK, tenant.id, changes.without_stay, unit)
    if changes.lacking is not None:
        raise changes.lacking


def look_after_stays(tenant: Tenant, deps: Deps) -> None:
    """Take in how the stays we plan, their patients and their orders stand now: no search tells of their end.

    And what clinicians have signed of our referrals: no Subscription of ours tells of those.
    """
    known = [one for one in deps.store.discharges.standing(tenant.id, limit=_STAYS) if _counts(one, deps)]
    ehr = deps.ehr(tenant.id)
    for start in range(0, len(known), _TOGETHER):
        part = known[start : start + _TOGETHER]
        stays = [one.encounter for one in part]
        for reference, stay, patient in _with_patients(ehr, stays):
            if stay is None:
                _look_again(reference, tenant, deps)
            else:
                take_all(asked_by(stay, patient, tenant, deps.now(), door=DOOR), deps, seen=[stay])
        for reference, order in _read(ehr, [one.order for one in part if one.order]):
            if order is None:
                _look_again(reference, tenant, deps)
            else:
                order_of_stay = with_stay(order, tenant, deps)
                take_all(asked_by(order_of_stay, None, tenant, deps.now(), door=DOOR), deps)
        look_for_signatures(part, ehr, deps)


def _look_again(reference: str, tenant: Tenant, deps: Deps) -> None:
    """What did not come may be gone. One that the EHR keeps from us must not keep us from looking after all others."""
    try:
        look(reference, tenant, deps)
    except EhrError as error:
        if error.retryable:
            raise
        _log.warning("a stay or an order cannot be looked after", tenant=tenant.id, exc_info=error)


def _counts(discharge: Discharge, deps: Deps) -> bool:
    now = deps.now()
    since = now - discharge.changed
    if discharge.stay is not StayStatus.FINISHED or since < _LEFT:
        return True
    # Each in an hour of its own, so that no round is longer than the others.
    return since < _FOLLOWED and discharge.id.int % _HOURS == now.hour


def _with_patients(
    ehr: Ehr, stays: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any] | None, dict[str, Any] | None]]:
    """Each stay and its patient, None where they are not given."""
    read = list(_read(ehr, stays))
    named = {reference: subject_of(stay) for reference, stay in read if stay is not None}
    patients = dict(_read(ehr, sorted({one for one in named.values() if one.startswith("Patient/")})))
    for reference, stay in read:
        yield reference, stay, patients.get(named.get(reference, ""))


def _read(ehr: Ehr, references: Sequence[str]) -> Iterable[tuple[str, dict[str, Any] | None]]:
    searches = [Search(kind, id=number) for kind, _, number in (one.partition("/") for one in references)]
    results = ehr.batch(searches)
    return [(reference, _only(result)) for reference, result in zip(references, results, strict=True)]


def _only(result: SearchResult) -> dict[str, Any] | None:
    return result.resources[0] if result.resources else None


def _interval(watch: Watch, tenant: Tenant) -> timedelta:
    if watch.way is not Way.POLL:
        return LONGEST_PAUSE
    return timedelta(seconds=tenant.poll_seconds)


def _keep(tenant: Tenant, deps: Deps, change: Callable[[Watch], Watch]) -> None:
    """Write down how a round went, where there is a watch."""
    with deps.store.begin() as unit:
        watch = unit.watches.lock(tenant.id)
        if watch is not None:
            unit.watches.save(change(watch))
