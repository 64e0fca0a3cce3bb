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


class NotThereYet(Exception):
    """What somebody wants to write into is not in the chart yet."""


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
    REWORD_AND_SIGN = "an item is reworded, then the plan is approved"
    DECLINE_AND_SIGN = "an item is declined, then the plan is approved"
    SIGN_AND_DECLINE = "the plan is approved, then an item is declined"
    SIGN_AND_ADD = "the plan is approved, then a clinician adds to it in the EHR"
    SIGN_AND_CALL_OFF = "the plan is approved, then the discharge is cancelled"
    SIGN_AND_REVOKE = "the plan is approved, then the order is revoked in the EHR"


#: Where a plan stands in words alone, people sign it as a whole, or not at all.
IN_WORDS: Final = (
    Act.APPROVE_ALL,
    Act.REWORD_AND_SIGN,
    Act.SIGN_AND_ADD,
    Act.SIGN_AND_CALL_OFF,
    Act.DECLINE_AND_SIGN,
    Act.SIGN_AND_DECLINE,
    Act.SIGN_AND_REVOKE,
    Act.NOTHING,
    Act.CALL_OFF,
)
#: Where each item is a resource of its own, people decide about items on both sides.
AS_RESOURCES: Final = (
    Act.EDIT_AND_APPROVE,
    Act.TICK,
    Act.APPROVE_AND_DECLINE,
    Act.APPROVE_ALL,
    Act.DESCRIBE,
    Act.CALL_OFF,
    Act.NOTE,
    Act.SIGN_THERE,
    Act.DECLINE,
    Act.WORDS,
    Act.APPROVE_AND_CALL_OFF,
    Act.NOTHING,
)

#: After these the record changes and the discharge is ordered anew, so that the plan must change in the chart; where it stands
#: in words it is signed again then.
CHANGED_AFTER: Final = frozenset(
    {
        Act.TICK,
        Act.DESCRIBE,
        Act.NOTE,
        Act.WORDS,
        Act.APPROVE_ALL,
        Act.NOTHING,
        Act.REWORD_AND_SIGN,
        Act.SIGN_AND_ADD,
    }
)

#: How often somebody comes to write into what is not there.
LOOKS: Final = 3
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

    approved and declined are keys of items; said are the words given to an item on Homeward's side. is_signed says that
    somebody was told that the plan as a whole is.
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
    is_signed: bool = False
    chosen: tuple[str, str] | None = None
    looks: int = 0

    @property
    def is_signed_again(self) -> bool:
        """Whether somebody signs the plan again when it has changed."""
        return self.acted and self.is_signed and self.act in CHANGED_AFTER


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
    if not case.is_signed and desk.sign(discharge):
        case.is_signed = True
        items = [item["key"] for item in desk.items(discharge) if item["state"] == "approved"]
        case.approved |= {WHOLE_PLAN, *items}


def _reword_and_sign(case: Case, desk: Desk, hospital: Hospital, discharge: UUID) -> None:
    key, text = _chosen(case, desk, discharge)
    words = f"{text} (agreed)"
    if not case.said and desk.reword(discharge, key, words):
        case.said[key] = words
    _approve_all(case, desk, hospital, discharge)


def _decline_and_sign(case: Case, desk: Desk, hospital: Hospital, discharge: UUID) -> None:
    _decline(case, desk, hospital, discharge)
    _approve_all(case, desk, hospital, discharge)


def _sign_and_decline(case: Case, desk: Desk, hospital: Hospital, discharge: UUID) -> None:
    key, _ = _chosen(case, desk, discharge)
    _approve_all(case, desk, hospital, discharge)
    if desk.decide(discharge, key, "decline"):
        case.declined.add(key)
        case.approved.discard(key)


def _sign_and_add(case: Case, desk: Desk, hospital: Hospital, discharge: UUID) -> None:
    """She writes into what the chart holds by then, and comes again where it holds nothing yet."""
    _approve_all(case, desk, hospital, discharge)
    added = clinician.add_words(hospital, taken(hospital, [case.stay]).of(case.stay))
    case.edits += [added] if added else []
    case.looks += 1
    if added is None and case.looks < LOOKS:
        raise NotThereYet


def _sign_and_call_off(case: Case, desk: Desk, hospital: Hospital, discharge: UUID) -> None:
    _approve_all(case, desk, hospital, discharge)
    case.called_off = desk.call_off(discharge)


def _sign_and_revoke(case: Case, desk: Desk, hospital: Hospital, discharge: UUID) -> None:
    _approve_all(case, desk, hospital, discharge)
    _call_off(case, desk, hospital, discharge)


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
    Act.REWORD_AND_SIGN: _reword_and_sign,
    Act.DECLINE_AND_SIGN: _decline_and_sign,
    Act.SIGN_AND_DECLINE: _sign_and_decline,
    Act.SIGN_AND_ADD: _sign_and_add,
    Act.SIGN_AND_CALL_OFF: _sign_and_call_off,
    Act.SIGN_AND_REVOKE: _sign_and_revoke,
}


def _chosen(case: Case, desk: Desk, discharge: UUID) -> tuple[str, str]:
    """The key and words of the item that is decided about, the same each time: a referral of ours where there is one."""
    case.chosen = case.chosen or _choose(case, desk, discharge)
    return case.chosen


def _choose(case: Case, desk: Desk, discharge: UUID) -> tuple[str, str]:
    items = [item for item in desk.items(discharge) if item["state"] == "proposed" and not item["existing"]]
    referrals = [item for item in items if item["kind"] == "referral" and not item["sensitive"]]
    item = (referrals or items)[case.number % len(referrals or items)]
    return item["key"], item["text"]
