"""A discharge as the doors show it: its state, what happened when, and the plan that stands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fhir_mappings.bundle import transaction_bundle
from service.domain.access import Scope
from service.domain.assessment import Disposition, Readiness
from service.domain.audit import AuditEntry, Event
from service.domain.decision import Choice, Decision
from service.domain.discharge import Discharge
from service.domain.plan import ITEM_LISTS, Declined, Plan
from service.domain.publication import LedgerEntry
from service.domain.sensitivity import may_be_shared
from service.doors.caller import caller
from service.doors.wiring import deps, tenant
from service.errors import NotFound
from service.pipeline.sign import why_undecidable
from service.presentation.document import plan_document
from service.presentation.landing import Standing, landing

#: The parts of a plan of which some may be shared and others not.
_LISTS: Final = (
    "needs",
    "referrals",
    "goals",
    "follow_ups",
    "education",
    "tasks",
    "programmes",
    "bedside_questions",
    "risk_scores",
    "boost",
    "compliance",
)


#: What the trail says of a person's decision.
_DECISIONS: Final = frozenset({Event.APPROVED, Event.DECLINED, Event.EDITED, Event.REOPENED})
#: What is published after it.
_TO_PUBLISH: Final = _DECISIONS | {Event.PLANNED}


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One thing that happened, in words; why it was approved over a blocker is for the screen only."""

    at: datetime
    event: str
    who: str
    why: str = ""

    @property
    def what(self) -> str:
        """What happened, and why where that is to be told."""
        return f"{self.event}: {self.why}" if self.why else self.event


@dataclass(frozen=True, slots=True)
class DischargeView:
    """What a door needs to show one discharge. plan is None before the first; written is the ledger's content."""

    discharge: Discharge
    history: tuple[HistoryLine, ...]
    plan: Plan | None
    written: tuple[LedgerEntry, ...]
    version: int = 0
    #: Whether the plan was proposed anew since a person signed it as a whole.
    is_to_be_signed_anew: bool = False
    #: Why nothing can be decided about it now, "" where it can.
    undecidable: str = ""

    @property
    def changed(self) -> datetime:
        """When it last changed, as far as the caller may know."""
        if caller().sees_sensitive_items() or not self.history:
            return self.discharge.changed
        return self.history[-1].at

    def seen(self) -> Plan | None:
        """The plan as far as the caller may read it; None when they may not, or there is none."""
        if self.plan is None or Scope.PLANS_READ not in caller().scopes:
            return None
        return self.plan if caller().sees_sensitive_items() else self.plan.shareable()

    def document(self) -> dict[str, Any] | None:
        """What they may read as documented JSON, with the resources that are, or will be, in the EHR."""
        plan = self.seen()
        if plan is None:
            return None
        wanted = [entry.draft for entry in self._told() if entry.wanted]
        ours = tenant(self.discharge.tenant)
        bundle = transaction_bundle(wanted)
        return plan_document(plan, bundle=bundle, phone=ours.phone, zone=ours.time_zone)

    def landing(self) -> tuple[Standing, ...]:
        """Where each item that they may read stands in the EHR, and why."""
        plan = self.seen()
        return landing(plan, self._told()) if plan else ()

    def _told(self) -> tuple[LedgerEntry, ...]:
        """What was written, as far as the caller may know of it."""
        if caller().sees_sensitive_items():
            return self.written
        return tuple(entry for entry in self.written if not entry.draft.is_restricted)


def view_of(discharge_id: UUID) -> DischargeView:
    """The discharge of this id; NotFound in the same words for unknown ones and those of unknown tenants."""
    if not caller().may_open(discharge_id):
        raise NotFound
    store = deps().store
    discharge = store.discharges.get(discharge_id)
    tenant(discharge.tenant)
    version = store.plans.latest(discharge_id)
    return DischargeView(
        discharge=discharge,
        history=_in_words(store.audit.of(discharge_id), version.plan if version else None),
        plan=version.plan if version else None,
        written=store.publications.entries(discharge_id),
        version=version.number if version else 0,
        is_to_be_signed_anew=bool(version and version.plan.is_changed_since_signed(version.created)),
        undecidable=why_undecidable(discharge, store),
    )


