"""Risk scores, with what each point came from and how wide the score is when an input is missing."""

from dataclasses import dataclass

from service.domain.evidence import Evidence
from service.domain.sensitivity import NONE, Labels


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
