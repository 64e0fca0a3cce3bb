"""The question that an answer answers, in the record's words: of itself, and of the group above where it says none."""

import re
from functools import lru_cache
from typing import Final

from service.domain.codes import System
from service.domain.record import Observation

_WORD: Final = re.compile(r"[^\W_]+")
#: A question of these words alone asks nothing by itself: "In the past year?", "If yes, how often?", "Response".
_BARE: Final = frozenset(
    [
        *(
            "a",
            "an",
            "the",
            "of",
            "in",
            "at",
            "on",
            "for",
            "to",
            "or",
            "and",
            "if",
            "this",
            "that",
            "it",
            "so",
            "any",
            "all",
        ),
        *(
            "have",
            "has",
            "had",
            "do",
            "does",
            "did",
            "is",
            "are",
            "was",
            "were",
            "be",
            "been",
            "being",
            "can",
            "could",
        ),
        *(
            "you",
            "your",
            "he",
            "she",
            "they",
            "patient",
            "pt",
            "the",
            "client",
            "ever",
            "never",
            "currently",
            "current",
            "now",
        ),
        *(
            "today",
            "recent",
            "recently",
            "past",
            "last",
            "previous",
            "previously",
            "within",
            "during",
            "over",
            "since",
            "time",
        ),
        *(
            "times",
            "year",
            "years",
            "month",
            "months",
            "week",
            "weeks",
            "day",
            "days",
            "hours",
            "present",
            "absent",
        ),
        *("one", "two", "three", "six", "twelve", "yes", "no", "unknown", "not", "none", "y", "n"),
        *(
            "how",
            "often",
            "many",
            "much",
            "when",
            "what",
            "which",
            "who",
            "where",
            "why",
            "frequency",
            "duration",
            "describe",
        ),
        *(
            "description",
            "specify",
            "explain",
            "detail",
            "details",
            "comment",
            "comments",
            "note",
            "notes",
            "other",
            "status",
        ),
        *(
            "response",
            "answer",
            "answers",
            "result",
            "value",
            "question",
            "item",
            "screen",
            "screening",
            "assessment",
            "finding",
        ),
        *(
            "problem",
            "problems",
            "concern",
            "concerns",
            "issue",
            "issues",
            "applies",
            "apply",
            "reported",
            "experienced",
        ),
        *(
            "happened",
            "happen",
            "occurred",
            "level",
            "select",
            "choose",
            "check",
            "mark",
            "one",
            "following",
            "above",
            "below",
        ),
    ]
)


def words_of(observation: Observation) -> str:
    """The question as the record asks it; "" where only codes say it.

    One that asks nothing by itself is read below the nearest group that does: "Homelessness: In the past year?".
    """
    own = _own_words(observation)
    if not observation.under or not own or not is_bare(own):
        return own
    above = next((words for words in observation.under if not is_bare(words)), "")
    return f"{above.rstrip(' :?.')}: {own}" if above else own


@lru_cache(maxsize=4096)
def is_bare(words: str) -> bool:
    """Whether a question asks nothing by itself."""
    found = _WORD.findall(words.casefold())
    return all(word in _BARE or word.isdecimal() for word in found)


def _own_words(observation: Observation) -> str:
    if observation.asked:
        return observation.asked
    words = (code.code if code.system == System.TEXT else code.display for code in observation.codes)
    return next(filter(None, words), "")
