"""A person decides about a plan: kept with who they are, and on its way to the EHR, in one commit."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID, uuid4

from service.domain.audit import AuditEntry, Event
from service.domain.community_service import CommunityService, Directory
from service.domain.decision import UNCHANGED, WHOLE_PLAN, Choice, Decision, Edit, Signer
from service.domain.discharge import Discharge, DischargeState
from service.domain.plan import Plan
from service.errors import HospitalNotConfigured, NotFound, Outdated, Unusable
from service.jobs import Task
from service.pipeline.decide import check, decidable, state_of, still_open
from service.pipeline.ports import Deps
from service.pipeline.redrive import failed_step, is_being_withdrawn
from service.pipeline.versions import commit_version, decided_version
from service.store import Store, Unit
from service.store.plans import PlanVersion

_EVENTS: Final = {
    Choice.APPROVED: Event.APPROVED,
    Choice.DECLINED: Event.DECLINED,
    Choice.EDITED: Event.EDITED,
    Choice.REOPENED: Event.REOPENED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a person does at one time. item is a key of the plan, "" for everything that is still open.

    seen is the version that was before their eyes, None where nobody can tell (a hook's feedback).
    """

    choice: Choice
    item: str = ""
    reason: str = ""
    edit: Edit = UNCHANGED
    seen: int | None = None


#: Who takes a proposal of ours back where no person did.
_OURSELVES: Final = Signer("Homeward")
_SAY_WHY: Final = (
    "Something still stands in the way of leaving: say why it is approved all the same (reason)."
)


def lacks_reason(act: Act, plan: Plan) -> bool:
    """Whether this approves something while a blocker is open, and does not say why.

    Only who may know of every blocker signs here, so asking tells them nothing; who takes an order over from a card or signs
    it in the EHR itself is not asked, in any plan.
    """
    return act.choice is Choice.APPROVED and is_blocked(plan) and not act.reason.strip()


def is_blocked(plan: Plan) -> bool:
    """Whether something in the whole plan stands in the way of leaving."""
    return plan.readiness is not None and bool(plan.readiness.blocking())


def why_undecidable(discharge: Discharge, store: Unit | Store) -> str:
    """The sentence that says why nothing can be decided about a discharge now; "" where it can."""
    if discharge.is_called_off():
        return "This discharge is cancelled; there is nothing to decide until it is ordered again."
    step = failed_step(discharge, store)
    if step is Task.WITHDRAW:
        return (
            "This discharge is cancelled, and taking its plan back from the EHR has failed; there is nothing to decide until "
            "it is ordered again."
        )
    if step is Task.PLAN:
        # The plan is of a stay, or of a patient, that could not be read any more, and nothing would write the decision.
        return "Planning this stay anew has failed, so a decision would not reach the EHR. Have it planned again first."
    return ""


def sign(discharge_id: UUID, act: Act, by: Signer, deps: Deps) -> PlanVersion:
    """The plan as it stands after this act.

    Raises NotFound for an unknown item and before the first plan, Outdated when the plan has changed since it was seen,
    IllegalTransition and Unusable when the act does not fit or approves over an open blocker without a reason, StoreUnavailable; then nothing has happened.
    """
    with deps.store.begin() as unit:
        discharge = unit.discharges.lock(discharge_id)
        last = unit.plans.latest(discharge_id)
        if last is None:
            raise NotFound("There is no plan yet.")
        if act.seen is not None and act.seen != last.number:
            raise Outdated
        if reason := why_undecidable(discharge, unit):
            raise Unusable(reason)
        made = _decisions(act, last, by, deps)
        unit.decisions.add(discharge_id, made)
        return _commit(discharge, last, made, unit, deps)


