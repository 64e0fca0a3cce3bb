"""Message catalogues, `config/locale/<language>/LC_MESSAGES/homeward.po`: what patients read, in their language.

A message is known by its English words, whether they stand in the code or in a protocol, so that an author writes English
and a translator works with gettext's tools. `make messages` keeps the catalogues in step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.pofile import PoFileError, read_po

from service.errors import ConfigurationError

LOCALES: Final = Path(__file__).parent / "locale"
DOMAIN: Final = "homeward"
#: A catalogue whose header says so was not yet checked by a qualified translator.
_PENDING: Final = "review: pending"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The translations into one language, by their English words; reviewed: a qualified translator has checked them."""

    language: str
    messages: Mapping[str, str]
    reviewed: bool


def languages() -> tuple[str, ...]:
    """The languages that have a catalogue, besides English."""
    return tuple(sorted(path.parts[-3] for path in LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.po")))


@cache
def catalogue(language: str) -> Catalogue | None:
    """The catalogue of a language ("es"), None if there is none. A doubtful (fuzzy) translation is none."""
    if language not in languages():
        return None
    read = read_catalogue(language)
    messages = {
        str(message.id): str(message.string)
        for message in read
        if message.id and message.string and not message.fuzzy
    }
    return Catalogue(language, messages, reviewed=_PENDING not in read.header_comment)


def path_of(language: str) -> Path:
    """Where the catalogue of a language lies."""
    return LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read_catalogue(language: str) -> Catalog:
    """The catalogue as Babel has it; ConfigurationError if it is not in gettext's form."""
    path = path_of(language)
    try:
        with path.open("rb") as file:
            return read_po(file, locale=language, abort_invalid=True)
    except (OSError, ValueError, PoFileError):
        raise ConfigurationError(
            f"locale/{language}: {path.name} cannot be read as a gettext catalogue"
        ) from None
