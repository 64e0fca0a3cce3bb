"""Questions and answers in words, as tables give them: which words ask for which need, and which answers speak for it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

_SPACES = re.compile(r"\s+")


class Speaks(StrEnum):
    """Which answers speak for a need."""

    YES = "yes"  # yes, and what comes near it
    OFTEN = "often"  # yes only: now and then is nothing
    NO = "no"  # no, and what comes near it
    WORDS = "words"  # the answer's own words


@dataclass(frozen=True, slots=True)
class WordedQuestion:
    """One row: what its questions are called, and which answers speak for the need ("": for none, it is understood).

    asks are phrases in lower case, with * for anything between, or a LOINC number; words are those of an answer.
    """

    need: str
    asks: tuple[str, ...]
    speaks: Speaks
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WordedQuestions:
    """All rows; looked up by a question's words, of which a record repeats most."""

    rows: tuple[WordedQuestion, ...] = ()
    #: The LOINC numbers among what rows ask.
    numbers: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        numbers = {ask for row in self.rows for ask in row.asks if ask[-2:-1] == "-" and ask[:1].isdigit()}
        object.__setattr__(self, "numbers", frozenset(numbers))

    def about(self, question: str, numbers: Iterable[str] = ()) -> tuple[WordedQuestion, ...]:
        """The rows that a question in words, or any of its LOINC numbers, is asked by."""
        return _about(self.rows, question, frozenset(numbers) & self.numbers)


NO_WORDED_QUESTIONS = WordedQuestions()


@lru_cache(maxsize=1024)
def phrase_pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """What finds any of some phrases: whole words, with * for anything between or for any ending."""
    return re.compile("|".join(map(_phrase, phrases)))


def tidy_question(question: str) -> str:
    """A question in lower case, its words one space apart."""
    return _SPACES.sub(" ", question[:500].casefold().replace("\u2019", "'")).strip(" :?.*")


@lru_cache(maxsize=4096)
def _about(
    rows: tuple[WordedQuestion, ...], question: str, numbers: frozenset[str]
) -> tuple[WordedQuestion, ...]:
    return tuple(
        row for row in rows if not numbers.isdisjoint(row.asks) or phrase_pattern(row.asks).search(question)
    )


def _phrase(phrase: str) -> str:
    """A * after a space stands for anything between, one after a letter for any ending."""
    between = [_words(part) for part in phrase.split(" * ")]
    return r"\b" + r"\b.{0,80}?\b".join(between)


def _words(part: str) -> str:
    words = (
        rf"{re.escape(word[:-1])}\w*" if word.endswith("*") else re.escape(word) for word in part.split()
    )
    return r"\s".join(words) + r"(?!\w)"
