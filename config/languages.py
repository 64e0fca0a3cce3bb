"""The table of languages, `config/terminology/languages.csv`, read once."""

from functools import cache
from pathlib import Path
from typing import Final

from babel import Locale

from config.terminology_files import read_rows
from service.domain.language import LanguageTable
from service.domain.unstated import fold

_FILE: Final = Path(__file__).parent / "terminology" / "languages.csv"
_COLUMNS: Final = ("language", "name", "codes", "words", "within", "source", "review")


@cache
def languages_known() -> LanguageTable:
    """All languages; ConfigurationError names file and line of what is wrong."""
    return read_languages(_FILE)


def read_languages(path: Path) -> LanguageTable:
    """The languages of a file; ConfigurationError for a code or a word that stands for two."""
    names: dict[str, str] = {}
    codes: dict[str, str] = {}
    words: dict[str, str] = {}
    within: dict[str, str] = {}
    for row in read_rows(path, _COLUMNS):
        tag = row["language"]
        names[tag] = row["name"]
        if row["within"]:
            within[tag] = row["within"]
        for code in (tag, *row["codes"].split()):
            if codes.setdefault(code, tag) != tag:
                raise row.wrong(f"{code} is the code of two languages")
        for word in (row["name"], *row["words"].split(";")):
            if (said := fold(word)) and words.setdefault(said, tag) != tag:
                raise row.wrong(f"{word.strip()} is the name of two languages")
    return LanguageTable(names, codes, words, within, _regions())


def _regions() -> frozenset[str]:
    """Countries and parts of the world as CLDR names them in English, and their codes."""
    territories = Locale("en").territories
    return frozenset(fold(said) for pair in territories.items() for said in pair)
