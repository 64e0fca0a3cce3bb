"""Risk scores, with what each point came from and how wide the score is when an input is missing."""

from dataclasses import dataclass
from typing import Final

from service.domain.evidence import Evidence
from service.domain.sensitivity import NONE, Labels

#: The part of a score that stands for how urgent the admission was.
URGENCY: Final = {"LACE": "Acuity of admission", "HOSPITAL": "Index admission type"}
#: LOINC codes of the laboratory results that the scores need.
HEMOGLOBIN: Final = ("718-7", "20509-6", "30313-1", "30350-3", "59260-0")
SODIUM: Final = ("2951-2", "2947-0", "32717-1")


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One input of a score: its points, or None with the range it could add when the record holds nothing of its kind."""

    name: str
    points: int | float | None
    low: int | float
    high: int | float
    explanation: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class RiskScore:
    """A score as named by its authors. value is None where an input is missing; low and high then differ.

    band is the authors' word for the risk ("high"), or a range of bands ("moderate to high") when it is not decided.
    """

    name: str
    variant: str
    low: int | float
    high: int | float
    band: str
    value: int | float | None = None
    missing: tuple[str, ...] = ()
    parts: tuple[ScorePart, ...] = ()
    labels: Labels = NONE
