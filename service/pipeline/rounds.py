"""Rounds: what changed in an EHR since we last looked, searched for again and again whatever else tells us of it.

A hospital without Subscriptions is searched every few minutes, one with them every hour, because they end unseen. After
an outage a round goes back to where the last good one began. Who makes it is decided by a row lock: the worker that moves
a watch on puts the job into the queue, in one transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from fhir_mappings.inbound.encounter import CALLED_OFF, status_of
from fhir_mappings.inbound.references import subject_of
from service.domain.absence import Shown
from service.domain.discharge import Action, Discharge, StayStatus
from service.domain.watch import LONGEST_PAUSE, Watch, Way
from service.ehr.client import Ehr
from service.ehr.search import SearchResult
from service.errors import EhrError
from service.jobs import Errand
from service.pipeline.doubt import miss, see_again
from service.pipeline.look import asked_by, take_all
from service.pipeline.orders import find_orders, searchable
from service.pipeline.ports import Deps
from service.pipeline.publishing.let_in import publish_what_is_let_in
from service.pipeline.publishing.signatures import look_for_signatures
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
#: What was called off by the EHR's word, or because it was gone, is looked at every hour for so long, then once a day: a mistake of
#: the EHR's is mended within hours, and then the plan comes back by itself.
_CALLED_OFF: Final = timedelta(days=1)
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
        publish_what_is_let_in(tenant, deps)
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
    # The EHR stamps changes by its own clock: one that is behind ours would stamp them before our last look.
    known = deps.store.ehr_clocks.of(tenant.id)
    behind = known.behind if known else timedelta()
    changes = find_orders(ehr, tenant, since - behind - OVERLAP, door=DOOR)
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
    since = deps.now() - _FOLLOWED
    after = deps.store.discharges.looked_after(tenant.id, since, limit=_STAYS)
    known = [discharge for discharge in after if _counts(discharge, deps)]
    ehr = deps.ehr(tenant.id)
    for start in range(0, len(known), _TOGETHER):
        part = known[start : start + _TOGETHER]
        _look_after(part, ehr, tenant, deps)
        look_for_signatures([discharge for discharge in part if not discharge.is_called_off()], ehr, deps)


def _look_after(part: Sequence[Discharge], ehr: Ehr, tenant: Tenant, deps: Deps) -> None:
    """Read the stays, patients and orders of some discharges, and take in what those ask for that were shown."""
    stays = _read(ehr, [discharge.encounter for discharge in part])
    whose = {name: subject_of(stay) for name, stay in _shown(stays).items()}
    named = sorted({patient for patient in whose.values() if patient.startswith("Patient/")})
    patients = _read(ehr, named)
    orders = _read(ehr, [discharge.order for discharge in part if discharge.order])
    of_patient = {whose.get(discharge.encounter, ""): discharge.id for discharge in part}
    for results in (stays, patients, orders):
        _note(results, of_patient, tenant, deps)
    for reference, stay in _shown(stays).items():
        patient = _shown(patients).get(whose[reference])
        take_all(asked_by(stay, patient, tenant, deps.now(), door=DOOR), deps, seen=[stay])
    # A stay that is gone, or did not take place, is not planned because of its order.
    stand = {name for name, stay in _shown(stays).items() if status_of(stay) not in CALLED_OFF}
    of_standing = {discharge.order for discharge in part if discharge.encounter in stand}
    for reference, order in _shown(orders).items():
        asked = asked_by(with_stay(order, tenant, deps), None, tenant, deps.now(), door=DOOR)
        counts = reference in of_standing
        take_all((trigger for trigger in asked if counts or trigger.action is Action.CANCEL), deps)


def _note(
    results: Mapping[str, SearchResult], of_patient: Mapping[str, UUID], tenant: Tenant, deps: Deps
) -> None:
    """Weigh what was not shown; another of the same type that was is proof that the EHR is well.

    One that was not answered is asked for by a job of its own: it must not keep us from looking after all others.
    """
    present, unanswered = _shown(results), list[str]()
    see_again(present, tenant, deps)
    for reference, result in results.items():
        if result.shown is Shown.UNANSWERED:
            unanswered.append(reference)
        elif result.shown is not Shown.PRESENT:
            whose = of_patient.get(reference)
            miss(reference, result.shown, tenant, deps, is_healthy=bool(present), discharge=whose)
    if unanswered:
        with deps.store.begin() as unit:
            deps.jobs.send_all(Errand.LOOK, tenant.id, unanswered, unit)


def _counts(discharge: Discharge, deps: Deps) -> bool:
    now = deps.now()
    since = now - discharge.changed
    if discharge.is_called_off():
        is_recent = since < _CALLED_OFF
    else:
        is_recent = discharge.stay is not StayStatus.FINISHED or since < _LEFT
    if is_recent:
        return True
    # Each in an hour of its own, so that no round is longer than the others.
    return since < _FOLLOWED and discharge.id.int % _HOURS == now.hour


def _read(ehr: Ehr, references: Sequence[str]) -> dict[str, SearchResult]:
    named = list(dict.fromkeys(references))
    searches = [Search(kind, id=number) for kind, _, number in (name.partition("/") for name in named)]
    return dict(zip(named, ehr.batch(searches), strict=True))


def _shown(results: Mapping[str, SearchResult]) -> dict[str, dict[str, Any]]:
    return {name: result.resources[0] for name, result in results.items() if result.resources}


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