def newest_of_all_tenants() -> list[Discharge]:
    """The discharges changed last, of all tenants that the caller may ask about; those they have open, if only those."""
    store, opened = deps().store, caller().discharges
    if opened is None:
        mine = filter(caller().may_enter, deps().tenants)
        found = [discharge for name in mine for discharge in store.discharges.latest(name)]
    else:
        found = list(map(store.discharges.get, opened))
    return sorted(found, key=lambda discharge: discharge.changed, reverse=True)


def sensitive_part(plan: Plan) -> Plan | None:
    """The same plan with only what may not be shared, whole; None when all may be."""
    shared = plan.shareable()
    lists: dict[str, Any] = {name: _not_in(getattr(shared, name), getattr(plan, name)) for name in _LISTS}
    verdicts: dict[str, Any] = {
        "disposition": _sensitive_place(plan.disposition, shared.disposition),
        "readiness": _sensitive_blockers(plan.readiness, shared.readiness),
    }
    declined = {
        name: _not_in(getattr(shared.declined, name), getattr(plan.declined, name)) for name in ITEM_LISTS
    }
    gaps = {"gaps": tuple(gap for gap in plan.gaps if not may_be_shared(gap.labels))}
    kept = lists | verdicts | gaps
    if not any((*kept.values(), *declined.values())):
        return None
    return replace(plan, **kept, declined=Declined(**declined))


def _sensitive_place(place: Disposition | None, told: Disposition | None) -> Disposition | None:
    """The place to go where more speaks for or against it than everybody is told; a suggestion alone is not sensitive."""
    if place is None or told is None:
        return place
    return None if replace(place, suggested="", display="") == told else place


def _sensitive_blockers(readiness: Readiness | None, told: Readiness | None) -> Readiness | None:
    """What everybody is not told of; the verdict stands above both parts."""
    known = told.blockers if told else ()
    hidden = _not_in(known, readiness.blockers) if readiness else ()
    return Readiness(None, hidden) if hidden else None


def _not_in(shared: Sequence[Any], items: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(item for item in items if item not in shared)


def _in_words(entries: Sequence[AuditEntry], plan: Plan | None) -> tuple[HistoryLine, ...]:
    """What was done; who has read it stands in the trail alone.

    Why something was approved over a blocker is told to those who may know of it, and so is the version of a plan: planning
    anew that changes nothing else tells that something sensitive has changed.
    """
    done = tuple(entry for entry in entries if entry.event is not Event.OPENED)
    if not caller().sees_sensitive_items():
        shared = plan.shareable().decisions if plan else ()
        return tuple(
            HistoryLine(entry.at, f"{entry.event} {_without_version(entry.reference)}".strip(), entry.actor)
            for entry in _told_to_all(done, shared)
        )
    decisions = plan.decisions if plan else ()
    why = {
        decision.at: decision.reason
        for decision in decisions
        if decision.choice is Choice.APPROVED and decision.reason
    }
    return tuple(
        HistoryLine(
            entry.at,
            f"{entry.event} {entry.reference}".strip(),
            entry.actor,
            why.get(entry.at, "") if entry.event is Event.APPROVED else "",
        )
        for entry in done
    )


def _told_to_all(entries: Sequence[AuditEntry], decisions: Sequence[Decision]) -> Iterator[AuditEntry]:
    """What happened without decisions about what is withheld, and without their publication: a line more would tell of them."""
    known, waits = {decision.at for decision in decisions}, False
    for entry in entries:
        if entry.event in _DECISIONS and entry.at not in known:
            continue
        if entry.event is Event.PUBLISHED and not waits:
            continue
        if entry.event in _TO_PUBLISH or entry.event is Event.PUBLISHED:
            waits = entry.event is not Event.PUBLISHED
        yield entry


def _without_version(reference: str) -> str:
    return "" if reference.startswith("version ") else reference
