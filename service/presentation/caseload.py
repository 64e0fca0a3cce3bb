"""A caseload as its readers see it: one line for each discharge, what waits for a person, and nothing they may not know."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from service.domain.assessment import Verdict
from service.domain.caseload import IN_THE_LEDGER, OpenDischarge, Waiting
from service.domain.decision import WHOLE_PLAN
from service.domain.discharge import DischargeState
from service.domain.plan import Plan
from service.domain.publication import WriteStanding
from service.pipeline.decide import state_of, still_open


@dataclass(frozen=True, slots=True)
class Case:
    """One line: readiness is None where it is not known or not to be told; waits has what is not nothing."""

    open: OpenDischarge
    patient: str
    planned: date | None
    readiness: Verdict | None
    decision: str
    waits: Mapping[Waiting, int]
    unwritten: Mapping[WriteStanding, int]


def case_of(opened: OpenDischarge, *, today: date, sensitive: bool) -> Case:
    """The line of a discharge; sensitive says whether its reader may know of what carries a label."""
    plan = opened.plan
    if plan is not None and not sensitive:
        plan = plan.shareable()
    counts = {
        **_of_discharge(opened, sensitive=sensitive),
        **(_of_plan(plan, today) if plan and not _is_off(opened) else {}),
    }
    return Case(
        opened,
        plan.patient.reference if plan else "",
        plan.discharge_date if plan else None,
        plan.readiness.verdict if plan and plan.readiness else None,
        state_of(plan, WHOLE_PLAN) if plan else "",
        {kind: counts[kind] for kind in Waiting if counts.get(kind)},
        opened.unwritten.told(sensitive=sensitive),
    )


def case_document(case: Case) -> dict[str, Any]:
    """The line as JSON values."""
    discharge = case.open.discharge
    return {
        "discharge": discharge.id,
        "encounter": discharge.encounter,
        "patient": case.patient or None,
        "state": discharge.state.value,
        "problem": discharge.problem,
        "planned": case.planned,
        "readiness": case.readiness.value if case.readiness else None,
        "decision": case.decision or None,
        "waits": {kind.value: number for kind, number in case.waits.items()},
        "unwritten": {standing.value: number for standing, number in case.unwritten.items()},
        "created": discharge.created,
        "changed": discharge.changed,
    }


def _is_off(opened: OpenDischarge) -> bool:
    return opened.discharge.is_called_off()


def _of_discharge(opened: OpenDischarge, *, sensitive: bool) -> dict[Waiting, int]:
    failed = opened.discharge.state is DischargeState.FAILED
    hidden = {} if sensitive else opened.restricted
    told = {state: number - hidden.get(state, 0) for state, number in opened.written.items()}
    return {IN_THE_LEDGER[state]: number for state, number in told.items()} | {Waiting.FAILED: int(failed)}


def _of_plan(plan: Plan, today: date) -> dict[Waiting, int]:
    unassigned = [one for one in plan.referrals if one.community and not (one.existing or one.chosen)]
    late = [one for one in plan.follow_ups if one.due < today and not one.existing]
    return {
        Waiting.UNDECIDED: len(still_open(plan)),
        Waiting.UNASSIGNED: len(unassigned),
        Waiting.OVERDUE: len(late),
    }
