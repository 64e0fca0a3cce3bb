"""What people do about one plan, on Homeward's side and in the EHR, and what must therefore stand in the end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from benchmarks.faults import clinician
from benchmarks.faults.census import taken
from benchmarks.faults.clinician import Edit
from benchmarks.faults.desk import Desk
from benchmarks.faults.stays import Stay
from service.domain.decision import WHOLE_PLAN
from service.sandbox.hospital import Hospital


class Act(StrEnum):
    """What people do about one plan."""

    EDIT_AND_APPROVE = "an item is reworded and approved at once"
    TICK = "an activity is ticked in the EHR"
    APPROVE_AND_DECLINE = "an item is approved, then declined"
    APPROVE_ALL = "the plan is approved"
    DESCRIBE = "a nurse describes the plan in the EHR"
    CALL_OFF = "the order is revoked in the EHR"
    NOTE = "a note is added in the EHR"
    SIGN_THERE = "an order is signed in the EHR"
    DECLINE = "an item is declined"
    WORDS = "words are changed in the EHR"
    APPROVE_AND_CALL_OFF = "an item is approved, then the discharge is cancelled"
    NOTHING = "nothing"


#: After these the record changes and the discharge is ordered anew, so that the plan must change in the chart.
CHANGED_AFTER: Final = frozenset({Act.TICK, Act.DESCRIBE, Act.NOTE, Act.WORDS, Act.APPROVE_ALL, Act.NOTHING})

_Change = Callable[..., Edit | None]
_THERE: Final[Mapping[Act, _Change]] = {
    Act.TICK: clinician.tick,
    Act.DESCRIBE: clinician.describe,
    Act.NOTE: clinician.note,
    Act.SIGN_THERE: clinician.sign_there,
    Act.WORDS: clinician.change_words,
}


@dataclass
class Case:
    """One stay of a run: its discharge and order, what is done about it, and what people were told stands.

    approved and declined are keys of items; said are the words given to an item on Homeward's side.
    """

    number: int
    stay: Stay
    act: Act
    discharge: UUID | None = None
    order: str = ""
    acted: bool = False
    approved: set[str] = field(default_factory=set)
    declined: set[str] = field(default_factory=set)
    said: dict[str, str] = field(default_factory=dict)
    edits: list[Edit] = field(default_factory=list)
    called_off: bool = False


def carry_out(case: Case, desk: Desk, hospital: Hospital) -> None:
    """Do what is to be done about a plan that there is, without a pause between two clicks."""
    if case.act in _THERE:
        ours = taken(hospital, [case.stay]).of(case.stay)
        edited = _THERE[case.act](hospital, ours, case.number)
        case.edits += [edited] if edited else []
    elif case.act in _HERE:
        assert case.discharge is not None
        _HERE[case.act](case, desk, hospital, case.discharge)
    case.acted = True


def _edit_and_approve(case: Case, desk: Desk, _hospital: Hospital, discharge: UUID) -> None:
    key, text = _chosen(case, desk, discharge)
    words = f"{text} (agreed)"
    if desk.reword(discharge, key, words):
        case.said[key] = words
    if desk.decide(discharge, key, "approve"):
        case.approved.add(key)


def _approve_and_decline(case: Case, desk: Desk, _hospital: Hospital, discharge: UUID) -> None:
    key, _ = _chosen(case, desk, discharge)
    if desk.decide(discharge, key, "approve"):
        case.approved.add(key)
    if desk.decide(discharge, key, "decline"):
        case.approved.discard(key)
        case.declined.add(key)


def _approve_all(case: Case, desk: Desk, _hospital: Hospital, discharge: UUID) -> None:
    if desk.decide(discharge, "", "approve"):
        case.approved |= {WHOLE_PLAN, *(item["key"] for item in desk.items(discharge))}


def _decline(case: Case, desk: Desk, _hospital: Hospital, discharge: UUID) -> None:
    key, _ = _chosen(case, desk, discharge)
    if desk.decide(discharge, key, "decline"):
        case.declined.add(key)


def _call_off(case: Case, _desk: Desk, hospital: Hospital, _discharge: UUID) -> None:
    clinician.revoke(hospital, case.order)
    case.called_off = True


def _approve_and_call_off(case: Case, desk: Desk, _hospital: Hospital, discharge: UUID) -> None:
    key, _ = _chosen(case, desk, discharge)
    if desk.decide(discharge, key, "approve"):
        case.approved.add(key)
    case.called_off = desk.call_off(discharge)


_HERE: Final[Mapping[Act, Callable[[Case, Desk, Hospital, UUID], None]]] = {
    Act.EDIT_AND_APPROVE: _edit_and_approve,
    Act.APPROVE_AND_DECLINE: _approve_and_decline,
    Act.APPROVE_ALL: _approve_all,
    Act.DECLINE: _decline,
    Act.CALL_OFF: _call_off,
    Act.APPROVE_AND_CALL_OFF: _approve_and_call_off,
}


def _chosen(case: Case, desk: Desk, discharge: UUID) -> tuple[str, str]:
    """The key and words of the item that is decided about: a referral of ours where there is one."""
    items = [item for item in desk.items(discharge) if item["state"] == "proposed" and not item["existing"]]
    referrals = [item for item in items if item["kind"] == "referral" and not item["sensitive"]]
    item = (referrals or items)[case.number % len(referrals or items)]
    return item["key"], item["text"]
