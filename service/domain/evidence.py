"""Why something is said: the resource, the code, the date, the words."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from service.domain.codes import Code
from service.domain.sensitivity import NONE, Labels


class Certainty(StrEnum):
    """How firmly the record says it."""

    SUPPORTED = "supported"
    UNCERTAIN = "uncertain"  # provisional, unconfirmed, or text without a code
    CONFLICTED = "conflicted"  # the record also says the opposite


@dataclass(frozen=True, slots=True)
class Evidence:
    """One statement of the record that a need, score or goal rests on.

    reference is a literal FHIR reference ("Condition/123"); on is its date; text is what the record says, in its words.
    """

    reference: str
    code: Code | None
    on: date | None
    text: str
    certainty: Certainty = Certainty.SUPPORTED
    labels: Labels = NONE
    #: Who did or said it: a literal reference, or a name; "" where nobody is named.
    by: str = ""

    def is_act(self) -> bool:
        """Whether it names act, actor and time: what is to count as done needs all three."""
        return bool(self.reference and self.by and self.on)
