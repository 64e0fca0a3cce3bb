"""What the patient answered: the latest valid answer to each question, declined and contradictory ones as such."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from service.domain.codes import System
from service.domain.evidence import Certainty, Evidence
from service.domain.instrument import Choice, Item
from service.domain.record import Observation
from service.pipeline.assess.citing import Citing, day_of, in_doubt, instant_of

#: Data-absent reasons by which somebody says that the question was put and not answered.
_DECLINED = frozenset({"asked-declined", "asked-unknown"})
_YES_NO = {"true": "yes", "false": "no", "y": "yes", "n": "no"}
_DECLINED_WORD = "declined"
_LONG_AGO = date.min


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers to one question on the last day it was answered; several only if it allows them or they conflict."""

    item: Item
    codes: frozenset[str]
    on: date | None
    evidence: tuple[Evidence, ...]
    declined: bool = False
    #: The last instant of that day at which it was answered; None where only the day is known.
    at: datetime | None = None

    @property
    def conflicted(self) -> bool:
        """Whether one answer was expected and opposite ones were given on the same day."""
        return not self.item.multiple and len(self.codes) > 1


def latest_answers(
    observations: Mapping[str, Sequence[Observation]], items: Mapping[str, Item], citing: Citing
) -> dict[str, Answered]:
    """The last answers to each question that was asked; observations are valid and by question."""
    found: dict[str, Answered] = {}
    for question, said in observations.items():
        item = items.get(question)
        answered = item and latest_answer(item, said, citing)
        if answered:
            found[question] = answered
    return found


def latest_answer(item: Item, said: Sequence[Observation], citing: Citing) -> Answered | None:
    """The answers of the last day on which the question was answered or declined; None if it never was."""
    told = [(one, answer_codes(item, one)) for one in said]
    given = [(one, codes) for one, codes in told if codes or _declines(item, one)]
    if not given:
        return None
    last = max(day_of(one) or _LONG_AGO for one, _ in given)
    final = sorted((pair for pair in given if (day_of(pair[0]) or _LONG_AGO) == last), key=_by_reference)
    codes = frozenset(code for _, codes in final for code in codes)
    cited = tuple(citing.observation(one, spoken(item, codes)) for one, codes in final)
    if not item.multiple and len(codes) > 1:
        cited = tuple(in_doubt(one, Certainty.CONFLICTED) for one in cited)
    at = max(filter(None, (instant_of(one) for one, _ in final)), default=None)
    return Answered(item, codes, day_of(final[0][0]), _once(cited), declined=not codes, at=at)


def answer_codes(item: Item, observation: Observation) -> tuple[str, ...]:
    """The known answers an observation gives: by code, else by its words, else by the number of points."""
    known = {choice.code: choice for choice in item.choices if not choice.declined}
    coded = tuple(
        code.code for code in observation.answers if code.system == System.LOINC and code.code in known
    )
    if coded:
        return tuple(dict.fromkeys(coded))
    words = {*observation.text.casefold().split("; "), observation.text.casefold()}
    words |= {code.display.casefold() for code in observation.answers}
    words |= {_YES_NO[word] for word in words & _YES_NO.keys()}
    spoken_codes = tuple(choice.code for choice in known.values() if words & _words(choice))
    if spoken_codes or observation.quantity is None:
        return spoken_codes
    return tuple(
        c.code for c in known.values() if c.score is not None and c.score == observation.quantity.value
    )


def spoken(item: Item, codes: Iterable[str]) -> str:
    """As evidence reads: "Food did not last: Often true"."""
    labels = [choice.label for choice in item.choices if choice.code in set(codes)]
    return f"{item.label}: {', '.join(labels) or _DECLINED_WORD}"


def is_declined(evidence: Evidence) -> bool:
    """Whether it says that a question was put and not answered."""
    return evidence.text.endswith(f": {_DECLINED_WORD}")


def _declines(item: Item, observation: Observation) -> bool:
    declined = {choice.code for choice in item.choices if choice.declined}
    words = {word for choice in item.choices if choice.declined for word in _words(choice)}
    coded = any(code.code in declined for code in observation.answers)
    return coded or observation.absent in _DECLINED or observation.text.casefold() in words


def _words(choice: Choice) -> set[str]:
    return {choice.label.casefold(), *choice.also}


def _by_reference(pair: tuple[Observation, tuple[str, ...]]) -> str:
    return pair[0].reference


def _once(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(evidence))
