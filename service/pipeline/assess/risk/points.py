"""Putting a score together from its parts; a part without its input has a range."""

from collections.abc import Sequence

from service.domain.evidence import Evidence
from service.domain.risk import RiskScore, ScorePart
from service.domain.sensitivity import merge

#: (lowest score, name of the band), rising.
Bands = tuple[tuple[float, str], ...]


def known(name: str, points: float, explanation: str, evidence: tuple[Evidence, ...] = ()) -> ScorePart:
    """A part whose input is in the record."""
    return ScorePart(name, points, points, points, explanation, evidence)


def missing(name: str, explanation: str, *, low: float = 0, high: float) -> ScorePart:
    """A part whose input the record does not hold at all: it could add anything from low to high."""
    return ScorePart(name, None, low, high, explanation)


def add_up(name: str, variant: str, parts: Sequence[ScorePart], bands: Bands) -> RiskScore:
    """The score: one number when every part is known, otherwise a range."""
    low = _tidy(sum(part.low for part in parts))
    high = _tidy(sum(part.high for part in parts))
    absent = tuple(part.name for part in parts if part.points is None)
    return RiskScore(
        name=name,
        variant=variant,
        low=low,
        high=high,
        band=_band(low, high, bands),
        value=None if absent else low,
        missing=absent,
        parts=tuple(parts),
        labels=merge(one.labels for part in parts for one in part.evidence),
    )


def _band(low: float, high: float, bands: Bands) -> str:
    lowest, highest = _name(low, bands), _name(high, bands)
    return lowest if lowest == highest else f"{lowest} to {highest}"


def _name(score: float, bands: Bands) -> str:
    return [name for starts, name in bands if score >= starts][-1]


def _tidy(score: float) -> float:
    """Weights like 1.8 leave dust behind when added."""
    return int(score) if float(score).is_integer() else round(score, 1)
