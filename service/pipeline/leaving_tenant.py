"""A hospital that leaves: its drafts and Subscriptions are withdrawn from its EHR, and nothing is planned for it any more.

What a person approved is theirs and stays as it is; it is listed, for people to see to.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from config.tenants import Tenant
from fhir_mappings.withdrawal import status_of
from service.domain.audit import AuditEntry, Event
from service.domain.discharge import Action, Discharge, DischargeState, Trigger
from service.domain.publication import LedgerEntry, WriteState
from service.errors import EhrError, StoreUnavailable
from service.pipeline.intake import take
from service.pipeline.ports import Deps
from service.pipeline.run import withdraw_discharge
from service.pipeline.subscribe import unsubscribe

ACTOR: Final = "homeward tenant leave"
#: More than a hospital has at once.
_ALL: Final = 100_000
#: Statuses that say that a person has not decided yet, or that need nobody's decision.
_DRAFTS: Final = frozenset({"draft", "proposed", "current"})
_GONE: Final = frozenset({WriteState.REVOKED})

Walk = Callable[[Sequence[Discharge]], Iterable[Discharge]]


@dataclass(frozen=True, slots=True)
class Leaving:
    """What was withdrawn, or would be; kept are the references of what people approved, still_there what did not go.

    subscriptions were turned off; problems are sentences about what the EHR did not let us do now.
    """

    discharges: int
    drafts: int
    kept: tuple[str, ...]
    subscriptions: tuple[str, ...]
    still_there: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def foresee_leaving(tenant: Tenant, deps: Deps) -> Leaving:
    """What leaving would do. Nothing is changed."""
    standing = deps.store.discharges.standing(tenant.id, limit=_ALL)
    there = [entry for discharge in standing for entry in _there(discharge, deps)]
    drafts = [entry for entry in there if _status(entry) in _DRAFTS]
    kept = tuple(entry.reference for entry in there if _status(entry) not in _DRAFTS)
    turned_off, problems = _subscriptions(tenant, deps, check=True)
    return Leaving(len(standing), len(drafts), kept, turned_off, problems=problems)


def leave(tenant: Tenant, deps: Deps, walk: Walk = iter) -> Leaving:
    """Plan nothing any more from now on, then withdraw; run again it goes on where it was.

    walk goes through the discharges and may show how far it is.
    """
    with deps.store.begin() as unit:
        unit.hospitals.leave(tenant.id, deps.now())
        unit.watches.forget(tenant.id)
        unit.audit.record(AuditEntry(deps.now(), tenant.id, ACTOR, Event.LEFT))
    turned_off, problems = _subscriptions(tenant, deps, check=False)
    standing = deps.store.discharges.standing(tenant.id, limit=_ALL)
    cancelling = deps.store.discharges.latest(tenant.id, states=(DischargeState.CANCELLING,), limit=_ALL)
    called_off = [*standing, *cancelling]
    drafts = 0
    failed: list[str] = []
    for discharge in walk(called_off):
        before = [entry for entry in _there(discharge, deps) if _status(entry) in _DRAFTS]
        failed += _withdraw(discharge, deps)
        drafts += len(before)
    left = [entry for discharge in called_off for entry in _there(discharge, deps)]
    still = tuple(entry.reference for entry in left if _status(entry) in _DRAFTS)
    kept = tuple(entry.reference for entry in left if _status(entry) not in _DRAFTS)
    said = tuple(dict.fromkeys([*problems, *failed]))
    return Leaving(len(called_off), drafts - len(still), kept, turned_off, still, said)


def join(tenant: Tenant, deps: Deps) -> bool:
    """Serve the hospital again; whether it had left."""
    with deps.store.begin() as unit:
        had_left = unit.hospitals.join(tenant.id)
        if had_left:
            unit.audit.record(AuditEntry(deps.now(), tenant.id, "homeward tenant join", Event.JOINED))
    return had_left


def _withdraw(discharge: Discharge, deps: Deps) -> Iterable[str]:
    """Call it off and withdraw at once; what the EHR does not take now is left to the worker's tries, and said."""
    with deps.store.begin() as unit:
        if not unit.discharges.lock(discharge.id).is_called_off():
            take(Trigger(discharge.tenant, discharge.encounter, Action.CANCEL, ACTOR), unit, deps, deps.now())
    try:
        withdraw_discharge(discharge.id, deps)
    except (EhrError, StoreUnavailable) as error:
        return [error.public_message]
    return []


def _subscriptions(tenant: Tenant, deps: Deps, *, check: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        return unsubscribe(tenant, deps, check=check), ()
    except EhrError as error:
        return (), (error.public_message,)


def _there(discharge: Discharge, deps: Deps) -> list[LedgerEntry]:
    """What of a discharge stands in the EHR. A Provenance only tells what was."""
    entries = deps.store.publications.entries(discharge.id)
    return [
        entry
        for entry in entries
        if entry.reference and entry.state not in _GONE and entry.draft.resource_type != "Provenance"
    ]


def _status(entry: LedgerEntry) -> str:
    return status_of(entry.sent or entry.draft.body)
