"""Scores of screening instruments: recorded totals and recomputed sums; an incomplete one is a range, never a guess."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from service.domain.evidence import Certainty, Evidence
from service.domain.instrument import Instrument, Item, Scoring, band_of
from service.domain.record import Gap, GapReason, Observation
from service.domain.sensitivity import may_be_shared
from service.pipeline.assess.answers import answer_codes, spoken
from service.pipeline.assess.citing import Citing, day_of, in_doubt
from service.pipeline.assess.units import quantity_of

_LONG_AGO = date.min
Observed = Mapping[str, Sequence[Observation]]


@dataclass(frozen=True, slots=True)
class Scored:
    """An instrument's score on one day. low and high are equal where it is complete; recorded: a total was written."""

    instrument: Instrument
    on: date | None
    low: float
    high: float
    evidence: tuple[Evidence, ...]
    named_only: bool = False
    #: Whether totals and answers of that day contradict each other: low and high are then what each of them says.
    disagrees: bool = False

    @property
    def complete(self) -> bool:
        """Whether it is one number."""
        return self.low == self.high

    def bands(self, sex: str) -> frozenset[str]:
        """The bands in which the score may lie."""
        scoring = self.instrument.scoring
        tables = scoring.bands_for(sex) if scoring else ()
        return frozenset(
            name
            for table in tables
            for name in (
                band_of(self.low, table),
                band_of(self.high, table),
                *(band.name for band in table if self.low <= band.starts <= self.high),
            )
        )


def score_instruments(
    instruments: Iterable[Instrument], observed: Observed, citing: Citing
) -> tuple[dict[str, Scored], tuple[Gap, ...]]:
    """The latest score of each instrument of which something was recorded, and the totals that disagree."""
    scores: dict[str, Scored] = {}
    gaps: list[Gap] = []
    for instrument in instruments:
        if instrument.scoring is None:
            continue
        days = _days(instrument, instrument.scoring, observed)
        found = [_on_day(instrument, instrument.scoring, *day, citing) for day in sorted(days.items())]
        # An older whole score must not stand for a newer one that is in doubt.
        whole = [one for one, _ in found if one.complete or one.disagrees]
        if found:
            scores[instrument.id] = (whole or [one for one, _ in found])[-1]
        gaps += [gap for _, gap in found[-1:] if gap]
    return scores, tuple(gaps)


@dataclass(slots=True)
class _Day:
    """What was recorded of one instrument on one day."""

    items: dict[str, list[Observation]]
    totals: list[Observation]
    named: list[Observation]


def _days(instrument: Instrument, scoring: Scoring, observed: Observed) -> dict[date, _Day]:
    days: dict[date, _Day] = defaultdict(lambda: _Day(defaultdict(list), [], []))
    for item in instrument.items:
        for one in observed.get(item.question, ()) if item.scored else ():
            if _points(item, one) is not None:
                days[day_of(one) or _LONG_AGO].items[item.question].append(one)
    for key in (*scoring.totals, *scoring.local, *scoring.names):
        for one in observed.get(key, ()):
            if (total := _total(scoring, one)) is not None and total >= 0:
                day = days[day_of(one) or _LONG_AGO]
                (day.named if key in scoring.names else day.totals).append(one)
    return days


def _on_day(
    instrument: Instrument, scoring: Scoring, on: date, day: _Day, citing: Citing
) -> tuple[Scored, Gap | None]:
    low, high, cited = _sum(instrument, day, citing)
    totals = [total for one in day.totals or day.named if (total := _total(scoring, one)) is not None]
    shown = None if on == _LONG_AGO else on
    if not totals:
        return Scored(instrument, shown, low, high, cited), None
    told = tuple(citing.observation(one, _words(instrument, one)) for one in day.totals or day.named)
    if not day.totals:
        told = tuple(in_doubt(one, Certainty.UNCERTAIN) for one in told)
    named_only = not day.totals and not cited
    agrees = all(low <= total <= high for total in totals) and min(totals) == max(totals)
    if agrees:
        return Scored(instrument, shown, totals[0], totals[0], told + cited, named_only), None
    doubted = tuple(in_doubt(one, Certainty.CONFLICTED) for one in told + cited)
    lowest, highest = _said_by_either(totals, low, high)
    score = Scored(instrument, shown, lowest, highest, doubted, named_only, disagrees=True)
    return score, _disagreement(instrument)


def _said_by_either(totals: Sequence[float], low: float, high: float) -> tuple[float, float]:
    """From the least to the greatest that a total or the answers say; answers that leave all open say nothing."""
    within = all(low <= total <= high for total in totals)
    said = totals if within else (*totals, low, high)
    return min(said), max(said)


def _sum(instrument: Instrument, day: _Day, citing: Citing) -> tuple[float, float, tuple[Evidence, ...]]:
    """The least and the greatest the items can add up to, and their evidence."""
    low = high = 0.0
    cited: list[Evidence] = []
    scored = [item for item in instrument.items if item.scored]
    if not scored and instrument.scoring:
        return instrument.scoring.low, instrument.scoring.high, ()
    for item in scored:
        said = day.items.get(item.question, [])
        points = [found for one in said if (found := _points(item, one)) is not None] or list(item.points())
        low, high = low + min(points), high + max(points)
        cited += [citing.observation(one, _said(item, one)) for one in said]
    return low, high, tuple(dict.fromkeys(cited))


def _points(item: Item, observation: Observation) -> float | None:
    codes = answer_codes(item, observation)
    scores = [choice.score for choice in item.choices if choice.code in codes and choice.score is not None]
    if scores:
        return max(scores)
    quantity = None if item.choices else quantity_of(observation)
    if quantity is None or item.high is None or not (item.low or 0) <= quantity.value <= item.high:
        return None
    return quantity.value


def _said(item: Item, observation: Observation) -> str:
    if item.choices:
        return spoken(item, answer_codes(item, observation))
    return f"{item.label}: {_points(item, observation):g}"


def _total(scoring: Scoring, observation: Observation) -> float | None:
    """A recorded total that lies in the instrument's range."""
    quantity = quantity_of(observation)
    if quantity is None or not scoring.low <= quantity.value <= scoring.high:
        return None
    return quantity.value


def _words(instrument: Instrument, observation: Observation) -> str:
    quantity = quantity_of(observation)
    return f"{instrument.title}: {quantity.value:g}" if quantity else instrument.title


def _disagreement(instrument: Instrument) -> Gap:
    shared = may_be_shared(instrument.labels)
    about = instrument.title if shared else "Screening"
    return Gap(about, GapReason.DISAGREES, "A recorded total is not the sum of its answers; check the form.")
