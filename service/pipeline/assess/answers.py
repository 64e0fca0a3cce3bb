"""What the patient answered: the latest valid answer to each question, declined and contradictory ones as such."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from service.domain.codes import Code, System
from service.domain.evidence import Certainty, Evidence
from service.domain.instrument import Choice, Item
from service.domain.record import Observation, Quantity
from service.pipeline.assess.citing import Citing, day_of, in_doubt, instant_of
from service.pipeline.assess.polarity import Said, polarity_of_code, read_coded, read_polarity, tidy_words

#: Data-absent reasons by which somebody says that the question was put and not answered.
_DECLINED = frozenset({"asked-declined", "asked-unknown"})
#: What a bare yes or no is called in the answers of a question that has those.
_YES_NO = {Said.YES: "yes", Said.NO: "no"}
_BARE = re.compile(r"(?:yes|y|yep|true|t|no|n|nope|false|f|1|0)(?![a-z0-9'])")
_SYSTEMS = frozenset({System.LOINC, System.SNOMED, ""})
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
        """Whether answers were given on the same day that cannot hold together."""
        return _contradict(self.item, self.codes)


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
    given = [(one, codes) for one, codes in told if codes or declines(item, one)]
    if not given:
        return None
    last = max(day_of(one) or _LONG_AGO for one, _ in given)
    final = sorted((pair for pair in given if (day_of(pair[0]) or _LONG_AGO) == last), key=_by_reference)
    codes = frozenset(code for _, codes in final for code in codes)
    cited = tuple(citing.observation(one, spoken(item, codes)) for one, codes in final)
    if _contradict(item, codes):
        cited = tuple(in_doubt(one, Certainty.CONFLICTED) for one in cited)
    at = max(filter(None, (instant_of(one) for one, _ in final)), default=None)
    return Answered(item, codes, day_of(final[0][0]), _once(cited), declined=not codes, at=at)


def _contradict(item: Item, codes: frozenset[str]) -> bool:
    """Whether several codes say different things; one answer may be listed in two systems.

    Where several are allowed, only "none of these" contradicts the others.
    """
    if len(codes) < 2:  # noqa: PLR2004  one answer contradicts nothing
        return False
    labels = {choice.label for choice in item.choices if choice.code in codes}
    return len(labels) > 1 and (not item.multiple or any(map(_excludes_others, labels)))


@lru_cache(maxsize=1024)
def _excludes_others(label: str) -> bool:
    """Whether an answer says that none of the others holds."""
    return label.casefold().startswith("none of") or label.casefold() in {"none", "no"}


def answer_codes(item: Item, observation: Observation) -> tuple[str, ...]:
    """The known answers an observation gives: by code, else by its words, else by the number of points."""
    known = {choice.code: choice for choice in item.choices if not choice.declined}
    coded = tuple(code.code for code in observation.answers if code.code in known and _is_answer(code))
    if coded:
        return _without_none(item, tuple(dict.fromkeys(coded)), observation)
    said = _answers_in(observation)
    spoken_codes = tuple(choice.code for choice in known.values() if said & _words(choice))
    if spoken_codes:
        return _without_none(item, spoken_codes, observation)
    if observation.quantity is None:
        return spoken_codes
    return _by_points(known.values(), observation.quantity)


def _without_none(item: Item, codes: tuple[str, ...], observation: Observation) -> tuple[str, ...]:
    """The answers without "none of these" where another stands beside it that nobody knows: then there is something."""
    if not item.multiple:
        return codes
    none = {choice.code for choice in item.choices if _excludes_others(choice.label)}
    if none.isdisjoint(codes):
        return codes
    known = {word for choice in item.choices for word in _words(choice)}
    listed = {choice.code for choice in item.choices}
    beside = [code.display for code in observation.answers if code.display and code.code not in listed]
    if not observation.answers:
        beside = observation.text.split("; ")
    others = [words for words in beside if known.isdisjoint(_ways_to_say(words)) and _tells(words)]
    return tuple(code for code in codes if code not in none) if others else codes


def _tells(words: str) -> bool:
    return read_polarity(words) not in {Said.NO, Said.NOTHING, Said.DECLINED}


def _is_answer(code: Code) -> bool:
    """Whether a code can only be the answer it looks like: LOINC's answers are known by their form in any system."""
    return code.system in _SYSTEMS or code.code.startswith("LA")


def _by_points(choices: Iterable[Choice], quantity: Quantity) -> tuple[str, ...]:
    """The answers that give so many points; 1 and 0 for yes and no where none does."""
    listed = list(choices)
    scored = tuple(choice.code for choice in listed if choice.score == quantity.value)
    if scored or quantity.unit or any(choice.score is not None for choice in listed):
        return scored
    word = {1.0: "yes", 0.0: "no"}.get(quantity.value)
    return tuple(choice.code for choice in listed if word in _words(choice))


def _answers_in(observation: Observation) -> frozenset[str]:
    """Every way in which an observation says its answer, in the words that choices have."""
    displays = tuple(code.display for code in observation.answers if code.display)
    said = {read for words in (observation.text, *displays) for read in _ways_to_say(words)}
    coded = (read_coded(code) for code in observation.answers)
    said |= {_YES_NO[polarity] for polarity in coded if polarity in _YES_NO}
    return frozenset(said)


@lru_cache(maxsize=4096)
def _ways_to_say(words: str) -> frozenset[str]:
    """The words whole and in parts, as they are and without what surrounds them; yes and no as such."""
    parts = (words, *words.split("; "))
    said = {tidy for part in parts for tidy in (part.casefold(), tidy_words(part)) if tidy}
    said |= {
        _YES_NO[polarity] for part in parts if (polarity := read_polarity(part)) in _YES_NO and _is_bare(part)
    }
    return frozenset(said)


def _is_bare(words: str) -> bool:
    """Whether it says yes or no itself, and not what comes to it ("often", "at risk")."""
    return _BARE.match(tidy_words(words)) is not None


def spoken(item: Item, codes: Iterable[str]) -> str:
    """As evidence reads: "Food did not last: Often true"."""
    labels = [choice.label for choice in item.choices if choice.code in set(codes)]
    return f"{item.label}: {', '.join(labels) or _DECLINED_WORD}"


def is_declined(evidence: Evidence) -> bool:
    """Whether it says that a question was put and not answered."""
    return evidence.text.endswith(f": {_DECLINED_WORD}")


def declines(item: Item, observation: Observation) -> bool:
    """Whether the question was put and not answered, in whatever words or codes."""
    declined = {choice.code for choice in item.choices if choice.declined}
    words = {word for choice in item.choices if choice.declined for word in _words(choice)}
    coded = any(
        code.code in declined or polarity_of_code(code) is Said.DECLINED for code in observation.answers
    )
    said = read_polarity(observation.text) is Said.DECLINED or bool(_ways_to_say(observation.text) & words)
    return coded or observation.absent in _DECLINED or said


@lru_cache(maxsize=1024)
def _words(choice: Choice) -> frozenset[str]:
    return frozenset({choice.label.casefold(), tidy_words(choice.label), *choice.also})


def _by_reference(pair: tuple[Observation, tuple[str, ...]]) -> str:
    return pair[0].reference


def _once(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(evidence))