def take_over(discharge_id: UUID, signed: Mapping[str, Signer], deps: Deps) -> Collection[str]:
    """Approve items that were signed in the EHR itself, each by its signer; the keys of those that stand approved then."""
    if not signed:
        return ()
    with deps.store.begin() as unit:
        discharge = unit.discharges.lock(discharge_id)
        last = unit.plans.latest(discharge_id)
        if last is None or is_being_withdrawn(discharge, unit):
            return ()
        still = set(still_open(last.plan))
        for signer in dict.fromkeys(signed.values()):
            keys = [key for key, by in signed.items() if by == signer and key in still]
            one, at = uuid4(), deps.now()
            made = [Decision(one, key, Choice.APPROVED, signer, at) for key in keys]
            if made:
                unit.decisions.add(discharge_id, made)
                last = _commit(discharge, last, made, unit, deps)
        return [key for key in signed if state_of(last.plan, key) == Choice.APPROVED]


def withdraw_proposals(
    discharge: Discharge, keys: Collection[str], reason: str, unit: Unit, deps: Deps
) -> None:
    """Take back proposals of ours that nobody has decided about, and say why; what a person decided stands."""
    last = unit.plans.latest(discharge.id)
    if last is None or is_being_withdrawn(discharge, unit):
        return
    act, at = uuid4(), deps.now()
    undecided = [key for key in still_open(last.plan) if key in keys]
    made = [Decision(act, key, Choice.DECLINED, _OURSELVES, at, reason) for key in undecided]
    if made:
        unit.decisions.add(discharge.id, made)
        _commit(discharge, last, made, unit, deps)


def service_for(plan: Plan, key: str, service: str, directory: Directory) -> CommunityService:
    """The community service of this id, offered for the referral of that key or found in the directory for it.

    Unusable when there is none; it then must be entered into the directory first.
    """
    known = [one for one in (*plan.referrals, *plan.declined.referrals) if one.key == key]
    if not known:
        raise NotFound("The plan has no such referral.")
    offered = (match.service for match in known[0].community_services)
    found = {one.id: one for one in directory.candidates({known[0].service}, "")} | {
        one.id: one for one in offered
    }
    if service not in found:
        raise Unusable("The directory has no such service for this referral.")
    return found[service]


def _decisions(act: Act, last: PlanVersion, by: Signer, deps: Deps) -> list[Decision]:
    plan = last.plan
    # A plan that was proposed anew since it was signed as a whole is signed anew as a whole.
    is_renewed = act.choice is Choice.APPROVED and plan.is_changed_since_signed(last.created)
    whole = (WHOLE_PLAN,) if is_renewed else ()
    keys = (act.item,) if act.item else (*still_open(plan), *whole)
    if not keys:
        raise Unusable("Everything in this plan has been decided.")
    if not set(keys) <= decidable(plan).keys():
        raise NotFound("The plan has no such item.")
    if act.seen is not None and lacks_reason(act, plan):
        raise Unusable(_SAY_WHY)
    one, at = uuid4(), deps.now()
    made = [Decision(one, key, act.choice, by, at, act.reason, act.edit) for key in keys]
    for decision in made:
        if decision.item not in whole:
            check(plan, decision)
    return made


def _commit(
    discharge: Discharge, last: PlanVersion, made: Sequence[Decision], unit: Unit, deps: Deps
) -> PlanVersion:
    tenant = deps.tenants.get(discharge.tenant)
    if tenant is None:
        raise HospitalNotConfigured(discharge.tenant)
    version = decided_version(discharge, last, unit)
    is_given_up = failed_step(discharge, unit) is Task.PUBLISH
    if discharge.state is DischargeState.PUBLISHED or is_given_up:
        # A decision is written also where writing was given up: nothing else would come back to it.
        discharge = replace(discharge.move_to(DischargeState.PLANNED, made[0].at), problem="")
        unit.discharges.save(discharge)
    commit_version(discharge, version, tenant, unit, deps)
    by = made[0].by
    who = f"{by.name} ({by.subject})" if by.subject and by.subject != by.name else by.name
    # The key of an item can tell of a need that not every reader of the trail may know.
    reference = f"version {version.number}"
    event = _EVENTS[made[0].choice]
    unit.audit.record(AuditEntry(made[0].at, discharge.tenant, who, event, discharge.id, reference))
    return version
