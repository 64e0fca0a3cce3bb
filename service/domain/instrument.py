"""Screening instruments as `config/instruments/*.yaml` gives them: questions, answers, how they add up."""

from dataclasses import dataclass

from service.domain.protocol import Source
from service.domain.sensitivity import NONE, Labels

#: How old an answer may be before it is history, in days, unless the instrument says otherwise.
VALID_DAYS = 365


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer (LA code): its short label, its points (None if it has none), other words by which records say it."""

    code: str
    label: str
    score: float | None = None
    also: tuple[str, ...] = ()
    declined: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One question (LOINC) and its answers; with low and high instead of choices the answer is a number of points.

    derived items are computed from the others and are no part of a sum; multiple ones may have several answers at once.
    """

    question: str
    label: str
    choices: tuple[Choice, ...] = ()
    low: float | None = None
    high: float | None = None
    derived: bool = False
    multiple: bool = False
    labels: Labels = NONE

    def points(self) -> tuple[float, float]:
        """The fewest and the most points this item can give."""
        scores = [choice.score for choice in self.choices if choice.score is not None]
        return (min(scores), max(scores)) if scores else (self.low or 0, self.high or 0)

    @property
    def scored(self) -> bool:
        """Whether the item is part of the sum."""
        return not self.derived and (self.high is not None or any(c.score is not None for c in self.choices))


@dataclass(frozen=True, slots=True)
class Band:
    """A named range of a score, from its lowest value to that of the next band."""

    name: str
    starts: float


@dataclass(frozen=True, slots=True)
class Scoring:
    """How a score is read: recorded totals (LOINC, local codes of any system, names), its range, its bands by sex."""

    totals: tuple[str, ...]
    low: float
    high: float
    local: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    bands: tuple[Band, ...] = ()
    bands_male: tuple[Band, ...] = ()
    bands_female: tuple[Band, ...] = ()

    def bands_for(self, sex: str) -> tuple[tuple[Band, ...], ...]:
        """The band tables that may apply: one when the sex is known or does not matter, otherwise both."""
        if self.bands:
            return (self.bands,)
        by_sex = {"male": (self.bands_male,), "female": (self.bands_female,)}
        return by_sex.get(sex, (self.bands_male, self.bands_female))


@dataclass(frozen=True, slots=True)
class Instrument:
    """A screening tool. complete are the questions that make a screen complete."""

    id: str
    version: str
    title: str
    items: tuple[Item, ...]
    panels: tuple[str, ...] = ()
    scoring: Scoring | None = None
    complete: tuple[str, ...] = ()
    valid_days: int = VALID_DAYS
    labels: Labels = NONE
    sources: tuple[Source, ...] = ()


def band_of(score: float, bands: tuple[Band, ...]) -> str:
    """The band in which a score lies, "" without bands."""
    names = [band.name for band in bands if score >= band.starts]
    return names[-1] if names else ""
