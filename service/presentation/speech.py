"""Saying things to a patient in a language they read, and to the staff in which one and why."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time

from config.catalogue import Catalogue, catalogue
from config.languages import languages_known
from service.domain.record import Patient
from service.pipeline.assess.languages import language_of

ENGLISH: Final = "en"


def message(text: str) -> str:
    """Marks English words that are said elsewhere, for whoever collects the messages; changes nothing."""
    return text


_IN_ENGLISH: Final = message("in English")


@dataclass(frozen=True, slots=True)
class Speech:
    """One language to speak in, and the one wanted ("" where the record does not say).

    catalogue is None for English. untranslated collects what had to be said in English.
    """

    wanted: str
    catalogue: Catalogue | None = None
    untranslated: set[str] = field(default_factory=set, compare=False)

    @property
    def language(self) -> str:
        """BCP 47 tag of the language spoken."""
        return self.catalogue.language if self.catalogue else ENGLISH

    def say(self, text: str, **values: str) -> str:
        """The words in this language, with the values in their places; in English, and marked so, if not translated."""
        return self._translated(text).format(**values) if values else self._translated(text)

    def day(self, day: date) -> str:
        """A date in full: Tuesday, March 5, 2024; martes, 5 de marzo de 2024."""
        return format_date(day, format="full", locale=self.language)

    def clock(self, at: datetime) -> str:
        """A time of day as people in the United States say it in this language: 2:30 PM; 2:30 pm."""
        said = format_time(at.time(), format="short", locale=f"{self.language}_US")
        return " ".join(said.replace(".", "").split())

    def _translated(self, text: str) -> str:
        if self.catalogue is None or not text:
            return text
        found = self.catalogue.messages.get(text)
        if found is not None:
            return found
        self.untranslated.add(text)
        return f"{text} ({self.catalogue.messages.get(_IN_ENGLISH, _IN_ENGLISH)})"


def speech_for(patient: Patient) -> Speech:
    """The language the record names for this person, if there is a catalogue for it; otherwise English."""
    wanted = language_of(patient)
    return Speech(wanted, catalogue(wanted) if wanted != ENGLISH else None)


def name_of(language: str, *, spoken_in: str = ENGLISH) -> str:
    """What a language is called: "Spanish", "Tiếng Việt"; in English where it has no word of its own there, else its tag."""
    if spoken_in != ENGLISH:
        try:
            named = Locale.parse(spoken_in, sep="-").languages.get(language)
        except (UnknownLocaleError, ValueError):
            named = None
        if named:
            return str(named)
    return languages_known().name(language)
