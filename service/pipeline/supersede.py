"""A readmission: what we proposed for an earlier stay and nobody signed stands once, in the plan of the newer stay."""

from collections import defaultdict
from typing import Final

from service.domain.discharge import Discharge
from service.domain.plan import Plan
from service.pipeline.ports import Deps
from service.pipeline.sign import withdraw_proposals
from service.store import Unit

_REASON: Final = "The plan for a later stay proposes this."


def supersede(plan: Plan, discharge: Discharge, unit: Unit, deps: Deps) -> None:
    """Take back the earlier stays' proposals that a plan makes anew, in the transaction that commits the plan.

    Only an earlier discharge is touched, so that two plannings of one patient never wait for each other.
    """
    keys: dict[str, set[str]] = defaultdict(set)
    for proposal in plan.supersedes:
        keys[proposal.encounter].add(proposal.key)
    for encounter in sorted(keys):
        known = unit.discharges.of_stay(discharge.tenant, encounter)
        if known is not None and (known.created, known.id) < (discharge.created, discharge.id):
            withdraw_proposals(unit.discharges.lock(known.id), keys[encounter], _REASON, unit, deps)
