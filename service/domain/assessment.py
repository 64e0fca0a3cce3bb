"""What the facts mean: needs, risk, where the patient can go, whether they are ready."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from service.domain.checklist import BoostItem, ComplianceItem
from service.domain.content_origin import ContentOrigin
from service.domain.evidence import Evidence
from service.domain.explanation import Explanation
from service.domain.need import Need, NeedState
from service.domain.ordered import Ordered
from service.domain.record import Gap, Record
from service.domain.risk import RiskScore
from service.domain.sensitivity import NONE, Labels


class Outcome(StrEnum):
    """How the stay ends, as far as planning goes."""

    GOING_HOME = "going home"  # or to any place after hospital
    TRANSFERRED = "transferred"  # to another acute hospital, which will plan the discharge
    DIED = "died"


@dataclass(frozen=True, slots=True)
class Factor:
    """One reason for or against a place to go, or what is needed to decide.

    place is what it speaks for or against ("a nursing facility"), question what answers that which is missing.
    """

    text: str
    weighs: str  # "for", "against", "missing"
    evidence: tuple[Evidence, ...] = ()
    labels: Labels = NONE
    place: str = ""
    question: str = ""

    def weight(self) -> str:
        """What it weighs, in words: "Speaks against going home", "To decide"."""
        if self.weighs == "missing":
            return "To decide"
        return f"Speaks {self.weighs} {self.place}".rstrip()

    def line(self) -> str:
        """What it says, and what is missing with the question that answers it."""
        return f"{self.text}: {self.question}" if self.question else self.text


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A place to go that the signed order or the stay names; by is "order" or "stay".

    code is FHIR's, display says more where FHIR's list hides a place behind others. facility: others care for the patient there.
    """

    code: str
    display: str
    by: str
    facility: bool = False


#: Where the patient looks after themselves, so that what is not known about that still matters when home is named.
_HOMES: Final = frozenset({"home", "alt-home"})
_AGAINST_ADVICE: Final = "aadvice"


@dataclass(frozen=True, slots=True)
class Disposition:
    """A suggested FHIR discharge-disposition code ("" when it cannot be decided), never aadvice or exp.

    ordered is the code the order or the encounter carries, "" if none. labels are what the places that are named give away.
    """

    suggested: str
    display: str
    factors: tuple[Factor, ...] = ()
    ordered: str = ""
    alert: str = ""
    labels: Labels = NONE
    named: NamedPlace | None = None
    #: The words of a place that the order or the stay names and that is not understood; for authorised readers only.
    unread: str = ""
    #: What such words may mean, "" if they are not clear. It decides nothing.
    hint: str = ""

    def is_settled(self) -> bool:
        """Whether a place is named at which nobody has to be able to live alone."""
        return self.named is not None and self.named.code not in _HOMES

    def is_against_advice(self) -> bool:
        """Whether the order or the stay says that the patient leaves against advice."""
        return self.named is not None and self.named.code == _AGAINST_ADVICE

    def is_for_a_facility(self) -> bool:
        """Whether the order or the stay names a place where others care for the patient."""
        return self.named is not None and self.named.facility


class Verdict(StrEnum):
    """Whether the patient can leave, as far as the record tells."""

    READY = "ready"
    WITH_CAVEATS = "ready with caveats"
    NOT_READY = "not ready"


@dataclass(frozen=True, slots=True)
class Blocker:
    """What stands in the way (blocks) or must be watched (caveat), and what clears it."""

    key: str
    text: str
    clears: str
    blocks: bool = True
    evidence: tuple[Evidence, ...] = ()
    labels: Labels = NONE


@dataclass(frozen=True, slots=True)
class Readiness:
    """The verdict and all that speaks against leaving. Absence of data is never readiness.

    verdict is None for whoever may not know all that speaks against it.
    """

    verdict: Verdict | None
    blockers: tuple[Blocker, ...] = ()

    @classmethod
    def of(cls, blockers: tuple[Blocker, ...]) -> "Readiness":
        """What these add up to: not ready while something blocks, with caveats while something is open."""
        if any(blocker.blocks for blocker in blockers):
            return cls(Verdict.NOT_READY, blockers)
        return cls(Verdict.WITH_CAVEATS if blockers else Verdict.READY, blockers)

    def blocking(self) -> tuple[Blocker, ...]:
        """What stands in the way of leaving."""
        return tuple(blocker for blocker in self.blockers if blocker.blocks)

    def watched(self) -> tuple[Blocker, ...]:
        """What is a caveat only."""
        return tuple(blocker for blocker in self.blockers if not blocker.blocks)


@dataclass(frozen=True, slots=True)
class Assessment:
    """All judgements over one record on one day. needs are ordered by kind, then by protocol id."""

    today: date
    outcome: Outcome
    needs: tuple[Need, ...]
    risk_scores: tuple[RiskScore, ...]
    disposition: Disposition
    readiness: Readiness
    gaps: tuple[Gap, ...] = ()
    #: One for each protocol, also for those that raised nothing.
    explanations: tuple[Explanation, ...] = ()
    compliance: tuple[ComplianceItem, ...] = ()
    boost: tuple[BoostItem, ...] = ()
    #: The content that judged; None where it was not read from files.
    content: ContentOrigin | None = None
    #: What orders, goals and appointments give away by what they are for, by their references.
    standing_labels: Mapping[str, Labels] = field(default_factory=dict)
    #: What services orders and appointments ask for, by their references.
    ordered: Mapping[str, Ordered] = field(default_factory=dict)
    #: What everybody may read is planned from this.
    for_everybody: "OpenAssessment | None" = None

    def present(self) -> tuple[Need, ...]:
        """The needs that are there."""
        return tuple(need for need in self.needs if need.state is NeedState.PRESENT)


@dataclass(frozen=True, slots=True)
class OpenAssessment:
    """The record without anything that carries a sensitivity label, and the judgements over it alone."""

    #: Judgements that are the same are the same, whatever else stood in the record.
    record: Record = field(compare=False)
    assessment: Assessment
