"""What the patient needs, in three states, each with its evidence and the protocol that decided."""

from dataclasses import dataclass
from enum import StrEnum

from service.domain.evidence import Certainty, Evidence
from service.domain.protocol import NOTHING, Interventions, NeedKind, ProtocolRef, Urgency
from service.domain.sensitivity import NONE, Labels

#: What the patient's sheet calls a need that is sensitive only by what it was found in.
NEUTRAL_TITLE = "Your care after the hospital"


class NeedState(StrEnum):
    """A missing screen is not a negative one."""

    PRESENT = "present"
    ABSENT = "absent"
    NOT_ASSESSED = "not_assessed"


@dataclass(frozen=True, slots=True)
class Need:
    """One need code of the protocols and what the record says of it.

    code is the protocol's need code ("food-insecurity"); gravity_domain is the SDOHCC category, "" for the others;
    question is what to ask at the bedside when the need was not assessed, "" where nothing is to be asked;
    labels are the sensitivity of the need itself and of everything it was derived from.
    """

    code: str
    title: str
    kind: NeedKind
    state: NeedState
    protocol: ProtocolRef
    evidence: tuple[Evidence, ...] = ()
    certainty: Certainty = Certainty.SUPPORTED
    urgency: Urgency = Urgency.ROUTINE
    gravity_domain: str = ""
    question: str = ""
    interventions: Interventions = NOTHING
    labels: Labels = NONE
    #: Words for the need that give nothing away, for the patient's sheet of a sensitive need.
    neutral_title: str = ""
