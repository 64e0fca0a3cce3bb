"""Why a need was raised or not: the very evaluation, part by part, in words that outlive a change of the protocol."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from service.domain.evidence import Evidence
from service.domain.expression import Truth
from service.domain.protocol import ProtocolRef
from service.domain.sensitivity import NONE, Labels

_OPPOSITE = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE}


class Verdict(StrEnum):
    """What became of a protocol: a need in one of its three states, or nothing on the plan."""

    PRESENT = "present"
    ABSENT = "absent"
    NOT_ASSESSED = "not_assessed"
    LEFT_OUT = "left_out"  # nothing fires, and nothing is to be asked
    NOT_APPLICABLE = "not_applicable"


class Step(NamedTuple):
    """One part of an expression: what it asks, what the answer was, and for a leaf the statements it rests on.

    negates: the parts speak against it ("none of").
    """

    asks: str
    truth: Truth
    evidence: tuple[Evidence, ...] = ()
    parts: tuple["Step", ...] = ()
    negates: bool = False

    def leaves(self) -> tuple["Step", ...]:
        """All leaves, in reading order."""
        return tuple(leaf for part in self.parts for leaf in part.leaves()) if self.parts else (self,)

    def kept_from(self, truth: Truth) -> tuple["Step", ...]:
        """The leaves because of which this is not TRUE (or not FALSE); none where it is."""
        if self.truth is truth:
            return ()
        if not self.parts:
            return (self,)
        wanted = _OPPOSITE[truth] if self.negates else truth
        return tuple(leaf for part in self.parts for leaf in part.kept_from(wanted))


@dataclass(frozen=True, slots=True)
class Explanation:
    """One protocol on one record. applies, absent, ask_when and taken_over are None where it has no such condition.

    labels are those of the need and of all statements that were looked at.
    """

    need: str
    title: str
    protocol: ProtocolRef
    verdict: Verdict
    present: Step
    absent: Step | None = None
    applies: Step | None = None
    ask_when: Step | None = None
    taken_over: Step | None = None
    labels: Labels = NONE

    def failed(self) -> tuple[Step, ...]:
        """The conditions that kept the need from being raised; none where it was."""
        if self.verdict is Verdict.NOT_APPLICABLE and self.applies:
            return self.applies.kept_from(Truth.TRUE)
        return self.present.kept_from(Truth.TRUE)
